"""What the neutral classifier, trained on original images alone, sees in generated ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from metrics.base import Items, Unavailable, match_one_to_one, metric


@metric(
    unit="", better="higher", source="share of class-conditional samples that a classifier of originals agrees with"
)
def neutral_accuracy(asked_predictions: Tensor, asked_labels: Tensor, asked_by_class: bool) -> Items:
    """Whether the neutral classifier finds in each sample, (M,), the class that was asked for, by that class.

    Samples of an unnamed category are held against the class with its number, and not split by class: see `neutral_accuracy_matched`.
    """
    labels = asked_labels.cpu()
    return Items((asked_predictions.cpu() == labels).double(), groups=labels if asked_by_class else None)


@metric(
    unit="",
    better="higher",
    source="share of samples of a category found to be of the class matched with it, one to one, best for these samples (scipy)",
)
def neutral_accuracy_matched(category_sample_predictions: Tensor, category_sample_labels: Tensor) -> Items:
    """Whether the neutral classifier finds in each sample of a category, (M,), the class matched with that category."""
    names = match_one_to_one(category_sample_labels, category_sample_predictions)
    return Items((category_sample_predictions.cpu() == names[category_sample_labels.cpu()]).double())


@metric(unit="", better="higher", source="entropy of the classes found in unconditional samples, over log K")
def class_balance(sample_predictions: Tensor, n_classes: int) -> float:
    """Entropy of the histogram of predicted classes (M,) divided by log K: 1 is even, 0 is one class only.

    Raises Unavailable for fewer than two classes.
    """
    if n_classes < 2:
        raise Unavailable(f"balance needs two classes, the data set has {n_classes}")
    shares = torch.bincount(sample_predictions.cpu(), minlength=n_classes).double() / len(sample_predictions)
    return float(torch.special.entr(shares).sum()) / math.log(n_classes)


@metric(unit="", better="none", source="mean of the neutral classifier's highest softmax over unconditional samples")
def sample_confidence(sample_confidences: Tensor) -> Items:
    """The neutral classifier's confidence in each unconditional sample, (M,) in [1/K, 1]."""
    return Items(sample_confidences.double())
