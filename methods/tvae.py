"""TVAE and DTVAE (002_250270577cfb522d.txt): VAEs with a pose u beside z, x' = T_u(y'), y' decoded from z.

log p(x) >= E[log p(x|z,u)] - KL(q(z|x) || p(z)) - KL(q(u|x) || p(u)) (eq. 5). They differ in what z is read from: the image, or
the image put upright by its pose, y = T_u^-1(x).
"""

from abc import abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import torch
from annotated_types import Ge
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.base import AbstractVAE, Count, ImageSpec, Latent, Phase, Terms, TrainingData, method
from methods.choices import Backbone, Likelihood
from methods.parts.distributions import Distribution, Gaussian, Joint, Pixels, standard_normal
from methods.parts.mlp import mlp
from methods.parts.networks import Encoder, GaussianEncoder, PixelDecoder, decoder_of
from methods.parts.pose import Pose, PoseMean, PosePrior, UprightFirst
from methods.parts.restarts import Restarts, reset_parts
from methods.parts.transforms import Transformation

Side = Annotated[int, Ge(2)]
"""Control points a side of a thin-plate spline."""


class AbstractTVAE(AbstractVAE):
    """z ~ N(0, I) and a pose u ~ p(u); p(x|z,u) about x' = T_u(y'), y' decoded from z. A code is [z, u].

    Without a prior of u (`pose_prior` none) its KL counts as zero and there is no bound. y' is warped as logits, empty page beyond its
    frame; the scales of discretised logistic pixels stay. Training that ends with a z that says nothing is begun anew, at most `restarts`
    times, and said to have been.
    """

    decoder: PixelDecoder

    def prior(self, y: Int[Tensor, " n"]) -> Joint[Distribution]:
        return Joint(standard_normal(len(y), self.latent, y.device), self.pose.prior(len(y)))

    def likelihood(self, z: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> Pixels:
        return self.pose.applied(self.decoder(z[:, : self.latent]), z[:, self.latent :])

    @abstractmethod
    def pose_of(self, x: Float[Tensor, "n c h w"]) -> Distribution:
        """q(u|x)"""

    @abstractmethod
    def canonical(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The images with their pose removed."""

    @abstractmethod
    def in_mean_pose(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The same, in the mean pose of the training images."""

    def reference(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n c h w"]:
        """y', the page before its pose is applied, from the z of codes [z, u], or from z alone."""
        return self.decoder(z[:, : self.latent]).mean

    def __init__(
        self,
        spec: ImageSpec,
        *,
        latent: Latent = 20,
        transform: Transformation = "affine",
        pose_prior: PosePrior = "none",
        pose_mean: PoseMean = "fitted",
        side: Side = 3,
        rank: Count | None = None,
        split: bool = False,
        restarts: Annotated[int, Ge(0)] = 1,
    ) -> None:
        super().__init__()
        self.pose = Pose(spec.height, spec.width, transform, pose_prior, pose_mean, side, rank)
        self.pose_size = size = self.pose.size
        if split and latent <= size:
            raise ValueError(
                f"latent={latent} is split between z and a pose of {size} numbers: give {size + 1} or more, or split=false"
            )
        self.latent, self.restarts = latent - size if split else latent, restarts
        self.has_bound = pose_prior != "none"
        self.drawn_pose = "poses drawn from p(u)" if self.has_bound else "in the mean pose of the training images"
        self.facts["dimensions"] = {"z": self.latent, "u": self.pose_size}

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        """One phase, and another for each restart; then the mean pose of the training images."""
        restarts = Restarts(self, self.terms, self.restarts)
        for name in restarts.attempts(data, self.begin_anew):
            yield Phase(name, self, self.terms)
        self._settle(data)
        self.facts |= {"pose": self.pose.facts(), "restarts": len(restarts.nats) - 1}
        self.add_caveats(self.pose.caveats() | restarts.caveats())

    @torch.no_grad()
    def begin_anew(self) -> None:
        """Back to the start of training, with fresh weights."""
        reset_parts(self)
        self._start_upright()
        self.optimiser_steps.zero_()

    @abstractmethod
    def _start_upright(self) -> None:
        """Weights of the pose's head such that training starts about the identity."""

    @torch.no_grad()
    def _settle(self, data: TrainingData) -> None:
        self.eval()
        sums = [self.pose_of(x).mean.sum(0) for x, _ in data.train.batches()]
        self.pose.mean_pose.copy_(torch.stack(sums).sum(0) / len(data.train))


@method("tvae", source="002_250270577cfb522d.txt, section III (T-VAE; Song 2017)")
class TVAE(AbstractTVAE):
    """TVAE: a VAE that gives its image a pose: z and u are read off the image, x' = T_u(y'), y' decoded from z.

    latent: D of z alone, or with `split` of z and u together. transform: affine (6 numbers), affine5 (rotation, log scales, translations)
    or tps (a thin-plate spline of `side` x `side` control points, 2 side^2 numbers). pose_prior: p(u), with `pose_mean` fitted or at the
    identity, and `rank` of the full covariance. T = identity for all u is the VAE. hidden: None for the backbone's own; the paper has 256.
    """

    canonical_name = "y', before its pose"

    def __init__(
        self,
        spec: ImageSpec,
        *,
        backbone: Backbone = "mlp",
        hidden: Count | None = None,
        likelihood: Likelihood = "bernoulli",
        **posed: Any,
    ) -> None:
        super().__init__(spec, **posed)
        self.encoder = Encoder(spec.shape, 2 * self.latent + self.pose.outputs, backbone, hidden)
        self.decoder = decoder_of(likelihood, spec.shape, self.latent, backbone, hidden)
        self._start_upright()

    def posterior(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Joint[Distribution]:
        mu, log_var, pose = self.encoder(x).split([self.latent, self.latent, self.pose.outputs], 1)
        return Joint(Gaussian(mu, log_var), self.pose.posterior(pose))

    def terms(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Terms:
        q, p = self.posterior(x, y), self.prior(y)
        reconstruction = -self.likelihood(q.sample(), y).log_prob(x)
        return {"reconstruction": reconstruction, "kl": q.z.kl(p.z), "kl_pose": q.rest.kl(p.rest)}

    def pose_of(self, x: Float[Tensor, "n c h w"]) -> Distribution:
        return self.posterior(x, torch.zeros(len(x), dtype=torch.int64, device=x.device)).rest

    def canonical(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """y', decoded from the mean of z."""
        return self.reference(self.encoder(x))

    def in_mean_pose(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        page = self.decoder(self.encoder(x)[:, : self.latent])
        return self.pose.applied(page, self.pose.mean_pose.expand(len(x), -1)).mean

    @torch.no_grad()
    def _start_upright(self) -> None:
        head = self.encoder.network[-1]
        assert isinstance(head, nn.Linear)
        for values in (head.weight, head.bias):
            values[2 * self.latent :] = 0.0


@method("dtvae", source="002_250270577cfb522d.txt, section III (DTVAE)")
class DTVAE(AbstractTVAE):
    """DTVAE: a pose is found and undone first, y = T_u^-1(x); a VAE reads and gives back the upright image, and the pose is applied again.

    Options as TVAE's. localisation: width of the one hidden layer that u is read from. The transformation undone is the one applied,
    regularised where it has no inverse. T = identity for all u is the VAE.
    """

    canonical_name = "y, pose undone"

    def __init__(
        self,
        spec: ImageSpec,
        *,
        backbone: Backbone = "mlp",
        hidden: Count | None = None,
        likelihood: Likelihood = "bernoulli",
        localisation: Count = 128,
        **posed: Any,
    ) -> None:
        super().__init__(spec, **posed)
        self.localisation = nn.Sequential(nn.Flatten(), *mlp([spec.pixels, localisation, self.pose.outputs]))
        self.encoder = GaussianEncoder(spec.shape, self.latent, backbone, hidden)
        self.decoder = decoder_of(likelihood, spec.shape, self.latent, backbone, hidden)
        self._start_upright()

    def posterior(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> UprightFirst:
        return UprightFirst(self.pose_of(x), partial(self._code, x))

    def _code(self, x: Float[Tensor, "n c h w"], u: Float[Tensor, "m s"]) -> Gaussian:
        """q(z|x,u), u for the images one time after another."""
        times = len(u) // len(x)
        return self.encoder(self.pose.undone(x if times == 1 else x.repeat(times, 1, 1, 1), u))

    def terms(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Terms:
        """At one drawn u, which both z and the reconstruction hang on."""
        q, p = self.posterior(x, y), self.prior(y)
        drawn = q.drawn()
        reconstruction = -self.likelihood(drawn.sample(), y).log_prob(x)
        return {"reconstruction": reconstruction, "kl": drawn.z.kl(p.z), "kl_pose": q.u.kl(p.rest)}

    def pose_of(self, x: Float[Tensor, "n c h w"]) -> Distribution:
        return self.pose.posterior(self.localisation(x).float())

    def canonical(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """y, the image itself with its mean pose undone."""
        return self.pose.undone(x, self.pose_of(x).mean)

    def in_mean_pose(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return self.pose.done(self.canonical(x), self.pose.mean_pose.expand(len(x), -1))

    @torch.no_grad()
    def _start_upright(self) -> None:
        head = self.localisation[-1]
        assert isinstance(head, nn.Linear)
        for values in (head.weight, head.bias):
            values.zero_()
