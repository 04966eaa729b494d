"""The rows of a suite as they are run: with `--set` values in them, sweeps written out, and those picked that `--methods` names.

A row sweeps where a list stands for an option whose type takes no list: `[methods.vae]` with `latent = [2, 5]` is the rows `vae-2` and
`vae-5`, and two such options give the product, `vae-2-100` and so on.
"""

import tomllib
from collections.abc import Iterable
from itertools import product
from typing import Any

from bench.config.options import sweepable
from bench.config.suite import Suite
from bench.runtime.errors import UsageError, nearest
from methods.base import registry

Rows = dict[str, dict[str, Any]]
"""Label to the row's method and options, as in `Suite.methods`."""


def settle_rows(suite: Suite, labels: str | None = None, settings: Iterable[str] = ()) -> Suite:
    """The suite with its rows as they are run: none of them sweeps any more. Its methods have to be registered.

    A setting of a row as the file has it comes before the row's sweep is written out: a list starts or changes it, a single value ends
    it. One of a row that a sweep gives comes after, and changes that row alone. labels: `a,b`, where the label of a sweep stands for all
    of its rows; all rows where None. Among the reference rows a sweep stands for all of its rows as well. Raises UsageError.
    """
    changes = parse_settings(settings)
    left, rows = dict(changes), suite.methods
    members = {label: [label] for label in rows}
    while True:
        swept = written_out({label: {**row, **left.pop(label, {})} for label, row in rows.items()})
        rows = {label: row for some in swept.values() for label, row in some.items()}
        members = {label: [one for name in names for one in swept[name]] for label, names in members.items()}
        members |= {label: [label] for label in rows}
        if not left.keys() & rows.keys():
            break
    if left:
        raise UsageError("--set: " + _unknown(suite, next(iter(left)), members))
    rows = _picked(suite, rows, members, labels)
    for label, options in changes.items():
        if not rows.keys() & set(members[label]):
            raise UsageError(f"--set {label}.{next(iter(options))}: --methods leaves this row out: name it there too")
    references = [row for label in suite.reference_rows for row in members.get(label, [label])]
    return suite.model_copy(update={"methods": rows, "reference_rows": references})


def _picked(suite: Suite, rows: Rows, members: dict[str, list[str]], labels: str | None) -> Rows:
    """The rows named in `a,b`, in that order; all where None."""
    if labels is None:
        return rows
    wanted = [label.strip() for label in labels.split(",") if label.strip()]
    if not wanted:
        raise UsageError("--methods: name at least one row")
    for label in wanted:
        if label not in members:
            raise UsageError("--methods: " + _unknown(suite, label, members))
    return {row: rows[row] for label in wanted for row in members[label]}


def _unknown(suite: Suite, label: str, known: Iterable[str]) -> str:
    return nearest(label, known, f"row of suite {suite.name!r}")


def written_out(rows: Rows) -> dict[str, Rows]:
    """The label of each row to the rows that it stands for: itself, or all of its sweep. Raises UsageError for a sweep that is none."""
    members, taken = {}, set(rows)
    for label, row in rows.items():
        members[label] = _members(label, row)
        for name in members[label]:
            if name in taken and name != label:
                raise UsageError(
                    f"{label}: its sweep gives a row {name!r}, but there is one already: rename one of them"
                )
            taken.add(name)
    return members


def _members(label: str, row: dict[str, Any]) -> Rows:
    """A row of an unknown method, or a list for an unknown option, is left for the plan to refuse."""
    entry = registry.get(str(row.get("method", label)))
    lists = {name: values for name, values in row.items() if isinstance(values, list)}
    if entry is None or not lists.keys() & sweepable(entry.cls):
        return {label: row}
    swept = {name: values for name, values in lists.items() if name in sweepable(entry.cls)}
    for name, values in swept.items():
        _check(f"{label}.{name}", values)
    members: Rows = {}
    for point in product(*swept.values()):
        name = "-".join([label, *map(_in_label, point)])
        if name in members:
            raise UsageError(f"{label}: its sweep gives two rows {name!r}: give the values in rows of their own")
        members[name] = {"method": entry.name, **row, **dict(zip(swept, point, strict=True))}
    return members


def _check(where: str, values: list[Any]) -> None:
    if not values:
        raise UsageError(f"{where}: an empty list sweeps nothing: give values, or leave the option out")
    for number, value in enumerate(values):
        if value in values[:number]:
            raise UsageError(f"{where}: {value!r} stands twice in the sweep: give every value once")


def _in_label(value: Any) -> str:
    """A value as a label has it: 5, 0.5, 3 for 3.0, true."""
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


def parse_settings(settings: Iterable[str]) -> Rows:
    """`LABEL.option=value` strings as {label: {option: value}}; values are read as TOML, and as text where they are no TOML."""
    parsed: Rows = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        label, dot, option = name.rpartition(".")
        if not equals or not dot or not label or not option:
            raise UsageError(f"--set {setting!r}: write LABEL.option=value, as in lambda-hot.lam=3")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        parsed.setdefault(label.strip(), {})[option.strip()] = value
    return parsed


def settings_of(label: str, settings: Iterable[str]) -> dict[str, Any]:
    """`option=value` strings of one row, whose label may stand before the option. Raises UsageError where another stands there."""
    parsed = parse_settings(one if "." in one.partition("=")[0] else f"{label}.{one}" for one in settings)
    for other in parsed.keys() - {label}:
        raise UsageError(f"--set: {other!r} is another row than {label!r}: write OPTION=VALUE, as in latent=8")
    return parsed.get(label, {})
