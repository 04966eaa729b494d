"""The MMD-VAE: the aggregate posterior is drawn to the prior, single posteriors are not."""

from collections.abc import Iterator
from typing import Annotated, Any

from torch import Tensor

from methods.base import AbstractPlainVAE, ImageSpec, NonNegative, Phase, Positive, Terms, TrainingData, method
from methods.parts.distributions import Gaussian, standard_normal
from methods.parts.mmd import bandwidth_of, mmd2
from methods.parts.stages import Span


@method("mmd-vae", source="000_2852ba8d0aec7d1a.txt, section 3.3, eq. 2 (Zhao et al. 2019, InfoVAE)")
class MMDVAE(AbstractPlainVAE):
    """MMD-VAE: the VAE whose KL term gives way to the distance of its codes' law from the prior's.

    Minimises BCE(x, x') + kl_weight * KL(q(z|x) || N(0, I)) + mmd_weight * MMD^2(q(z), N(0, I)), one sampled z an image against as many
    draws of the prior, k(a, b) = exp(-|a - b|^2 / bandwidth). The paper names neither: weight 1000 and bandwidth D^2 are those of InfoVAE's
    public code. kl_weight is InfoVAE's 1 - alpha; kl_weight = 1 beside mmd_weight = 0 is the VAE. An image's term `mmd` may be negative.
    """

    def __init__(
        self,
        spec: ImageSpec,
        *,
        mmd_weight: Annotated[NonNegative, Span(10.0, 10_000.0, log=True)] = 1000.0,
        kl_weight: Annotated[NonNegative, Span(0.0, 1.0)] = 0.0,
        bandwidth: Annotated[Positive, Span(1.0, 10_000.0, log=True)] | None = None,
        **plain: Any,
    ) -> None:
        super().__init__(spec, **plain)
        self.bandwidth = bandwidth_of(self.latent) if bandwidth is None else bandwidth
        self.facts["bandwidth"] = self.bandwidth
        self.weights = {"kl": kl_weight, "mmd": mmd_weight}

    def prior(self, y: Tensor) -> Gaussian:
        return standard_normal(len(y), self.latent, y.device)

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        q, p = self.posterior(x, y), self.prior(y)
        z = q.sample()
        return {
            "reconstruction": -self.likelihood(z, y).log_prob(x),
            "kl": q.kl(p),
            "mmd": mmd2(z, p.sample(), self.bandwidth),
        }

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        """Trained once for the row itself and all that is built on it."""
        yield Phase("train", self, self.terms, shared={})
