"""Records on disk as one DataFrame, a row a cell: what tables and figures read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.records.cells import BrokenRecord, cells_folder, find
from bench.records.plan import Plan
from bench.records.record import Record
from bench.runtime.errors import UsageError, nearest

SETTINGS = ("label", "dataset", "seed", "options", "budget")


class Frame(NamedTuple):
    """A suite's cells and its latest plan, empty where it has none.

    cells: a column for each field of Record, and `planned`, `device_type`, `code` (`code_of`), `side_by_side` (1 is alone) and `whole`,
    whether it was trained and scored: an error in a metric costs its own scores alone.
    others: how many records of the suite are not among them, as their settings or code are not the plan's.
    """

    plan: Plan
    cells: pd.DataFrame
    others: int


def read(results: Path, suite: str | None = None, everything: bool = False) -> tuple[list[Frame], list[str]]:
    """The suite's frame, or every suite's, and a line for each record or plan that can't be read.

    A frame holds the cells of its suite's latest plan; without a plan, or with `everything`, all records of the suite.
    Raises UsageError where there is no results folder, no record, or no such suite.
    """
    records, broken = _records(results)
    plans: dict[str, Plan] = {}
    for path in sorted((results / "plans").glob("*.json")):
        try:
            plan = Plan.read(path)
            plans[plan.suite] = plan
        except UsageError as problem:
            broken.append(f"{problem}; every record is shown instead")
    suites = sorted({record.suite for record in records.values()} | set(plans))
    if suite is not None and suite not in suites:
        raise UsageError("--suite: " + nearest(suite, suites, f"suite in {results}"))
    names = suites if suite is None else [suite]
    return [_frame(name, records, plans.get(name), everything) for name in names], broken


def by_cell(results: Path, suite: str | None = None) -> pd.DataFrame:
    """A row a cell: what it is of, its status, why it failed, then a column a score; a record that can't be read is `broken`.

    Raises UsageError as `read` does.
    """
    frames, broken = read(results, suite)
    about = ["suite", "dataset", "label", "method", "seed", "status", "cell", "model", "options", "error"]
    tables = []
    for one in frames:
        if len(one.cells):
            scores = pd.DataFrame(one.cells.metrics.tolist(), one.cells.index)
            tables.append(one.cells[about].join(scores))
    unread = pd.DataFrame([{"status": "broken", "error": {"message": line}} for line in broken])
    return pd.concat([*tables, unread], ignore_index=True)


def _records(results: Path) -> tuple[dict[str, Record], list[str]]:
    """Cell id to record, and a line for each broken one."""
    if not results.is_dir():
        raise UsageError(f"{results}: no such results folder; `python -m bench run --results {results}` makes one")
    records: dict[str, Record] = {}
    broken: list[str] = []
    for item in find(results):
        if isinstance(item, BrokenRecord):
            broken.append(str(item))
        else:
            records[item.cell] = item
    if not records:
        unreadable = f" (and {len(broken)} broken, the first: {broken[0]})" if broken else ""
        raise UsageError(f"{cells_folder(results)}: no records{unreadable}; `python -m bench run` makes them")
    return records, broken


def _frame(suite: str, records: Mapping[str, Record], plan: Plan | None, everything: bool) -> Frame:
    own = [record for record in records.values() if record.suite == suite]
    shown, others = (own, []) if plan is None else _planned(plan, records)
    planned = len(shown) if plan is not None else 0
    if plan is not None and everything:
        there = {record.cell for record in shown}
        shown, others = [*shown, *(record for record in own if record.cell not in there)], []
    devices = [str(record.environment.get("device_type", "")) for record in shown]
    # A record that a kill left without a device takes the plan's, else the others' usual one.
    usual = (plan.device.split(":")[0] if plan is not None else "") or _most_common(filter(None, devices))
    scoring = plan.scoring if plan is not None else {}
    rows = [
        vars(record)
        | _without_stale(record, scoring if place < planned else {})
        | {
            "planned": place < planned,
            "device_type": device or usual,
            "code": code_of(record.sources),
            "side_by_side": int(record.timings.get("side_by_side", 1)),
            "whole": record.status == "ok" or (record.status in ("error", "oom") and bool(record.scored)),
        }
        for place, (record, device) in enumerate(zip(shown, devices, strict=True))
    ]
    return Frame(plan or Plan(suite), pd.DataFrame(rows), len(others))


def _without_stale(record: Record, scoring: Mapping[str, str]) -> dict[str, Any]:
    """Scores and reasons without those that other code gave than the plan's: a run was broken off before it came to them."""
    stale = {name for name, digest in record.scored.items() if scoring.get(name, digest) != digest}
    gone = dict.fromkeys(stale & record.metrics.keys(), "scored with older code only: run the suite again")
    kept = {name: value for name, value in record.metrics.items() if name not in stale}
    return {"metrics": kept, "unavailable": {**record.unavailable, **gone}}


def _most_common(values: Any) -> str:
    counts = Counter(values).most_common(1)
    return counts[0][0] if counts else ""


def _planned(plan: Plan, records: Mapping[str, Record]) -> tuple[list[Record], list[Record]]:
    """The plan's cells as records, and this suite's other records.

    A cell's id says nothing of suite and label, so a record of another suite may serve; it gets this plan's names.
    A cell without a record is given one of status `stale` where an older record differs in its sources alone, else
    `missing`; both hold no scores.
    """
    planned = {cell["cell"] for cell in plan.cells}
    others = [record for record in records.values() if record.cell not in planned and record.suite == plan.suite]
    by_settings: dict[str, list[Record]] = defaultdict(list)
    for record in others:
        by_settings[canonical([record.likelihood, *(getattr(record, part) for part in SETTINGS)])].append(record)
    shown: list[Record] = []
    stood_for: set[str] = set()
    for cell in plan.cells:
        if cell["cell"] in records:
            shown.append(replace(records[cell["cell"]], suite=plan.suite, label=cell["label"]))
            continue
        code = cell["sources"]
        same = by_settings[canonical([plan.likelihood, *(cell[part] for part in SETTINGS)])]
        older = [record for record in same if any(code.get(file) != sha for file, sha in record.sources.items())]
        stood_for |= {record.cell for record in older}
        about = {one.name: cell[one.name] for one in fields(Record) if one.name in cell}
        stale: dict[str, Any] = {"status": "stale", "error": {"message": "measured with older code only"}}
        state = stale if older else {"status": "missing"}
        shown.append(Record(**about | {"suite": plan.suite, "likelihood": plan.likelihood} | state))
    return shown, [record for record in others if record.cell not in stood_for]


def canonical(value: Any) -> str:
    """One text for values that are equal once written as JSON (a tuple and a list, keys in any order)."""
    return json.dumps(value, sort_keys=True, default=str)


def code_of(sources: Mapping[str, str]) -> str:
    """Six characters that stand for the code behind a record; empty where it names none."""
    return hashlib.sha256(canonical(sources).encode()).hexdigest()[:6] if sources else ""


def groups(pairs: Sequence[tuple[str, Any]]) -> dict[Any, list[str]]:
    """What is said to the names that it is said of, each once, in order."""
    together: dict[Any, list[str]] = {}
    for name, what in pairs:
        names = together.setdefault(what, [])
        names += [] if name in names else [name]
    return together
