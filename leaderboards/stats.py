"""Statistics over seeds: mean, spread, intervals, ties, and how many digits of them mean something."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True)
class Summary:
    """One figure of one row.

    mean, sd: over n seeds, in the metric's unit; sd has ddof=1 and is None with one seed.
    interval: 95 %, over seeds (t) with two or more, over test items (the record's bootstrap) with one; None: unknown.
    """

    mean: float
    sd: float | None
    n: int
    interval: tuple[float, float] | None = None


def mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def deviation(values: Sequence[float]) -> float | None:
    """Standard deviation with ddof=1, in the values' unit; None with fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def seed_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % t interval of the mean over seeds; None with fewer than two values."""
    sd = deviation(values)
    if sd is None:
        return None
    half = float(stdtrit(len(values) - 1, 0.975)) * sd / math.sqrt(len(values))
    return mean(values) - half, mean(values) + half


def summarise(values: Sequence[float | None], bootstrap: Sequence[float] | None = None) -> Summary | None:
    """The summary over seeds, or None where any seed has no value: an average is never taken over holes.

    bootstrap: (low, high) over test items; used with a single seed only, as it says nothing of the spread over seeds.
    """
    present = [value for value in values if value is not None]
    if not present or len(present) < len(values):
        return None
    interval = seed_interval(present)
    if interval is None and bootstrap is not None and len(bootstrap) == 2:
        interval = (float(bootstrap[0]), float(bootstrap[1]))
    return Summary(mean(present), deviation(present), len(present), interval)


def ties(figures: Mapping[int, Summary], better: str) -> set[int]:
    """Keys of the best figure and of all that can't be told from it; none for one figure or a metric without direction.

    Two figures tie where their 95 % intervals overlap, or where they read the same in print.
    """
    if len(figures) < 2 or better not in ("lower", "higher"):
        return set()
    sign = 1 if better == "lower" else -1
    best = min(figures.values(), key=lambda figure: sign * figure.mean)
    return {key for key, figure in figures.items() if _overlap(figure, best) or printed(figure) == printed(best)}


def _overlap(one: Summary, other: Summary) -> bool:
    low, high = one.interval or (one.mean, one.mean)
    other_low, other_high = other.interval or (other.mean, other.mean)
    return low <= other_high and other_low <= high


def printed(figure: Summary, digits: int = 4) -> str:
    """`mean ± sd` to two significant digits of the spread; with one seed the mean to `digits` significant digits."""
    size = max(abs(figure.mean), figure.sd or 0.0)
    if size and not 1e-4 <= size < 1e9:
        return f"{figure.mean:.3g}" + ("" if figure.sd is None else f" ± {figure.sd:.2g}")
    places = _places(figure.mean, figure.sd, digits)
    text = fixed(figure.mean, places)
    return text if figure.sd is None else f"{text} ± {fixed(figure.sd, places)}"


def fixed(value: float, places: int) -> str:
    """The value to so many decimal places, without a minus before zero."""
    return f"{round(value, places) + 0.0:.{places}f}"


def _places(value: float, sd: float | None, digits: int) -> int:
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    if not sd or sd < 1e-9 * abs(value):
        return max(0, digits - 1 - magnitude)
    # A tiny spread must not print digits by the dozen: six significant ones of the mean at most.
    return max(0, min(1 - math.floor(math.log10(sd)), 5 - magnitude if value else 12))
