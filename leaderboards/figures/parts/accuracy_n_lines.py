"""Neutral accuracy of ReGene's generations by n, read from the records of a suite's latest plan: what accuracy-n draws."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.runtime.errors import UsageError
from leaderboards.figures.base import Request
from leaderboards.figures.parts.cells import (
    OverSeeds,
    by_label,
    cells_of,
    lacking,
    lacks,
    left_out,
    line_of,
    of_dataset,
)

METHOD = "regene"
AFTER, BEFORE = "neutral_accuracy", "neutral_accuracy_unfiltered"
STAGES = {AFTER: "after", BEFORE: "before"}
"""Metric to where it is taken: before or after the filter."""


@dataclass(frozen=True)
class Point:
    """A row. figures: accuracy by metric of STAGES, called as messages call the row; without those that no seed has."""

    label: str
    n: int
    figures: dict[str, OverSeeds]


@dataclass(frozen=True)
class Line:
    """Rows of one data set that differ in n alone, ascending."""

    name: str
    dataset: str
    points: list[Point]

    def of(self, metric: str) -> dict[int, OverSeeds]:
        """Accuracy by n."""
        return {point.n: point.figures[metric] for point in self.points if metric in point.figures}


def lines(request: Request) -> tuple[list[Line], list[str]]:
    """The lines asked for, or of all rows, and what is to be said of those left out. Raises UsageError where there is nothing to draw."""
    cells = of_dataset(cells_of(request, METHOD), request.dataset)
    several = len({cell.dataset for cell in cells}) > 1
    rows: dict[tuple[str, str], list[Any]] = {}
    for own in by_label(cells, request.rows, "n").values():
        for cell in own:
            rows.setdefault((cell.dataset, cell.label), []).append(cell)
    without: dict[str, str] = {}
    groups: dict[str, Line] = {}
    for (dataset, label), own in rows.items():
        said = f"{label} on {dataset}" if several else label
        point = _point(own, said)
        if isinstance(point, str):
            without[said] = point
            continue
        line = groups.setdefault(_kind(own[0]), Line(line_of(own[0], "n"), dataset, []))
        twin = next((one for one in line.points if one.n == point.n), None)
        if twin is None:
            line.points.append(point)
        else:
            without[said] = f"{twin.label} has the same options"
    found = [replace(line, points=sorted(line.points, key=lambda one: one.n)) for line in groups.values()]
    if request.rows is None:
        alone = [line.points[0].figures[AFTER].label for line in found if len(line.points) == 1]
        without |= dict.fromkeys(alone, "the only row of its line")
        found = [line for line in found if len(line.points) > 1]
    if not any(len(line.points) > 1 for line in found):
        why = "; ".join(["no line of rows has two n", *left_out(without)])
        raise UsageError(f"suite {request.suite!r}: nothing to draw: {why}")
    return _named(found), [*left_out(without), *_notes(found)]


def _kind(cell: Any) -> str:
    """The data set and all options but n: what the rows of a line share."""
    options = {name: value for name, value in cell.options.items() if name != "n"}
    return json.dumps([cell.dataset, options], sort_keys=True)


def _point(cells: Sequence[Any], said: str) -> Point | str:
    """A row's accuracies over the seeds that have them, or why it is no point."""
    if cells[0].options.get("weights") is not None:
        return "its weights are given, not 1/n"
    figures = {metric: _over_seeds(cells, metric, said) for metric in STAGES}
    if not figures[AFTER].by_seed:
        return ", ".join(dict.fromkeys(figures[AFTER].holes.values()))
    return Point(cells[0].label, cells[0].options["n"], {metric: one for metric, one in figures.items() if one.by_seed})


def _over_seeds(cells: Sequence[Any], metric: str, said: str) -> OverSeeds:
    ordered = sorted(cells, key=lambda one: one.seed)
    by_seed = {cell.seed: cell.metrics[metric] for cell in ordered if not lacks(cell, metric)}
    return OverSeeds(said, by_seed, {cell.seed: lacks(cell, metric) for cell in ordered if cell.seed not in by_seed})


def _named(found: Sequence[Line]) -> list[Line]:
    """Lines called by their data set; with their rows' name where it has several, the first row's where that is no one's own."""
    names = [line.dataset for line in found]
    for longer in ([f"{line.dataset}, {line.name}" for line in found], [_first(line) for line in found]):
        count = Counter(names)
        names = [name if count[name] == 1 else more for name, more in zip(names, longer, strict=True)]
    return [replace(line, name=name) for line, name in zip(found, names, strict=True)]


def _first(line: Line) -> str:
    return f"{line.dataset}, {line.points[0].label}"


def _notes(found: Sequence[Line]) -> list[str]:
    """Seeds that lack, and rows without a figure from before the filter."""
    points = [point for line in found for point in line.points]
    unknown = [point.figures[AFTER].label for point in points if BEFORE not in point.figures]
    said = lacking([figure for point in points for figure in point.figures.values()])
    return [*said, *([f"nothing from before the filter: {', '.join(unknown)} (no {BEFORE})"] if unknown else [])]
