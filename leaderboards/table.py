"""From records on disk to boards: which records count, which are one row, what the rows are called."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.records.cells import BrokenRecord, cells_folder, find
from bench.records.record import Record
from bench.runtime.errors import UsageError
from leaderboards.board import Column, Leaderboard, Row, columns_of, fill
from leaderboards.notes import notes_of
from leaderboards.plans import Plan, canonical, read_plans, resolve, with_devices


def collect(results: Path, suite: str | None = None, everything: bool = False) -> list[Leaderboard]:
    """One board for each (suite, dataset, budget, device type, likelihood), of one suite or, with None, of all.

    A board holds the cells of its suite's latest plan; without a plan, or with `everything`, all records of the suite.
    Raises UsageError (one line) where there is no results folder, no record, or no such suite.
    """
    records, broken = _load(results)
    plans, broken_plans = read_plans(results)
    suites = sorted({record.suite for record in records.values()} | set(plans))
    if suite is not None and suite not in suites:
        known = ", ".join(_nearest_first(suite, suites))
        raise UsageError(f"{results} holds no records of suite {suite!r}; it has: {known}")
    boards: list[Leaderboard] = []
    for name in suites if suite is None else [suite]:
        boards += _suite_boards(name, records, plans.get(name), everything)
    if boards:
        boards[-1].notes += [f"broken, not shown: {problem}" for problem in (*broken, *broken_plans)]
    return boards


def pick_columns(boards: Sequence[Leaderboard], names: Sequence[str]) -> list[Leaderboard]:
    """The boards with only these metrics, in this order. Raises UsageError for a metric that no board has."""
    known = dict.fromkeys(column.metric for board in boards for column in board.columns)
    for name in names:
        if name not in known:
            raise UsageError(f"no column {name!r} here: {', '.join(_nearest_first(name, list(known)))}")
    return [
        dataclasses.replace(board, columns=[c for name in names for c in board.columns if c.metric == name])
        for board in boards
    ]


def _load(results: Path) -> tuple[dict[str, Record], list[str]]:
    """Cell id to record, and a line for each broken one. Raises UsageError where there is no record to read."""
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


def _nearest_first(name: str, known: Sequence[str]) -> list[str]:
    return sorted(known, key=lambda other: -difflib.SequenceMatcher(None, name.lower(), other.lower()).ratio())


def _suite_boards(suite: str, records: dict[str, Record], plan: Plan | None, everything: bool) -> list[Leaderboard]:
    own = [record for record in records.values() if record.suite == suite]
    shown, others = (own, []) if plan is None else resolve(plan, records)
    if plan is not None and everything:
        there = {record.cell for record in shown}
        shown, others = [*shown, *(record for record in own if record.cell not in there)], []
    planned = {cell["cell"] for cell in plan.cells} if plan is not None else set()
    shown = with_devices(shown, plan.device if plan is not None else "")
    current = {_code(record) for record in shown if record.cell in planned} - {""}
    by_board: dict[str, list[Record]] = defaultdict(list)
    for record in shown:
        by_board[canonical([record.dataset, record.budget, _device_type(record), record.likelihood])].append(record)
    plan = plan or Plan(suite)
    boards = [_board(plan, members, current) for members in by_board.values()]
    if others and boards:
        count = f"{len(others)} other record{'s' * (len(others) > 1)}"
        boards[-1].notes.append(f"{count} of this suite (other settings or older code) not shown: --all")
    return boards


def _board(plan: Plan, records: Sequence[Record], current: set[str]) -> Leaderboard:
    rows = _rows(records, current, set(plan.reference_rows))
    columns = columns_of(rows, plan.columns)
    fill(rows, columns)
    rows = _ranked(rows, columns)
    one = records[0]
    notes = notes_of(rows, columns)
    device = _device_type(one)
    return Leaderboard(one.suite, one.dataset, plan.title, one.budget, device, columns, rows, notes, one.likelihood)


def _rows(records: Iterable[Record], current: set[str], reference: set[str]) -> list[Row]:
    """Records that differ in the seed alone make a row; anything else that differs makes another.

    What has no result and names no code (a planned cell without a record) joins the row of its label and options.
    """
    records = list(records)
    loose = [record for record in records if record.status != "ok" and not record.sources]
    groups: dict[str, list[Record]] = {}
    for record in [record for record in records if record.status == "ok" or record.sources]:
        key, copy = _identity(record), 1
        # Two records of one seed (a fact that we don't compare differs) are two rows, never a sample of two.
        while any(other.seed == record.seed for other in groups.get(f"{key} {copy}", [])):
            copy += 1
        groups.setdefault(f"{key} {copy}", []).append(record)
    for record in loose:
        own = [key for key, group in groups.items() if _same_row(group[0], record, current)]
        free = [key for key in own if all(other.seed != record.seed for other in groups[key])]
        groups.setdefault(free[0] if free else f"{_identity(record)} {record.status}", []).append(record)
    order = {id(record): place for place, record in enumerate(records)}
    members = sorted(groups.values(), key=lambda group: min(order[id(record)] for record in group))
    rows = [_row(sorted(group, key=lambda record: record.seed), reference) for group in members]
    _name(rows, current)
    return rows


def _row(records: list[Record], reference: set[str]) -> Row:
    one = records[0]
    return Row(one.label, one.label, one.method, one.options, records, reference=one.label in reference)


def _same_row(record: Record, planned: Record, current: set[str]) -> bool:
    same = all(
        canonical(getattr(record, part)) == canonical(getattr(planned, part)) for part in ("label", "method", "options")
    )
    return same and (not current or _code(record) in current)


def _identity(record: Record) -> str:
    return canonical([record.label, record.method, record.options, _code(record), record.data_digest])


def _code(record: Record) -> str:
    """Six characters that stand for the code behind a record; empty where it names none."""
    return hashlib.sha256(canonical(record.sources).encode()).hexdigest()[:6] if record.sources else ""


def _device_type(record: Record) -> str:
    return str(record.environment.get("device_type", ""))


def _name(rows: Sequence[Row], current: set[str]) -> None:
    """Where a label has several rows, put what differs between them in brackets after it."""
    by_label: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_label[row.label].append(row)
    for group in by_label.values():
        traits = [_traits(row, current) for row in group]
        names = dict.fromkeys(name for trait in traits for name in trait)
        differ = [name for name in names if len({canonical(trait.get(name)) for trait in traits}) > 1]
        for row, trait in zip(group, traits, strict=True):
            said = ", ".join(f"{name}={trait[name]}" for name in differ if trait.get(name, "") != "")
            row.name = f"{row.label} ({said})" if said else row.label
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.name] += 1
        if counts[row.name] > 1:
            row.name = f"{row.name} #{counts[row.name]}"


def _traits(row: Row, current: set[str]) -> dict[str, Any]:
    code = next((_code(record) for record in row.records if record.sources), "")
    data = next((record.data_digest[:6] for record in row.records if record.data_digest), "")
    return {**row.options, "method": row.method, "data": data, "code": "" if code in current else code}


def _ranked(rows: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
    """Rows best first by the first column that has a direction; then those without that figure; reference rows last."""
    lead = next((column for column in columns if column.better in ("lower", "higher")), None)
    sign = -1 if lead is not None and lead.better == "higher" else 1

    def place(row: Row) -> tuple[bool, bool, float]:
        figure = row.figures.get(lead.key) if lead is not None else None
        return row.reference, figure is None, sign * figure.mean if figure is not None else 0.0

    return sorted(rows, key=place)
