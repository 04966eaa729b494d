"""Draws from a data set's images, the same for ever for the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes a second to import, and listing names must not wait for it
    from torch import Tensor

ORDER_SEED = 2100


def stratified(labels: Tensor, held_out: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw `held_out` items so that each class gives its share, within one item; the same for ever for the same seed.

    labels: (N,) int64, 0 <= held_out <= N. Gives (kept, held out): int64 indices, ascending, disjoint, covering.
    """
    import numpy as np
    import torch

    classes, counts = np.unique(labels.numpy(), return_counts=True)
    # whole shares first, then what is left goes to the largest remainders: integers, so no rounding differs by machine
    shares, remainders = np.divmod(held_out * counts, max(len(labels), 1))
    left = held_out - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:left]] += 1
    # NumPy froze the streams of MT19937 and RandomState, so a split never moves with a new version
    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    held = np.zeros(len(labels), dtype=bool)
    for label, share in zip(classes, shares, strict=True):
        members = np.flatnonzero(labels.numpy() == label)
        held[random.permutation(members)[:share]] = True
    return torch.from_numpy(np.flatnonzero(~held)), torch.from_numpy(np.flatnonzero(held))


def mixed(rows: Tensor) -> Tensor:
    """Rows (N,) in a fixed order of their own, the same for ever: of images that lie by class, the first few are then of all classes."""
    import numpy as np
    import torch

    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(ORDER_SEED)))
    return rows[torch.from_numpy(random.permutation(len(rows)))]
