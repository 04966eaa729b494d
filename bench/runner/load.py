"""A trained method, loaded from where it is kept: for Python, outside of any run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import methods
from bench.config.budget import Budget
from bench.config.options import build, find
from bench.config.plugins import load_plugin
from bench.datasets import load
from bench.datasets.split import divide
from bench.records import sources
from bench.records.cells import BrokenRecord, cells_folder
from bench.records.cells import find as records_in
from bench.records.models import BrokenModel, models_folder
from bench.records.plan import Plan
from bench.records.record import Record
from bench.runner.plan import described
from bench.runtime.environment import choose_device
from bench.runtime.errors import UsageError, nearest
from bench.runtime.paths import data_root
from bench.training.models import kept_in, loaded
from methods.base import AbstractMethod, Images, ImageSpec


def load_model(
    results: Path, name: str, suite: str | None, seed: int, dataset: str | None, device: str, root: str | None
) -> AbstractMethod:
    """The trained method of a cell, by its id or by label and seed, attached to its data, in eval mode. Raises UsageError."""
    record = _record(results, name, suite, seed, dataset)
    where = models_folder(results) / record.model
    if not record.model:
        raise UsageError(f"cell {record.cell}: it is from before models were kept: run the suite again")
    try:
        training, state = kept_in(where)
    except FileNotFoundError:
        raise UsageError(f"cell {record.cell}: its model {where} is not there: run the suite again") from None
    except BrokenModel as problem:
        raise UsageError(f"cell {record.cell}: {problem}: run the suite again") from problem
    plan = _plan(results, record.suite)
    methods.load()
    for plugin in plan.plugins if plan is not None else ():
        load_plugin(plugin)
    folder = Path(plan.data_root) if plan is not None and root is None else data_root(root)
    images = load(record.dataset, folder)
    if images.digest != record.data_digest:
        raise UsageError(
            f"data set {record.dataset}: it is not what cell {record.cell} was trained on: its digest differs"
        )
    splits = Images(images.x_train, images.y_train), Images(images.x_test, images.y_test)
    how, target = training.setting, choose_device(device)
    data, _ = divide(*splits, images.classes, how["held_out"], record.seed, how["score_on"], target)
    spec, entry = ImageSpec(*images.shape, images.n_classes), find(record.method)
    _, code = described(record.label, entry, spec, record.options, Budget(**record.budget))
    if sources.combined(code) != how["code"]:
        raise UsageError(f"cell {record.cell}: it was trained with other code than today's: run the suite again")
    make = partial(build, record.label, entry, spec, record.options)
    return loaded(make, state, training.facts, data)


def _record(results: Path, name: str, suite: str | None, seed: int, dataset: str | None) -> Record:
    """The one record of this name. Raises UsageError for none, a broken one, and several."""
    if not cells_folder(results).is_dir():
        raise UsageError(f"results folder {results}: there is none, or nothing was run in it")
    found = list(records_in(results))
    records = [one for one in found if not isinstance(one, BrokenRecord)]
    for broken in (one for one in found if isinstance(one, BrokenRecord)):
        if f"/{name}/" in str(broken):
            raise UsageError(str(broken)) from broken
    for record in records:
        if record.cell == name:
            return record
    own = [one for one in records if one.label == name and (suite is None or one.suite == suite)]
    if not own:
        known = {one.label for one in records if suite is None or one.suite == suite}
        what = f"row of suite {suite}" if suite is not None else "row or cell"
        raise UsageError(nearest(name, known, f"{what} in {results}"))
    fits = [one for one in own if one.seed == seed and dataset in (None, one.dataset)]
    if not fits:
        seeds = ", ".join(map(str, sorted({one.seed for one in own})))
        raise UsageError(f"{name}: no cell of seed {seed}{f' on {dataset}' if dataset else ''}: its seeds are {seeds}")
    for part in ("suite", "dataset"):
        values = sorted({getattr(one, part) for one in fits})
        if len(values) > 1:
            raise UsageError(f"{name}: it is in several {part}s: say {part}=, one of {', '.join(values)}")
    plan = _plan(results, fits[0].suite)
    planned = {cell["cell"] for cell in plan.cells} if plan is not None else set()
    # Of several settings that of the latest run; else the newest.
    return max(fits, key=lambda one: (one.cell in planned, one.environment.get("started", 0.0)))


def _plan(results: Path, suite: str) -> Plan | None:
    path = results / "plans" / f"{suite}.json"
    try:
        return Plan.read(path) if path.is_file() else None
    except UsageError:
        return None
