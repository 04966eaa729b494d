"""How well the test images come back."""

from __future__ import annotations

from torch import Tensor

from metrics.base import Items, metric


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


@metric(unit="", better="higher", source="Wang et al. 2004, structural similarity, Gaussian window 11x11")
def reconstruction_ssim(reconstruction_similarities: Tensor) -> Items:
    """Structural similarity of x and x' in [0,1]: one value an image, (N,), 1 where they are equal."""
    return Items(reconstruction_similarities)
