"""Paired differences over seeds, and what the steps along a curve say of its trend: for what is claimed of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from leaderboards.figures.parts.cells import OverSeeds
from leaderboards.figures.parts.claims import FAILS, HOLDS
from leaderboards.figures.parts.claims import UNKNOWN as UNTOLD
from leaderboards.stats import interval

UNKNOWN = "not measured"
Way = Literal["falls", "rises"]


@dataclass(frozen=True)
class Difference:
    """A mean difference. interval: 95 %, of paired differences of `seeds` common seeds; None under two of them: then of the means."""

    mean: float
    interval: tuple[float, float] | None
    seeds: int

    def said(self, digits: int) -> str:
        """`+0.12 [+0.02, +0.22]`."""
        ends = "" if self.interval is None else f" [{self.interval[0]:+.{digits}f}, {self.interval[1]:+.{digits}f}]"
        return f"{self.mean:+.{digits}f}{ends}"

    @property
    def sign(self) -> int:
        """1 above 0, -1 below, 0 where the seeds don't tell; without an interval, of the mean."""
        low, high = self.interval or (self.mean, self.mean)
        return (low > 0) - (high < 0)


def paired(differences: Sequence[float], of_means: float) -> Difference:
    """Of each common seed's difference; `of_means` where there are fewer than two."""
    if len(differences) < 2:
        return Difference(of_means, None, len(differences))
    return Difference(float(np.mean(differences)), interval(differences), len(differences))


def between(one: OverSeeds, other: OverSeeds) -> Difference:
    """one - other."""
    common = [value - other.by_seed[seed] for seed, value in one.by_seed.items() if seed in other.by_seed]
    return paired(common, one.mean() - other.mean())


def pairing(differences: Mapping[str, Difference]) -> str:
    """How differences were taken, by where: `paired t, 95 %, 3 seeds`."""
    seeds = sorted({one.seeds for one in differences.values() if one.interval})
    said = [f"paired t, 95 %, {' or '.join(map(str, seeds))} seeds"] if seeds else []
    alone = [place for place, one in differences.items() if not one.interval]
    where = f" at {', '.join(alone)}" if seeds else ""
    said += [f"fewer than 2 common seeds{where}: of the means, no interval"] if alone else []
    return "; ".join(said)


def steps(points: Mapping[Any, OverSeeds]) -> dict[str, Difference]:
    """From each point to the next, and from the first to the last, of two points or more: `2 to 3`, ... `2 to 5`."""
    ends = list(points)
    pairs = dict.fromkeys([*pairwise(ends), (ends[0], ends[-1])])
    return {f"{low:g} to {high:g}": between(points[high], points[low]) for low, high in pairs}


def trend(found: Mapping[str, Difference], way: Way, strict: bool, digits: int) -> str:
    """Whether a curve goes this way from end to end and no step the other way, as far as the seeds tell; found: as `steps` gives it.

    strict: it has to go this way; else it is enough that it is not seen to go the other.
    """
    sign, other = (1, "falls") if way == "rises" else (-1, "rises")
    against = [f"{place} by {abs(one.mean):.{digits}f}" for place, one in found.items() if one.sign == -sign]
    if against:
        return f"{FAILS} ({other} from {', '.join(against)})"
    ends, whole = list(found.items())[-1]
    if whole.sign == sign:
        unclear = [place for place, one in found.items() if one.mean * sign < 0]
        but = f"; {other} from {', '.join(unclear)}, not told apart from level" if unclear else ""
        return f"{HOLDS} ({way} from {ends}{but})"
    if whole.interval is None:
        return f"{FAILS if strict else HOLDS} (the same from {ends})"
    return f"{UNTOLD if strict else HOLDS} (not told apart by {whole.seeds} seeds from {ends})"
