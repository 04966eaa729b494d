"""What a trained method makes of nothing, and what classifiers make of its images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from bench.runtime.now import now
from bench.scoring.evidence import MissingCapability, either, evidence, simply
from methods.base import (
    AbstractMethod,
    AlignsPose,
    Proposes,
    Recognises,
    Reconstructs,
    RemovesPose,
    Samples,
    SamplesCategories,
    SamplesClasses,
)
from metrics.base import Unavailable
from metrics.features import classes_of, features_of, predict, to_uint8

if TYPE_CHECKING:
    from bench.config.suite import Evaluation
    from bench.scoring.classifier import Neutral
    from methods.base import Images, TrainingData
    from metrics.features import Classifier, Extractor

RECOGNISED_AT_ONCE = 100
"""Twice as fast on a core as 500: the feature maps stay in its cache."""
TURNS = range(0, 360, 30)


def _quantised(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat([to_uint8(part) for part in parts])


# Networks that are no method's.


@evidence
def neutral(load_neutral: Callable[[], Neutral], settings: Evaluation, protocol: dict[str, Any]) -> Classifier:
    """The neutral classifier; refused below the suite's floor."""
    return _above_floor(load_neutral(), "", settings, protocol)


@evidence
def upright_neutral(
    load_upright: Callable[[], Neutral] | None, settings: Evaluation, protocol: dict[str, Any]
) -> Classifier:
    """The neutral classifier of the data set in which the classes stand upright; refused below the suite's floor."""
    if load_upright is None:
        raise MissingCapability("a data set in which the classes stand upright")
    return _above_floor(load_upright(), "upright ", settings, protocol)


def _above_floor(found: Neutral, which: str, settings: Evaluation, protocol: dict[str, Any]) -> Classifier:
    protocol |= found.stated(which.replace(" ", "_"))
    accuracy, floor = found.test_accuracy, settings.neutral_floor
    if accuracy < floor:
        raise Unavailable(
            f"the {which}neutral classifier's test accuracy {accuracy:.4f} is below the suite's floor {floor}"
        )
    return found.classifier


@evidence
def inception(load_inception: Callable[[], Extractor], protocol: dict[str, Any]) -> Extractor:
    extractor = load_inception()
    protocol["inception_hash"] = extractor.hash
    return extractor


# Samples, quantised to uint8 at once.


@evidence(stream="_timed_samples")
def timed_samples(method: Samples, settings: Evaluation, test: Images) -> tuple[Tensor, float]:
    """Samples, and seconds for 10,000: decoding and quantising, after a batch to warm up."""
    count, size = settings.samples, test.at_once
    method.sample_any(min(size, count))
    started = now(test.x.device)
    samples = _quantised(method.sample_any(min(size, count - done)) for done in range(0, count, size))
    return samples, (now(test.x.device) - started) * 10_000 / count


simply(
    samples=lambda timed_samples: timed_samples[0],
    sample_seconds=lambda timed_samples: timed_samples[1],
)


def _each(count: int, settings: Evaluation, test: Images) -> Tensor:
    """Labels 0 to count - 1, each as often as the suite wants samples of it."""
    return torch.arange(count, device=test.x.device).repeat_interleave(settings.samples_per_class)


@evidence
def class_sample_labels(method: SamplesClasses, n_classes: int, settings: Evaluation, test: Images) -> Tensor:
    return _each(n_classes, settings, test)


@evidence
def class_samples(method: SamplesClasses, class_sample_labels: Tensor, test: Images) -> Tensor:
    return _quantised(map(method.sample, class_sample_labels.split(test.at_once)))


@evidence
def named_categories(method: AbstractMethod, n_categories: int) -> int:
    """How many categories, where category k is class k: then samples of classes are those of categories as well."""
    if not method.categories_are_classes:
        raise MissingCapability("categories that are classes")
    return n_categories


@evidence(stream="category_samples")
def own_category_samples(method: SamplesCategories, category_sample_labels: Tensor, test: Images) -> Tensor:
    return _quantised(map(method.sample_category, category_sample_labels.split(test.at_once)))


either("category_samples", "named_category_samples", "own_category_samples")


# The classes that the neutral classifier sees in samples.

simply(
    category_sample_labels=lambda n_categories, settings, test: _each(n_categories, settings, test),
    named_category_samples=lambda named_categories, class_samples: class_samples,
    neutral_features_samples=lambda samples, neutral: features_of(neutral, samples),
    classified_samples=lambda neutral_features_samples, neutral: classes_of(neutral, neutral_features_samples),
    sample_predictions=lambda classified_samples: classified_samples[0],
    sample_confidences=lambda classified_samples: classified_samples[1],
    class_sample_predictions=lambda class_samples, neutral: predict(neutral, class_samples)[0],
    named_category_predictions=lambda named_categories, class_sample_predictions: class_sample_predictions,
    own_category_predictions=lambda own_category_samples, neutral: predict(neutral, own_category_samples)[0],
)
either("category_sample_predictions", "named_category_predictions", "own_category_predictions")

