"""The kernel distance of two sets of features, and of what is left without each tenth of them."""

from __future__ import annotations

import torch
from torch import Tensor

from metrics.base import TENTHS, tenths
from metrics.features.pairs import Across, Own


def kernel_distances(first: Own, second: Own, across: Across) -> tuple[float, list[float]]:
    """Unbiased squared MMD over all pairs of two sets, and without each tenth of both, TENTHS values.

    Bińkowski et al. 2018, equation 4, with their kernel (x.y / D + 1)^3: torch-fidelity's value where one subset is the whole set. The
    kernel of each pair is taken once; a leave-out takes its blocks off the sum.
    """
    total = across.kernels.new_zeros(TENTHS + 1)
    sizes = [_sizes(len(own.floor)).to(total) for own in (first, second)]
    for own, kept in zip((first, second), sizes, strict=True):
        total += _kept(own.kernels) / (kept * (kept - 1))
    value, *without = (total - 2 * _kept(across.kernels) / (sizes[0] * sizes[1])).tolist()
    return value, without


def _sizes(count: int) -> Tensor:
    """Of all and without each tenth, (11,)."""
    return count - torch.cat([torch.zeros(1), torch.bincount(tenths(count), minlength=TENTHS)])


def _kept(sums: Tensor) -> Tensor:
    """What is left of a sum of blocks (10,10), whole and without the rows and columns of each tenth, (11,)."""
    without = sums.sum() - sums.sum(0) - sums.sum(1) + sums.diagonal()
    return torch.cat([sums.sum()[None], without])
