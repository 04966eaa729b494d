"""A leaderboard's and a cell's content for each format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.records.record import BERNOULLI
from leaderboards.board import Leaderboard, Row
from leaderboards.formats import Entry, Head, Sheet, csv
from leaderboards.notes import cell_caveats

LINE = ("suite", "dataset", "row", "metric", "unit", "better", "mean", "sd", "n", "status", "caveats", "setting")
CELL = ("cell", "suite", "dataset", "label", "seed", "status")


def to_sheet(board: Leaderboard) -> Sheet:
    """The board as text: name, scores, use of labels, number of seeds, status; how to read it, and its notes."""
    metrics = [Head(column.metric, f"{column.shared} {column.hint}".strip()) for column in board.columns]
    last = [Head("labels", right=False), Head("n", joined=True), Head("status", right=False, joined=True)]

    def line(row: Row) -> list[Entry]:
        scores = [Entry(row.entry(column), column.key in row.best) for column in board.columns]
        return [Entry(row.title), *scores, Entry(row.labels), Entry(row.seeds), Entry(row.status)]

    ranked, apart = ([line(row) for row in board.rows if row.reference == aside] for aside in (False, True))
    several = any(score.n > 1 for row in board.rows for score in row.scores.values())
    legend = ["mean ± standard deviation over n seeds"] if several else []
    if any(row.best for row in board.rows):
        legend.append("marked: best, and what can't be told from it (95 % intervals overlap)")
    notes = [*(["; ".join(legend)] if legend else []), *board.notes]
    return Sheet(board.heading, [Head("method", right=False), *metrics, *last], ranked, apart, notes)


def lines(board: Leaderboard) -> list[dict[str, Any]]:
    """One dict for each row and metric, keys LINE, values unrounded; a hole has neither mean nor sd, and n = 0.

    A row of a board without any column still gives a line, with an empty metric, so that no failure drops out.
    """
    result = []
    for row in board.rows:
        about = {"suite": board.suite, "dataset": board.dataset, "row": row.name, "metric": "", "n": 0}
        about |= {"status": row.status, "caveats": "; ".join(row.caveats), "setting": board.setting}
        for column in board.columns:
            score = row.scores.get(column.key)
            values = {"mean": score.mean, "sd": score.sd, "n": score.n} if score is not None else {}
            result.append({**about, "metric": column.key, "unit": column.unit, "better": column.better, **values})
        result += [] if board.columns else [about]
    return result


def tree(board: Leaderboard) -> dict[str, Any]:
    """The board as JSON: columns, rows with their scores (under the key `figures`) by column, seeds by status, notes."""
    parts = ("suite", "title", "dataset", "budget", "device_type", "likelihood")
    columns = [
        {"name": c.key, "metric": c.metric, "unit": c.unit, "better": c.better, "side_by_side": c.side_by_side}
        for c in board.columns
    ]
    about = {part: getattr(board, part) for part in parts}
    return {**about, "columns": columns, "rows": [_row_tree(row) for row in board.rows], "notes": board.notes}


def _row_tree(row: Row) -> dict[str, Any]:
    parts = ("name", "label", "method", "options", "status", "labels", "reference")
    return {
        **{part: getattr(row, part) for part in parts},
        "seeds": [{"seed": cell.seed, "cell": cell.cell, "status": cell.status} for cell in row.cells],
        "figures": {key: {**vars(score), "best": key in row.best} for key, score in row.scores.items()},
        "unavailable": sorted(row.unavailable),
        "caveats": row.caveats,
    }


def cells_csv(cells: Sequence[Any]) -> str:
    """One line a cell: CELL, caveats and likelihoods but Bernoulli where there are any, metrics, then `timing_*`, `version_*`, `device`.

    What a record lacks is empty.
    """
    groups: list[dict[str, None]] = [dict.fromkeys(CELL), {}, {}, {}, {"device": None}]
    flat = []
    for cell in cells:
        caveats = "; ".join(cell_caveats(cell))
        parts: list[dict[str, Any]] = [
            {name: getattr(cell, name) for name in CELL},
            cell.metrics,
            {f"timing_{name}": value for name, value in cell.timings.items()},
            {f"version_{name}": version for name, version in (cell.environment.get("versions") or {}).items()},
            {"device": cell.environment.get("device", "")},
        ]
        parts[0] |= {"caveats": caveats} if caveats else {}
        parts[0] |= {} if cell.likelihood == BERNOULLI else {"likelihood": cell.likelihood}
        for names, part in zip(groups, parts, strict=True):
            names |= dict.fromkeys(part)
        flat.append({name: value for part in parts for name, value in part.items()})
    return csv(flat, [name for names in groups for name in names] if flat else CELL)
