"""The MMD-VAE: the aggregate posterior is drawn to the prior, single posteriors are not."""

from typing import Annotated

import torch
from torch import Tensor

from methods.base import AbstractVAE, Count, ImageSpec, NonNegative, Positive, Terms, method
from methods.parts import Backbone, Gaussian, GaussianEncoder, Likelihood, Pixels, Span, bandwidth_of, decoder_of, mmd2


@method("mmd-vae", source="000_2852ba8d0aec7d1a.txt, section 3.3, eq. 2 (Zhao et al. 2019, InfoVAE)")
class MMDVAE(AbstractVAE):
    """MMD-VAE: the VAE whose KL term gives way to the distance of its codes' law from the prior's.

    Minimises BCE(x, x') + kl_weight * KL(q(z|x) || N(0, I)) + mmd_weight * MMD^2(q(z), N(0, I)), one sampled z an image against as many
    draws of the prior, k(a, b) = exp(-|a - b|^2 / bandwidth). The paper names neither: weight 1000 and bandwidth D^2 are those of InfoVAE's
    public code. kl_weight is InfoVAE's 1 - alpha; kl_weight = 1 beside mmd_weight = 0 is the VAE. An image's term `mmd` may be negative.
    """

    def __init__(
        self,
        spec: ImageSpec,
        *,
        latent: Annotated[Count, Span(2, 64, log=True, whole=True)] = 20,
        backbone: Backbone = "mlp",
        hidden: Count | None = None,
        likelihood: Likelihood = "bernoulli",
        mmd_weight: Annotated[NonNegative, Span(10.0, 10_000.0, log=True)] = 1000.0,
        kl_weight: Annotated[NonNegative, Span(0.0, 1.0)] = 0.0,
        bandwidth: Annotated[Positive, Span(1.0, 10_000.0, log=True)] | None = None,
    ) -> None:
        super().__init__()
        self.latent = latent
        self.bandwidth = bandwidth_of(latent) if bandwidth is None else bandwidth
        self.facts["bandwidth"] = self.bandwidth
        self.weights = {"kl": kl_weight, "mmd": mmd_weight}
        self.encoder = GaussianEncoder(spec.shape, latent, backbone, hidden)
        self.decoder = decoder_of(likelihood, spec.shape, latent, backbone, hidden)

    def prior(self, y: Tensor) -> Gaussian:
        return Gaussian.unit(torch.zeros(len(y), self.latent, device=y.device))

    def posterior(self, x: Tensor, y: Tensor) -> Gaussian:
        return self.encoder(x)

    def likelihood(self, z: Tensor, y: Tensor) -> Pixels:
        return self.decoder(z)

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        q, p = self.posterior(x, y), self.prior(y)
        z = q.sample()
        return {
            "reconstruction": -self.likelihood(z, y).log_prob(x),
            "kl": q.kl(p),
            "mmd": mmd2(z, p.sample(), self.bandwidth),
        }