# Samples whose class is known by name; those of a category are read as of the class with its number.
either("asked_labels", "class_sample_labels", "category_sample_labels")
either("asked_predictions", "class_sample_predictions", "category_sample_predictions")
simply(asked_by_class=lambda method: isinstance(method, SamplesClasses))

# What the method's own classifier of reconstructions makes of its samples and of the data.


@runtime_checkable
class RecognisesReconstructions(Recognises, Reconstructs, Protocol):
    """A method with both."""


def _recognised(method: Recognises, images: Tensor) -> Tensor:
    return torch.cat([method.recognise(part.float() / 255) for part in images.split(RECOGNISED_AT_ONCE)])


@evidence
def recognised_train(method: RecognisesReconstructions, data: TrainingData) -> Tensor:
    """Of reconstructions of the training images, quantised as samples are."""
    return torch.cat([_recognised(method, to_uint8(method.reconstruct(x, y))) for x, y in data.train.batches()])


@evidence
def recognises(method: Recognises) -> Recognises:
    """The method, where it has such a classifier."""
    return method


simply(
    recognised_class_samples=lambda recognises, class_samples: _recognised(recognises, class_samples),
    recognised_test=lambda recognises, reconstructions: _recognised(recognises, to_uint8(reconstructions)),
    recognised_originals=lambda recognises, test: _recognised(recognises, test.x),
)


# What is left of an image without its pose, as the classifier of upright images sees it.


@evidence
def canonical_test(method: RemovesPose, test: Images) -> Tensor:
    """Test images with their pose removed, quantised to uint8."""
    return _quantised(method.canonical(x) for x, _ in test.batches())


def turned(images: Tensor, degrees: int) -> Tensor:
    """uint8 (N, C, H, W) images turned about their centre."""
    from torchvision.transforms.v2.functional import InterpolationMode, rotate

    return images if degrees == 0 else rotate(images, degrees, InterpolationMode.BILINEAR)


@evidence
def upright_turn(method: AlignsPose, data: TrainingData, upright_neutral: Classifier) -> int:
    """The one turn, in degrees, after which the classifier is right on most training images in the mean pose."""
    images = _quantised(method.in_mean_pose(x) for x, _ in data.train.batches())
    right = [(predict(upright_neutral, turned(images, turn))[0] == data.train.y).sum() for turn in TURNS]
    return TURNS[int(torch.stack(right).argmax())]


@evidence
def aligned_predictions(method: AlignsPose, test: Images, upright_turn: int, upright_neutral: Classifier) -> Tensor:
    """Of test images in the mean pose, all turned alike."""
    images = _quantised(method.in_mean_pose(x) for x, _ in test.batches())
    return predict(upright_neutral, turned(images, upright_turn))[0]


simply(
    upright_predictions=lambda canonical_test, upright_neutral: predict(upright_neutral, canonical_test)[0],
    rotated_predictions=lambda test, upright_neutral: predict(upright_neutral, test.x)[0],  # as they are
)


# What a method proposes before a filter of its own, one a class sample, and what becomes of it.


@evidence
def proposal_labels(method: Proposes, n_classes: int, settings: Evaluation, test: Images) -> Tensor:
    return _each(n_classes, settings, test)


@evidence(stream="_proposals")
def proposals(method: Proposes, proposal_labels: Tensor, test: Images) -> dict[str, Tensor]:
    """images: uint8. Of the method's own classifier, (M,) bool: accepted; right on all images that were combined; at_z and at_image,
    whether it sees the class asked for in the combined code and in the decoded image."""
    parts = []
    for labels in proposal_labels.split(test.at_once):
        made = method.propose(labels)
        parts.append({"images": to_uint8(made.images), "accepted": made.accepted, "right": made.sources_right})
        parts[-1] |= {"at_z": made.at_z == labels, "at_image": made.at_image == labels}
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


simply(
    proposals_accepted=lambda proposals: proposals["accepted"],
    proposals_of_right_sources=lambda proposals: proposals["right"],
    proposals_kept_at_z=lambda proposals: proposals["at_z"],
    proposals_kept_decoded=lambda proposals: proposals["at_image"],
    proposal_predictions=lambda proposals, neutral: predict(neutral, proposals["images"])[0],
)
