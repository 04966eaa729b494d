"""How far generated images differ from each other."""

from __future__ import annotations

from torch import Tensor

from metrics.base import OfSet, class_cosine_jackknifed, metric


@metric(unit="", better="lower", source="mean cosine similarity of pairs of generated images of one class, pixels")
def within_class_cosine(class_samples: Tensor, class_sample_labels: Tensor) -> OfSet:
    """Mean over classes of the mean cosine similarity of all distinct pairs of a class; images uint8 (M,C,H,W).

    An image without ink has no direction and is left out. Raises Unavailable where no class has two images left.
    """
    return class_cosine_jackknifed(class_samples, class_sample_labels)
