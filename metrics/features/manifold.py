"""How two sets of features cover each other: precision, recall, density, coverage, of the whole and without each tenth."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from metrics.base import TENTHS, tenths
from metrics.features.kernels import kernel_distances
from metrics.features.pairs import Across, apart
from metrics.features.sets import FeatureSet, check_sizes

NEIGHBOURS = 3
"""Of precision and recall, Kynkäänniemi et al. 2019."""
DENSE_NEIGHBOURS = 5
"""Of density and coverage, Naeem et al. 2020."""
WHOLE = TENTHS
"""The number of the tenth that is nobody's: without it is the whole."""
Share = tuple[float, list[float]]
"""Of the whole, and without each tenth of both sets, TENTHS values; none where either set has fewer images than tenths."""


class Compared(NamedTuple):
    """What all pairs of two sets give."""

    kernel: Share
    precision: Share
    recall: Share
    density: Share
    coverage: Share


def compare(generated: FeatureSet, real: FeatureSet) -> Compared:
    """Kernel distance, precision, recall, density and coverage of generated features (M,D) and real ones (N,D).

    Precision and recall, Kynkäänniemi et al. 2019, equation 2: shares of generated points in a ball of a real one, and the other way
    round; a point's ball reaches to its third neighbour in its own set. Density and coverage, Naeem et al. 2020, equations 4 and 6, with
    balls of real points to the fifth neighbour: how many of them a generated point is in, over five, and the share of them that are not
    empty. The borders belong to the balls. Fewer points have fewer neighbours. Distances are in float64. Raises Unavailable for fewer than
    two images a side.
    """
    smaller = check_sizes(generated, real)
    neighbours = min(NEIGHBOURS, smaller - 1), min(DENSE_NEIGHBOURS, smaller - 1)
    near, wide = _radii(real, neighbours)
    (around,) = _radii(generated, neighbours[:1])
    across = Across.of(real.values, generated.values, wide.amax(0), around.amax(0))
    of_real, of_generated = (tenths(len(one.values)).to(one.values.device) for one in (real, generated))
    found = []
    for left in [WHOLE, *range(TENTHS if smaller >= TENTHS else 0)]:
        kept = (of_generated != left)[across.columns] & (of_real != left)[across.rows]
        in_near, in_wide = (kept & (across.squares <= radii[left, across.rows]) for radii in (near, wide))
        in_around = kept & (across.squares <= around[left, across.columns])
        many, others = ((tenth != left).sum() for tenth in (of_generated, of_real))
        counts = torch.stack(
            [
                _distinct(across.columns[in_near], len(of_generated)),
                _distinct(across.rows[in_around], len(of_real)),
                in_wide.sum(),
                _distinct(across.rows[in_wide], len(of_real)),
            ]
        )
        found.append(counts.double() / torch.stack([many, others, neighbours[1] * many, others]))
    kernel, kernels = kernel_distances(generated.own, real.own, across)
    shares = [(whole, without) for whole, *without in torch.stack(found, dim=1).tolist()]
    return Compared((kernel, kernels if smaller >= TENTHS else []), *shares)


def _distinct(numbers: Tensor, count: int) -> Tensor:
    """How many of `count` numbers there are."""
    seen = torch.zeros(count, dtype=torch.bool, device=numbers.device)
    seen[numbers] = True
    return seen.sum()


def _radii(points: FeatureSet, neighbours: tuple[int, ...]) -> list[Tensor]:
    """Each point's squared distance to its k-th neighbour, (11,N) by k: without each tenth, then of the whole.

    A point that is left out has -inf, and one that has fewer neighbours inf.
    """
    own, tenth = points.own, tenths(len(points.values)).to(points.values.device)
    of_listed, at = tenth[own.listed], [k - 1 for k in neighbours]
    lists = [own.squares.masked_fill(of_listed == left, torch.inf).sort(1).values for left in range(TENTHS + 1)]
    radii = torch.stack([nearest[:, at].T for nearest in lists], dim=1)
    # not certain where the list is too short: another, that is not on it, may be as near
    for row in (radii > own.floor.clamp(min=0)).flatten(0, 1).any(0).nonzero()[:, 0].tolist():
        squares = apart(points.values, points.values, torch.full_like(tenth, row), torch.arange(len(tenth)).to(tenth))
        squares[row] = torch.inf
        for left in range(TENTHS + 1):
            radii[:, left, row] = squares.masked_fill(tenth == left, torch.inf).sort().values[at]
    radii[:, tenth, torch.arange(len(tenth), device=tenth.device)] = -torch.inf
    return list(radii)
