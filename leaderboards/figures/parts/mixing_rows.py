"""Accuracy and distance of mixtures by alpha, read from the cells of a suite's latest plan: what mixing draws."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.records.cells import cells_folder
from bench.runtime.errors import UsageError
from leaderboards.figures.base import Request
from leaderboards.figures.parts.cells import (
    OverSeeds,
    by_label,
    cells_of,
    lacking,
    left_out,
    of_one_dataset,
)
from leaderboards.frame import read

FILE = "mixing.csv"
ACCURACY, FD, FID = "neutral_accuracy", "fd_neutral", "fid"
HEADER = ["alpha", ACCURACY, FD, FID]
ALPHAS = [step / 10 for step in range(11)]
"""Shares of the reconstruction, ascending."""

Table = dict[str, list[float]]
"""A file's figures by column, each by ALPHAS; without FID where the file has none."""


@dataclass(frozen=True)
class Row:
    """A suite's row. by_seed: seed to its table. holes: planned seed to why it has none."""

    label: str
    dataset: str
    by_seed: dict[int, Table]
    holes: dict[int, str]

    def has(self, metric: str) -> bool:
        """Whether every seed has this column."""
        return all(metric in table for table in self.by_seed.values())

    def of(self, metric: str) -> dict[float, OverSeeds]:
        """The column's figures by alpha."""
        return {
            alpha: OverSeeds(self.label, {seed: one[metric][at] for seed, one in self.by_seed.items()}, self.holes)
            for at, alpha in enumerate(ALPHAS)
        }


def rows(request: Request) -> tuple[list[Row], list[str]]:
    """The rows asked for, or all that have the file, and what is to be said of the others.

    Unasked, the suite's reference rows are left out, since a floor would flatten the others, and rows of the same figures, as of one
    trained decoder, are drawn once. Raises UsageError, by the row's name, where one that is asked for lacks the file or one is broken,
    and where there is nothing to draw.
    """
    cells = of_one_dataset(cells_of(request), request.dataset)
    every = [_row(own, request.results) for own in by_label(cells, request.rows).values()]
    found = [row for row in every if row.by_seed]
    without = {row.label: ", ".join(dict.fromkeys(row.holes.values())) for row in every if not row.by_seed}
    ask = "set evaluation.mixing = true in the suite and run it again"
    if request.rows is not None and without:
        label, why = next(iter(without.items()))
        raise UsageError(f"row {label}: {why}: {ask}, or choose others with --rows")
    if not found:
        raise UsageError(f"suite {request.suite!r}: nothing to draw: {'; '.join(left_out(without))}: {ask}")
    alike = _alike(found)
    if request.rows is None:
        (frame,), _ = read(request.results, request.suite)
        aside = set(frame.plan.reference_rows)
        kept = [row for row in found if row.label not in aside] or found
        without |= {row.label: "a reference row" for row in found if row not in kept}
        alike = _alike(kept)
        found = [own[0] for own in alike]
    said = [f"the same figures, one line: {', '.join(row.label for row in own)}" for own in alike if own[1:]]
    return found, [*left_out(without), *said, *lacking([row.of(ACCURACY)[0.0] for row in found])]


def distance(found: Sequence[Row]) -> tuple[str, list[str]]:
    """FID where every row has it, else the neutral classifier's Fréchet distance, and then which rows have no FID."""
    lack = [row.label for row in found if not row.has(FID)]
    if not lack:
        return FID, []
    which = "no row has it" if len(lack) == len(found) else f"{', '.join(lack)} without it"
    return FD, [f"FID is not drawn ({which}): the Fréchet distance is in features of the neutral classifier"]


def _alike(found: Sequence[Row]) -> list[list[Row]]:
    """Rows of the same figures together."""
    together: list[list[Row]] = []
    for row in found:
        own = next((own for own in together if own[0].by_seed == row.by_seed), None)
        if own is None:
            together.append([row])
        else:
            own.append(row)
    return together


def _row(cells: Sequence[Any], results: Path) -> Row:
    """A row of the seeds that have the file. Raises UsageError where one is broken."""
    by_seed: dict[int, Table] = {}
    holes: dict[int, str] = {}
    for cell in sorted(cells, key=lambda one: one.seed):
        path = cells_folder(results) / cell.cell / FILE
        if cell.status != "ok":
            holes[cell.seed] = cell.status
        elif not path.is_file():
            holes[cell.seed] = f"no {FILE}"
        else:
            by_seed[cell.seed] = _read(path, f"row {cell.label}, seed {cell.seed}")
    return Row(cells[0].label, cells[0].dataset, by_seed, holes)


def _read(path: Path, name: str) -> Table:
    """Raises UsageError, by the row's name, where the file is not a whole table of mixtures."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _checked(list(csv.reader(file)))
    except (ValueError, csv.Error) as problem:
        again = "run the suite again with --force, or choose others with --rows"
        raise UsageError(f"{name}: {path} is not a table of mixtures ({problem}): {again}") from None


def _checked(lines: Sequence[Sequence[str]]) -> Table:
    """Raises ValueError for what is wrong first."""
    if not lines or list(lines[0]) != HEADER:
        raise ValueError(f"its header is {','.join(lines[0]) if lines else 'not there'}, not {','.join(HEADER)}")
    if any(len(line) != len(HEADER) for line in lines):
        raise ValueError(f"not every line has {len(HEADER)} values")
    columns = dict(zip(HEADER, zip(*lines[1:], strict=True), strict=False))
    table = {name: [float(text) for text in texts] for name, texts in columns.items() if name != FID or any(texts)}
    if [round(alpha, 6) for alpha in table.pop("alpha", [])] != ALPHAS:
        raise ValueError("alpha is not 0, 0.1 ... 1")
    for name, values in table.items():
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{name} is not finite throughout")
    if not all(0 <= value <= 1 for value in table[ACCURACY]):
        raise ValueError(f"{ACCURACY} is not from 0 to 1 throughout")
    return table
