"""What the figures of papers share in reading: a suite's latest plan, its cells by row, and figures over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.runtime.errors import UsageError, nearest
from leaderboards.figures.base import Request
from leaderboards.frame import groups, read


@dataclass(frozen=True)
class OverSeeds:
    """A row's figure. by_seed: seed to its value. holes: planned seed to why it has none."""

    label: str
    by_seed: dict[int, float]
    holes: dict[int, str]

    def mean(self) -> float:
        """Over the seeds that it has."""
        return float(np.mean(list(self.by_seed.values())))

    def deviation(self) -> float | None:
        """Standard deviation over seeds; None with one seed."""
        return float(np.std(list(self.by_seed.values()), ddof=1)) if len(self.by_seed) > 1 else None

    def spread(self) -> float:
        """Its deviation to be drawn: NaN with one seed."""
        deviation = self.deviation()
        return math.nan if deviation is None else deviation


def cells_of(request: Request, method: str | None = None) -> list[Any]:
    """The frame's lines of the suite's latest plan, all or a method's. Raises UsageError where there are none."""
    (frame,), _ = read(request.results, request.suite)
    planned = frame.cells[frame.cells.planned] if len(frame.cells) else frame.cells
    cells = [cell for cell in planned.itertuples(index=False) if method in (None, cell.method)]
    if not cells:
        which = f" of method {method}" if method else " in a plan"
        raise UsageError(f"suite {request.suite!r} in {request.results} has no rows{which}: there is nothing to draw")
    return cells


def lacks(cell: Any, metric: str) -> str:
    """Why a cell gives no score of this metric; empty where it gives one."""
    if cell.status != "ok":
        return str(cell.status)
    return "" if metric in cell.metrics else f"no {metric}"


def of_dataset(cells: Sequence[Any], wanted: str | None) -> list[Any]:
    """Cells of the data set named; all where none is. Raises UsageError for one that the suite has not."""
    known = list(dict.fromkeys(cell.dataset for cell in cells))
    if wanted is not None and wanted not in known:
        raise UsageError("--dataset: " + nearest(wanted, known, "data set of the suite"))
    return [cell for cell in cells if wanted in (None, cell.dataset)]


def of_one_dataset(cells: Sequence[Any], wanted: str | None) -> list[Any]:
    """Cells of the data set named, or of the only one. Raises UsageError where the suite has several and none is named."""
    known = list(dict.fromkeys(cell.dataset for cell in cells))
    if wanted is None and len(known) > 1:
        raise UsageError(f"the suite has several data sets: choose one with --dataset: {', '.join(known)}")
    return of_dataset(cells, wanted)


def by_label(cells: Sequence[Any], wanted: Sequence[str] | None, option: str | None = None) -> dict[str, list[Any]]:
    """Cells by row; only rows in `wanted`, named by their label or, of rows along an option, their line's. Raises UsageError for others."""
    rows: dict[str, list[Any]] = {}
    for cell in cells:
        rows.setdefault(cell.label, []).append(cell)
    names = {label: {label, line_of(own[0], option) if option else label} for label, own in rows.items()}
    for name in wanted or ():
        if not any(name in own for own in names.values()):
            what = "row or line of the suite" if option else "row of the suite"
            raise UsageError("--rows: " + nearest(name, set().union(*names.values()), what))
    return {label: own for label, own in rows.items() if wanted is None or not names[label].isdisjoint(wanted)}


def line_of(cell: Any, option: str) -> str:
    """`tvae-tps` of the row `tvae-tps-12` of 12 latents; of a sweep of two options, `vae-100` of `vae-2-100`."""
    value = f"-{cell.options.get(option)}"
    if cell.label.endswith(value):
        return cell.label.removesuffix(value)
    return cell.label.replace(f"{value}-", "-", 1)


def differing(options: Sequence[dict[str, Any]]) -> list[str]:
    """Names of the options that are not the same in all."""
    names = sorted(set().union(*options))
    return [name for name in names if any(own.get(name) != options[0].get(name) for own in options)]


def left_out(reasons: dict[str, str]) -> list[str]:
    """One line, rows of one reason together; none where nothing is left out."""
    said = [f"{', '.join(labels)} ({why})" for why, labels in groups(list(reasons.items())).items()]
    return [f"left out: {'; '.join(said)}"] if said else []


def lacking(rows: Sequence[OverSeeds]) -> list[str]:
    """One line, `... vae-20, vae-30 without seed 2 (killed)`, rows that lack the same together; none where each row has every seed."""
    seeds = sorted({seed for row in rows for seed in (*row.by_seed, *row.holes)})
    missing: list[tuple[str, str]] = []
    for row in rows:
        lacks = [f"{seed} ({row.holes.get(seed, 'not planned')})" for seed in seeds if seed not in row.by_seed]
        if lacks:
            missing.append((row.label, f"seed{'s' if len(lacks) > 1 else ''} {', '.join(lacks)}"))
    said = [f"{', '.join(labels)} without {which}" for which, labels in groups(missing).items()]
    return [f"means over the seeds that there are: {'; '.join(said)}"] if said else []
