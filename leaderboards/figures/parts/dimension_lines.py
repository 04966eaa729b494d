"""Reconstruction error by total latent dimension, read from the records of a suite's latest plan: what reconstruction-dimension draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bench.runtime.errors import UsageError
from leaderboards.figures.base import Request
from leaderboards.figures.parts.cells import (
    OverSeeds,
    by_label,
    cells_of,
    differing,
    lacking,
    lacks,
    left_out,
    line_of,
    of_one_dataset,
)

METRIC = "reconstruction_bce"
UNCODED = "none"
"""The prior of a pose that is a function of the image."""


@dataclass(frozen=True)
class Row(OverSeeds):
    """A suite's row, one point of a line.

    z, u: how many latents, of which u of pose. by_seed: the error in nats an image. transform, pose_prior: as the record's facts name
    them; empty without a pose.
    """

    method: str
    dataset: str
    z: int
    u: int
    options: dict[str, Any]
    transform: str = ""
    pose_prior: str = ""

    @property
    def total(self) -> int:
        return self.z + self.u


@dataclass(frozen=True)
class Line:
    """Rows of one method, transformation and pose prior, each of another total, ascending."""

    name: str
    rows: list[Row]

    @property
    def method(self) -> str:
        return self.rows[0].method

    @property
    def transform(self) -> str:
        return self.rows[0].transform

    @property
    def pose_prior(self) -> str:
        return self.rows[0].pose_prior

    @property
    def pose(self) -> str:
        """How many numbers its pose has: `18`; empty without one."""
        return " or ".join(map(str, sorted({row.u for row in self.rows if row.u})))

    @property
    def uncoded(self) -> bool:
        """Whether its pose is a function of the image, and so costs no KL."""
        return bool(self.pose) and self.pose_prior == UNCODED

    def around(self, total: int) -> tuple[Row, Row] | None:
        """The rows next to a total, below and above: one row twice where it is measured. None out of range."""
        for low, high in pairwise([self.rows[0], *self.rows, self.rows[-1]]):
            if low.total <= total <= high.total:
                exact = next((row for row in (low, high) if row.total == total), None)
                return (exact, exact) if exact else (low, high)
        return None


def lines(request: Request) -> tuple[list[Line], list[str]]:
    """The lines asked for, or of all rows, and what is to be said of those left out. Raises UsageError where there is nothing to draw."""
    cells = of_one_dataset(cells_of(request), request.dataset)
    without = dict[str, str]()
    by_line: dict[str, list[Row]] = {}
    for label, own in by_label(cells, request.rows, "latent").items():
        row = _row(own)
        if isinstance(row, str):
            without[label] = row
        else:
            by_line.setdefault(line_of(own[0], "latent"), []).append(row)
    found = [_line(name, rows, without) for name, rows in by_line.items()]
    if request.rows is None:
        without |= {line.rows[0].label: "the only row of its line" for line in found if len(line.rows) == 1}
        found = [line for line in found if len(line.rows) > 1]
    if not any(len(line.rows) > 1 for line in found):
        why = "; ".join(["no line of rows has two latent dimensions", *left_out(without)])
        raise UsageError(f"suite {request.suite!r}: nothing to draw: {why}")
    return found, [*left_out(without), *_notes(found)]


def _row(cells: Sequence[Any]) -> Row | str:
    """A row of the seeds that have a figure, or why none has."""
    records = {cell.seed: cell for cell in cells if not _lacks(cell)}
    holes = {cell.seed: _lacks(cell) for cell in cells if _lacks(cell)}
    if not records:
        return ", ".join(dict.fromkeys(holes.values()))
    first = next(iter(records.values()))
    z, u = _dimensions(first) or (0, 0)
    by_seed = {seed: records[seed].metrics[METRIC] for seed in sorted(records)}
    pose = first.facts.get("pose", {})
    kind = {"transform": str(pose.get("transform", "")), "pose_prior": str(pose.get("prior", ""))}
    return Row(first.label, by_seed, holes, first.method, first.dataset, z, u, first.options, **kind)


def _lacks(cell: Any) -> str:
    """Why a cell gives no point; empty where it gives one."""
    return lacks(cell, METRIC) or ("" if _dimensions(cell) else "no latent dimension")


def _dimensions(record: Any) -> tuple[int, int] | None:
    """How many latents, of content and of pose."""
    said = record.facts.get("dimensions")
    if said is not None:
        return said["z"], said["u"]
    latent = record.options.get("latent")
    return (latent, 0) if isinstance(latent, int) else None


def _line(name: str, rows: Sequence[Row], without: dict[str, str]) -> Line:
    """One row a total, the suite's first; others go to `without`. Raises UsageError where the rows are of several kinds."""
    by_total: dict[int, Row] = {}
    for row in rows:
        kept = by_total.setdefault(row.total, row)
        if kept is not row:
            other = differing([kept.options, row.options])
            how = f"with other options: {', '.join(other)}" if other else "with the same options"
            without[row.label] = f"{kept.label} has the same total, {row.total}, {how}"
    kinds = {" ".join(filter(None, (row.method, row.transform, row.pose_prior))) for row in by_total.values()}
    if len(kinds) > 1:
        raise UsageError(f"rows {name}-* are of several kinds ({', '.join(sorted(kinds))}): choose with --rows")
    return Line(name, [by_total[total] for total in sorted(by_total)])


def _notes(found: Sequence[Line]) -> list[str]:
    """What a reader of the lines should know: seeds that lack, options that differ along a line, poses at no KL cost."""
    said = lacking([row for line in found for row in line.rows])
    for line in found:
        other = [name for name in differing([row.options for row in line.rows]) if name != "latent"]
        said += [f"{line.name}: its rows differ in more than latent: {', '.join(other)}"] if other else []
        said += [f"{line.name}: u is a function of the image: {no_cost(line)}"] if line.uncoded else []
    return said


def no_cost(line: Line) -> str:
    return f"{line.pose} numbers of pose at no KL cost"
