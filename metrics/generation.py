"""What classifiers see in generated images: the neutral one, trained on originals alone, or a method's own, trained on reconstructions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from metrics.base import (
    SAMPLES,
    Items,
    OfSet,
    Score,
    Unavailable,
    class_cosine_jackknifed,
    correct,
    jackknifed,
    match_one_to_one,
    metric,
)


@metric(
    unit="", better="higher", source="share of class-conditional samples that a classifier of originals agrees with"
)
def neutral_accuracy(asked_predictions: Tensor, asked_labels: Tensor, asked_by_class: bool) -> Items:
    """Whether the neutral classifier finds in each sample, (M,), the class that was asked for, by that class.

    Samples of an unnamed category are held against the class with its number, and not split by class: see `neutral_accuracy_matched`.
    """
    labels = asked_labels.cpu()
    return Items((asked_predictions.cpu() == labels).double(), groups=labels if asked_by_class else None, of=SAMPLES)


@metric(
    unit="",
    better="higher",
    source="share of samples of a category found to be of the class matched with it, one to one, best for these samples (scipy)",
)
def neutral_accuracy_matched(category_sample_predictions: Tensor, category_sample_labels: Tensor) -> Items:
    """Whether the neutral classifier finds in each sample of a category, (M,), the class matched with that category."""
    names = match_one_to_one(category_sample_labels, category_sample_predictions)
    return Items((category_sample_predictions.cpu() == names[category_sample_labels.cpu()]).double(), of=SAMPLES)


@metric(unit="", better="higher", source="entropy of the classes found in unconditional samples, over log K")
def class_balance(sample_predictions: Tensor, n_classes: int) -> OfSet:
    """Entropy of the histogram of predicted classes (M,) divided by log K: 1 is even, 0 is one class only.

    Raises Unavailable for fewer than two classes.
    """
    if n_classes < 2:
        raise Unavailable(f"balance needs two classes, the data set has {n_classes}")

    def balance(predictions: Tensor) -> float:
        shares = torch.bincount(predictions, minlength=n_classes).double() / len(predictions)
        return float(torch.special.entr(shares).sum()) / math.log(n_classes)

    return jackknifed(balance, sample_predictions.cpu(), of=SAMPLES)


@metric(unit="", better="none", source="mean of the neutral classifier's highest softmax over unconditional samples")
def sample_confidence(sample_confidences: Tensor) -> Items:
    """The neutral classifier's confidence in each unconditional sample, (M,) in [1/K, 1]."""
    return Items(sample_confidences.double(), of=SAMPLES)


@metric(
    unit="",
    better="higher",
    source="000_2852ba8d0aec7d1a.txt, section 3.4: share of class samples that the method's classifier of reconstructions agrees with",
)
def generation_accuracy(recognised_class_samples: Tensor, class_sample_labels: Tensor) -> Items:
    """Whether the method's own classifier sees in each sample, (M,), the class that was asked for, by that class."""
    return correct(recognised_class_samples, class_sample_labels, of=SAMPLES)


@metric(
    unit="",
    better="lower",
    source="000_2852ba8d0aec7d1a.txt, eq. 4: within_class_cosine + 1 - generation_accuracy, on draws that no search has seen",
)
def generation_objective(class_samples: Tensor, class_sample_labels: Tensor, recognised_class_samples: Tensor) -> OfSet:
    """E[cos(x, x')] + E[1 - accuracy] over samples (M,C,H,W) of the classes asked for, (M,)."""
    missed = (recognised_class_samples.cpu() != class_sample_labels.cpu()).double()
    wrong = jackknifed(lambda some: some.mean().item(), missed)
    cosine = class_cosine_jackknifed(class_samples, class_sample_labels)
    # empty where the cosine has none
    both = [one + other for one, other in zip(cosine.without, wrong.without, strict=False)]
    return OfSet(cosine.value + wrong.value, both, of=SAMPLES)


@metric(
    source="000_2852ba8d0aec7d1a.txt, section 3.4: the method's classifier of reconstructions, on those of train and test, on test images",
    scores={
        "reconstruction_classifier_train_accuracy": Score("", "higher", floor=0.97),
        "reconstruction_classifier_test_accuracy": Score("", "higher"),
        "reconstruction_classifier_original_accuracy": Score("", "higher"),
    },
)
def reconstruction_classifier(
    recognised_train: Tensor, y_train: Tensor, recognised_test: Tensor, recognised_originals: Tensor, y_test: Tensor
) -> dict[str, Items]:
    """Whether it names rightly the reconstructions of training images, of test images, and test images themselves."""
    names = {"train": "training images", "test": Items.of, "original": Items.of}
    seen = ((recognised_train, y_train), (recognised_test, y_test), (recognised_originals, y_test))
    return {
        f"reconstruction_classifier_{name}_accuracy": Items((found.cpu() == y.cpu()).double(), of=of)
        for (name, of), (found, y) in zip(names.items(), seen, strict=True)
    }
