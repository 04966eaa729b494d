"""Boards and comparisons as text, in format table, markdown, csv, latex or json; and records, one csv line a cell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.records.record import Record
from bench.runtime.errors import UsageError
from leaderboards import published, sheet
from leaderboards.board import BERNOULLI, Leaderboard, Row, caveats_of
from leaderboards.sheet import Entry, Head, Sheet

FORMATS = ("table", "markdown", "csv", "latex", "json")
LINE = ("suite", "dataset", "row", "metric", "unit", "better", "mean", "sd", "n", "status", "caveats", "setting")
CELL = ("cell", "suite", "dataset", "label", "seed", "status")


def check_format(format: str) -> None:
    """Raises UsageError for a format that is none of FORMATS."""
    if format not in FORMATS:
        raise UsageError(f"format {format!r} is not known; choose one of {', '.join(FORMATS)}")


def boards(shown: Sequence[Leaderboard], format: str = "table", width: int = 120, color: bool = False) -> str:
    """All boards as one text. Raises UsageError for an unknown format."""
    check_format(format)
    if format == "csv":
        return _csv([line for board in shown for line in lines(board)], LINE)
    if format == "json":
        return _json([tree(board) for board in shown])
    return _sheets([board_sheet(board) for board in shown], format, width, color)


def comparisons(
    shown: Sequence[tuple[Leaderboard, Sequence[published.Comparison]]],
    format: str = "table",
    width: int = 120,
    color: bool = False,
) -> str:
    """Every board's figures beside published ones as one text. Raises UsageError for an unknown format."""
    check_format(format)
    flat = [line for board, found in shown for line in published.lines(board, found)]
    if format == "csv":
        return _csv(flat, published.LINE)
    if format == "json":
        return _json(flat)
    return _sheets([published.to_sheet(board, found) for board, found in shown], format, width, color)


def _sheets(shown: Sequence[Sheet], format: str, width: int, color: bool) -> str:
    if format == "table":
        return "\n".join(sheet.text(one, width, color) for one in shown)
    return "\n".join((sheet.markdown if format == "markdown" else sheet.latex)(one) for one in shown)


def _csv(flat: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    return pd.DataFrame(list(flat), columns=list(columns)).to_csv(index=False)


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False, default=str) + "\n"


def board_sheet(board: Leaderboard) -> Sheet:
    """The board as text cells: name, figures, use of labels, number of seeds, status."""
    metrics = [Head(column.metric, f"{column.shared} {column.hint}".strip()) for column in board.columns]
    last = [Head("labels", right=False), Head("n", joined=True), Head("status", right=False, joined=True)]
    head = [Head("method", right=False), *metrics, *last]

    def line(row: Row) -> list[Entry]:
        figures = [Entry(row.entry(column), column.key in row.best) for column in board.columns]
        return [Entry(row.title), *figures, Entry(row.labels), Entry(row.seeds), Entry(row.status)]

    ranked = [line(row) for row in board.rows if not row.reference]
    apart = [line(row) for row in board.rows if row.reference]
    return Sheet(board.heading, head, ranked, apart, [*_legend(board), *board.notes])


def _legend(board: Leaderboard) -> list[str]:
    """How to read the figures, said where there is something to read."""
    several = any(figure.n > 1 for row in board.rows for figure in row.figures.values())
    marked = any(row.best for row in board.rows)
    said = ["mean ± standard deviation over n seeds"] if several else []
    said += ["marked: best, and what can't be told from it (95 % intervals overlap)"] if marked else []
    return ["; ".join(said)] if said else []


def lines(board: Leaderboard) -> list[dict[str, Any]]:
    """One dict for each row and metric, keys LINE, values unrounded; a hole has neither mean nor sd, and n = 0.

    A row of a board without any column still gives a line, with an empty metric, so that no failure drops out.
    """
    result = []
    for row in board.rows:
        named = {"suite": board.suite, "dataset": board.dataset, "row": row.name}
        last = {"status": row.status, "caveats": "; ".join(row.caveats), "setting": board.setting}
        for column in board.columns:
            figure = row.figures.get(column.key)
            values = {"mean": figure.mean, "sd": figure.sd, "n": figure.n} if figure is not None else {"n": 0}
            metric = {"metric": column.key, "unit": column.unit, "better": column.better}
            result.append({**named, **metric, **values, **last})
        if not board.columns:
            result.append({**named, "metric": "", "n": 0, **last})
    return result


def tree(board: Leaderboard) -> dict[str, Any]:
    """The board as JSON: columns, rows with their figures by column, seeds by status, notes."""
    columns = [
        {"name": c.key, "metric": c.metric, "unit": c.unit, "better": c.better, "side_by_side": c.side_by_side}
        for c in board.columns
    ]
    named = {"suite": board.suite, "title": board.title, "dataset": board.dataset}
    setting = {"budget": board.budget, "device_type": board.device_type, "likelihood": board.likelihood}
    return {
        **named,
        **setting,
        "columns": columns,
        "rows": [_row_tree(row) for row in board.rows],
        "notes": board.notes,
    }


def _row_tree(row: Row) -> dict[str, Any]:
    figures = {
        key: {"mean": f.mean, "sd": f.sd, "n": f.n, "interval": f.interval, "best": key in row.best}
        for key, f in row.figures.items()
    }
    named = {"name": row.name, "label": row.label, "method": row.method, "options": row.options}
    seeds = [{"seed": record.seed, "cell": record.cell, "status": record.status} for record in row.records]
    state = {"status": row.status, "labels": row.labels, "reference": row.reference, "seeds": seeds}
    return {**named, **state, "figures": figures, "unavailable": sorted(row.unavailable), "caveats": row.caveats}


def per_cell_csv(records: Sequence[Record]) -> str:
    """One line a cell: CELL, caveats and likelihoods but Bernoulli where there are any, metrics, then `timing_*`, `version_*`, `device`.

    What a record lacks is empty.
    """
    flat = []
    for record in records:
        versions = record.environment.get("versions") or {}
        timings = {f"timing_{name}": value for name, value in record.timings.items()}
        about = {f"version_{name}": version for name, version in versions.items()}
        device = {"device": record.environment.get("device", "")}
        said = {"caveats": "; ".join(caveats_of(record))} if caveats_of(record) else {}
        said |= {} if record.likelihood == BERNOULLI else {"likelihood": record.likelihood}
        own = {name: getattr(record, name) for name in CELL}
        flat.append({**own, **said, **record.metrics, **timings, **about, **device})
    found = dict.fromkeys(name for line in flat for name in line)
    return _csv(flat, sorted(found, key=_group) or CELL)


def _group(name: str) -> int:
    """Where a column of the raw csv stands: cell, metrics, timings, versions, device."""
    if name in (*CELL, "caveats", "likelihood"):
        return 0
    return 4 if name == "device" else {"timing": 2, "version": 3}.get(name.split("_")[0], 1)
