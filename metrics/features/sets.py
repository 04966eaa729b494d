"""Sets of features, their statistics, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metrics.base import TENTHS, Unavailable, tenths
from metrics.features.pairs import Own


class Moments(NamedTuple):
    """Mean (D,), covariance (D,D) and one of its roots, (D,R) with root @ root.T the covariance; float64."""

    mean: Tensor
    covariance: Tensor
    rows: Tensor | None

    def root(self) -> Tensor:
        """Of fewer images than features the images themselves; else Cholesky's, or the eigenvectors' where the rank is not full."""
        if self.rows is not None:
            return self.rows.T
        factor, failed = torch.linalg.cholesky_ex(self.covariance)
        if not failed:
            return factor
        values, vectors = torch.linalg.eigh(self.covariance)
        return vectors * values.clamp(min=0).sqrt()


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features (N,D) of a set of images, with what its distances to others need of it alone taken once, when first asked for.

    known, known_own: what was taken before, as `statistics` and `own` give them.
    """

    values: Tensor
    known: Mapping[str, Any] | None = None
    known_own: Own | None = None

    @cached_property
    def own(self) -> Own:
        """Of the pairs within the set."""
        return self.known_own or Own.of(self.values)

    @cached_property
    def statistics(self) -> Mapping[str, Any]:
        """Mean (D,) and covariance (D,D), float64, by torch-fidelity."""
        from torch_fidelity.metric_fid import fid_features_to_statistics  # seconds to import

        return self.known or fid_features_to_statistics(self.values.double().cpu())

    def moments_without(self) -> Iterator[Moments]:
        """Of the set without each tenth: the tenth's sums are taken off the whole's, about the whole's mean."""
        values = self.values.double()
        mean, covariance = (torch.as_tensor(self.statistics[one]).to(values) for one in ("mu", "sigma"))
        centred, tenth = values - mean, tenths(len(values)).to(values.device)
        scatter = (len(values) - 1) * covariance
        for left in range(TENTHS):
            out = centred[tenth == left]
            kept = len(values) - len(out)
            shift = -out.sum(0) / kept
            within = (scatter - out.T @ out - kept * shift.outer(shift)) / (kept - 1)
            few = kept <= len(mean)
            yield Moments(mean + shift, within, (centred[tenth != left] - shift) / (kept - 1) ** 0.5 if few else None)


def frechet(first: FeatureSet, second: FeatureSet) -> float:
    """The Fréchet distance of two sets, Heusel et al. 2017, by torch-fidelity's eigenvalues in float64.

    Raises Unavailable for fewer than two images a side.
    """
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric  # seconds to import

    check_sizes(first, second)
    return float(fid_statistics_to_metric(first.statistics, second.statistics, verbose=False)[KEY_METRIC_FID])


def frechet_without(first: FeatureSet, second: FeatureSet) -> list[float]:
    """The Fréchet distances of two sets of ten images and more, each without the same tenth, TENTHS values.

    The trace of (S1 S2)^(1/2) is the sum of the roots of the eigenvalues of R.T S2 R for any R with R R.T = S1: a symmetric problem,
    many times quicker than the library's, of the same value. On the features' device.
    """
    pairs = zip(first.moments_without(), second.moments_without(), strict=True)
    return [_distance(one, other) for one, other in pairs]


def _distance(one: Moments, other: Moments) -> float:
    root = one.root()
    shared = torch.linalg.eigvalsh(root.T @ other.covariance @ root).clamp(min=0).sqrt().sum()
    apart = (one.mean - other.mean).square().sum()
    return float(apart + one.covariance.trace() + other.covariance.trace() - 2 * shared)


def check_sizes(first: FeatureSet, second: FeatureSet) -> int:
    """The smaller number of images. Raises Unavailable where it is below two."""
    smaller = min(len(first.values), len(second.values))
    if smaller < 2:
        raise Unavailable(f"a distance of distributions needs two images a side, got {smaller}")
    return smaller
