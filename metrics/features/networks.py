"""Images as the neutral classifier sees them: its features, and the classes that it reads."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from metrics.base import at_once

PREDICT_BATCH = 500


def to_uint8(x: Tensor) -> Tensor:
    """Images in [0,1], any shape, as uint8: rounded to the nearest of 256 levels, clamped. NaN becomes 0."""
    return (x.float() * 255).round().clamp(0, 255).nan_to_num(0.0).to(torch.uint8)


class Classifier(nn.Module, ABC):
    """A classifier of original images: its features and the linear layer on them. What the harness trains once per data set.

    shape: (C,H,W) of the images, sides of 4 pixels and more. n_classes: K. Raises ValueError for less.
    """

    head: nn.Linear

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        if min(shape[1:]) < 4 or n_classes < 2:
            raise ValueError(f"expected sides of at least 4 pixels and 2 classes, got {shape} and {n_classes} classes")

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (N,D), not negative, of images (N,C,H,W) in [0,1]."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N,K) of images (N,C,H,W) in [0,1]."""
        return self.head(self.features(x))

    def hash(self) -> str:
        """sha256 of all weights and running statistics by name, in hexadecimal."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


class NeutralClassifier(Classifier):
    """The small convolutional one.

    Strided convolutions instead of pooling: their backward pass is deterministic on a GPU as well.
    """

    def __init__(self, shape: tuple[int, int, int], n_classes: int, *, width: int = 16, n_features: int = 128) -> None:
        super().__init__(shape, n_classes)
        channels, height, width_pixels = shape
        self.convolutions = nn.Sequential(
            *_block(channels, width, stride=1),
            *_block(width, 2 * width, stride=2),
            *_block(2 * width, 4 * width, stride=2),
            nn.Flatten(),
        )
        cells = ((height + 3) // 4) * ((width_pixels + 3) // 4)
        self.hidden = nn.Linear(4 * width * cells, n_features)
        self.head = nn.Linear(n_features, n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (N,128), not negative, of images (N,C,H,W) in [0,1]."""
        return torch.relu(self.hidden(self.convolutions(x)))


def _block(channels: int, filters: int, stride: int) -> list[nn.Module]:
    # no bias: the batch norm that follows has one
    convolution = nn.Conv2d(channels, filters, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(filters), nn.ReLU(inplace=True)]


@torch.no_grad()
def features_of(classifier: Classifier, images: Tensor) -> Tensor:
    """Penultimate features (M,D) of uint8 images (M,C,H,W), on the classifier's device.

    Raises ValueError for a classifier in train mode, whose batch norm would mix the images, and for images not uint8.
    """
    if classifier.training:
        raise ValueError("the neutral classifier is in train mode: call .eval() first")
    if images.dtype != torch.uint8:
        raise ValueError(f"expected uint8 images, got {images.dtype}: use to_uint8 first")
    device = next(classifier.parameters()).device
    return torch.cat(
        [classifier.features(part.to(device).float() / 255) for part in images.split(at_once(images, PREDICT_BATCH))]
    )


@torch.no_grad()
def classes_of(classifier: Classifier, features: Tensor) -> tuple[Tensor, Tensor]:
    """Class (M,) int64 and highest softmax (M,) of its features (M,D)."""
    confidences, predictions = classifier.head(features).softmax(1).max(1)
    return predictions, confidences


def predict(classifier: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """Class (M,) int64 and highest softmax (M,) of uint8 images (M,C,H,W), on the classifier's device. Raises as features_of does."""
    return classes_of(classifier, features_of(classifier, images))
