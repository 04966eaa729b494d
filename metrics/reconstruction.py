"""How well the test images come back."""

from __future__ import annotations

import torch
from torch import Tensor

from metrics.base import Items, Unavailable, at_once, metric

SSIM_BATCH = 500
SSIM_SMALLEST = 6


@metric(
    unit="nats/image", better="lower", source="Kingma & Welling 2014, eq. 7: the reconstruction term at one sampled z"
)
def reconstruction_bce(sampled_log_likelihood: Tensor) -> Items:
    """Minus log p(x|z) at one sampled z per test image, (N,): of Bernoulli pixels the summed binary cross-entropy."""
    return Items(-sampled_log_likelihood)


@metric(
    unit="nats/image", better="lower", source="Salimans et al. 2017, eq. 2: the reconstruction term at one sampled z"
)
def reconstruction_nll(sampled_log_probability: Tensor) -> Items:
    """Minus log P(x|z) of an image of 256 levels at one sampled z per test image, (N,)."""
    return Items(-sampled_log_probability)


@metric(unit="", better="lower", source="mean squared error at the posterior mean, pixels in [0,1]")
def reconstruction_mse(x_test: Tensor, reconstructions: Tensor) -> Items:
    """Mean over pixels of (x - x')², each (N,C,H,W) in [0,1]: one value an image."""
    return Items((x_test - reconstructions).square().flatten(1).mean(1))


@metric(unit="", better="higher", source="Wang et al. 2004, structural similarity; torchmetrics, Gaussian window 11x11")
def reconstruction_ssim(x_test: Tensor, reconstructions: Tensor) -> Items:
    """Structural similarity of x and x', each (N,C,H,W) in [0,1]: one value an image, 1 where they are equal.

    The border is reflected by 5 pixels, so a side must be longer than that. Raises Unavailable for smaller images.
    """
    if min(x_test.shape[-2:]) < SSIM_SMALLEST:
        raise Unavailable(f"SSIM's 11x11 window needs sides of {SSIM_SMALLEST} pixels, got {tuple(x_test.shape[-2:])}")
    size = at_once(x_test, SSIM_BATCH)
    pairs = zip(reconstructions.split(size), x_test.split(size), strict=True)
    return Items(torch.cat([_ssim(image.float(), original.float()) for image, original in pairs]))


def _ssim(images: Tensor, originals: Tensor) -> Tensor:
    """SSIM of two (N,C,H,W) batches, (N,)."""
    from torchmetrics.functional.image import structural_similarity_index_measure  # seconds to import

    values = structural_similarity_index_measure(images, originals, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values.reshape(len(images))  # the library drops the axis where there is one image
