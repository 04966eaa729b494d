"""The pose u as a latent: how it moves an image, its prior, how a network's output is read as q(u|x), and codes [z, u]."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.parts.distributions import Bernoulli, DiscretisedLogistic, Distribution, Gaussian, Joint, standard_normal
from methods.parts.transforms import (
    EMPTY,
    LEAST_DETERMINANT,
    Affine,
    Grid,
    Transformation,
    transform_of,
    warped,
)

PosePrior = Literal["none", "normal", "normal5", "full"]
"""none: u is a function of the image, at no KL. normal: N(nu, diag tau^2) on the transformation's numbers. normal5: the same on rotation,
log scales and translations. full: u' = W u + b with u ~ N(0, I), and so u' ~ N(b, W W^T)."""
PoseMean = Literal["fitted", "identity"]
Page = TypeVar("Page", Bernoulli, DiscretisedLogistic)

SCALE = 0.1
"""Standard deviation of every number of a pose before training, in the prior as in the posterior: their KL starts at zero."""
LEAST_LOG_VARIANCE = 2 * math.log(1e-6)


@dataclass(frozen=True)
class Delta(Distribution):
    """A value without spread, a function of the image or a constant: it costs no KL, and there is no density to weigh it by."""

    value: Float[Tensor, "n d"]

    @property
    def mean(self) -> Float[Tensor, "n d"]:
        return self.value

    def sample(self) -> Float[Tensor, "n d"]:
        return self.value

    def log_prob(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Raises TypeError: a point has no density."""
        raise TypeError("a pose without prior has no density: give it one (pose_prior) for a bound on log p(x)")

    def kl(self, other: Any) -> Float[Tensor, " n"]:
        """Zero, as the paper counts it (section IV)."""
        return torch.zeros_like(self.value[:, 0])

    def repeat(self, times: int) -> "Delta":
        return Delta(self.value.repeat(times, 1))


