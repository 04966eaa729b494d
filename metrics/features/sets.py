"""Sets of features, their statistics, and how far they are apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from metrics.base import Unavailable


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features (N,D) of a set of images, with the statistics of their Fréchet distance taken once, when first asked for.

    known: statistics that were taken before, as `statistics` gives them.
    """

    values: Tensor
    known: Mapping[str, Any] | None = None

    @cached_property
    def statistics(self) -> Mapping[str, Any]:
        """Mean (D,) and covariance (D,D), float64, by torch-fidelity."""
        return self.known or fid_features_to_statistics(self.values.double().cpu())


def frechet(first: FeatureSet, second: FeatureSet) -> float:
    """The Fréchet distance of two sets, Heusel et al. 2017, by torch-fidelity's eigenvalues in float64.

    Raises Unavailable for fewer than two images a side.
    """
    check_sizes(first, second)
    return float(fid_statistics_to_metric(first.statistics, second.statistics, verbose=False)[KEY_METRIC_FID])


def check_sizes(first: FeatureSet, second: FeatureSet) -> int:
    """The smaller number of images. Raises Unavailable where it is below two."""
    smaller = min(len(first.values), len(second.values))
    if smaller < 2:
        raise Unavailable(f"a distance of distributions needs two images a side, got {smaller}")
    return smaller
