"""Scores without a tenth of their items against the same scores of what is left, by the libraries where they give them."""

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torch_fidelity.metric_fid import fid_features_to_statistics

import metrics
from metrics.base import TENTHS, OfSet, Unavailable, jackknifed, registry, tenths
from metrics.features import FeatureSet, compare, frechet, frechet_without, pairs
from metrics.functional.linear_svm import fit

metrics.load()


def _made(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _numbers(n, classes, seed=0):
    return torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))


def _left(part, tenth):
    if isinstance(part, FeatureSet):
        return FeatureSet(_left(part.values, tenth))
    return part[tenths(len(part)) != tenth] if isinstance(part, torch.Tensor) else part


IMAGES = (_made(43, 1, 4, 4).abs() * 100).to(torch.uint8)
SETS = FeatureSet(_made(57, 6)), FeatureSet(_made(57, 6, seed=1) * 1.2 + 0.1)
CASES = {
    "class_balance": (_numbers(43, 3), 3),
    "active_units": (_made(43, 9) * torch.linspace(0.09, 0.11, 9),),
    "category_use": (_made(43, 3).softmax(1),),
    "nmi": (_numbers(43, 4), _numbers(43, 3, seed=1)),
    "within_class_cosine": (IMAGES, _numbers(43, 3)),
    "generation_objective": (IMAGES, _numbers(43, 3), _numbers(43, 3, seed=1)),
    "neutral_fidelity": SETS,
    "fd_neutral_org_vs_recon": SETS,
}


@pytest.mark.parametrize("name", CASES)
def test_a_leave_out_is_the_score_of_what_is_left(name):
    arguments = CASES[name]
    by_score = lambda found: found if isinstance(found, dict) else {name: found}  # noqa: E731
    whole = by_score(registry[name].function(*arguments))
    for tenth in range(TENTHS):
        reduced = by_score(registry[name].function(*(_left(part, tenth) for part in arguments)))
        for one, found in whole.items():
            assert isinstance(found, OfSet)
            assert found.without[tenth] == pytest.approx(reduced[one].value, rel=1e-6, abs=1e-12), one


def test_cross_validation_leaves_images_out_of_the_folds_that_they_fell_in():
    z, y = _made(90, 3), _numbers(90, 2)
    z, folds = z + 0.8 * y[:, None], torch.arange(90) % 9
    machines = fit(z, y, folds, standardised=True)
    found = registry["svm"].function(machines=machines, svm_folds=folds, svm_latents=z, svm_y=y)["svm_cv_accuracy"]
    assert len(set(found.without)) > 1
    assert np.mean(found.without) == pytest.approx(found.value, abs=0.01)
    assert max(abs(one - found.value) for one in found.without) < 0.1


