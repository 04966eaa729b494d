"""From records on disk to leaderboards: tables, published scores beside them, raw lines. Never torch or mlflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.runtime.errors import UsageError


def show(
    results: Path,
    suite: str | None,
    format: str,
    against_published: bool,
    per_cell: bool,
    everything: bool,
    width: int,
    color: bool,
    columns: Sequence[str] = (),
) -> str:
    """The text of `python -m bench leaderboard`, in format table, markdown, csv, latex or json.

    width: characters a line of the format `table` may have. color: best scores bold through ANSI, else marked `*`.
    per_cell: raw records, one csv line a cell. everything: also records that the suite's latest plan does not hold.
    columns: only these metrics, in this order; all where empty.
    Raises UsageError (one line) for a missing results folder, no records, an unknown suite, format or column.
    """
    from leaderboards import formats, published, render, table

    if format not in formats.FORMATS:
        raise UsageError(f"format {format!r} is not known; choose one of {', '.join(formats.FORMATS)}")
    if per_cell and against_published:
        raise UsageError("one line a cell or scores against published: ask for one of them")
    if per_cell and format != "csv":
        raise UsageError(f"one line a cell is written as csv only, not as {format}: add --format csv")
    boards = table.collect(Path(results), suite, everything)
    if columns:
        boards = table.pick_columns(boards, columns)
    if per_cell:
        cells = [cell for board in boards for row in board.rows for cell in row.cells]
        order = ("suite", "dataset", "label", "seed", "cell")
        return render.cells_csv(sorted(cells, key=lambda cell: [getattr(cell, part) for part in order]))
    lines: list[dict[str, Any]]
    if against_published:
        compared = [(board, published.against(board)) for board in boards]
        lines = [line for board, found in compared for line in published.lines(board, found)]
        sheets, columns, tree = [published.to_sheet(*one) for one in compared], published.LINE, lines
    else:
        lines = [line for board in boards for line in render.lines(board)]
        sheets, columns, tree = (
            [render.to_sheet(one) for one in boards],
            render.LINE,
            [render.tree(one) for one in boards],
        )
    if format == "csv":
        return formats.csv(lines, columns)
    return formats.as_json(tree) if format == "json" else formats.sheets(sheets, format, width, color)