@dataclass(frozen=True)
class UprightFirst(Distribution):
    """q(u|x) q(z|x,u): a pose first, then the code of the image that it was taken from. A code is [z, u].

    given(u) -> q(z|x,u) for as many poses as there are images, or a whole multiple: image i has poses i, i + N, i + 2N ...
    `kl` draws the pose that its part of z hangs on; all else is exact.
    """

    u: Distribution
    given: Callable[[Tensor], Gaussian]

    @property
    def mean(self) -> Float[Tensor, "n d"]:
        """The mean of z for the mean pose, beside that pose."""
        return torch.cat([self.given(self.u.mean).mean, self.u.mean], 1)

    def drawn(self) -> Joint[Distribution]:
        """q(z|x,u) at one drawn u, beside that u."""
        u = self.u.sample()
        return Joint(self.given(u), Delta(u))

    def sample(self) -> Float[Tensor, "n d"]:
        return self.drawn().sample()

    def log_prob(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        size = self.u.mean.shape[1]
        u = z[:, -size:]
        return self.u.log_prob(u) + self.given(u).log_prob(z[:, :-size])

    def kl(self, other: Joint[Distribution]) -> Float[Tensor, " n"]:
        """KL(q(u|x) || p(u)) + KL(q(z|x,u) || p(z)) at one drawn u, in nats."""
        return self.u.kl(other.rest) + self.drawn().z.kl(other.z)

    def repeat(self, times: int) -> "UprightFirst":
        return UprightFirst(self.u.repeat(times), self.given)


class Pose(nn.Module):
    """The poses of images of (C, H, W). A pose u has `size` numbers; networks give `outputs` numbers for q(u|x).

    transform, prior: as named. mean: whether the prior's mean nu, or b, is fitted or stays at the identity. side: control points a side of
    tps. rank: size of u under the full prior, None for that of u'. mean_pose (size,): over the training images, once it is set.
    Raises ValueError for a prior that does not fit the transformation, and for a rank beside another prior or above that of u'.
    """

    mean_pose: Float[Tensor, " s"]
    nu: Tensor
    log_tau: Tensor
    mixing: Tensor

    def __init__(
        self, height: int, width: int, transform: Transformation, prior: PosePrior, mean: PoseMean, side: int, rank: int | None
    ) -> None:  # fmt: skip
        super().__init__()
        if prior == "normal5" and transform == "tps":
            raise ValueError(
                "pose_prior=normal5 is on rotation, scales and translations, which tps has not: use normal or full"
            )
        if rank is not None and prior != "full":
            raise ValueError(f"rank={rank} is of pose_prior=full, got {prior}: leave it out")
        self.transform_name: Transformation = "affine5" if prior == "normal5" else transform
        self.transform = transform_of(self.transform_name, height, width, side)
        dof = self.transform.dof
        if rank is not None and rank > dof:
            raise ValueError(f"rank={rank}, but {transform} has {dof} numbers: give at most as many")
        self.prior_name, self.size = prior, rank or dof
        self.outputs = self.size if prior == "none" else 2 * self.size
        self.register_buffer("mean_pose", torch.zeros(self.size))
        if prior != "none":
            nu = nn.Parameter(torch.empty(dof), requires_grad=mean == "fitted")
            self.register_parameter("nu", nu)
        if prior in ("normal", "normal5"):
            self.log_tau = nn.Parameter(torch.empty(dof))
        elif prior == "full":
            self.mixing = nn.Parameter(torch.empty(dof, self.size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Back to the start: a prior about the identity, SCALE wide."""
        self.mean_pose.zero_()
        if self.prior_name == "none":
            self.mean_pose.copy_(self.transform.identity)
            return
        self.nu.copy_(self.transform.identity)
        if self.prior_name == "full":
            self.mixing.copy_(SCALE * torch.eye(*self.mixing.shape, device=self.mixing.device))
        else:
            self.mean_pose.copy_(self.transform.identity)
            self.log_tau.fill_(math.log(SCALE))

    def prior(self, n: int) -> Distribution:
        """p(u), n times. Without a prior, all at mean_pose: as the paper samples (section V.i.1)."""
        if self.prior_name == "none":
            return Delta(self.mean_pose.expand(n, -1))
        if self.prior_name == "full":
            return standard_normal(n, self.size, self.nu.device)
        return Gaussian(self.nu.expand(n, -1), (2 * self.log_tau).expand(n, -1))

    def posterior(self, outputs: Float[Tensor, "n o"]) -> Distribution:
        """q(u|x) from what a network gives: zeros stand for the prior before training, and without a prior for the identity."""
        start = 0.0 if self.prior_name == "full" else self.transform.identity
        if self.prior_name == "none":
            return Delta(start + outputs)
        mu, log_var = outputs.chunk(2, 1)
        spread = 0.0 if self.prior_name == "full" else 2 * math.log(SCALE)
        return Gaussian(start + mu, (spread + log_var).clamp(min=LEAST_LOG_VARIANCE))

    def applied(self, page: Page, u: Float[Tensor, "n s"]) -> Page:
        """T_u of an image of independent pixels: its logits are looked up, and beyond its frame the page is empty.

        Discretised logistic pixels keep their scales, beyond the frame too, where their mean is black but for 1e-6 of the range.
        """
        return replace(page, logits=self._moved(page.logits, u, self.transform.grid, EMPTY).clamp(EMPTY, -EMPTY))

    def done(self, x: Float[Tensor, "n c h w"], u: Float[Tensor, "n s"]) -> Float[Tensor, "n c h w"]:
        """T_u of images in [0, 1], black beyond their frame."""
        return self._moved(x, u, self.transform.grid, 0.0)

    def undone(self, x: Float[Tensor, "n c h w"], u: Float[Tensor, "n s"]) -> Float[Tensor, "n c h w"]:
        """The inverse of T_u on images in [0, 1], black beyond their frame."""
        return self._moved(x, u, self.transform.inverse_grid, 0.0)

    def _moved(self, images: Tensor, u: Tensor, grid: Callable[[Tensor], Grid], outside: float) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):  # bfloat16 has too few digits for a place
            return warped(images.float(), grid(self.numbers(u.float())), outside)

    def facts(self) -> dict[str, Any]:
        """What it is, and the mean pose in the transformation's own numbers."""
        mean = [round(value, 6) for value in self.numbers(self.mean_pose[None])[0].tolist()]
        return {"transform": self.transform_name, "prior": self.prior_name, "mean": mean}

    def caveats(self) -> dict[str, int]:
        """Numbers that cost no KL, and whether the mean of affine maps squeezes the frame: turns of every angle average to nothing."""
        found = {"pose_without_prior": self.size} if self.prior_name == "none" else {}
        if isinstance(self.transform, Affine):
            determinant = torch.linalg.det(self.transform.matrix(self.numbers(self.mean_pose[None]))[:, :, :2])
            if determinant.abs() < LEAST_DETERMINANT:
                found["singular_mean_pose"] = 1
        return found

    def numbers(self, u: Float[Tensor, "n s"]) -> Float[Tensor, "n f"]:
        """The transformation's own numbers: u, or W u + b under the full prior."""
        return u @ self.mixing.T + self.nu if self.prior_name == "full" else u
