"""Scores without a tenth of their items against the same scores of what is left, by the libraries where they give them."""

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torch_fidelity.metric_fid import fid_features_to_statistics
from torch_fidelity.metric_prc import prc_features_to_metric

import metrics
from metrics.base import TENTHS, OfSet, Unavailable, jackknifed, registry, tenths
from metrics.features import FeatureSet, frechet, frechet_without, kernel_distances_without, share_within
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
    "neutral_fidelity": (*SETS, 0),
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
            assert found.without[tenth] == pytest.approx(reduced[one].value, rel=1e-8, abs=1e-12), one


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


def test_kernel_distances_of_sets_of_two_sizes_are_scikit_learns():
    first, second = _made(47, 5).double(), _made(31, 5, seed=1).double() + 0.2
    for tenth, found in enumerate(kernel_distances_without(first, second)):
        x, y = _left(first, tenth), _left(second, tenth)
        own = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in map(polynomial_kernel, (x, y))]
        assert found == pytest.approx(sum(own) - 2 * polynomial_kernel(x, y).mean(), rel=1e-10)


POINTS = {
    "over several blocks": (_made(1210, 8), _made(705, 8, seed=1) * 1.3),
    "repeated": (_made(60, 4).round(), _made(80, 4, seed=1).round()),
    "collapsed": (_made(1, 4).repeat(40, 1), _made(50, 4, seed=1)),
    "copies": (_made(70, 3), _made(70, 3)),
    "tiny": (_made(4, 3), _made(6, 3, seed=1)),
}


def _by_the_library(generated, real, neighbours):
    found = prc_features_to_metric(
        generated, real, prc_neighborhood=neighbours, prc_batch_size=500, save_cpu_ram=True, verbose=False
    )
    return found["precision"], found["recall"]


@pytest.mark.parametrize("kind", POINTS)
@pytest.mark.parametrize("neighbours", [1, 3])
def test_precision_and_recall_are_the_librarys_to_the_bit_and_so_are_those_of_what_is_left(kind, neighbours):
    generated, real = (points.double() for points in POINTS[kind])
    precision, recall = share_within(generated, real, neighbours), share_within(real, generated, neighbours)
    assert (precision[0], recall[0]) == _by_the_library(generated, real, neighbours)
    if kind == "tiny":
        assert precision[1] == recall[1] == []
        return
    for tenth in range(0, TENTHS, 3):
        found = precision[1][tenth], recall[1][tenth]
        expected = _by_the_library(_left(generated, tenth), _left(real, tenth), neighbours)
        assert found == expected
