"""Separability against scikit-learn used directly, counts by hand, and refusals."""

from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from metrics import separability
from metrics.base import Unavailable, match_one_to_one, registry
from metrics.functional.linear_svm import fit


def _blobs(n=180, spread=1.5, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = rng.normal(size=(classes, 4)) * 2
    return torch.tensor(centres[y] + spread * rng.normal(size=(n, 4)), dtype=torch.float32), torch.tensor(y)


def scores(name, folds=None, **evidence):
    """What a registered metric gives of machines of these latents."""
    z, y = evidence["svm_latents"], evidence["svm_y"]
    found = {"machines": fit(z, y, folds, standardised=not name.endswith("_raw")), "svm_folds": folds} | evidence
    metric = registry[name]
    return metric.function(**{argument: found[argument] for argument in metric.reads})


@pytest.mark.parametrize("suffix", ["", "_raw"])
def test_svm_is_scikit_learns_over_folds(suffix):
    z, y = _blobs()
    z = z * torch.tensor([1.0, 0.01, 5.0, 1.0]) + 3
    machine = LinearSVC(dual=False, tol=1e-6)
    pipeline = machine if suffix else make_pipeline(StandardScaler(), machine)
    folds = StratifiedKFold(9, shuffle=True, random_state=7)
    expected = cross_val_score(pipeline, z.double().numpy(), y.numpy(), cv=folds)
    number = torch.zeros_like(y)
    for fold, (_, left) in enumerate(folds.split(z, y)):
        number[left] = fold
    measured = scores(f"svm{suffix}", number, svm_latents=z, svm_y=y)
    assert measured[f"svm_cv_accuracy{suffix}"].value == pytest.approx(np.mean(expected))
    assert measured[f"svm_cv_sd{suffix}"] == pytest.approx(np.std(expected))


@pytest.mark.parametrize("suffix", ["", "_raw"])
def test_svm_test_accuracy_is_scikit_learns_with_the_class_of_each_image(suffix):
    (z, y), (z_test, y_test) = _blobs(), _blobs(n=60, spread=2.5)
    items = scores(f"svm_test_accuracy{suffix}", svm_latents=z, svm_y=y, latents_test=z_test, y_test=y_test)
    machine = LinearSVC(dual=False, tol=1e-6)
    pipeline = machine if suffix else make_pipeline(StandardScaler(), machine)
    expected = pipeline.fit(z.double().numpy(), y.numpy()).score(z_test.double().numpy(), y_test.numpy())
    assert items.values.mean().item() == pytest.approx(expected)
    assert torch.equal(items.groups, y_test)
    assert 0.3 < expected < 1.0


def test_separable_classes_are_all_right():
    z, y = _blobs(spread=0.01)
    known = {"svm_latents": z, "svm_y": y, "latents_test": z, "y_test": y}
    assert scores("svm_test_accuracy", **known).values.mean() == 1.0
    assert scores("svm", torch.arange(len(y)) % 9, **known)["svm_cv_accuracy"].value == 1.0
    with pytest.raises(Unavailable, match="not finite"):
        scores("svm_test_accuracy", **known | {"latents_test": z / 0})


def test_clusters_are_named_on_train_and_scored_on_test():
    clusters_train, y_train = torch.tensor([0, 0, 0, 1, 1, 3]), torch.tensor([2, 2, 1, 0, 0, 1])
    clusters_test, y_test = torch.tensor([0, 0, 1, 2, 3, 4]), torch.tensor([2, 1, 0, 0, 1, 0])
    items = separability.cluster_accuracy(clusters_train, y_train, clusters_test, y_test)
    assert items.values.tolist() == [1, 0, 1, 0, 1, 0]  # clusters 2 and 4 have no training image: never right


def test_cluster_accuracy_and_nmi_do_not_care_how_clusters_are_numbered():
    generator = torch.Generator().manual_seed(0)
    clusters, y = (torch.randint(5, (200,), generator=generator) for _ in range(2))
    renamed = torch.tensor([3, 0, 4, 1, 2])[clusters]
    first = separability.cluster_accuracy(clusters, y, clusters, y).values
    assert torch.equal(first, separability.cluster_accuracy(renamed, y, renamed, y).values)
    assert separability.nmi(clusters, y).value == pytest.approx(separability.nmi(renamed, y).value)


def test_nmi_is_mutual_information_over_mean_entropy():
    generator = torch.Generator().manual_seed(1)
    y = torch.randint(4, (500,), generator=generator)
    clusters = torch.where(torch.rand(500, generator=generator) < 0.6, y, torch.randint(4, (500,), generator=generator))
    mean_entropy = (entropy(clusters.bincount()) + entropy(y.bincount())) / 2
    assert separability.nmi(clusters, y).value == pytest.approx(mutual_info_score(y, clusters) / mean_entropy)
    assert separability.nmi(y, y).value == pytest.approx(1.0)


# Categories without names.


def test_the_matching_is_the_best_of_all_permutations():
    rng = torch.Generator().manual_seed(0)
    for _ in range(5):
        numbers, classes = (torch.randint(0, 5, (200,), generator=rng) for _ in range(2))
        found = match_one_to_one(numbers, classes)
        right = [(torch.tensor(names)[numbers] == classes).sum().item() for names in permutations(range(5))]
        assert (found[numbers] == classes).sum().item() == max(right)
        assert sorted(found.tolist()) == list(range(5))


def test_more_categories_than_classes_leave_some_without_a_name():
    names = match_one_to_one(torch.tensor([0, 1, 2, 2, 3]), torch.tensor([0, 0, 1, 1, 1]))
    assert sorted(names.tolist()) == [-1, -1, 0, 1]
    assert names[2] == 1
    fewer = match_one_to_one(torch.tensor([0, 1, 0, 1, 1]), torch.tensor([2, 0, 2, 0, 1]))
    assert fewer.tolist() == [2, 0]


def _sure(categories, count):
    return 0.1 / count + 0.9 * torch.nn.functional.one_hot(categories, count).float()


def test_matched_accuracy_takes_its_names_from_train():
    train, y_train = torch.tensor([2, 2, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 1, 2, 2])
    test, y_test = torch.tensor([2, 0, 1, 1]), torch.tensor([0, 1, 2, 0])
    items = separability.argmax_accuracy_matched(_sure(train, 3), y_train, _sure(test, 3), y_test)
    assert items.values.tolist() == [1, 1, 1, 0]
    assert torch.equal(items.groups, y_test)
    unseen = separability.argmax_accuracy_matched(_sure(train, 5), y_train, _sure(torch.tensor([4, 2]), 5), y_test[:2])
    assert unseen.values.tolist() == [0, 0], "a category that train never shows has no name"


def test_use_of_categories_is_one_for_even_and_zero_for_one_alone():
    assert separability.category_use(_sure(torch.arange(40) % 4, 4)).value == pytest.approx(1.0)
    assert separability.category_use(_sure(torch.zeros(40, dtype=torch.int64), 4)).value == 0.0
    assert separability.category_use(_sure(torch.arange(40) % 2, 4)).value == pytest.approx(0.5)
    with pytest.raises(Unavailable, match="one"):
        separability.category_use(torch.ones(4, 1))
