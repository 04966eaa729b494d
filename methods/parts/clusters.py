"""k-means on the device, for methods that cluster their latents."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.parts.labels import one_hot


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
