"""Reconstruction against textbook formulas."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy

from metrics import reconstruction
from metrics.base import Unavailable


def test_bce_of_bernoulli_pixels_is_the_summed_cross_entropy():
    x, p = torch.rand(5, 1, 4, 4).round(), torch.rand(5, 1, 4, 4).clamp(0.01, 0.99)
    log_likelihood = torch.distributions.Bernoulli(p).log_prob(x).flatten(1).sum(1)
    expected = binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1)
    torch.testing.assert_close(reconstruction.reconstruction_bce(log_likelihood).values, expected)
    assert torch.equal(reconstruction.reconstruction_nll(log_likelihood).values, -log_likelihood)


def test_mse_is_the_mean_over_pixels_of_each_image():
    x, shift = torch.zeros(3, 2, 4, 4), torch.tensor([0.0, 0.5, 1.0])
    values = reconstruction.reconstruction_mse(x, x + shift[:, None, None, None]).values
    torch.testing.assert_close(values, shift**2)


def _naive_ssim(a, b, window=11, sigma=1.5):
    """Wang et al. 2004, equation 13, pixel by pixel on a reflected border, in float64; a and b are (H,W) in [0,1]."""
    r = window // 2
    offsets = torch.arange(-r, r + 1, dtype=torch.float64)
    g = torch.exp(-(offsets**2) / (2 * sigma**2))
    w = torch.outer(g, g) / g.sum() ** 2
    a, b = (torch.nn.functional.pad(i.double()[None, None], (r,) * 4, mode="reflect")[0, 0] for i in (a, b))
    c1, c2, total, height, width = 0.01**2, 0.03**2, 0.0, a.shape[0] - 2 * r, a.shape[1] - 2 * r
    for i in range(height):
        for j in range(width):
            p, q = a[i : i + window, j : j + window], b[i : i + window, j : j + window]
            mp, mq = (w * p).sum(), (w * q).sum()
            vp, vq, cov = (w * (p - mp) ** 2).sum(), (w * (q - mq) ** 2).sum(), (w * (p - mp) * (q - mq)).sum()
            total += (2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
    return float(total) / (height * width)


@pytest.mark.parametrize("side", [8, 13])
def test_ssim_is_wangs_formula_and_works_for_eight_pixels(side):
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, side, side), torch.rand(2, 1, side, side)
    values = reconstruction.reconstruction_ssim(a, b).values
    assert values.tolist() == pytest.approx([_naive_ssim(a[i, 0], b[i, 0]) for i in range(2)], abs=1e-5)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_ssim_of_equal_images_is_one_whatever_the_batches(n, monkeypatch):
    monkeypatch.setattr(reconstruction, "SSIM_BATCH", 3)
    x = torch.rand(n, 3, 8, 8)
    values = reconstruction.reconstruction_ssim(x, x).values
    assert values.shape == (n,)
    torch.testing.assert_close(values, torch.ones(n))


def test_ssim_of_one_image_does_not_depend_on_the_others():
    x, y = torch.rand(6, 1, 8, 8), torch.rand(6, 1, 8, 8)
    together = reconstruction.reconstruction_ssim(x, y).values
    alone = reconstruction.reconstruction_ssim(x[4:5], y[4:5]).values
    torch.testing.assert_close(together[4:5], alone)
    assert not math.isnan(float(alone))


def test_ssim_of_tiny_images_is_refused():
    with pytest.raises(Unavailable, match="6 pixels"):
        reconstruction.reconstruction_ssim(torch.rand(2, 1, 5, 8), torch.rand(2, 1, 5, 8))
