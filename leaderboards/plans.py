"""A suite's latest plan: which cells its leaderboard should hold, and what stands for those without a record."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.records.plan import Plan
from bench.records.record import Record
from bench.runtime.errors import UsageError

SETTINGS = ("label", "dataset", "seed", "options", "budget")


def read_plans(results: Path) -> tuple[dict[str, Plan], list[str]]:
    """Suite to plan, and one line for each plan that can't be read."""
    plans, broken = {}, []
    for path in sorted((results / "plans").glob("*.json")):
        try:
            plan = Plan.read(path)
        except UsageError as problem:
            broken.append(f"{problem}; every record is shown instead")
            continue
        plans[plan.suite] = plan
    return plans, broken


def canonical(value: Any) -> str:
    """One text for values that are equal once written as JSON (a tuple and a list, keys in any order)."""
    return json.dumps(value, sort_keys=True, default=str)


def resolve(plan: Plan, records: Mapping[str, Record]) -> tuple[list[Record], list[Record]]:
    """The plan's cells as records, and this suite's other records.

    A cell's id says nothing of suite and label, so a record of another suite may serve; it gets this plan's names.
    A cell without a record is given one of status `stale` where an older record differs in its sources alone, else
    `missing`; both hold no figures.
    """
    planned = {cell["cell"] for cell in plan.cells}
    others = [record for record in records.values() if record.cell not in planned and record.suite == plan.suite]
    by_settings: dict[str, list[Record]] = defaultdict(list)
    for record in others:
        by_settings[canonical([record.likelihood, *(getattr(record, part) for part in SETTINGS)])].append(record)
    result: list[Record] = []
    stood_for: set[str] = set()
    for cell in plan.cells:
        if cell["cell"] in records:
            result.append(replace(records[cell["cell"]], suite=plan.suite, label=cell["label"]))
            continue
        code = cell["sources"]
        same = by_settings.get(canonical([plan.likelihood, *(cell[part] for part in SETTINGS)]), [])
        older = [record for record in same if any(code.get(file) != sha for file, sha in record.sources.items())]
        stood_for |= {record.cell for record in older}
        result.append(_placeholder(plan, cell, "stale" if older else "missing"))
    return result, [record for record in others if record.cell not in stood_for]


def with_devices(records: Sequence[Record], device: str) -> list[Record]:
    """The records, each with a device type: one that a kill left without takes `device`, else the others' usual one."""
    known = [record.environment["device_type"] for record in records if record.environment.get("device_type")]
    usual = device.split(":")[0] or (Counter(known).most_common(1)[0][0] if known else "")
    return [
        record
        if record.environment.get("device_type")
        else replace(record, environment={**record.environment, "device_type": usual})
        for record in records
    ]


def _placeholder(plan: Plan, cell: Mapping[str, Any], status: str) -> Record:
    return Record(
        cell=cell["cell"],
        suite=plan.suite,
        label=cell["label"],
        method=cell["method"],
        dataset=cell["dataset"],
        seed=cell["seed"],
        options=cell["options"],
        budget=cell["budget"],
        status=status,
        data_digest=cell["data_digest"],
        sources=cell["sources"],
        likelihood=plan.likelihood,
        error={"message": "measured with older code only"} if status == "stale" else None,
    )
