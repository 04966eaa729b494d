"""Lambda-Hot VAE: every class has its own place in the latent space."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from methods.base import AbstractClassVAE, AbstractPlainVAE, Count, NonNegative, Positive, method
from methods.parts.data import ImageSpec, TrainingData
from methods.parts.distributions import Gaussian
from methods.parts.stages import Phase, Span, Terms


@method("lambda-hot", source="003_b71d894c057c3002.txt, sections 4 and 5.1; movable centres: section 6.1")
class LambdaHot(AbstractClassVAE, AbstractPlainVAE):
    """Lambda-Hot VAE: p(z|y) = N(lam * onehot(y), I), the first K dimensions for the class, the rest shared.

    Minimises BCE(x, x') + KL(q(z|x) || p(z|y)); argmax over the first K posterior means reads the class. lam = 0 is the VAE.
    centres="movable" learns the class means m, from lam * onehot(y), under the prior N(lam * onehot(y), centre_scale^2 I) on them, whose
    negative log density, spread over the training images, is the term `centres`; as centre_scale goes to 0 the centres stand still.
    """

    home: Tensor
    train_images: Tensor

    def __init__(
        self,
        spec: ImageSpec,
        *,
        latent: Annotated[Count, Span(10, 64, log=True, whole=True)] = 20,
        lam: Annotated[NonNegative, Span(0.5, 20.0, log=True)] = 5.0,
        centres: Literal["fixed", "movable"] = "fixed",
        centre_scale: Annotated[Positive, Span(0.1, 10.0, log=True)] = 1.0,
        **plain: Any,
    ) -> None:
        super().__init__(spec, spec.classes, latent=latent, **plain)
        if latent < spec.classes:
            raise ValueError(
                f"latent={latent} is smaller than the {spec.classes} classes of the data: set latent to {spec.classes} or more"
            )
        self.classes, self.centre_scale, self.movable = spec.classes, centre_scale, centres == "movable"
        self.register_buffer("home", lam * torch.eye(spec.classes, latent))
        self.register_buffer("train_images", torch.tensor(1.0))
        self.centres = nn.Parameter(lam * torch.eye(spec.classes, latent), requires_grad=self.movable)

    def prior(self, y: Tensor) -> Gaussian:
        return Gaussian.unit(self.centres[y])

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        self.train_images.fill_(len(data.train))
        yield from super().phases(data)

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        terms = super().terms(x, y)
        if self.movable:
            moved = ((self.centres - self.home) ** 2).sum() / (2 * self.centre_scale**2)
            terms["centres"] = (moved / self.train_images).expand(len(x))
        return terms

    def label(self, x: Tensor) -> Tensor:
        """The class read straight off the latent: argmax over the first K posterior means."""
        return self.encoder(x).mu[:, : self.classes].argmax(1)
