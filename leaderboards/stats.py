"""Statistics over seeds: mean, spread, intervals, paired differences, ties, and how many digits of them mean something."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit  # scipy.stats takes a second more to load


@dataclass(frozen=True)
class Summary:
    """One score of one row.

    mean, sd: over n seeds, in the metric's unit; sd has ddof=1 and is None with one seed.
    interval: 95 %, over seeds (t) with two or more, over items (the record's own) with one; None: unknown.
    """

    mean: float
    sd: float | None
    n: int
    interval: tuple[float, float] | None = None


def summarise(values: Sequence[float | None], of_items: Sequence[float] | None = None) -> Summary | None:
    """The summary over seeds, or None where any seed has no value: an average is never taken over holes.

    of_items: (low, high) over items; used with a single seed only, as it says nothing of the spread over seeds.
    """
    present = [value for value in values if value is not None]
    count = len(present)
    if not present or count < len(values):
        return None
    mean = float(np.mean(present))
    if count == 1:
        known = of_items is not None and len(of_items) == 2
        return Summary(mean, None, 1, (float(of_items[0]), float(of_items[1])) if of_items and known else None)
    sd = float(np.std(present, ddof=1))
    return Summary(mean, sd, count, interval(present))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's 95 % interval of the mean of two values or more, such as seeds or paired differences. One point where all are equal."""
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stdtrit(len(values) - 1, 0.975)) * sd / math.sqrt(len(values))
    return mean - half, mean + half


@dataclass(frozen=True)
class Difference:
    """A mean difference. interval: 95 %, of paired differences of `seeds` common seeds; None under two of them: then of the means."""

    mean: float
    interval: tuple[float, float] | None
    seeds: int

    @property
    def sign(self) -> int:
        """1 above 0, -1 below, 0 where the seeds don't tell; without an interval, of the mean."""
        low, high = self.interval or (self.mean, self.mean)
        return (low > 0) - (high < 0)

    def text(self, digits: int) -> str:
        """`+0.12 [+0.02, +0.22] (3 seeds)`."""
        if self.interval is None:
            return f"{self.mean:+.{digits}f} (of the means, no interval)"
        low, high = self.interval
        return f"{self.mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}] ({self.seeds} seeds)"


def paired(differences: Iterable[float], of_means: float) -> Difference:
    """Of each common seed's difference, NaN where a seed is not common; `of_means` where there are fewer than two."""
    common = [value for value in differences if not math.isnan(value)]
    if len(common) < 2:
        return Difference(float(of_means), None, len(common))
    return Difference(float(np.mean(common)), interval(common), len(common))


def ties(scores: Mapping[int, Summary], better: str) -> set[int]:
    """Keys of the best score and of all that can't be told from it; none for one score or a metric without direction.

    Two scores tie where their 95 % intervals overlap, or where they read the same in print.
    """
    if len(scores) < 2 or better not in ("lower", "higher"):
        return set()
    sign = 1 if better == "lower" else -1
    best = min(scores.values(), key=lambda score: sign * score.mean)
    return {key for key, score in scores.items() if _overlap(score, best) or printed(score) == printed(best)}


def _overlap(one: Summary, other: Summary) -> bool:
    low, high = one.interval or (one.mean, one.mean)
    other_low, other_high = other.interval or (other.mean, other.mean)
    return low <= other_high and other_low <= high


def printed(score: Summary, digits: int = 4) -> str:
    """`mean ± sd` to two significant digits of the spread; with one seed the mean to `digits` significant digits."""
    size = max(abs(score.mean), score.sd or 0.0)
    if size and not 1e-4 <= size < 1e9:
        return f"{score.mean:.3g}" + ("" if score.sd is None else f" ± {score.sd:.2g}")
    places = _places(score.mean, score.sd, digits)
    # Adding 0.0 takes the minus from -0.0.
    texts = [f"{round(value, places) + 0.0:.{places}f}" for value in (score.mean, score.sd) if value is not None]
    return " ± ".join(texts)


def _places(value: float, sd: float | None, digits: int) -> int:
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    if not sd or sd < 1e-9 * abs(value):
        return max(0, digits - 1 - magnitude)
    # A tiny spread must not print digits by the dozen: six significant ones of the mean at most.
    return max(0, min(1 - math.floor(math.log10(sd)), 5 - magnitude if value else 12))
