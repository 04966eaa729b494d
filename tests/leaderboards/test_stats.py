"""Statistics over seeds agree with numpy and scipy, refuse holes, and tie what can't be told apart."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from leaderboards.stats import Summary, printed, summarise, ties

values = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8)


@given(values)
def test_mean_and_deviation_are_numpys_and_the_interval_scipys(sample: list[float]) -> None:
    figure = summarise(sample)
    assert figure is not None
    assert figure.mean == pytest.approx(np.mean(sample))
    assert figure.sd == pytest.approx(np.std(sample, ddof=1))
    scale = scipy.stats.sem(sample)
    if scale > 1e-9:
        expected = scipy.stats.t.interval(0.95, len(sample) - 1, loc=np.mean(sample), scale=scale)
        assert figure.interval == pytest.approx(expected)


@given(values, st.integers(0, 7))
def test_a_hole_is_never_averaged(sample: list[float], place: int) -> None:
    holed: list[float | None] = [*sample]
    holed[place % len(sample)] = None
    assert summarise(holed) is None


def test_one_seed_has_no_spread_and_the_bootstrap_interval_counts_there_alone() -> None:
    assert summarise([1.0], [0.5, 1.5]) == Summary(1.0, None, 1, (0.5, 1.5))
    assert summarise([1.0, 2.0], [0.5, 1.5]) == summarise([1.0, 2.0])


@pytest.mark.parametrize(
    ("better", "expected"), [("lower", {0, 1}), ("higher", {2}), ("none", set())], ids=["lower", "higher", "none"]
)
def test_overlapping_intervals_tie(better: str, expected: set[int]) -> None:
    figures = {
        0: Summary(1.0, None, 1, (0.9, 1.1)),
        1: Summary(1.15, None, 1, (1.05, 1.2)),
        2: Summary(3.0, None, 1, (2.9, 3.1)),
    }
    assert ties(figures, better) == expected


def test_without_intervals_equal_print_ties() -> None:
    figures = {0: Summary(80.97, None, 1), 1: Summary(80.971, None, 1), 2: Summary(80.99, None, 1)}
    assert ties(figures, "lower") == {0, 1}


def test_one_row_alone_is_not_best() -> None:
    assert ties({0: Summary(1.0, None, 1)}, "lower") == set()


@given(values.map(summarise))
def test_the_best_mean_is_always_among_the_ties(figure: Summary) -> None:
    other = Summary(figure.mean + 1, 0.0, 2, (figure.mean + 1, figure.mean + 1))
    assert 0 in ties({0: figure, 1: other}, "lower")
    assert 1 in ties({0: figure, 1: other}, "higher")


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (Summary(80.9712, 0.1234, 3), "80.97 ± 0.12"),
        (Summary(0.91912, 0.00121, 3), "0.9191 ± 0.0012"),
        (Summary(80.9712, None, 1), "80.97"),
        (Summary(14.0, 0.0, 3), "14.00 ± 0.00"),
        (Summary(0.0, None, 1), "0.000"),
        (Summary(1234567.0, None, 1), "1234567"),
        (Summary(0.0000123, None, 1), "1.23e-05"),
        (Summary(5.2, 1234.0, 3), "5 ± 1234"),
        (Summary(-0.001, 1.0, 3), "0.0 ± 1.0"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_print(figure: Summary, expected: str) -> None:
    assert printed(figure) == expected
