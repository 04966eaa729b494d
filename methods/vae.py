"""The variational autoencoder."""

from collections.abc import Iterator

from torch import Tensor

from methods.base import AbstractPlainVAE, Phase, TrainingData, method
from methods.parts.distributions import Gaussian, standard_normal


@method("vae", source="003_b71d894c057c3002.txt, section 3 (Kingma and Welling 2014)")
class VAE(AbstractPlainVAE):
    """VAE: p(z) = N(0, I), q(z|x) Gaussian, p(x|z) Bernoulli or as `likelihood` says.

    Minimises -log p(x|z), BCE(x, x') of Bernoulli pixels, + KL(q(z|x) || N(0, I));
    the loss printed in section 3 has a sign slip, the negative ELBO is meant.
    """

    def prior(self, y: Tensor) -> Gaussian:
        return standard_normal(len(y), self.latent, y.device)

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        """Trained once for the row itself and all that is built on it."""
        yield Phase("train", self, self.terms, shared={})
