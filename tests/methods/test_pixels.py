"""Discretised logistic pixels: a probability of 256 levels, exact and with gradients where a difference of two sigmoids has none."""

import math

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import logistic
from torch import Tensor

from methods.base import ImageSpec
from methods.choices import Likelihood
from methods.parts import DiscretisedLogistic, LogisticDecoder, Pose, decoder_of
from methods.parts.distributions import HALF_BIN, LEVELS
from methods.parts.networks import FIRST_LOG_SCALE, LEAST_LOG_SCALE
from methods.parts.transforms import EMPTY
from methods.tvae import TVAE

STEPS = torch.arange(LEVELS, dtype=torch.float64) / (LEVELS - 1)
SCALES = [LEAST_LOG_SCALE, -5.0, math.log(0.1), 0.0, 3.0]


def _by_level(logit: float, log_scale: float, dtype: torch.dtype) -> Tensor:
    """log p of every level of one pixel, (256,)."""
    logits = torch.full((LEVELS, 1, 1, 1), logit, dtype=dtype)
    p = DiscretisedLogistic(logits, torch.tensor([log_scale], dtype=dtype))
    return p.log_prob(STEPS.to(dtype).view(-1, 1, 1, 1))


@pytest.mark.parametrize("log_scale", SCALES)
@pytest.mark.parametrize("logit", [-30.0, -2.0, 0.0, 0.7, 30.0])
def test_the_levels_sum_to_one_and_their_gradients_are_finite(logit: float, log_scale: float) -> None:
    assert _by_level(logit, log_scale, torch.float64).logsumexp(0).abs() < 1e-9
    logits = torch.full((LEVELS, 1, 1, 1), logit, requires_grad=True)
    scale = torch.tensor([log_scale], requires_grad=True)
    levels = DiscretisedLogistic(logits, scale).log_prob(STEPS.float().view(-1, 1, 1, 1))
    # in float32 a mean is known to 6e-8, 1e-4 of the least scale
    assert levels.logsumexp(0).abs() < 2e-3
    assert ((levels <= 0) & levels.isfinite()).all()
    assert all(part.isfinite().all() for part in torch.autograd.grad(levels.sum(), (logits, scale)))


@pytest.mark.parametrize("log_scale", [-4.0, math.log(0.1), 0.0])
@pytest.mark.parametrize("logit", [-2.0, 0.0, 0.7])
def test_a_level_is_the_logistics_mass_between_its_neighbours(logit: float, log_scale: float) -> None:
    below = logistic(expit(logit), math.exp(log_scale)).cdf(STEPS[1:] - HALF_BIN)
    expected = torch.from_numpy(np.diff(below, prepend=0, append=1))
    for dtype, error in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        assert torch.allclose(_by_level(logit, log_scale, dtype).exp().double(), expected, atol=error)


def test_a_level_far_out_has_the_logarithm_that_the_difference_of_sigmoids_loses() -> None:
    """There both sigmoids are 1 in any float: the mass falls as exp(-distance / scale)."""
    found = _by_level(-30.0, LEAST_LOG_SCALE, torch.float64)
    scale = math.exp(LEAST_LOG_SCALE)
    assert torch.allclose(found[10:200].diff(), torch.full((189,), -1 / (255 * scale), dtype=torch.float64))
    assert torch.allclose(_by_level(-30.0, LEAST_LOG_SCALE, torch.float32).double(), found, rtol=1e-4, atol=1e-3)


def test_channels_have_scales_of_their_own_and_pixels_are_summed() -> None:
    logits, log_scale = torch.randn(4, 3, 2, 5), torch.tensor([-3.0, -2.0, 0.0])
    x = torch.randint(LEVELS, (4, 3, 2, 5)) / (LEVELS - 1)
    apart = [
        DiscretisedLogistic(logits[:, c : c + 1], log_scale[c : c + 1]).log_prob(x[:, c : c + 1]) for c in range(3)
    ]
    whole = DiscretisedLogistic(logits, log_scale)
    assert whole.log_prob(x).shape == (4,)
    assert torch.allclose(whole.log_prob(x), sum(apart), rtol=1e-5)
    assert torch.equal(whole.mean, logits.sigmoid())


def test_the_gradient_is_that_of_finite_differences() -> None:
    x = torch.tensor([0.0, 3.0, 128.0, 254.0, 255.0]).double().view(5, 1, 1, 1) / 255
    logits = torch.linspace(-2, 2, 5).double().view(5, 1, 1, 1).requires_grad_()
    scale = torch.tensor([-2.0]).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda at, wide: DiscretisedLogistic(at, wide).log_prob(x), (logits, scale))


# The decoder.


def test_the_bernoulli_decoder_is_what_it_was_and_the_other_has_one_scale_a_channel_more() -> None:
    def state(likelihood: Likelihood) -> dict[str, Tensor]:
        torch.manual_seed(0)
        return decoder_of(likelihood, (3, 8, 12), 5, "mlp", None).state_dict()

    bernoulli, scaled = state("bernoulli"), state("discretised-logistic")
    assert scaled.pop("log_scale").shape == (3,)
    torch.testing.assert_close(scaled, bernoulli, rtol=0, atol=0)


def test_scales_are_learned_and_clamped_from_below() -> None:
    decoder = LogisticDecoder((1, 8, 8), 2)
    z, x = torch.randn(6, 2), torch.randint(LEVELS, (6, 1, 8, 8)) / (LEVELS - 1)
    decoder(z).log_prob(x).sum().backward()
    assert decoder.log_scale.grad is not None
    assert decoder.log_scale.grad.abs() > 0
    with torch.no_grad():
        decoder.log_scale.fill_(-50.0)
    assert torch.allclose(decoder(z).log_scale, torch.tensor([LEAST_LOG_SCALE]))
    assert decoder(z).log_prob(x).isfinite().all()


def test_bfloat16_layers_leave_the_pixels_in_float32() -> None:
    decoder = LogisticDecoder((3, 8, 8), 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = decoder(torch.randn(3, 4)).log_prob(torch.rand(3, 3, 8, 8))
    assert value.dtype == torch.float32


# Poses.


def test_a_pose_moves_the_logits_and_keeps_the_scales() -> None:
    pose = Pose(6, 8, "affine", "none", "fitted", 3, None)
    page = DiscretisedLogistic(torch.full((2, 3, 6, 8), 2.0), torch.tensor([-3.0, -2.0, -1.0]))
    far = pose.transform.identity.clone()
    far[2] = 5.0  # the whole frame out of sight
    moved = pose.applied(page, torch.stack([pose.transform.identity, far]))
    assert isinstance(moved, DiscretisedLogistic)
    assert torch.equal(moved.log_scale, page.log_scale)
    assert torch.allclose(moved.logits[0], page.logits[0], atol=1e-5)
    assert torch.allclose(moved.logits[1], torch.tensor(EMPTY))
    black = torch.zeros(2, 3, 6, 8)
    assert moved.log_prob(black)[1] > moved.log_prob(black)[0], "the empty page is black"


def test_training_begun_anew_begins_with_the_first_scales() -> None:
    method = TVAE(ImageSpec(3, 8, 12, 4), latent=3, hidden=16, likelihood="discretised-logistic")
    with torch.no_grad():
        method.decoder.log_scale.fill_(-6.0)
    method.begin_anew()
    assert torch.allclose(method.decoder.log_scale, torch.tensor(FIRST_LOG_SCALE))
