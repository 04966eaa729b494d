"""Reconstruction error by total latent dimension, read from the records of a suite's latest plan: what reconstruction-dimension draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bench._figure_grid import _of_one_dataset, _plan
from bench.figures import Request
from bench.record import Record, find
from bench.suite import Cell, UsageError, nearest

METRIC = "reconstruction_bce"
UNCODED = "none"
"""The prior of a pose that is a function of the image."""


@dataclass(frozen=True)
class Row:
    """A suite's row, one point of a line.

    z, u: how many latents, of which u of pose. by_seed: seed to error, nats an image. holes: planned seed to why it has none.
    transform, pose_prior: as the record's facts name them; empty without a pose.
    """

    label: str
    method: str
    dataset: str
    z: int
    u: int
    by_seed: dict[int, float]
    holes: dict[int, str]
    options: dict[str, Any]
    transform: str = ""
    pose_prior: str = ""

    @property
    def total(self) -> int:
        return self.z + self.u

    def mean(self) -> float:
        """Over the seeds that it has, nats an image."""
        return float(np.mean(list(self.by_seed.values())))

    def deviation(self) -> float | None:
        """Standard deviation over seeds; None with one seed."""
        return float(np.std(list(self.by_seed.values()), ddof=1)) if len(self.by_seed) > 1 else None


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
    cells = _cells(request)
    known = {one.cell: one for one in find(request.results) if isinstance(one, Record)}
    if not any(cell.cell in known for cell in cells):
        raise UsageError(f"suite {request.suite!r} has no records in {request.results}: run the suite first")
    left_out = dict[str, str]()
    by_line: dict[str, list[Row]] = {}
    for label, own in _by_label(cells, request.rows).items():
        row = _row(own, known)
        if isinstance(row, str):
            left_out[label] = row
        else:
            by_line.setdefault(_line_of(own[0]), []).append(row)
    found = [_line(name, rows, left_out) for name, rows in by_line.items()]
    if request.rows is None:
        left_out |= {line.rows[0].label: "the only row of its line" for line in found if len(line.rows) == 1}
        found = [line for line in found if len(line.rows) > 1]
    if not any(len(line.rows) > 1 for line in found):
        why = "; ".join(["no line of rows has two latent dimensions", *_left_out(left_out)])
        raise UsageError(f"suite {request.suite!r}: nothing to draw: {why}")
    return found, [*_left_out(left_out), *_notes(found)]


def _cells(request: Request) -> list[Cell]:
    cells = [Cell(**one) for one in _plan(request).cells]
    if not cells:
        raise UsageError(f"suite {request.suite!r} in {request.results} has no rows: there is nothing to draw")
    return _of_one_dataset(cells, request.dataset)


def _by_label(cells: Sequence[Cell], wanted: Sequence[str] | None) -> dict[str, list[Cell]]:
    """Cells by row; only rows named in `wanted`, by their own label or their line's. Raises UsageError for a name of neither."""
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.label, []).append(cell)
    names = {label: {label, _line_of(own[0])} for label, own in rows.items()}
    for name in wanted or ():
        if not any(name in own for own in names.values()):
            raise UsageError("--rows: " + nearest(name, set().union(*names.values()), "row or line of the suite"))
    return {label: own for label, own in rows.items() if wanted is None or not names[label].isdisjoint(wanted)}


def _line_of(cell: Cell) -> str:
    """`tvae-tps` of the row `tvae-tps-12` of 12 latents; of a sweep of two options, `vae-100` of `vae-2-100`."""
    latent = f"-{cell.options.get('latent')}"
    if cell.label.endswith(latent):
        return cell.label.removesuffix(latent)
    return cell.label.replace(f"{latent}-", "-", 1)


