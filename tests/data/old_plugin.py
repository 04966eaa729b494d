"""A plug-in as it was written against version 0.1.0: a method, a metric and a data set by the names that plug-ins import."""

from pathlib import Path

import torch
from torch import Tensor

from bench.datasets.base import DataError, Dataset, mixed, split, stratified
from bench.datasets.registry import dataset
from methods.base import AbstractVAE, Count, ImageSpec, NonNegative, Phase, Terms, TrainingData, method
from methods.parts import Backbone, Bernoulli, Gaussian, GaussianEncoder, Likelihood, decoder_of, one_hot
from metrics.base import Figure, Items, Unavailable, metric

assert callable(mixed)
assert callable(split)
assert callable(one_hot)


@method("old-vae", source="a test")
class OldVAE(AbstractVAE):
    """A VAE whose KL term is weighed; it fails where it is told to."""

    def __init__(
        self,
        spec: ImageSpec,
        *,
        latent: Count = 2,
        hidden: Count | None = 16,
        weight: NonNegative = 1.0,
        backbone: Backbone = "mlp",
        likelihood: Likelihood = "bernoulli",
        fails: bool = False,
    ) -> None:
        super().__init__()
        self.latent, self.fails, self.weights = latent, fails, {"kl": weight}
        self.encoder = GaussianEncoder(spec.shape, latent, backbone, hidden)
        self.decoder = decoder_of(likelihood, spec.shape, latent, backbone, hidden)

    def prior(self, y: Tensor) -> Gaussian:
        return Gaussian.unit(torch.zeros(len(y), self.latent, device=y.device))

    def posterior(self, x: Tensor, y: Tensor) -> Gaussian:
        return self.encoder(x)

    def likelihood(self, z: Tensor, y: Tensor) -> Bernoulli:
        return self.decoder(z)

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        if self.fails:
            raise RuntimeError("told to fail")
        return super().terms(x, y)

    def phases(self, data: TrainingData):
        yield Phase("train", self, self.terms)


@metric(source="a test", figures={"old_ink": Figure("", "none"), "old_dark": Figure("", "lower", floor=0.0)})
def old_ink(reconstructions: Tensor, y_test: Tensor) -> dict[str, float | Items]:
    """Mean value of the pixels of reconstructions, by class, and of the darkest."""
    if not len(y_test):
        raise Unavailable("no test images")
    ink = reconstructions.flatten(1).mean(1)
    return {"old_ink": Items(ink, groups=y_test), "old_dark": ink.min().item()}


@dataset("old-blobs", source="a test", licence="none", about="two classes of noise, 8x8 grey")
def old_blobs(root: Path, *, download: bool) -> Dataset:
    if root == Path("/nowhere"):
        raise DataError("/nowhere: there is nothing")
    y = torch.arange(60) % 2
    x = torch.randint(0, 100, (60, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    x[y == 1] += 100
    train, test = stratified(y, 12, 0)
    return Dataset(x[train], y[train], x[test], y[test], ("dark", "light"))
