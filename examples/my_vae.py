"""A method of your own, in one file. Run it beside others: python -m bench run --suite examples/my_suite.toml"""

import torch
from torch import Tensor

from methods.base import AbstractVAE, Count, ImageSpec, method
from methods.parts import Backbone, Bernoulli, BernoulliDecoder, Gaussian, GaussianEncoder


@method("my-vae", source="README")
class MyVAE(AbstractVAE):
    """Annealed VAE: p(z) = N(0, I), q(z|x) Gaussian, p(x|z) Bernoulli; the KL term grows from 0 to its full weight.

    Minimises BCE(x, x') + min(1, steps / warm_up) * KL(q(z|x) || N(0, I)). warm_up = 1 is the VAE after its first step.
    """

    # Keyword-only arguments are the options: type, range and default are checked before anything runs.
    # `backbone` is the suite's choice, the same for every row that takes one.
    def __init__(
        self, spec: ImageSpec, *, latent: Count = 20, backbone: Backbone = "mlp", warm_up: Count = 200
    ) -> None:
        super().__init__()
        self.latent, self.warm_up = latent, warm_up
        self.weights = {"kl": self.annealed}  # a term without a weight counts in full
        self.encoder = GaussianEncoder(spec.shape, latent, backbone)
        self.decoder = BernoulliDecoder(spec.shape, latent, backbone)

    # Three distributions make a method: the bound, reconstructions, samples and likelihoods follow from them.
    def prior(self, y: Tensor) -> Gaussian:
        return Gaussian.unit(torch.zeros(len(y), self.latent, device=y.device))

    def posterior(self, x: Tensor, y: Tensor) -> Gaussian:
        return self.encoder(x)

    def likelihood(self, z: Tensor, y: Tensor) -> Bernoulli:
        return self.decoder(z)

    # The terms stay those of the bound, so that they mean the same as every other method's; only the weight moves. The loop counts the
    # steps in a buffer on the model's device: reading it with .item() would stop the device at every step.
    def annealed(self, kl: Tensor) -> Tensor:
        return kl * (self.optimiser_steps / self.warm_up).clamp(max=1)
