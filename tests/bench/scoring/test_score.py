"""From evidence to figures: which metrics are taken, and what becomes of those that cannot be."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import metrics
from bench.runtime.errors import UsageError
from bench.scoring.evidence import Evidence, MissingCapability
from bench.scoring.intervals import jackknife
from bench.scoring.score import Scores, score
from bench.scoring.selection import choose
from metrics.base import Items, Metric, OfSet, Score, Unavailable, registry

metrics.load()


def _metric(function: Callable[..., Any], *needs: str, **scores: Score) -> Metric:
    name = function.__name__
    return Metric(
        name, function, "a source", "made_up", {need: need for need in needs}, scores or {name: Score("nats", "lower")}
    )


class Given(SimpleNamespace):
    """Evidence of four images: what is not listed here the method cannot give."""

    n_classes = 3
    arguments = Evidence.arguments

    def __getattr__(self, name: str) -> Any:
        raise MissingCapability(name)


def _measure(*chosen: Metric) -> Scores:
    return score(Given(elbo=torch.tensor([1.0, 2, 3, 6]), y_test=torch.tensor([0, 2, 0, 2])), list(chosen))


def test_a_metric_is_chosen_by_its_family_its_name_and_any_of_its_scores() -> None:
    names = {metric.name: {metric.family, metric.name, *metric.scores} for metric in registry.values()}
    for name in set().union(*names.values()):
        assert {metric.name for metric in choose([name])} == {one for one in names if name in names[one]}


def test_all_are_chosen_where_none_is_named_and_an_order_or_a_name_twice_changes_nothing() -> None:
    assert choose([]) == list(registry.values())
    assert choose(["nll_iw", "elbo", "elbo"]) == choose(["elbo", "nll_iw"])


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'nll_wi': did you mean 'nll_iw'"):
        choose(["elbo", "nll_wi"])


def test_a_metric_that_asks_for_other_evidence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry, "mine", _metric(lambda latent_test: 0.0, "latent_test"))
    with pytest.raises(UsageError, match=r"latent_test.*did you mean 'latents_test'"):
        choose([])


def test_items_become_mean_interval_and_classes_beside_a_number() -> None:
    def whole() -> float:
        return 3

    both = _metric(
        lambda elbo, y_test: {"mine": Items(elbo, y_test), "count": 4.0},
        "elbo",
        "y_test",
        mine=Score("nats", "higher"),
        count=Score("", "none"),
    )
    found = _measure(both, _metric(whole))
    assert found.metrics == {"mine": 3.0, "count": 4.0, "whole": 3.0}
    low, high = found.intervals["mine"]
    assert 1 <= low < 3 < high <= 6
    assert set(found.intervals) == {"mine"}
    assert found.by_class == {"mine": [2.0, None, 4.0]}
    stated = {"unit": "nats", "better": "higher", "source": "a source", "family": "made_up"}
    assert found.definitions == {
        "mine": stated | {"items": "test images", "interval": "bootstrap over test images"},
        "count": stated | {"unit": "", "better": "none"},
        "whole": stated | {"better": "lower"},
    }
    assert found.items.keys() == {"mine"}
    assert not found.unavailable


def test_a_score_of_a_set_has_its_value_and_a_jackknifes_interval_and_says_so() -> None:
    without = [2.0, 4.0] * 5
    made = {
        "spread": OfSet(3.0, without, "samples", "too wide"),
        "few": OfSet(3.0),
        "torn": OfSet(3.0, [math.nan, *without[1:]]),
        "once": 3.0,
    }
    declared = {name: Score("", "none", no_interval="once" if name == "once" else "") for name in made}
    found = _measure(_metric(lambda: made, **declared))
    assert found.metrics == dict.fromkeys(made, 3.0)
    assert found.intervals == {"spread": list(jackknife(3.0, without))}
    assert not found.items
    stated = {name: about["interval"] for name, about in found.definitions.items()}
    assert "jackknife" in stated["spread"]
    assert "too wide" in stated["spread"]
    assert all(stated[name].startswith("none: ") for name in ("few", "torn", "once"))


def test_what_the_method_cannot_give_is_left_out_and_what_cannot_be_measured_here_is_named() -> None:
    def refused() -> float:
        raise Unavailable("no weights")

    dash = _metric(lambda samples: 1.0, "samples")
    found = _measure(dash, _metric(refused, fid=Score("", "lower"), kid=Score("", "lower")))
    assert found.unavailable == {"fid": "no weights", "kid": "no weights"}
    assert not found.metrics


@pytest.mark.parametrize("value", [math.nan, math.inf, Items(torch.tensor([1.0, math.nan])), Items(torch.tensor([]))])
def test_a_figure_that_is_not_finite_is_unavailable(value: Any) -> None:
    def odd() -> Any:
        return value

    found = _measure(_metric(odd))
    assert "not finite" in found.unavailable["odd"]
    assert not found.metrics
    assert not found.intervals


@pytest.mark.parametrize("problem", [ZeroDivisionError("by zero"), RuntimeError(""), MemoryError("no room")])
def test_a_metric_that_raises_costs_its_own_scores(problem: Exception) -> None:
    def broken() -> Any:
        raise problem

    def torn(elbo: torch.Tensor) -> Any:
        return {"first": 1.0, "second": "no number"}

    good = _metric(lambda elbo: 2.0, "elbo", good=Score("", "none"))
    found = _measure(_metric(broken), _metric(torn, "elbo", first=Score("", "none"), second=Score("", "none")), good)
    assert found.metrics == {"<lambda>": 2.0}
    assert set(found.failed) == set(found.unavailable) == {"broken", "first", "second"}
    assert found.failed["broken"].__cause__ is problem
    assert str(problem) in found.unavailable["broken"]
