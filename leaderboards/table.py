"""From the frame to leaderboards: which cells are one row, what the rows are called, which are best."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.runtime.errors import UsageError, nearest
from leaderboards.board import TIMING_UNITS, Column, Leaderboard, Row
from leaderboards.frame import Frame, canonical, read
from leaderboards.notes import notes_of
from leaderboards.stats import ties


def collect(results: Path, suite: str | None = None, everything: bool = False) -> list[Leaderboard]:
    """One board for each (suite, dataset, budget, device type, likelihood), of one suite or, with None, of all.

    Raises UsageError as `frame.read` does.
    """
    frames, broken = read(results, suite, everything)
    boards = [board for frame in frames for board in _boards(frame)]
    if boards:
        boards[-1].notes += [f"broken, not shown: {problem}" for problem in broken]
    return boards


def pick_columns(boards: Sequence[Leaderboard], names: Sequence[str]) -> list[Leaderboard]:
    """The boards with only these metrics, in this order. Raises UsageError for a metric that no board has."""
    known = {column.metric for board in boards for column in board.columns}
    for name in names:
        if name not in known:
            raise UsageError("--columns: " + nearest(name, known, "column"))
    return [
        dataclasses.replace(board, columns=[c for name in names for c in board.columns if c.metric == name])
        for board in boards
    ]


def _boards(frame: Frame) -> list[Leaderboard]:
    cells = frame.cells
    if cells.empty:
        return []
    current = set(cells.code[cells.planned]) - {""}
    parts = ("dataset", "budget", "device_type", "likelihood")
    setting = [canonical(values) for values in zip(*(cells[part] for part in parts), strict=True)]
    boards = [_board(frame, own, current) for _, own in cells.groupby(setting, sort=False)]
    if frame.others:
        count = f"{frame.others} other record{'s' * (frame.others > 1)}"
        boards[-1].notes.append(f"{count} of this suite (other settings or older code) not shown: --all")
    return boards


def _board(frame: Frame, cells: pd.DataFrame, current: set[str]) -> Leaderboard:
    rows = _rows(cells, current, frame.plan.reference_rows)
    columns = _columns(rows, frame.plan.columns)
    for column in columns:
        for row in rows:
            row.fill(column)
        ranked = {
            at: row.scores[column.key] for at, row in enumerate(rows) if column.key in row.scores and not row.reference
        }
        for at in ties(ranked, column.better):
            rows[at].best.add(column.key)
    rows = _ranked(rows, columns)
    metrics = list(dict.fromkeys(column.metric for column in columns))
    timed = any(column.side_by_side is not None for column in columns)
    notes = notes_of({row.name: row.cells for row in rows}, metrics, timed)
    one: Any = next(cells.itertuples())
    about = (one.suite, one.dataset, frame.plan.title, one.budget, one.device_type)
    return Leaderboard(*about, columns, rows, notes, one.likelihood)


def _columns(rows: Sequence[Row], first: Sequence[str]) -> list[Column]:
    """Columns for all that the rows' records measured or tried to: `first` in order, then as they appear, cost last.

    A timing has a column for each number of cells that shared the device.
    """
    cells = [cell for row in rows for cell in row.cells if cell.whole]
    seen = dict.fromkeys(name for cell in cells for name in (*cell.metrics, *cell.unavailable))
    defined = {name: one for cell in reversed(cells) for name, one in cell.definitions.items()}
    names = dict.fromkeys([*(name for name in first if name in seen), *seen])
    whole = [{cell.side_by_side for cell in row.cells} for row in rows if row.whole]
    loads = sorted({load for loads in whole if len(loads) == 1 for load in loads} or {1})
    columns = []
    for name in sorted(names, key=lambda name: defined.get(name, {}).get("family") == "cost"):
        unit, better = (str(defined.get(name, {}).get(part, "")) for part in ("unit", "better"))
        for load in loads if unit in TIMING_UNITS else [None]:
            columns.append(Column(name, unit, better or "none", load))
    return columns


def _rows(cells: pd.DataFrame, current: set[str], references: Sequence[str]) -> list[Row]:
    """Cells that differ in the seed alone make a row; anything else that differs makes another. In the cells' order, named.

    What has no result and names no code (a planned cell without a record) joins the row of its label, method and options.
    """
    lines: list[Any] = list(cells.itertuples(index=False))
    what = [canonical([one.label, one.method, one.options]) for one in lines]
    identity = [f"{own} {one.code} {one.data_digest}" for own, one in zip(what, lines, strict=True)]
    loose = [at for at, one in enumerate(lines) if one.status != "ok" and not one.code]
    keys: dict[int, str] = {}
    copies: Counter[tuple[str, int]] = Counter()
    for at in [at for at in range(len(lines)) if at not in loose]:
        # Two records of one seed (a fact that we don't compare differs) are two rows, never a sample of two.
        copies[identity[at], lines[at].seed] += 1
        keys[at] = f"{identity[at]} {copies[identity[at], lines[at].seed]}"
    for place in loose:
        alike = [at for at in keys if what[at] == what[place] and (not current or lines[at].code in current)]
        taken = {keys[at] for at in alike if lines[at].seed == lines[place].seed}
        free = [keys[at] for at in alike if keys[at] not in taken]
        keys[place] = free[0] if free else f"{identity[place]} {lines[place].status}"
    members: dict[str, list[Any]] = defaultdict(list)
    for at, one in enumerate(lines):
        members[keys[at]].append(one)
    ordered = [sorted(own, key=lambda one: one.seed) for own in members.values()]
    rows = [Row(own[0].label, own, own[0].label in references) for own in ordered]
    _name(rows, current)
    return rows


def _name(rows: Sequence[Row], current: set[str]) -> None:
    """Where a label has several rows, put what differs between them in brackets after it."""
    for label in {row.label for row in rows}:
        group = [row for row in rows if row.label == label]
        traits = [_traits(row, current) for row in group]
        names = dict.fromkeys(name for trait in traits for name in trait)
        differ = [name for name in names if len({canonical(trait.get(name)) for trait in traits}) > 1]
        for row, trait in zip(group, traits, strict=True):
            stated = ", ".join(f"{name}={trait[name]}" for name in differ if trait.get(name, "") != "")
            row.name = f"{label} ({stated})" if stated else label
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.name] += 1
        if counts[row.name] > 1:
            row.name = f"{row.name} #{counts[row.name]}"


def _traits(row: Row, current: set[str]) -> dict[str, Any]:
    code = next((cell.code for cell in row.cells if cell.code), "")
    data = next((cell.data_digest[:6] for cell in row.cells if cell.data_digest), "")
    return {**row.cells[0].options, "method": row.method, "data": data, "code": "" if code in current else code}


def _ranked(rows: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
    """Rows best first by the first column that has a direction; then those without that score; reference rows last."""
    lead = next((column for column in columns if column.better in ("lower", "higher")), Column(""))
    sign = -1 if lead.better == "higher" else 1

    def place(row: Row) -> tuple[bool, bool, float]:
        score = row.scores.get(lead.key)
        return row.reference, score is None, sign * score.mean if score is not None else 0.0

    return sorted(rows, key=place)
