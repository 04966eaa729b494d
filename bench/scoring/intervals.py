"""Bootstrap intervals over test items, kept apart from the spread over seeds."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
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


def by_group(values: Tensor, groups: Tensor, count: int) -> list[float | None]:
    """Mean of values (N,) in each of `count` groups (N,) int64; None for a group without items."""
    values, groups = values.cpu().double(), groups.cpu()
    return [values[groups == k].mean().item() if bool((groups == k).any()) else None for k in range(count)]
