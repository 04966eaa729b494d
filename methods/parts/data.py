"""What a method may know of the data: their shape, and the images that it may learn from."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

AT_ONCE = 1000
NUMBERS_AT_ONCE = AT_ONCE * 3 * 32 * 32
"""Of a batch outside training: a convolutional layer's maps of 1,000 images of 3x64x64 would take gigabytes."""


@dataclass(frozen=True)
class ImageSpec:
    """What a constructor may know of the data: image shape (C, H, W) and the number of classes."""

    channels: int
    height: int
    width: int
    classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    @property
    def pixels(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Images:
    """Images with labels as whole tensors on one device."""

    x: UInt8[Tensor, "n c h w"]
    y: Int[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def at_once(self) -> int:
        """Images that fit in a batch outside training: 1,000 of up to 3x32x32 numbers, fewer of larger ones."""
        return max(1, min(AT_ONCE, NUMBERS_AT_ONCE // self.x.shape[1:].numel()))

    def batches(self, size: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """In order, scaled to [0, 1]: pairs of (size, C, H, W) float32 and (size,) labels. size: `at_once` where none is given."""
        size = size or self.at_once
        starts = list(range(0, len(self), size))
        if len(starts) > 1 and len(self) - starts[-1] == 1:
            starts.pop()  # one image alone has no pair: it joins the batch before it, as in training
        for start, end in zip(starts, [*starts[1:], len(self)], strict=True):
            yield self.x[start:end].float() / 255, self.y[start:end]


@dataclass(frozen=True)
class TrainingData:
    """All that a method may learn from: the training part and a held-out part of the training split, never the test split."""

    train: Images
    held_out: Images
    classes: int
    class_names: tuple[str, ...] = ()

    def name_of(self, k: int) -> str:
        """The class's own name, or its number."""
        return self.class_names[k] if self.class_names else str(k)

    def class_frequencies(self) -> Float[Tensor, " k"]:
        """Share of each class among the training images."""
        counts = torch.bincount(self.train.y, minlength=self.classes)
        return counts / counts.sum()

    def check_classes(self, least: int, why: str) -> None:
        """Raise ValueError, naming them and why, where classes have fewer training images than `least`."""
        counts = torch.bincount(self.train.y, minlength=self.classes).tolist()
        few = [f"{self.name_of(k)} ({count})" for k, count in enumerate(counts) if count < least]
        if few:
            raise ValueError(f"too few training images of class {', '.join(few)}{why}")
