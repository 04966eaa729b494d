"""Simple's grid, read from the records of a suite's latest plan: what the accuracy-cosine figure draws."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.records.cells import cells_folder
from bench.runtime.errors import UsageError, nearest
from leaderboards.figures.base import Request
from leaderboards.figures.parts.cells import cells_of, of_one_dataset

METHOD = "latent-generator"
# As methods/latent_generator.py has them, in the order of theta / sqrt(n), through which alone they act.
GRID = sorted(
    ((step / 10, n) for step in range(11) for n in (1, 2, 3, 5)),
    key=lambda point: (point[0] / math.sqrt(point[1]), *point),
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """A row's grid: cosine and accuracy (seeds, points), points in the order of GRID."""

    label: str
    dataset: str
    vae: str
    latent: int
    seeds: list[int]
    cosine: Array
    accuracy: Array

    def means(self) -> tuple[Array, Array]:
        """Cosine and accuracy of each point, over seeds."""
        return self.cosine.mean(0), self.accuracy.mean(0)

    def deviations(self) -> tuple[Array, Array] | None:
        """Standard deviations over seeds; None with one seed."""
        return (self.cosine.std(0, ddof=1), self.accuracy.std(0, ddof=1)) if len(self.seeds) > 1 else None

    def front(self) -> NDArray[np.bool_]:
        """Which points are on the Pareto front, over seeds."""
        return pareto(*self.means())

    def at(self, cosine: float) -> list[float | None]:
        """Each seed's accuracy at this cosine; None where its curve does not reach it."""
        return [accuracy_at(cosine, *curve) for curve in zip(self.cosine, self.accuracy, strict=True)]


def pareto(cosine: Array, accuracy: Array) -> NDArray[np.bool_]:
    """Points than which no other has as low a cosine and as high an accuracy, one of the two better. Equal points are on it together."""
    on_front = np.zeros(len(cosine), dtype=bool)
    best = (math.inf, -math.inf)
    for i in np.lexsort((-accuracy, cosine)):
        if accuracy[i] > best[1] or (cosine[i], accuracy[i]) == best:
            on_front[i] = True
            best = (cosine[i], accuracy[i])
    return on_front


def accuracy_at(at: float, cosine: Array, accuracy: Array) -> float | None:
    """Accuracy as a function of cosine, straight between neighbours; points of one cosine count as their mean. None out of range."""
    known, where, count = np.unique(cosine, return_inverse=True, return_counts=True)
    if not known[0] <= at <= known[-1]:
        return None
    return float(np.interp(at, known, np.bincount(where.reshape(-1), accuracy) / count))


def rows(request: Request) -> list[Row]:
    """The rows asked for, or the figure's own choice. Raises UsageError for what is not there or not whole."""
    cells = of_one_dataset(cells_of(request, METHOD), request.dataset)
    options = {cell.label: cell.options for cell in cells}
    for label in request.rows or ():
        if label not in options:
            raise UsageError("--rows: " + nearest(label, options, f"{METHOD} row of suite {request.suite!r}"))
    labels = request.rows or _chosen(options)
    if not labels:
        raise UsageError(
            f"suite {request.suite!r} has no row of generator simple that searches its theta: choose with --rows"
        )
    return [_row([cell for cell in cells if cell.label == label], request.results) for label in labels]


def _chosen(options: dict[str, dict[str, Any]]) -> list[str]:
    """Simple's rows of the most latents of which there are rows of both VAEs; where there are none, all of Simple's rows."""
    simple = {label: own for label, own in options.items() if own["generator"] == "simple" and own["theta"] is None}
    vaes: dict[int, set[str]] = {}
    for own in simple.values():
        vaes.setdefault(own["latent"], set()).add(own["vae"])
    both = [latent for latent, found in vaes.items() if len(found) > 1]
    return [label for label, own in simple.items() if not both or own["latent"] == max(both)]


def _row(cells: Sequence[Any], results: Path) -> Row:
    first = cells[0]
    if first.options["theta"] is not None:
        raise UsageError(
            f"row {first.label}: its theta is given, not searched: it has no grid; choose others with --rows"
        )
    curves = []
    for cell in cells:
        if cell.status != "ok":
            raise UsageError(
                f"row {cell.label}: its record of seed {cell.seed} is {cell.status}: run the suite again, or choose others with --rows"
            )
        curves.append(_read(cells_folder(results) / cell.cell / "trials.csv", f"row {cell.label}, seed {cell.seed}"))
    grids = np.array(curves)
    vae, latent, seeds = first.options["vae"], first.options["latent"], [cell.seed for cell in cells]
    return Row(first.label, first.dataset, vae, latent, seeds, grids[..., 0], grids[..., 1])


def _read(path: Path, name: str) -> list[tuple[float, float]]:
    """(cosine, accuracy) of each point of GRID. Raises UsageError, by the row's name, where the file lacks one."""
    again = "run the suite again with --force, or choose others with --rows"
    if not path.is_file():
        raise UsageError(f"{name}: no {path}: {again}")
    found: dict[tuple[float, int], tuple[float, float]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                if line["study"] != "simple":
                    continue
                figures = (float(line["cosine"] or "nan"), float(line["accuracy"] or "nan"))
                if line["state"] == "complete" and all(map(math.isfinite, figures)):
                    found[round(float(line["theta"]), 9), int(line["n"])] = figures
    except (KeyError, ValueError, TypeError, csv.Error) as problem:
        raise UsageError(
            f"{name}: {path} is not a search's table ({type(problem).__name__}: {problem}): {again}"
        ) from None
    whole = sum(point in found for point in GRID)
    if whole < len(GRID):
        raise UsageError(f"{name}: {path} has {whole} complete points of Simple's {len(GRID)}: {again}")
    return [found[point] for point in GRID]
