"""Distributions over latents and images. They take (N, D) or (N, C, H, W) and sum to (N,) nats."""

import math
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from methods.parts.labels import one_hot


@runtime_checkable
class Distribution(Protocol):
    """What a prior or posterior over latents has to give, inherited from or not; `other` is of the same kind."""

    @property
    def mean(self) -> Float[Tensor, "n d"]: ...
    @property
    def mode(self) -> Float[Tensor, "n d"]:
        """The mean, where a distribution does not say otherwise."""
        return self.mean

    def sample(self) -> Float[Tensor, "n d"]: ...
    def log_prob(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log density, of a one-hot category its log probability, in nats."""

    def kl(self, other: Any) -> Float[Tensor, " n"]:
        """KL(self || other) in nats, closed form where nothing else is said."""

    def repeat(self, times: int) -> Any:
        """The batch, one time after another: (times * n, d)."""


@dataclass(frozen=True)
class Gaussian(Distribution):
    """N(mu, diag exp(log_var)) over latents."""

    mu: Float[Tensor, "n d"]
    log_var: Float[Tensor, "n d"]

    @staticmethod
    def unit(mu: Float[Tensor, "n d"]) -> "Gaussian":
        """N(mu, I)"""
        return Gaussian(mu, torch.zeros_like(mu))

    @property
    def mean(self) -> Float[Tensor, "n d"]:
        return self.mu

    def sample(self) -> Float[Tensor, "n d"]:
        """One draw each, differentiable in mu and log_var."""
        return self.mu + torch.exp(0.5 * self.log_var) * torch.randn_like(self.mu)

    def log_prob(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        return -0.5 * (math.log(2 * math.pi) + self.log_var + (z - self.mu) ** 2 * torch.exp(-self.log_var)).sum(1)

    def kl(self, other: "Gaussian") -> Float[Tensor, " n"]:
        ratio = self.log_var - other.log_var
        apart = self.mu - other.mu
        distance = apart * apart * torch.exp(-other.log_var)
        return 0.5 * (torch.expm1(ratio) - ratio + distance).sum(1)

    def repeat(self, times: int) -> "Gaussian":
        return Gaussian(self.mu.repeat(times, 1), self.log_var.repeat(times, 1))


def standard_normal(n: int, d: int, device: torch.device) -> Gaussian:
    """N(0, I) over d dimensions, n times: the prior of a plain VAE."""
    return Gaussian.unit(torch.zeros(n, d, device=device))


@dataclass(frozen=True)
class Categorical(Distribution):
    """A category of K, as a one-hot row, with probabilities softmax(logits); logits may be -inf where a category never occurs.

    temperature: where given, draws are relaxed by the Gumbel-softmax of Jang et al. 2017 and differentiable in the logits; as it goes to 0
    they become one-hot. None: draws are one-hot.
    """

    logits: Float[Tensor, "n k"]
    temperature: float | None = None

    @property
    def log_probabilities(self) -> Float[Tensor, "n k"]:
        return self.logits.log_softmax(1)

    @property
    def mean(self) -> Float[Tensor, "n k"]:
        """The probabilities."""
        return self.logits.softmax(1)

    @property
    def mode(self) -> Float[Tensor, "n k"]:
        """The likeliest category, one-hot."""
        return one_hot(self.logits.argmax(1), self.logits.shape[1])

    def sample(self) -> Float[Tensor, "n k"]:
        """One draw each. The largest of logits with Gumbel noise is a draw from the softmax, whatever the temperature."""
        relaxed = F.gumbel_softmax(self.logits, tau=1.0 if self.temperature is None else self.temperature)
        return relaxed if self.temperature is not None else one_hot(relaxed.argmax(1), self.logits.shape[1])

    def log_prob(self, c: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
        return torch.where(c > 0, c * self.log_probabilities, 0.0).sum(1)

    def cross_entropy(self, y: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """-log of the probability of category y, in nats."""
        return F.cross_entropy(self.logits, y, reduction="none")

    def kl(self, other: "Categorical") -> Float[Tensor, " n"]:
        """KL(self || other) in nats: infinite where self allows what other does not."""
        p = self.mean
        return torch.where(p > 0, p * (self.log_probabilities - other.log_probabilities), 0.0).sum(1)

    def repeat(self, times: int) -> "Categorical":
        return Categorical(self.logits.repeat(times, 1), self.temperature)


Rest = TypeVar("Rest", bound=Distribution)


@dataclass(frozen=True)
class Joint(Generic[Rest]):
    """A Gaussian z and, independent of it, something else: a category c, a pose u. A code is their columns side by side, z first."""

    z: Gaussian
    rest: Rest

    @property
    def mean(self) -> Float[Tensor, "n d"]:
        return torch.cat([self.z.mean, self.rest.mean], 1)

    @property
    def mode(self) -> Float[Tensor, "n d"]:
        return torch.cat([self.z.mode, self.rest.mode], 1)

    def sample(self) -> Float[Tensor, "n d"]:
        return torch.cat([self.z.sample(), self.rest.sample()], 1)

    def log_prob(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        split = self.z.mu.shape[1]
        return self.z.log_prob(z[:, :split]) + self.rest.log_prob(z[:, split:])

    def kl(self, other: "Joint[Any]") -> Float[Tensor, " n"]:
        return self.z.kl(other.z) + self.rest.kl(other.rest)

    def repeat(self, times: int) -> "Joint[Rest]":
        return Joint(self.z.repeat(times), self.rest.repeat(times))


@dataclass(frozen=True)
class Bernoulli:
    """Independent pixels with p = sigmoid(logits). Images in [0, 1] are scored as they are: minus the binary cross-entropy."""

    logits: Float[Tensor, "n c h w"]

    @property
    def mean(self) -> Float[Tensor, "n c h w"]:
        return torch.sigmoid(self.logits)

    def log_prob(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """Minus the binary cross-entropy summed over pixels, in nats."""
        return -F.binary_cross_entropy_with_logits(self.logits, x, reduction="none").flatten(1).sum(1)


LEVELS = 256
HALF_BIN = 0.5 / (LEVELS - 1)
"""Half of what lies between two levels of an image in [0, 1]."""


@dataclass(frozen=True)
class DiscretisedLogistic:
    """Independent pixels of 256 levels, x = k/255: a logistic variable about sigmoid(logits), exp(log_scale) wide, cut into bins.

    A level's probability is that of its bin, [x - 1/510, x + 1/510]; the first and the last bin are open below and above, so that the
    256 sum to one (Salimans et al. 2017, PixelCNN++, eq. 2, on [0, 1]). One log_scale a channel, in units of the range of x.
    """

    logits: Float[Tensor, "n c h w"]
    log_scale: Float[Tensor, " c"]

    @property
    def mean(self) -> Float[Tensor, "n c h w"]:
        """The logistic's own mean, in [0, 1]: the levels' mean but for what the open bins pull in at black and white."""
        return torch.sigmoid(self.logits)

    def log_prob(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """Log probability of images of levels k/255, summed over pixels, in nats. Other values are not checked for.

        For a - b = 1/(255 scale), the bin's two ends in units of the scale, S(a) - S(b) = S(a) S(-b) (1 - exp(b - a)), S the sigmoid: no
        difference of nearly equal numbers is ever taken.
        """
        steep = torch.exp(-self.log_scale)[:, None, None]
        off, half = (x - self.mean) * steep, HALF_BIN * steep
        up_to, from_on = F.logsigmoid(off + half), F.logsigmoid(half - off)
        inside = up_to + from_on + torch.log(-torch.expm1(-2 * half))
        ended = torch.where(x > 1 - HALF_BIN, from_on, inside)
        return torch.where(x < HALF_BIN, up_to, ended).flatten(1).sum(1)


Pixels = Bernoulli | DiscretisedLogistic
"""What p(x|z) is of: both have logits, whose sigmoid is their mean."""
