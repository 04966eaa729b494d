"""Convex combinations of images of a class: their weights, which images are drawn, what comes of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from methods.parts.data import TrainingData

ROUNDING = 1e-6
"""By how much the weights' sum may differ from 1."""


@dataclass(frozen=True)
class Proposals:
    """Combinations before the filter, and what the classifier makes of them.

    images: in [0, 1]. accepted: by the filter. at_z, at_image: the class that the classifier sees in the combined z, in the decoded image.
    sources_right: whether it sees the class asked for in each of the images combined.
    """

    images: Float[Tensor, "n c h w"]
    accepted: Bool[Tensor, " n"]
    at_z: Int[Tensor, " n"]
    at_image: Int[Tensor, " n"]
    sources_right: Bool[Tensor, " n"]


class RowsByClass:
    """The rows of a data set by class, from labels (N,) int64."""

    def __init__(self, y: Int[Tensor, " n"], classes: int) -> None:
        self.members = y.argsort(stable=True)
        self.counts = torch.bincount(y, minlength=classes)
        self.starts = self.counts.cumsum(0) - self.counts

    def draw(self, y: Int[Tensor, " m"], n: int) -> list[Int[Tensor, " m"]]:
        """n different rows of each class asked for; every choice of them, in every order, equally likely. A class has n rows or more."""
        taken: list[Tensor] = []
        for already in range(n):
            at = (torch.rand(len(y), dtype=torch.float64, device=y.device) * (self.counts[y] - already)).long()
            for earlier in torch.stack(taken).sort(0).values if taken else ():
                at = at + (at >= earlier).long()
            taken.append(at)
        return [self.members[self.starts[y] + at] for at in taken]


def check_combination(n: int, weights: Sequence[float] | None) -> None:
    """Raise ValueError unless n images with these weights, equal ones where None, are a convex combination."""
    if n < 2:
        raise ValueError(f"n={n} is no combination: give 2 or more")
    if weights is None:
        return
    if len(weights) != n:
        raise ValueError(f"weights are {len(weights)} numbers for n={n} images: give one for each")
    if not all(weight >= 0 for weight in weights):
        raise ValueError(f"weights {list(weights)} are not all 0 or more: a convex combination takes no others")
    if abs(sum(weights) - 1) > ROUNDING:
        raise ValueError(f"weights {list(weights)} sum to {sum(weights):g}: those of a convex combination sum to 1")


def check_images(data: TrainingData, n: int) -> None:
    """Raise ValueError, before anything is trained, for classes too small to combine and for no held-out images."""
    data.check_classes(n, f" to combine n={n}: lower n, or add images of it")
    if len(data.held_out) == 0:
        raise ValueError(
            "the confidence to pass is taken from held-out images, and there are none: set held_out in the suite"
        )