@pytest.mark.parametrize("items", [10, 23, 1000])
def test_tenths_are_even_and_follow_neither_blocks_nor_strides(items):
    tenth = tenths(items)
    sizes = torch.bincount(tenth, minlength=TENTHS)
    assert sizes.max() - sizes.min() <= 1
    assert torch.equal(tenth, tenths(items))
    if items == 1000:
        for order in (torch.arange(items) // 100, torch.arange(items) % 10):
            assert torch.bincount(order * TENTHS + tenth, minlength=100).min() > 0


def test_too_few_items_or_a_leave_out_that_is_refused_have_no_spread():
    assert jackknifed(lambda some: 1.0, torch.ones(9)).without == ()

    def two_kinds(some):
        if len(some.unique()) < 2:
            raise Unavailable("one kind only")
        return 1.0

    assert jackknifed(two_kinds, torch.tensor([1.0] + [0.0] * 11)).without == ()
    rare = registry["within_class_cosine"].function(IMAGES[:12], torch.tensor([0, 0, *range(1, 11)]))
    assert (len(rare.without), rare.value > 0) == (0, True), "the one pair is broken by a tenth"


SHAPES = {"few features": (333, 5), "as many images as features": (30, 30), "more features": (25, 40), "dead": (120, 8)}


@pytest.mark.parametrize("kind", SHAPES)
def test_moments_and_distances_without_a_tenth_are_those_taken_anew(kind):
    first, second = _made(*SHAPES[kind]).double() + 3, _made(*SHAPES[kind], seed=1).double() * 1.5
    if kind == "dead":
        first[:, :2], second[:, 1:3] = 0, 0
        first[:, 4] = first[:, 5]
    sets = FeatureSet(first), FeatureSet(second)
    distances = frechet_without(*sets)
    for tenth, moments in enumerate(sets[0].moments_without()):
        anew = fid_features_to_statistics(_left(first, tenth))
        torch.testing.assert_close(moments.mean, torch.from_numpy(anew["mu"]), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(moments.covariance, torch.from_numpy(anew["sigma"]), rtol=1e-10, atol=1e-10)
        root = moments.root()
        torch.testing.assert_close(root @ root.T, moments.covariance, rtol=1e-10, atol=1e-10)
        assert distances[tenth] == pytest.approx(frechet(*(_left(one, tenth) for one in sets)), rel=1e-6)


POINTS = {
    "over several blocks": (_made(1210, 8), _made(705, 8, seed=1) * 1.3),
    "far from the origin": (_made(300, 5) + 1e3, _made(310, 5, seed=1) + 1e3),
    "repeated": (_made(60, 4).round(), _made(80, 4, seed=1).round()),
    "collapsed": (_made(1, 4).repeat(40, 1), _made(50, 4, seed=1)),
    "copies": (_made(70, 3), _made(70, 3)),
    "tiny": (_made(4, 3), _made(6, 3, seed=1)),
}


def _one_by_one(generated, real, k=3, dense=5):
    """Kernel distance, precision, recall, density, coverage in float64, as the papers define them."""
    k, dense = (min(one, len(generated) - 1, len(real) - 1) for one in (k, dense))
    apart = (real[:, None] - generated).square().sum(2)

    def radii(points, neighbours):
        return (points[:, None] - points).square().sum(2).kthvalue(neighbours + 1).values

    near, wide = (apart <= radii(real, one)[:, None] for one in (k, dense))
    own = [(one.sum() - one.trace()) / (len(one) * (len(one) - 1)) for one in map(polynomial_kernel, (generated, real))]
    yield sum(own) - 2 * polynomial_kernel(generated, real).mean()
    yield near.any(0).double().mean()
    yield (apart <= radii(generated, k)).any(1).double().mean()
    yield wide.sum().item() / (dense * len(generated))
    yield wide.any(1).double().mean()


@pytest.mark.parametrize("listed", [pairs.LISTED, 5], ids=["listed", "too few listed"])
@pytest.mark.parametrize("kind", POINTS)
def test_what_all_pairs_give_is_what_a_loop_gives_and_so_is_that_of_what_is_left(kind, listed, monkeypatch):
    monkeypatch.setattr(pairs, "LISTED", listed)
    generated, real = POINTS[kind]
    found = compare(FeatureSet(generated), FeatureSet(real))
    size = polynomial_kernel(real.double()).mean()
    for tenth in [None, *range(0, 0 if kind == "tiny" else TENTHS, 3)]:
        sides = generated, real
        kept = [one if tenth is None else _left(one, tenth) for one in sides]
        kernel, *shares = (one[0] if tenth is None else one[1][tenth] for one in found)
        expected, *others = map(float, _one_by_one(*(one.double() for one in kept)))
        assert shares == pytest.approx(others, abs=1e-12)
        assert kernel == pytest.approx(expected, rel=1e-5, abs=1e-6 * size)
    assert kind != "tiny" or not any(without for _, without in found)


def test_the_smallest_of_a_row_are_those_of_topk():
    values = _made(7, 1003)
    for count in (1, 16, 300, 1003):
        low, columns = pairs.smallest(values, count)
        assert torch.equal(low.sort(1).values, values.topk(count, largest=False).values)
        assert torch.equal(values.gather(1, columns), low)
