"""The conditional VAE."""

from torch import Tensor

from methods.base import AbstractClassVAE, Count, ImageSpec, Latent, method
from methods.choices import Backbone, Likelihood
from methods.parts.distributions import Gaussian, Pixels, standard_normal
from methods.parts.labels import one_hot
from methods.parts.networks import GaussianEncoder, decoder_of


@method("cvae", source="003_b71d894c057c3002.txt, section 3.2 (Sohn et al. 2015)")
class CVAE(AbstractClassVAE):
    """CVAE: the label, one-hot, is joined to the encoder's and to the decoder's input.

    Minimises BCE(x, p(z, y)) + KL(q(z|x, y) || N(0, I)). It is given the label at test time too.
    """

    labels_at_test = True

    def __init__(
        self,
        spec: ImageSpec,
        *,
        latent: Latent = 20,
        backbone: Backbone = "mlp",
        hidden: Count | None = None,
        likelihood: Likelihood = "bernoulli",
    ) -> None:
        super().__init__(components=spec.classes)
        self.latent, self.classes = latent, spec.classes
        self.encoder = GaussianEncoder(spec.shape, latent, backbone, hidden, extra=spec.classes)
        self.decoder = decoder_of(likelihood, spec.shape, latent, backbone, hidden, extra=spec.classes)

    def prior(self, y: Tensor) -> Gaussian:
        return standard_normal(len(y), self.latent, y.device)

    def posterior(self, x: Tensor, y: Tensor) -> Gaussian:
        return self.encoder(x, one_hot(y, self.classes))

    def likelihood(self, z: Tensor, y: Tensor) -> Pixels:
        return self.decoder(z, one_hot(y, self.classes))
