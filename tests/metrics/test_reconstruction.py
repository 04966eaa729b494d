"""Reconstruction against textbook formulas."""

import torch
from torch.nn.functional import binary_cross_entropy

from metrics import reconstruction


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
