"""k-means on the device, for methods that cluster their latents and for scores of latents; several starts are one batch of products."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

FIRST = 15
"""Steps of every start of k-means."""


def nearest(points: Float[Tensor, "n d"], centroids: Float[Tensor, "k d"]) -> Int[Tensor, " n"]:
    """The index of each point's nearest centroid by Euclidean distance."""
    return _nearness(points, centroids).argmin(0)


def k_means(
    points: Float[Tensor, "n d"], clusters: int, starts: int = 10, iterations: int = 300
) -> Float[Tensor, "k d"]:
    """The centroids of the least inertia of several starts, by torch's own stream: scikit-learn's seeds and tolerance, Lloyd's steps.

    After FIRST steps the better third goes on alone.
    """
    centre = points.mean(0)
    points = points - centre  # products lose the digits that points share
    found = spread_seeds(points, clusters, starts, trials=2 + int(math.log(clusters)))
    for steps, left in ((FIRST, max(1, starts // 3)), (iterations, 1)):
        found, _ = lloyd(points, found, steps, tolerance=1e-4)
        inertia = _nearness(points, found).amin(-2).sum(-1, dtype=torch.float64)
        found = found[inertia.argsort()[:left]]
    return found[0] + centre


def lloyd(
    points: Float[Tensor, "n d"], centroids: Float[Tensor, "*s k d"], iterations: int, tolerance: float = 0.0
) -> tuple[Float[Tensor, "*s k d"], Float[Tensor, "*s k"]]:
    """Lloyd's k-means from given centroids, of one start or several: new centroids and the share of points of each.

    An empty cluster is re-seeded at the point that lies farthest from its own centroid, so no centroid is ever NaN. Sums go through a
    matrix product, which is deterministic on every device, unlike scattered adds. A point that is as near to two centroids counts to both.
    A start ends where its centroids move by no more than `tolerance` variances of a coordinate, squared and summed.
    """
    found = centroids.reshape(-1, *centroids.shape[-2:]).clone()
    moving = torch.arange(len(found), device=points.device)
    allowed = tolerance * points.var(0, correction=0).mean()
    for _ in range(iterations):
        means = _means(points, found[moving])
        shift = (means - found[moving]).square().sum((1, 2))
        found[moving] = means
        moving = moving[shift > allowed]
        if not len(moving):
            break
    member = _member(points, found)
    return found.view_as(centroids), (member / member.sum(-2, keepdim=True)).mean(-1).view(centroids.shape[:-1])


def spread_seeds(points: Float[Tensor, "n d"], count: int, starts: int = 1, trials: int = 1) -> Float[Tensor, "s k d"]:
    """k-means++ starting centroids (Arthur and Vassilvitskii 2007): each drawn by squared distance to the nearest so far.

    trials: draws for each, of which the one is kept that leaves the least sum of squared distances.
    """
    chosen = [points[torch.randint(len(points), (starts, 1), device=points.device)]]
    gap, rows = _squares(points, chosen[0])[:, 0], torch.arange(starts, device=points.device)
    for _ in range(count - 1):
        # A data set with fewer distinct points than clusters leaves no distance to draw by: draw evenly then.
        weights = torch.where(gap.sum(1, keepdim=True) > 0, gap, 1.0)
        drawn = points[torch.multinomial(weights, trials, replacement=trials > 1)]
        gaps = torch.minimum(gap[:, None], _squares(points, drawn))
        best = gaps.sum(2).argmin(1)
        gap = gaps[rows, best]
        chosen.append(drawn[rows, best][:, None])
    return torch.cat(chosen, dim=1)


def _means(points: Tensor, centroids: Tensor) -> Tensor:
    """Of the points of each of (s,k,d)."""
    sums, counts = torch.zeros_like(centroids), centroids.new_zeros(centroids.shape[:-1])
    # what is worked on stays in a processor's cache; a GPU takes all at once
    at_once = max(1, 2**18 // counts.numel()) if points.device.type == "cpu" else len(points)
    for some in points.split(at_once):
        member = _member(some, centroids)
        sums += member @ some
        counts += member.sum(-1)
    means = sums / torch.where(counts > 0, counts, 1.0)[..., None]
    for start in (counts == 0).any(1).nonzero()[:, 0].tolist():
        empty = (counts[start] == 0).nonzero()[:, 0]
        gap = ((points - means[start, nearest(points, centroids[start])]) ** 2).sum(1)
        means[start, empty] = points[gap.topk(len(empty)).indices]
    return means


def _member(points: Tensor, centroids: Tensor) -> Tensor:
    """1 where no other centroid is nearer to a point, else 0, (*s,k,n)."""
    nearness = _nearness(points, centroids)
    # by comparison: the index of a minimum takes many times as long as the minimum
    return (nearness == nearness.amin(-2, keepdim=True)).to(points.dtype)


def _nearness(points: Tensor, centroids: Tensor) -> Tensor:
    """Squared distances (*s,k,n), less the point's own square."""
    flat = centroids.flatten(0, -2)
    squares = torch.addmm((flat**2).sum(1, keepdim=True), flat, points.T, alpha=-2)
    return squares.view(*centroids.shape[:-1], len(points))


def _squares(points: Tensor, centroids: Tensor) -> Tensor:
    """Squared distances (s,k,n), 0 where rounding leaves no digit: a point that is a centroid is not drawn again."""
    lengths = (points**2).sum(1)
    squares = _nearness(points, centroids) + lengths
    return torch.where(squares > 1e-6 * lengths.max(), squares, 0.0)
