"""The beta-VAE."""

import torch
from torch import Tensor

from methods.base import AbstractVAE, Count, ImageSpec, NonNegative, method
from methods.parts import Bernoulli, BernoulliDecoder, Gaussian, GaussianEncoder


@method("beta-vae", source="003_b71d894c057c3002.txt, section 3.1 (Higgins et al. 2017)")
class BetaVAE(AbstractVAE):
    """beta-VAE: the VAE with its KL term weighed by beta.

    Minimises BCE(x, x') + beta * KL(q(z|x) || N(0, I)). beta = 1 is the VAE.
    """

    def __init__(self, spec: ImageSpec, *, latent: Count = 20, hidden: Count = 500, beta: NonNegative = 5.0) -> None:
        super().__init__()
        self.latent = latent
        self.weights = {"kl": beta}
        self.encoder = GaussianEncoder(spec.pixels, hidden, latent)
        self.decoder = BernoulliDecoder((spec.channels, spec.height, spec.width), hidden, latent)

    def prior(self, y: Tensor) -> Gaussian:
        return Gaussian.unit(torch.zeros(len(y), self.latent, device=y.device))

    def posterior(self, x: Tensor, y: Tensor) -> Gaussian:
        return self.encoder(x)

    def likelihood(self, z: Tensor, y: Tensor) -> Bernoulli:
        return self.decoder(z)
