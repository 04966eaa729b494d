"""Precision and recall of two sets of features, of the whole and without each tenth, in one pass over the distances."""

from __future__ import annotations

import torch
from torch import Tensor

from metrics.base import TENTHS, tenths

DISTANCE_ROWS = 500
WHOLE = TENTHS
"""The number of the tenth that is nobody's: without it is the whole."""


def share_within(points: Tensor, manifold: Tensor, neighbours: int) -> tuple[float, list[float]]:
    """Share of points (M,D) in the manifold of others (N,D), float64, and the shares without each tenth of both, TENTHS values.

    Kynkäänniemi et al. 2019, equation 2: a point is within where it is no farther from some other than that other's k-th neighbour in
    its own set. torch-fidelity's distances by the same blocks, so that the whole's share is its value to the bit: precision of generated
    points in the real manifold, recall the other way round. k neighbours are fewer than N; fewer than ten points or others have no
    leave-outs.
    """
    of_points, of_others = (tenths(len(one)).to(one.device) for one in (points, manifold))
    radii = _radii(manifold, of_others, neighbours)
    inside = torch.cat([_inside(rows, manifold, radii) for rows in points.split(DISTANCE_ROWS)], dim=1)
    # means in float32, as the library's
    share, without = inside[WHOLE].float().mean().item(), []
    if min(len(points), len(manifold)) >= TENTHS:
        without = [inside[left, of_points != left].float().mean().item() for left in range(TENTHS)]
    return share, without


def _distances(rows: Tensor, points: Tensor) -> Tensor:
    return torch.cat([torch.cdist(rows, part) for part in points.split(DISTANCE_ROWS)], dim=1)


def _radii(points: Tensor, tenth: Tensor, neighbours: int) -> Tensor:
    """Each point's distance to its k-th neighbour, (11,N): without each tenth, then of the whole. A point that is left out has -inf.

    The nearest of the whole are among the nearest of each tenth, with itself at distance 0.
    """
    nearest = neighbours + 1
    width = max(nearest, int(torch.bincount(tenth).max()))
    places = torch.full((TENTHS, width), len(points), device=points.device)
    for left in range(TENTHS):
        own = (tenth == left).nonzero()[:, 0]
        places[left, : len(own)] = own
    radii = []
    for rows in points.split(DISTANCE_ROWS):
        distances = torch.nn.functional.pad(_distances(rows, points), (0, 1), value=torch.inf)
        by_tenth = distances[:, places].topk(nearest, largest=False).values
        kept = [by_tenth[:, [other for other in range(TENTHS) if other != left]] for left in range(TENTHS + 1)]
        radii.append(torch.stack([one.flatten(1).kthvalue(nearest).values for one in kept]))
    found = torch.cat(radii, dim=1)
    found[tenth, torch.arange(len(points), device=points.device)] = -torch.inf
    return found


def _inside(rows: Tensor, manifold: Tensor, radii: Tensor) -> Tensor:
    """Whether each of (R,D) is within the manifold of each row of radii (11,N): (11,R)."""
    distances = _distances(rows, manifold)
    # a ball only grows where points are left out: few pairs are within the largest
    row, other = (distances <= radii.amax(0)).nonzero(as_tuple=True)
    near = distances[row, other]
    inside = torch.zeros(len(radii), len(rows), dtype=torch.bool, device=rows.device)
    for left, radius in enumerate(radii):
        inside[left, row[near <= radius[other]]] = True
    return inside
