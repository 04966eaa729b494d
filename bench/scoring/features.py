"""Features of images as named networks see them, each image's once; those of original images are kept on disk."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.scoring.gathering import gathered
from bench.scoring.proposals import Proposed
from metrics.base import Unavailable
from metrics.features import FeatureSet, classes_of, features_of, frechet, to_uint8

if TYPE_CHECKING:
    from metrics.features import Extractor

INCEPTION_BATCH = 100
ALPHAS = tuple(step / 10 for step in range(11))
ENDS = ALPHAS[0], ALPHAS[-1]


class Featured(Proposed):
    """Evidence in the features of the neutral classifier and of Inception. float32 (N, D), on the device."""

    # What is to be seen, asked for before the network: a method that cannot give it has a dash, whatever is refused besides.
    @gathered
    def _quantised_reconstructions(self) -> Tensor:
        """Of the originals, uint8."""
        return to_uint8(self.reconstructions[: len(self.originals)])

    # As the neutral classifier sees it.
    @gathered
    def neutral_features_train(self) -> Tensor:
        """Of all training images."""
        images = self.data.train.x
        return self._kept_features(self.train_name, len(images), *self._by_neutral(images))["features"]

    @gathered
    def samples_in_neutral(self) -> FeatureSet:
        return FeatureSet(self.neutral_features_samples)

    @gathered
    def originals_in_neutral(self) -> FeatureSet:
        return self._kept_set(*self._by_neutral(self.originals))

    @gathered
    def reconstructions_in_neutral(self) -> FeatureSet:
        images = self._quantised_reconstructions
        return FeatureSet(features_of(self.neutral, images))

    def _by_neutral(self, images: Tensor) -> tuple[str, type, Callable[[], Tensor]]:
        network = self.neutral
        return f"neutral-{network.hash()[:16]}", type(network), lambda: features_of(network, images)

    # As Inception sees it.
    @gathered
    def samples_in_inception(self) -> FeatureSet:
        images = self.samples
        return FeatureSet(_inception_features(self.inception, images))

    @gathered
    def originals_in_inception(self) -> FeatureSet:
        extractor = self.inception
        make = partial(_inception_features, extractor, self.originals)
        return self._kept_set(extractor.get_name(), type(extractor), make)

    @gathered
    def reconstructions_in_inception(self) -> FeatureSet:
        images = self._quantised_reconstructions
        return FeatureSet(_inception_features(self.inception, images))

    # Mixtures of originals and their reconstructions.
    @gathered
    def mixtures(self) -> list[tuple[float, float, float, float | None]]:
        """(alpha, share that the neutral classifier names right, Fréchet distance in its features, FID) by alpha in ALPHAS.

        001_9c71068f65ebe130.txt, Figure 7: (1 - alpha) x + alpha x', quantised, against the originals x. FID is None without Inception.
        """
        x, again = self.x_test[: len(self.originals)], self.reconstructions[: len(self.originals)]
        seen_by = [self.neutral.hash()]
        with suppress(Unavailable):  # the reason stands in the record, with the FIDs that the suite asks for
            seen_by.append(self.inception.get_name())
        # rows that share a decoder share its reconstructions, and so all of this
        digest = hashlib.sha256(" ".join(seen_by).encode())
        for images in (x, again):
            digest.update(images.cpu().contiguous().numpy().data)
        name = f"mixtures-{digest.hexdigest()[:24]}-{self.device.type}"
        makers: list[type] = [Featured, type(self.neutral)]
        if len(seen_by) > 1:
            makers.append(type(self.inception))
        kept = self.cache.get(name, makers, lambda: {"rows": self._mixtures_of(x, again, len(seen_by) > 1)})
        return [(*row[:3], None if math.isnan(row[3]) else row[3]) for row in kept["rows"].tolist()]

    def _mixtures_of(self, x: Tensor, again: Tensor, by_inception: bool) -> Tensor:
        """(A, 4) float64, NaN where there is no Inception."""
        rows = [self._mixed(alpha, to_uint8((1 - alpha) * x + alpha * again), by_inception) for alpha in ALPHAS]
        return torch.tensor(
            [[math.nan if value is None else value for value in row] for row in rows], dtype=torch.float64
        )

    def _mixed(self, alpha: float, images: Tensor, by_inception: bool) -> tuple[float, float, float, float | None]:
        seen = self._mixture_in_neutral(alpha, images)
        right = classes_of(self.neutral, seen.values)[0] == self.y_test[: len(images)]
        apart = frechet(self.originals_in_neutral, seen)
        fid = frechet(self.originals_in_inception, self._mixture_in_inception(alpha, images)) if by_inception else None
        return alpha, right.double().mean().item(), apart, fid

    # Features of a mixture; at its two ends those of the originals and the reconstructions themselves.
    def _mixture_in_neutral(self, alpha: float, images: Tensor) -> FeatureSet:
        if alpha in ENDS:
            return self.originals_in_neutral if alpha == ENDS[0] else self.reconstructions_in_neutral
        return FeatureSet(features_of(self.neutral, images))

    def _mixture_in_inception(self, alpha: float, images: Tensor) -> FeatureSet:
        if alpha in ENDS:
            return self.originals_in_inception if alpha == ENDS[0] else self.reconstructions_in_inception
        return FeatureSet(_inception_features(self.inception, images))

    # On disk.
    def _kept_set(self, extractor: str, network: type, make: Callable[[], Tensor]) -> FeatureSet:
        """The originals' features with their statistics."""
        kept = self._kept_features(self.originals_name, len(self.originals), extractor, network, make, statistics=True)
        return FeatureSet(kept["features"], {name: kept[name].numpy() for name in ("mu", "sigma") if name in kept})

    def _kept_features(
        self,
        images: str,
        count: int,
        extractor: str,
        network: type,
        make: Callable[[], Tensor],
        statistics: bool = False,
    ) -> dict[str, Tensor]:
        """From the cache, by the names of images, network, kind of device and code; made where it is not there or has other counts."""
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in images)
        parts = ("features", "mu", "sigma") if statistics else ("features",)

        def made() -> dict[str, Tensor]:
            found = {"features": make()}
            if statistics and count > 1:
                taken = FeatureSet(found["features"]).statistics
                found |= {part: torch.from_numpy(taken[part]) for part in ("mu", "sigma")}
            return found

        def fits(kept: dict[str, Tensor]) -> bool:
            return all(part in kept for part in parts) and len(kept["features"]) == count

        kept = self.cache.get(f"{name}-{extractor}-{self.device.type}", [Featured, network], made, fits)
        return {**kept, "features": kept["features"].to(self.device)}


def _inception_features(extractor: Extractor, images: Tensor) -> Tensor:
    return torch.cat([extractor(part)[0].float() for part in images.split(INCEPTION_BATCH)])
