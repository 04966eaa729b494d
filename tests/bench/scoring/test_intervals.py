"""Bootstrap intervals against scipy's, the jackknife against closed forms and by simulation, and means by group."""

import numpy as np
import pytest
import torch
from scipy import stats

from bench.scoring.intervals import bootstrap, by_group, jackknife
from metrics.base import jackknifed
from metrics.features import FeatureSet, frechet, frechet_without

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


def test_the_jackknife_of_a_mean_is_students_interval() -> None:
    """With tenths of one item each; with larger ones, of the tenths' means."""
    items = torch.from_numpy(SAMPLES["skewed"])
    mean = lambda some: some.mean().item()  # noqa: E731
    few = jackknifed(mean, items[:10])
    assert jackknife(few.value, few.without) == pytest.approx(_student(items[:10].numpy()))
    many = jackknifed(mean, items)
    by_tenth = np.array([10 * many.value - 9 * without for without in many.without])  # 20 items each
    assert jackknife(many.value, many.without) == pytest.approx(_student(by_tenth))


def _student(values: np.ndarray) -> tuple[float, float]:
    low, high = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    return float(low), float(high)


def test_the_jackknife_covers_what_a_score_is_on_average_at_its_size() -> None:
    """The Fréchet distance of 150 new repetitions, whose mean stands for its expectation: biased, and covered all the same."""
    generator = torch.Generator().manual_seed(0)
    values, intervals = [], []
    for _ in range(150):
        first, second = (FeatureSet(torch.randn(120, 3, generator=generator) * scale) for scale in (1.0, 1.5))
        values.append(frechet(first, second))
        intervals.append(jackknife(values[-1], frechet_without(first, second)))
    expected = np.mean(values)
    covered = np.mean([low <= expected <= high for low, high in intervals])
    assert 0.88 <= covered <= 0.99


def test_where_no_leave_out_differs_the_jackknife_is_a_point() -> None:
    assert jackknife(7.0, [7.0] * 10) == (7.0, 7.0)
