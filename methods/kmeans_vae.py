"""K-Means VAE: every image is drawn to the nearest k-means centroid of the latent space."""

from collections.abc import Iterator
from typing import Annotated, Any

import torch
from torch import Tensor

from methods.base import AbstractPlainVAE, Count, ImageSpec, Phase, Terms, TrainingData, method
from methods.parts.clusters import lloyd, nearest, spread_seeds
from methods.parts.distributions import Gaussian
from methods.parts.stages import Span


@method("kmeans-vae", source="003_b71d894c057c3002.txt, sections 4 and 5.2")
class KMeansVAE(AbstractPlainVAE):
    """K-Means VAE: p(z|k) = N(centroid_k, I), k the nearest centroid to the posterior mean.

    Minimises BCE(x, x') + KL(q(z|x) || N(nearest centroid of mu(x), I)). Centroids are re-fitted on the encoded training means before
    every epoch, the first time on the untrained encoder, warm-started at the previous ones so that clusters keep their identity; a batch
    uses the centroids of its epoch's start. As a generator it is the mixture of its clusters by size. No label is used: a cluster is a
    class only by majority vote. On a backbone with batch-norm the fit is by running statistics, a batch by its own. clusters = 1 with the
    centroid at 0 is the VAE.
    """

    centroids: Tensor
    fitted: Tensor

    def __init__(
        self,
        spec: ImageSpec,
        *,
        clusters: Annotated[Count, Span(2, 50, log=True, whole=True)] = 10,
        iterations: Count = 20,
        **plain: Any,
    ) -> None:
        super().__init__(spec, clusters, **plain)
        self.iterations = iterations
        self.register_buffer("fitted", torch.tensor(False))
        self.register_buffer("centroids", torch.zeros(clusters, self.latent))

    def prior(self, y: Tensor) -> Gaussian:
        return Gaussian.unit(self.centroids[y])

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        q = self.encoder(x)
        k = nearest(q.mu.detach(), self.centroids)
        return {"reconstruction": -self.likelihood(q.sample(), k).log_prob(x), "kl": q.kl(self.prior(k))}

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        yield Phase("train", self, self.terms, each_epoch=self.refit)

    def refit(self, data: TrainingData) -> None:
        """k-means on the encoded training means, into the buffers. Raises ValueError where clusters outnumber images."""
        if len(self.centroids) > len(data.train):
            raise ValueError(
                f"clusters={len(self.centroids)} is more than the {len(data.train)} training images: set clusters lower"
            )
        means = torch.cat([self.encoder(x).mu for x, _ in data.train.batches()])
        start = self.centroids if self.fitted else spread_seeds(means, len(self.centroids))[0]
        centroids, shares = lloyd(means, start, self.iterations)
        self.centroids.copy_(centroids)
        self.log_components.copy_(shares.clamp(min=1e-12).log())
        self.fitted.fill_(True)

    def cluster(self, x: Tensor) -> Tensor:
        """The nearest centroid's index."""
        return nearest(self.encoder(x).mu, self.centroids)
