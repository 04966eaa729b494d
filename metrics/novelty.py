"""Whether generations are new: how near they lie to the training images, beside real test images and their reconstructions.

Far is not better: noise is far from everything. A score is read beside the same score of real test images, `_test`, which are as new as
can be asked for; `_recon` is of their reconstructions, which a method that only blurs moves towards the training images as well.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from metrics.base import SAMPLES, Items, Neighbours, Score, metric

MSE = "mean squared error of pixels in [0,1], exact over all training images"
NEUTRAL = "Euclidean distance in the neutral classifier's penultimate features, exact over all training images"
SSIM = (
    "Wang et al. 2004, window 11x11: similarity of the most similar training image among the nearest by MSE "
    "(200 unless the suite says otherwise); lower is newer"
)
RULES = (
    "authenticity: Alaa et al. 2022, share farther from the nearest training image than that image from its own nearest other; "
    "closer_than_training: share nearer to a training image than the median of 1,000 training images to their nearest other"
)


KINDS = ("novelty", "authenticity", "closer_than_training")


def nearest(near: Neighbours, own: Tensor, spacing: Tensor) -> tuple[Items, ...]:
    """The three scores of M images.

    novelty: mean distance to the nearest training image. near.distances: (M,K), nearest first.
    authenticity: share of images x with nearest training image r for which d(x, r) > d(r, r's nearest other training image), own: (M,).
    0 for copies, 1 for noise, so neither end is good. A real test image is authentic where it and r are not each other's nearest: for
    evenly spread points 1/3 on a line and towards 1/2 in many dimensions, and more where few training images are nearest to many.
    closer_than_training: share with d(x, r) < the median of spacing, (S,), the distances of a sample of training images to their nearest
    other. 1 for copies, 0 for noise, about 1/2 for real test images.
    An image equal to r, at another index, is another: where training images are repeated, own and spacing are 0.
    """
    distance = near.distances[:, 0]
    return Items(distance), Items((distance > own).double()), Items((distance < spacing.quantile(0.5)).double())


def _register(measure: str, source: str, images: str) -> None:
    """Of one distance and one set of images, by its suffix."""
    names = [f"{kind}_{measure}{images}" for kind in KINDS]

    @metric(
        name=f"nearest_{measure}{images}",
        source=f"{source}; {RULES}",
        scores={name: Score("", "none") for name in names},
        reads={
            "near": f"near_{measure}{images}",
            "own": f"near_{measure}_own{images}",
            "spacing": f"spacing_{measure}",
        },
    )
    def measured(near: Neighbours, own: Tensor, spacing: Tensor) -> dict[str, Items]:
        """See `nearest`."""
        found = [replace(items, of=SETS[images]) for items in nearest(near, own, spacing)]
        return dict(zip(names, found, strict=True))


def _register_ssim(images: str) -> None:
    @metric(name=f"novelty_ssim{images}", better="none", source=SSIM, reads={"near": f"near_ssim{images}"})
    def novelty_ssim(near: Neighbours) -> Items:
        """Similarity to the most similar training image, in [-1, 1], 1 where they are equal. Lower is newer."""
        return Items(near.distances[:, 0], of=SETS[images])


SETS = {"": SAMPLES, "_test": Items.of, "_recon": Items.of}
"""Suffix to what its images are: generations, real test images, and reconstructions of test images, quantised as samples are."""
for distance, stated in (("mse", MSE), ("neutral", NEUTRAL)):
    for images in SETS:
        _register(distance, stated, images)
for images in SETS:
    _register_ssim(images)
