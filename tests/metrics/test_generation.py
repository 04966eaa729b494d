"""Generation, diversity and cost: limits, and double loops."""

import math
from itertools import combinations

import pytest
import torch

from metrics import cost, diversity, generation
from metrics.base import Unavailable, registry


def test_neutral_accuracy_is_agreement_by_the_class_asked_for():
    predictions, labels = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, 0, 1])
    items = generation.neutral_accuracy(predictions, labels, asked_by_class=True)
    assert items.values.tolist() == [1, 1, 0, 0]
    assert items.groups.tolist() == [0, 1, 0, 1]
    unnamed = generation.neutral_accuracy(predictions, labels, asked_by_class=False)
    assert torch.equal(unnamed.values, items.values)
    assert unnamed.groups is None, "a category is no class to split by"


def test_matched_accuracy_does_not_depend_on_how_categories_are_numbered():
    labels = torch.arange(40) // 10
    predictions = (labels + 1) % 4
    predictions[:3] = 0
    direct = generation.neutral_accuracy(predictions, labels, asked_by_class=False).values.mean()
    matched = generation.neutral_accuracy_matched(predictions, labels).values
    assert direct == 3 / 40
    assert matched.mean() == 37 / 40
    renumbered = torch.tensor([2, 0, 3, 1])[labels]
    assert torch.equal(generation.neutral_accuracy_matched(predictions, renumbered).values, matched)


def test_two_categories_of_one_class_share_no_name():
    labels = torch.arange(30) // 10
    predictions = torch.tensor([0] * 20 + [1] * 10)
    assert generation.neutral_accuracy_matched(predictions, labels).values.mean().item() == pytest.approx(2 / 3)


def test_class_balance_is_one_for_even_and_zero_for_one_class():
    assert generation.class_balance(torch.arange(40) % 4, 4).value == pytest.approx(1.0)
    assert generation.class_balance(torch.zeros(40, dtype=torch.int64), 4).value == 0.0
    assert generation.class_balance(torch.arange(40) % 2, 4).value == pytest.approx(math.log(2) / math.log(4))
    with pytest.raises(Unavailable, match="two classes"):
        generation.class_balance(torch.zeros(4, dtype=torch.int64), 1)


def test_sample_confidence_is_kept_image_by_image():
    confidences = torch.tensor([0.5, 0.75])
    assert generation.sample_confidence(confidences).values.tolist() == [0.5, 0.75]


def test_cosine_is_the_mean_over_all_pairs_of_each_class():
    images = torch.randint(0, 256, (17, 3, 4, 4), dtype=torch.uint8)
    labels = torch.tensor([0] * 5 + [1] * 9 + [2] * 2 + [3])  # class 3 has no pair
    means = []
    for label in range(3):
        vectors = images[labels == label].flatten(1).double()
        pairs = [torch.cosine_similarity(a, b, dim=0) for a, b in combinations(vectors, 2)]
        means.append(float(torch.stack(pairs).mean()))
    assert diversity.within_class_cosine(images, labels).value == pytest.approx(sum(means) / 3)


def test_cosine_of_copies_is_one_of_disjoint_ink_zero_and_blank_images_are_left_out():
    one = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    one[..., 0, 0] = 3
    labels = torch.zeros(6, dtype=torch.int64)
    assert diversity.within_class_cosine(one.repeat(6, 1, 1, 1), labels).value == pytest.approx(1.0)
    assert diversity.within_class_cosine(torch.cat([one, one.flip(3), 0 * one]), labels[:3]).value == pytest.approx(0.0)
    with pytest.raises(Unavailable, match="blank"):
        diversity.within_class_cosine(torch.cat([one, 0 * one]), labels[:2])


def test_costs_are_passed_on_and_memory_is_in_mebibytes():
    assert cost.peak_memory_mib(3 * 2**20) == 3.0
    passed = ("train_seconds", "images_per_second", "sample_seconds", "parameters")
    assert [registry[name].function(7) for name in passed] == [7.0] * 4


def test_the_generation_objective_is_the_papers():
    images = torch.randint(0, 256, (6, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels, seen = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 0, 1, 1, 1, 1])
    cosine = diversity.within_class_cosine(images, labels).value
    assert generation.generation_objective(images, labels, seen).value == pytest.approx(cosine + 1 / 6)


def test_the_reconstruction_classifier_is_measured_on_three_sets_and_has_a_floor_on_one():
    right, wrong = torch.tensor([0, 1, 1]), torch.tensor([0, 0, 0])
    found = generation.reconstruction_classifier(right, right, right[:2], wrong[:2], right[:2])
    means = {name.split("_")[2]: items.values.mean().item() for name, items in found.items()}
    assert means == {"train": 1.0, "test": 1.0, "original": 0.5}
    figures = registry["reconstruction_classifier"].scores
    assert {name.split("_")[2]: figure.floor for name, figure in figures.items()} == {
        "train": 0.97,
        "test": None,
        "original": None,
    }
