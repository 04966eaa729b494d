"""`list`, `show` and `data prepare`: what there is, in words."""

import inspect
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from tabulate import tabulate

from bench.config.suite import load_suite, suite_names
from bench.records.cells import BrokenRecord, cells_folder, read
from bench.records.models import is_kept, models_folder
from bench.records.record import Record
from bench.runtime.errors import UsageError, nearest
from bench.runtime.paths import data_root, results_folder
from methods.backbones import BACKBONES
from methods.choices import Chosen

if TYPE_CHECKING:
    from methods.parts import Span


def _load(plugins: list[str]) -> None:
    import methods
    import metrics

    methods.load()
    metrics.load()
    _load_plugins(plugins)


def _load_plugins(plugins: list[str]) -> None:
    if plugins:
        from bench.config.plugins import load_plugin  # torch comes with it

        for plugin in plugins:
            load_plugin(plugin)


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    return tabulate(rows, tablefmt="plain", disable_numparse=True)


def listing(what: str, plugins: list[str]) -> str:
    """A line for each suite, method, data set or metric."""
    if what == "suites":
        return _columns([(name, load_suite(name).title) for name in suite_names()])
    if what == "datasets":
        from bench.datasets import describe as describe_dataset
        from bench.datasets import names

        _load_plugins(plugins)
        return _columns([(name, describe_dataset(name.partition(":")[0]).about) for name in names()])
    _load(plugins)
    if what == "methods":
        from methods.base import registry as known

        return _columns([(entry.name, entry.about) for _, entry in sorted(known.items())])
    from metrics.base import registry

    arrows = {"lower": "↓", "higher": "↑", "none": " "}
    return _columns(
        [
            (name, arrows[score.better], score.unit, metric.family, metric.source)
            for metric in registry.values()
            for name, score in metric.scores.items()
        ]
    )


def describe(name: str, results: str | None, plugins: list[str]) -> str:
    """A method with its options, a suite, or a cell's record by id or the start of one. Raises UsageError for neither."""
    folder = cells_folder(results_folder(results))
    cells = sorted(path.parent.name for path in folder.glob("*/record.json") if path.parent.name.startswith(name))
    if name in cells or (len(cells) == 1 and name not in suite_names()):
        return _cell(folder / (name if name in cells else cells[0]))
    if name in suite_names() or name.endswith(".toml"):
        return json.dumps(load_suite(name).model_dump(exclude_none=True), indent=1)
    _load(plugins)
    from methods.base import registry

    if name in registry:
        return _method(name)
    if cells:
        raise UsageError(f"cell {name!r} is the start of {len(cells)} ids: {', '.join(cells[:10])}")
    raise UsageError(nearest(name, [*registry, *suite_names()], "method, suite or cell"))


def _method(name: str) -> str:
    from bench.config.options import declared, spans
    from methods.base import registry

    entry = registry[name]
    lines = [
        f"{name}: {inspect.cleandoc(entry.cls.__doc__ or '')}",
        "",
        f"source: {entry.source}",
        f"code: {inspect.getfile(entry.cls)}",
    ]
    uses = ["in training"] * entry.cls.labels_in_training + ["at test time"] * entry.cls.labels_at_test
    lines.append(f"labels: {' and '.join(uses) or 'not used'}")
    options, searched = declared(entry.cls), spans(entry.cls)
    lines.append("options:" if options else "options: none")
    for option, parameter in options.items():
        span = f"   tuned over {_searched(searched[option])}" if option in searched else ""
        lines.append(f"  {option} = {parameter.default!r}   ({_kind(parameter.annotation)}){span}")
    return "\n".join(lines)


def _kind(annotation: object) -> str:
    """`int, >= 1` for Annotated[int, Ge(1)]; with `; or none` where it may be left out."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    if type(None) in get_args(annotation) and len(kinds) == 1:
        return f"{_kind(kinds[0])}; or none"
    extra = getattr(annotation, "__metadata__", ())
    if Chosen("backbone") in extra:
        return f"one of {', '.join(BACKBONES)}"
    base = getattr(annotation, "__origin__", annotation) if extra else annotation
    name = base.__name__ if isinstance(base, type) else str(base).removeprefix("typing.")
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    limits = [
        "finite" if limit == float("inf") else f"{signs[kind]} {limit}"
        for part in extra
        if is_dataclass(part) and not isinstance(part, type)
        for kind, limit in asdict(part).items()
        if kind in signs
    ]
    return ", ".join([name, *limits])


def _searched(span: "Span") -> str:
    """`2 to 64, log`: where `bench tune` looks, both ends included."""
    return f"{span.low:g} to {span.high:g}{', log' if span.log else ''}"


def _cell(folder: Path) -> str:
    try:
        record: Record = read(folder)
    except BrokenRecord as broken:
        raise UsageError(str(broken)) from broken
    content = {key: value for key, value in asdict(record).items() if key not in ("definitions", "sources", "scored")}
    return "\n".join([str(folder), json.dumps(content, indent=1), *_model(record, folder.parents[1])])


def _model(record: Record, results: Path) -> list[str]:
    """Where its trained method lies, and the Python that loads it."""
    if not record.model or not is_kept(results, record.model):
        return ["its model is not kept: `run` trains it again"]
    call = f"bench.load_model({str(results)!r}, {record.cell!r})"
    return [
        f"its model lies in {models_folder(results) / record.model}; from Python:",
        "  import bench",
        f"  method = {call}",
    ]


def prepared(name: str, root: str | None) -> str:
    """Load a data set, downloading it where it is absent, and say what it is. Raises DataError."""
    from bench.datasets import load

    folder = data_root(root)
    dataset = load(name, folder)
    channels, height, width = dataset.shape
    return textwrap.dedent(f"""\
        {dataset.name}: ready{"" if ":" in name or name == "digits" else f" in {folder}"}
        images   {len(dataset.x_train)} train, {len(dataset.x_test)} test, {channels}x{height}x{width}, uint8
        classes  {dataset.n_classes}: {", ".join(dataset.classes[:20])}{" ..." if dataset.n_classes > 20 else ""}
        digest   {dataset.digest}
        source   {dataset.source}
        licence  {dataset.licence}""")
