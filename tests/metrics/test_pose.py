"""What a classifier of upright images says of turned ones: which of it is better or worse, and the turn beside it."""

import torch

import metrics
from metrics.base import registry
from metrics.pose import aligned


def test_a_turn_is_told_beside_what_it_gives():
    found = aligned(torch.tensor([0, 1, 1, 2]), 90, torch.tensor([0, 0, 1, 2]))
    assert found["upright_accuracy_aligned"].values.tolist() == [1.0, 0.0, 1.0, 1.0]
    assert found["upright_turn"] == 90.0


def test_only_what_a_method_makes_of_the_image_is_better_or_worse():
    metrics.load()
    assert registry["upright_accuracy"].scores["upright_accuracy"].better == "higher"
    assert registry["rotated_accuracy"].scores["rotated_accuracy"].better == "none"
    assert {registry[name].family for name in ("upright_accuracy", "rotated_accuracy")} == {"pose"}
