"""The networks and distributions that every method shares. Distributions take (N, D) or (N, C, H, W) and sum to (N,) nats."""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


@dataclass(frozen=True)
class Gaussian:
    """N(mu, diag exp(log_var)) over latents."""

    mu: Float[Tensor, "n d"]
    log_var: Float[Tensor, "n d"]

    @staticmethod
    def unit(mu: Float[Tensor, "n d"]) -> "Gaussian":
        """N(mu, I)"""
        return Gaussian(mu, torch.zeros_like(mu))

    def sample(self) -> Float[Tensor, "n d"]:
        """One draw each, differentiable in mu and log_var."""
        return self.mu + torch.exp(0.5 * self.log_var) * torch.randn_like(self.mu)

    def log_prob(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Log density in nats."""
        return -0.5 * (math.log(2 * math.pi) + self.log_var + (z - self.mu) ** 2 * torch.exp(-self.log_var)).sum(1)

    def kl(self, other: "Gaussian") -> Float[Tensor, " n"]:
        """KL(self || other) in nats, closed form."""
        ratio = self.log_var - other.log_var
        distance = (self.mu - other.mu) ** 2 * torch.exp(-other.log_var)
        return 0.5 * (torch.exp(ratio) + distance - 1 - ratio).sum(1)

    def repeat(self, times: int) -> "Gaussian":
        """The batch, one time after another: (times * n, d)."""
        return Gaussian(self.mu.repeat(times, 1), self.log_var.repeat(times, 1))


@dataclass(frozen=True)
class Bernoulli:
    """Independent pixels with p = sigmoid(logits). Images in [0, 1] are scored as they are: minus the binary cross-entropy."""

    logits: Float[Tensor, "n c h w"]

    @property
    def mean(self) -> Float[Tensor, "n c h w"]:
        return torch.sigmoid(self.logits)

    def log_prob(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """Minus the binary cross-entropy summed over pixels, in nats."""
        return -F.binary_cross_entropy_with_logits(self.logits, x, reduction="none").flatten(1).sum(1)


def mlp(sizes: list[int]) -> nn.Sequential:
    """Linear layers of these sizes with a ReLU after all but the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class GaussianEncoder(nn.Module):
    """The common backbone's encoder, pixels-hidden-hidden-2D, read as a Gaussian. `extra` more inputs can be joined to the pixels."""

    def __init__(self, pixels: int, hidden: int, latent: int, extra: int = 0) -> None:
        super().__init__()
        self.network = mlp([pixels + extra, hidden, hidden, 2 * latent])

    def forward(self, x: Float[Tensor, "n c h w"], *extra: Float[Tensor, "n e"]) -> Gaussian:
        # .float(): under autocast the layers give bfloat16, and sums of exponentials are kept in float32.
        mu, log_var = self.network(joined(x.flatten(1), *extra)).float().chunk(2, 1)
        return Gaussian(mu, log_var)


class BernoulliDecoder(nn.Module):
    """The encoder's mirror, D-hidden-hidden-pixels, read as logits of independent pixels."""

    def __init__(self, shape: tuple[int, int, int], hidden: int, latent: int, extra: int = 0) -> None:
        super().__init__()
        self.shape = shape
        self.network = mlp([latent + extra, hidden, hidden, math.prod(shape)])

    def forward(self, z: Float[Tensor, "n d"], *extra: Float[Tensor, "n e"]) -> Bernoulli:
        return Bernoulli(self.network(joined(z, *extra)).float().unflatten(1, self.shape))


def joined(first: Float[Tensor, "n d"], *more: Float[Tensor, "n e"]) -> Float[Tensor, "n f"]:
    """Columns side by side; nothing is copied where there is one part alone."""
    return torch.cat([first, *more], 1) if more else first


def one_hot(y: Int[Tensor, " n"], classes: int) -> Float[Tensor, "n k"]:
    """(N, K) float32 rows with a 1 at the label. Made by comparison: F.one_hot checks its input with a host-device sync."""
    return (y[:, None] == torch.arange(classes, device=y.device)).float()


def nearest(points: Float[Tensor, "n d"], centroids: Float[Tensor, "k d"]) -> Int[Tensor, " n"]:
    """The index of each point's nearest centroid by Euclidean distance."""
    return ((centroids**2).sum(1) - 2 * points @ centroids.T).argmin(1)


def lloyd(
    points: Float[Tensor, "n d"], centroids: Float[Tensor, "k d"], iterations: int
) -> tuple[Float[Tensor, "k d"], Float[Tensor, " k"]]:
    """Lloyd's k-means from given centroids: new centroids and the share of points of each.

    An empty cluster is re-seeded at the point that lies farthest from its own centroid, so no centroid is ever NaN. Sums go through a
    matrix product, which is deterministic on every device, unlike scattered adds.
    """
    classes = len(centroids)
    for _ in range(iterations):
        member = one_hot(nearest(points, centroids), classes)
        counts = member.sum(0)
        means = (member.T @ points) / counts.clamp(min=1)[:, None]
        if (counts == 0).any():
            gap = ((points - means[member.argmax(1)]) ** 2).sum(1)
            empty = (counts == 0).nonzero().flatten()
            means[empty] = points[gap.topk(len(empty)).indices]
        if torch.equal(means, centroids):
            break
        centroids = means
    return centroids, one_hot(nearest(points, centroids), classes).mean(0)


def spread_seeds(points: Float[Tensor, "n d"], count: int) -> Float[Tensor, "k d"]:
    """k-means++ starting centroids (Arthur and Vassilvitskii 2007): each drawn by squared distance to the nearest so far."""
    chosen = [points[torch.randint(len(points), (1,), device=points.device)]]
    gap = ((points - chosen[0]) ** 2).sum(1)
    for _ in range(count - 1):
        # A data set with fewer distinct points than clusters leaves no distance to draw by: draw evenly then.
        weights = gap if bool(gap.sum() > 0) else torch.ones_like(gap)
        chosen.append(points[torch.multinomial(weights, 1)])
        gap = torch.minimum(gap, ((points - chosen[-1]) ** 2).sum(1))
    return torch.cat(chosen)
