"""Likelihood figures against a model whose p(x) is known in closed form."""

import math

import torch
from torch.distributions import Categorical, Normal, kl_divergence

from metrics.likelihood import active_units, bits_per_dim, bound_gap, elbo, kl_continuous, kl_discrete, kl_pose, nll_iw


def _log_weights(x, proposal, samples, seed=0):
    """log p(x,z) - log q(z|x) where z ~ N(0,1) and x|z ~ N(z,1); p(x) is N(0, 2)."""
    z = torch.randn(len(x), samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    z = proposal.loc[:, None] + proposal.scale[:, None] * z
    q = Normal(proposal.loc[:, None], proposal.scale[:, None])
    return Normal(0.0, 1.0).log_prob(z) + Normal(z, 1.0).log_prob(x[:, None]) - q.log_prob(z)


X = torch.linspace(-3, 3, 7, dtype=torch.float64)
TRUTH = -Normal(0.0, math.sqrt(2)).log_prob(X)
POSTERIOR = Normal(X / 2, torch.full_like(X, math.sqrt(0.5)))


def test_nll_is_exact_from_one_sample_where_the_proposal_is_the_posterior():
    torch.testing.assert_close(nll_iw(_log_weights(X, POSTERIOR, 1)).values, TRUTH)


def test_nll_of_a_wrong_proposal_comes_to_the_truth_and_lies_below_minus_the_elbo():
    wrong = Normal(torch.zeros_like(X), torch.full_like(X, 1.5))
    weights = _log_weights(X, wrong, 20_000)
    torch.testing.assert_close(nll_iw(weights).values, TRUTH, atol=0.05, rtol=0)
    assert (nll_iw(weights).values <= -weights.mean(1)).all()


def test_bits_of_a_uniform_law_over_the_levels_are_eight():
    images = torch.zeros(4, 3, 5, 7)
    weights = torch.full((4, 10), -images[0].numel() * math.log(256))
    torch.testing.assert_close(bits_per_dim(weights, images).values, torch.full((4,), 8.0, dtype=torch.float64))


def test_the_gap_is_the_divergence_of_the_proposal_from_the_posterior_image_by_image():
    wrong = Normal(torch.zeros_like(X), torch.full_like(X, 1.5))
    # the bound in closed form: E_q of log p(z), of log p(x|z) and of -log q(z)
    energy = (wrong.scale**2 + wrong.loc**2) / 2 + (wrong.scale**2 + (X - wrong.loc) ** 2) / 2
    bound = -energy - math.log(2 * math.pi) + wrong.entropy()
    gap = bound_gap(_log_weights(X, wrong, 100_000), bound).values
    torch.testing.assert_close(gap, kl_divergence(wrong, POSTERIOR), atol=0.02, rtol=0)


def test_the_gap_takes_the_bound_of_the_same_images_and_survives_weights_that_underflow():
    weights = torch.full((2, 500), -2000.0)
    bound = torch.tensor([-2001.0, -2003.5, 0.0, math.nan])
    torch.testing.assert_close(bound_gap(weights, bound).values, torch.tensor([1.0, 3.5], dtype=torch.float64))


def test_bound_and_divergence_are_passed_on_image_by_image():
    values = torch.randn(5)
    assert elbo(values).values is values
    assert kl_continuous(values).values is values
    assert kl_pose(values).values is values


def test_kl_of_categories_is_torchs_from_zero_for_even_to_log_k_for_sure():
    q = torch.rand(6, 5).softmax(1)
    uniform = Categorical(torch.full((6, 5), 0.2, dtype=torch.float64))
    torch.testing.assert_close(
        kl_discrete(q).values, kl_divergence(Categorical(q.double()), uniform), atol=1e-7, rtol=0
    )
    extremes = kl_discrete(torch.tensor([[0.25] * 4, [0.0, 1.0, 0.0, 0.0]])).values
    torch.testing.assert_close(extremes, torch.tensor([0.0, math.log(4)], dtype=torch.float64))


def test_active_units_counts_the_dimensions_that_move():
    spread = torch.tensor([0.0, 0.09, 0.11, 3.0])  # the threshold is a standard deviation of 0.1
    assert active_units(torch.tensor([[-1.0], [1.0]]) * spread + 5).value == 2.0
