"""What a trained method makes of nothing, and what classifiers make of its images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.scoring.gathering import MissingCapability, gathered
from bench.scoring.latents import Encoded
from methods.base import Images
from metrics.base import Unavailable
from metrics.features import classes_of, features_of, predict, to_uint8

if TYPE_CHECKING:
    from bench.scoring.classifier import Neutral
    from metrics.features import Classifier, Extractor

RECOGNISED_AT_ONCE = 100
"""Twice as fast on a core as 500: the feature maps stay in its cache."""
TURNS = range(0, 360, 30)


def _turned(images: Tensor, degrees: int) -> Tensor:
    """uint8 (N, C, H, W) images turned about their centre."""
    from torchvision.transforms.v2.functional import InterpolationMode, rotate

    return images if degrees == 0 else rotate(images, degrees, InterpolationMode.BILINEAR)


class Generated(Encoded):
    """Evidence that comes from samples, and from classifiers of images."""

    # What the method makes of nothing.
    def _generate(self, sizes: Iterable[int], make: Callable[[int], Tensor]) -> Tensor:
        """Samples in batches, quantised to uint8 at once."""
        return torch.cat([to_uint8(make(size)) for size in sizes])

    @gathered
    def samples(self) -> Tensor:
        return self._timed_samples[0]

    @gathered
    def sample_seconds(self) -> float:
        """Seconds for 10,000 samples: decoding and quantising, after a batch to warm up."""
        return self._timed_samples[1]

    @gathered
    def _timed_samples(self) -> tuple[Tensor, float]:
        make, count = self._capability("sample_any"), self.settings.samples
        size = self.test.at_once
        make(min(size, count))
        started = self._time()
        samples = self._generate((min(size, count - done) for done in range(0, count, size)), make)
        return samples, (self._time() - started) * 10_000 / count

    def _time(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    @gathered
    def class_sample_labels(self) -> Tensor:
        self._capability("sample")
        return torch.arange(self.n_classes, device=self.device).repeat_interleave(self.settings.samples_per_class)

    @gathered
    def class_samples(self) -> Tensor:
        make = self._capability("sample")
        return torch.cat([to_uint8(make(labels)) for labels in self.class_sample_labels.split(self.test.at_once)])

    @gathered
    def category_sample_labels(self) -> Tensor:
        categories = torch.arange(self.n_categories, device=self.device)
        return categories.repeat_interleave(self.settings.samples_per_class)

    @gathered
    def category_samples(self) -> Tensor:
        """Samples of each category: those of its classes where category and class are one."""
        labels = self.category_sample_labels
        if self.method.categories_are_classes:
            return self.class_samples
        make = self._capability("sample_category")
        return torch.cat([to_uint8(make(part)) for part in labels.split(self.test.at_once)])

    # What others make of its samples.
    @gathered
    def neutral(self) -> Any:
        """The neutral classifier; refused below the suite's floor."""
        found = self._neutral()
        self.protocol |= found.stated()
        return self._above_floor(found, "neutral classifier")

    def _above_floor(self, found: Neutral, title: str) -> Classifier:
        accuracy, floor = found.test_accuracy, self.settings.neutral_floor
        if accuracy < floor:
            raise Unavailable(f"the {title}'s test accuracy {accuracy:.4f} is below the suite's floor {floor}")
        return found.classifier

    @gathered
    def inception(self) -> Extractor:
        extractor = self._inception()
        self.protocol["inception_hash"] = extractor.hash
        return extractor

    @gathered
    def neutral_features_samples(self) -> Tensor:
        """The neutral classifier's penultimate features, (N, D) float32, of the samples."""
        images = self.samples
        return features_of(self.neutral, images)

    @gathered
    def _sample_predictions(self) -> tuple[Tensor, Tensor]:
        features = self.neutral_features_samples
        return classes_of(self.neutral, features)

    @gathered
    def sample_predictions(self) -> Tensor:
        return self._sample_predictions[0]

    @gathered
    def sample_confidences(self) -> Tensor:
        return self._sample_predictions[1]

    @gathered
    def class_sample_predictions(self) -> Tensor:
        return predict(self.neutral, self.class_samples)[0]

    @gathered
    def category_sample_predictions(self) -> Tensor:
        if self.category_samples is self.kept.get("class_samples"):  # a prediction costs as much as a sample
            return self.class_sample_predictions
        return predict(self.neutral, self.category_samples)[0]

    # What its own classifier of reconstructions makes of its samples and of the data.
    @gathered
    def recognised_class_samples(self) -> Tensor:
        return self._recognised(self.class_samples)

    @gathered
    def recognised_train(self) -> Tensor:
        """Of reconstructions of the training images, quantised as samples are."""
        again = self._capability("reconstruct")
        return torch.cat([self._recognised(to_uint8(again(x, y))) for x, y in self.data.train.batches()])

    @gathered
    def recognised_test(self) -> Tensor:
        return self._recognised(to_uint8(self.reconstructions))

    @gathered
    def recognised_originals(self) -> Tensor:
        return self._recognised(self.test.x)

    def _recognised(self, images: Tensor) -> Tensor:
        see = self._capability("recognise")
        return torch.cat([see(part.float() / 255) for part in images.split(RECOGNISED_AT_ONCE)])

    # Samples whose class is known by name; those of a category are read as of the class with its number.
    @property
    def asked_by_class(self) -> bool:
        return hasattr(self.method, "sample")

    @gathered
    def asked_labels(self) -> Tensor:
        return self.class_sample_labels if self.asked_by_class else self.category_sample_labels

    @gathered
    def asked_predictions(self) -> Tensor:
        return self.class_sample_predictions if self.asked_by_class else self.category_sample_predictions

    # What is left of an image without its pose, as the classifier of upright images sees it.
    @gathered
    def upright_neutral(self) -> Classifier:
        """The neutral classifier of the data set in which the classes stand upright; refused below the suite's floor."""
        if self._upright is None:
            raise MissingCapability("a data set in which the classes stand upright")
        found = self._upright()
        self.protocol |= found.stated("upright_")
        return self._above_floor(found, "upright neutral classifier")

    @gathered
    def canonical_test(self) -> Tensor:
        """Test images with their pose removed, quantised to uint8."""
        remove = self._capability("canonical")
        return torch.cat([to_uint8(remove(x)) for x, _ in self.test.batches()])

    @gathered
    def upright_predictions(self) -> Tensor:
        self._capability("canonical")  # asked first: a method without it has nothing that could be refused
        return predict(self.upright_neutral, self.canonical_test)[0]

    @gathered
    def upright_turn(self) -> int:
        """The one turn, in degrees, after which the classifier is right on most training images in the mean pose."""
        images = self._in_mean_pose(self.data.train)
        right = [(predict(self.upright_neutral, _turned(images, turn))[0] == self.y_train).sum() for turn in TURNS]
        return TURNS[int(torch.stack(right).argmax())]

    @gathered
    def aligned_predictions(self) -> Tensor:
        """Of test images in the mean pose, all turned alike."""
        return predict(self.upright_neutral, _turned(self._in_mean_pose(self.test), self.upright_turn))[0]

    def _in_mean_pose(self, images: Images) -> Tensor:
        move = self._capability("in_mean_pose")
        return torch.cat([to_uint8(move(x)) for x, _ in images.batches()])

    @gathered
    def rotated_predictions(self) -> Tensor:
        """Of test images as they are."""
        return predict(self.upright_neutral, self.test.x)[0]
