"""Reconstruction against textbook formulas."""

import pytest
import torch
from scipy.ndimage import gaussian_filter
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


def _wang(a, b):
    """Wang et al. 2004, equation 13, of images (N,H,W) in [0,1] with a reflected border, by scipy's blur."""

    def blur(image):
        return gaussian_filter(image.double().numpy(), 1.5, radius=5, mode="mirror", axes=(1, 2))

    mu_a, mu_b, c1, c2 = blur(a), blur(b), 0.01**2, 0.03**2
    variances = blur(a * a) - mu_a**2 + blur(b * b) - mu_b**2
    similar = (2 * mu_a * mu_b + c1) * (2 * (blur(a * b) - mu_a * mu_b) + c2)
    return (similar / ((mu_a**2 + mu_b**2 + c1) * (variances + c2))).mean((1, 2))


@pytest.mark.parametrize("side", [8, 13])
def test_ssim_is_wangs_formula_and_works_for_eight_pixels(side):
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, side, side), torch.rand(2, 1, side, side)
    values = reconstruction.reconstruction_ssim(a, b).values
    assert values.tolist() == pytest.approx(_wang(a[:, 0], b[:, 0]), abs=1e-5)


def test_ssim_is_image_by_image_whatever_the_batches_and_one_of_equal_images(monkeypatch):
    monkeypatch.setattr(reconstruction, "SSIM_BATCH", 3)
    x, y = torch.rand(7, 3, 8, 8), torch.rand(7, 3, 8, 8)
    y[2] = x[2]
    together = reconstruction.reconstruction_ssim(x, y).values
    for at in range(7):
        alone = reconstruction.reconstruction_ssim(x[at : at + 1], y[at : at + 1]).values
        torch.testing.assert_close(together[at : at + 1], alone)
    assert together[2].item() == pytest.approx(1)


def test_ssim_of_tiny_images_is_refused():
    with pytest.raises(Unavailable, match="6 pixels"):
        reconstruction.reconstruction_ssim(torch.rand(2, 1, 5, 8), torch.rand(2, 1, 5, 8))
