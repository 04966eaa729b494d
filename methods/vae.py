"""The variational autoencoder."""

from typing import Annotated

import torch
from torch import Tensor

from methods.base import AbstractVAE, Count, ImageSpec, method
from methods.parts import Backbone, Gaussian, GaussianEncoder, Likelihood, Pixels, Span, decoder_of


@method("vae", source="003_b71d894c057c3002.txt, section 3 (Kingma and Welling 2014)")
class VAE(AbstractVAE):
    """VAE: p(z) = N(0, I), q(z|x) Gaussian, p(x|z) Bernoulli or as `likelihood` says.

    Minimises -log p(x|z), BCE(x, x') of Bernoulli pixels, + KL(q(z|x) || N(0, I));
    the loss printed in section 3 has a sign slip, the negative ELBO is meant.
    """

    def __init__(
        self,
        spec: ImageSpec,
        *,
        latent: Annotated[Count, Span(2, 64, log=True, whole=True)] = 20,
        backbone: Backbone = "mlp",
        hidden: Count | None = None,
        likelihood: Likelihood = "bernoulli",
    ) -> None:
        super().__init__()
        self.latent = latent
        self.encoder = GaussianEncoder(spec.shape, latent, backbone, hidden)
        self.decoder = decoder_of(likelihood, spec.shape, latent, backbone, hidden)

    def prior(self, y: Tensor) -> Gaussian:
        return Gaussian.unit(torch.zeros(len(y), self.latent, device=y.device))

    def posterior(self, x: Tensor, y: Tensor) -> Gaussian:
        return self.encoder(x)

    def likelihood(self, z: Tensor, y: Tensor) -> Pixels:
        return self.decoder(z)
