"""Intervals over items, by bootstrap of a mean or jackknife of a set, kept apart from the spread over seeds."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from torch import Tensor

RESAMPLES = 1000
LEVEL = 0.95


@cache
def _counts(items: int) -> NDArray[np.float32]:
    """(RESAMPLES, N): how often each item is drawn in each resample. The same for every score over the same items."""
    random = np.random.default_rng(0)
    return np.stack([np.bincount(random.integers(0, items, items), minlength=items) for _ in range(RESAMPLES)]).astype(
        np.float32
    )


def bootstrap(values: Tensor) -> tuple[float, float]:
    """The percentile interval, at 95 %, of the mean of values (N,) under resampling of items."""
    array = values.detach().cpu().double().numpy()
    centre = array.mean()
    means = centre + _counts(len(array)) @ (array - centre).astype(np.float32) / len(array)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def jackknife(value: float, without: Sequence[float]) -> tuple[float, float]:
    """Student's interval, at 95 %, about a score from its values without each of g groups of items of one size.

    Shao & Wu 1989, "A general theory for jackknife variance estimation", and Efron & Stein 1981: the variance is (g - 1)/g times the sum
    of squares of the g values about their mean, with g - 1 degrees of freedom. A bias that all leave-outs share, such as the Fréchet
    distance's, which falls with 1/N, is in the value and not in the spread: the interval is for the score at this number of items.
    Of a mean, with groups of one item, it is the textbook's: s / sqrt(N).
    """
    groups = len(without)
    spread = float(np.var(without))  # over g: times g is the sum of squares
    half = float(stdtrit(groups - 1, (1 + LEVEL) / 2)) * math.sqrt((groups - 1) * spread)
    return value - half, value + half


def by_group(values: Tensor, groups: Tensor, count: int) -> list[float | None]:
    """Mean of values (N,) in each of `count` groups (N,) int64; None for a group without items."""
    values, groups = values.cpu().double(), groups.cpu()
    return [values[groups == k].mean().item() if bool((groups == k).any()) else None for k in range(count)]
