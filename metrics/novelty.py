"""Whether generations are new: how near they lie to the training images, beside real test images and their reconstructions.

Far is not better: noise is far from everything. A score is read beside the same score of real test images, `_test`, which are as new as
can be asked for; `_recon` is of their reconstructions, which a method that only blurs moves towards the training images as well.
"""

from __future__ import annotations

from torch import Tensor

from metrics.base import Items, Neighbours, Score, metric

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


def _scores(name: str) -> dict[str, Score]:
    return {f"{kind}_{name}": Score("", "none") for kind in ("novelty", "authenticity", "closer_than_training")}


def _measured(name: str, near: Neighbours, own: Tensor, spacing: Tensor) -> dict[str, float | Items]:
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
    values = (distance, (distance > own).double(), (distance < spacing.quantile(0.5)).double())
    return {score: Items(value) for score, value in zip(_scores(name), values, strict=True)}


@metric(source=f"{MSE}; {RULES}", scores=_scores("mse"))
def nearest_mse(near_mse: Neighbours, near_mse_own: Tensor, spacing_mse: Tensor) -> dict[str, float | Items]:
    """Of generations: see `_measured`."""
    return _measured("mse", near_mse, near_mse_own, spacing_mse)


@metric(source=f"{MSE}; {RULES}", scores=_scores("mse_test"))
def nearest_mse_test(
    near_mse_test: Neighbours, near_mse_own_test: Tensor, spacing_mse: Tensor
) -> dict[str, float | Items]:
    """Of real test images: see `_measured`."""
    return _measured("mse_test", near_mse_test, near_mse_own_test, spacing_mse)


@metric(source=f"{MSE}; {RULES}", scores=_scores("mse_recon"))
def nearest_mse_recon(
    near_mse_recon: Neighbours, near_mse_own_recon: Tensor, spacing_mse: Tensor
) -> dict[str, float | Items]:
    """Of reconstructions of test images, quantised as samples are: see `_measured`."""
    return _measured("mse_recon", near_mse_recon, near_mse_own_recon, spacing_mse)


@metric(source=f"{NEUTRAL}; {RULES}", scores=_scores("neutral"))
def nearest_neutral(
    near_neutral: Neighbours, near_neutral_own: Tensor, spacing_neutral: Tensor
) -> dict[str, float | Items]:
    """Of generations: see `_measured`."""
    return _measured("neutral", near_neutral, near_neutral_own, spacing_neutral)


@metric(source=f"{NEUTRAL}; {RULES}", scores=_scores("neutral_test"))
def nearest_neutral_test(
    near_neutral_test: Neighbours, near_neutral_own_test: Tensor, spacing_neutral: Tensor
) -> dict[str, float | Items]:
    """Of real test images: see `_measured`."""
    return _measured("neutral_test", near_neutral_test, near_neutral_own_test, spacing_neutral)


@metric(source=f"{NEUTRAL}; {RULES}", scores=_scores("neutral_recon"))
def nearest_neutral_recon(
    near_neutral_recon: Neighbours, near_neutral_own_recon: Tensor, spacing_neutral: Tensor
) -> dict[str, float | Items]:
    """Of reconstructions of test images, quantised as samples are: see `_measured`."""
    return _measured("neutral_recon", near_neutral_recon, near_neutral_own_recon, spacing_neutral)


@metric(unit="", better="none", source=SSIM)
def novelty_ssim(near_ssim: Neighbours) -> Items:
    """Of generations: similarity to the most similar training image, in [-1, 1], 1 where they are equal. Lower is newer."""
    return Items(near_ssim.distances[:, 0])


@metric(unit="", better="none", source=SSIM)
def novelty_ssim_test(near_ssim_test: Neighbours) -> Items:
    """Of real test images: see `novelty_ssim`."""
    return Items(near_ssim_test.distances[:, 0])


@metric(unit="", better="none", source=SSIM)
def novelty_ssim_recon(near_ssim_recon: Neighbours) -> Items:
    """Of reconstructions of test images, quantised as samples are: see `novelty_ssim`."""
    return Items(near_ssim_recon.distances[:, 0])
