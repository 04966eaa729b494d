"""From records on disk to leaderboards: tables, published figures beside them, raw lines. Never torch or mlflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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

    width: characters a line of the format `table` may have. color: best figures bold through ANSI, else marked `*`.
    per_cell: raw records, one csv line a cell. everything: also records that the suite's latest plan does not hold.
    columns: only these metrics, in this order; all where empty.
    Raises UsageError (one line) for a missing results folder, no records, an unknown suite, format or column.
    """
    from leaderboards import published, render, table

    render.check_format(format)
    if per_cell and against_published:
        raise UsageError("one line a cell or figures against published: ask for one of them")
    if per_cell and format != "csv":
        raise UsageError(f"one line a cell is written as csv only, not as {format}: add --format csv")
    boards = table.collect(Path(results), suite, everything)
    if columns:
        boards = table.pick_columns(boards, columns)
    if per_cell:
        records = [record for board in boards for row in board.rows for record in row.records]
        return render.per_cell_csv(
            sorted(records, key=lambda one: (one.suite, one.dataset, one.label, one.seed, one.cell))
        )
    if against_published:
        return render.comparisons([(board, published.against(board)) for board in boards], format, width, color)
    return render.boards(boards, format, width, color)
