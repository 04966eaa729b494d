"""Bootstrap intervals against scipy's, and means by group."""

import numpy as np
import pytest
import torch
from scipy import stats

from bench.scoring.intervals import bootstrap, by_group

SAMPLES = {
    "normal": np.random.default_rng(0).normal(80, 5, 400),
    "skewed": np.random.default_rng(1).exponential(3, 200),
    "hits": (np.random.default_rng(2).random(300) < 0.9).astype(float),
    "far from zero": 1e7 + np.random.default_rng(3).normal(0, 1, 250),
}


@pytest.mark.parametrize("values", SAMPLES.values(), ids=SAMPLES)
def test_the_interval_is_that_of_scipy(values: np.ndarray) -> None:
    reference = stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=0)
    low, high = bootstrap(torch.from_numpy(values))
    wide = reference.confidence_interval.high - reference.confidence_interval.low
    assert low == pytest.approx(reference.confidence_interval.low, abs=0.1 * wide)
    assert high == pytest.approx(reference.confidence_interval.high, abs=0.1 * wide)


def test_the_interval_is_the_same_every_time_and_moves_with_its_values() -> None:
    values = torch.rand(50)
    assert bootstrap(values) == bootstrap(values.clone())
    low, high = bootstrap(values)
    assert bootstrap(2 * values + 1) == pytest.approx((2 * low + 1, 2 * high + 1), rel=1e-4)


@pytest.mark.parametrize("count", [1, 10])
def test_where_all_is_equal_the_interval_is_a_point(count: int) -> None:
    assert bootstrap(torch.full((count,), 3.25)) == (3.25, 3.25)


def test_by_group_is_a_mean_or_none() -> None:
    values, groups = torch.tensor([1.0, 2, 3, 6]), torch.tensor([0, 2, 0, 2])
    assert by_group(values, groups, 4) == [2.0, None, 4.0, None]