def _row(cells: Sequence[Cell], known: dict[str, Record]) -> Row | str:
    """A row of the seeds that have a figure, or why none has."""
    found = {cell.seed: _usable(known.get(cell.cell)) for cell in cells}
    records = {seed: one for seed, one in found.items() if isinstance(one, Record)}
    holes = {seed: why for seed, why in found.items() if isinstance(why, str)}
    if not records:
        return ", ".join(dict.fromkeys(holes.values()))
    first = next(iter(records.values()))
    z, u = _dimensions(first) or (0, 0)
    by_seed = {seed: records[seed].metrics[METRIC] for seed in sorted(records)}
    pose = first.facts.get("pose", {})
    kind = {"transform": str(pose.get("transform", "")), "pose_prior": str(pose.get("prior", ""))}
    return Row(first.label, first.method, first.dataset, z, u, by_seed, holes, first.options, **kind)


def _usable(record: Record | None) -> Record | str:
    """The record, or why it gives no point."""
    if record is None:
        return "missing"
    if record.status != "ok":
        return record.status
    if METRIC not in record.metrics:
        return f"no {METRIC}"
    return record if _dimensions(record) else "no latent dimension"


def _dimensions(record: Record) -> tuple[int, int] | None:
    """How many latents, of content and of pose."""
    said = record.facts.get("dimensions")
    if said is not None:
        return said["z"], said["u"]
    latent = record.options.get("latent")
    return (latent, 0) if isinstance(latent, int) else None


def _line(name: str, rows: Sequence[Row], left_out: dict[str, str]) -> Line:
    """One row a total, the suite's first; others go to left_out. Raises UsageError where the rows are of several kinds."""
    by_total: dict[int, Row] = {}
    for row in rows:
        kept = by_total.setdefault(row.total, row)
        if kept is not row:
            other = _differing([kept, row])
            how = f"with other options: {', '.join(other)}" if other else "with the same options"
            left_out[row.label] = f"{kept.label} has the same total, {row.total}, {how}"
    kinds = {" ".join(filter(None, (row.method, row.transform, row.pose_prior))) for row in by_total.values()}
    if len(kinds) > 1:
        raise UsageError(f"rows {name}-* are of several kinds ({', '.join(sorted(kinds))}): choose with --rows")
    return Line(name, [by_total[total] for total in sorted(by_total)])


def _differing(rows: Iterable[Row]) -> list[str]:
    """Names of the options that are not the same in all rows."""
    options = [row.options for row in rows]
    names = sorted(set().union(*options))
    return [name for name in names if any(own.get(name) != options[0].get(name) for own in options)]


def _left_out(reasons: dict[str, str]) -> list[str]:
    """One line, rows of one reason together; none where nothing is left out."""
    together: dict[str, list[str]] = {}
    for label, why in reasons.items():
        together.setdefault(why, []).append(label)
    said = [f"{', '.join(labels)} ({why})" for why, labels in together.items()]
    return [f"left out: {'; '.join(said)}"] if said else []


def _notes(found: Sequence[Line]) -> list[str]:
    """What a reader of the lines should know: seeds that lack, options that differ along a line, poses at no KL cost."""
    lacking = _lacking([row for line in found for row in line.rows])
    said = [f"means over the seeds that there are: {lacking}"] if lacking else []
    for line in found:
        other = [name for name in _differing(line.rows) if name != "latent"]
        said += [f"{line.name}: its rows differ in more than latent: {', '.join(other)}"] if other else []
        said += [f"{line.name}: u is a function of the image: {no_cost(line)}"] if line.uncoded else []
    return said


def _lacking(rows: Sequence[Row]) -> str:
    """`vae-20, vae-30 without seed 2 (killed)`, rows that lack the same together; empty where each row has every seed."""
    seeds = sorted({seed for row in rows for seed in (*row.by_seed, *row.holes)})
    together: dict[str, list[str]] = {}
    for row in rows:
        lacks = [f"{seed} ({row.holes.get(seed, 'not planned')})" for seed in seeds if seed not in row.by_seed]
        if lacks:
            together.setdefault(f"seed{'s' if len(lacks) > 1 else ''} {', '.join(lacks)}", []).append(row.label)
    return "; ".join(f"{', '.join(labels)} without {which}" for which, labels in together.items())


def no_cost(line: Line) -> str:
    return f"{line.pose} numbers of pose at no KL cost"
