"""How far generated images differ from each other."""

from __future__ import annotations

from torch import Tensor

from metrics.base import Unavailable, metric


@metric(unit="", better="lower", source="mean cosine similarity of pairs of generated images of one class, pixels")
def within_class_cosine(class_samples: Tensor, class_sample_labels: Tensor) -> float:
    """Mean over classes of the mean cosine similarity of all distinct pairs of a class; images uint8 (M,C,H,W).

    An image without ink has no direction and is left out. Raises Unavailable where no class has two images left.
    """
    labels = class_sample_labels.to(class_samples.device)
    means = [_mean_pair_cosine(class_samples[labels == label]) for label in labels.unique()]
    measured = [mean for mean in means if mean is not None]
    if not measured:
        raise Unavailable("no class has two generated images that are not blank")
    return sum(measured) / len(measured)


def _mean_pair_cosine(images: Tensor) -> float | None:
    """Mean cosine over the n(n-1)/2 pairs of (n,C,H,W), or None for n < 2.

    The squared length of the sum of n unit vectors is n plus twice the sum over pairs: no (n,n) matrix is needed.
    """
    flat = images.flatten(1).double()
    lengths = flat.norm(dim=1)
    directions = flat[lengths > 0] / lengths[lengths > 0, None]
    n = len(directions)
    if n < 2:
        return None
    return float((directions.sum(0).square().sum() - n) / (n * (n - 1)))
