"""Features of images as named networks see them, each image's once; those of original images are kept on disk."""

import hashlib
import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import torch
from torch import Tensor

from bench.records.sources import ROOT
from bench.records.storage import keep_tensors, kept_tensors
from bench.scoring.gathering import gathered
from bench.scoring.proposals import Proposed
from metrics.base import Unavailable
from metrics.features import Extractor, FeatureSet, classes_of, features_of, frechet, to_uint8

INCEPTION_BATCH = 100
ALPHAS = tuple(step / 10 for step in range(11))
ENDS = {ALPHAS[0]: "originals", ALPHAS[-1]: "reconstructions"}


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

    def _by_neutral(self, images: Tensor) -> tuple[str, Callable[[], Tensor]]:
        network = self.neutral
        return f"neutral-{network.hash()[:16]}", lambda: features_of(network, images)

    # As Inception sees it.
    @gathered
    def samples_in_inception(self) -> FeatureSet:
        images = self.samples
        return FeatureSet(_inception_features(self.inception, images))

    @gathered
    def originals_in_inception(self) -> FeatureSet:
        extractor = self.inception
        return self._kept_set(extractor.get_name(), lambda: _inception_features(extractor, self.originals))

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
        path = self.feature_cache / f"mixtures-{digest.hexdigest()[:24]}-{self.device.type}-{_code()}.safetensors"
        kept = kept_tensors(path)
        if kept is not None and "rows" in kept:
            return [(*row[:3], None if math.isnan(row[3]) else row[3]) for row in kept["rows"].tolist()]
        rows = [self._mixed(alpha, to_uint8((1 - alpha) * x + alpha * again), len(seen_by) > 1) for alpha in ALPHAS]
        table = [[math.nan if value is None else value for value in row] for row in rows]
        keep_tensors(path, {"rows": torch.tensor(table, dtype=torch.float64)})
        return rows

    def _mixed(self, alpha: float, images: Tensor, by_inception: bool) -> tuple[float, float, float, float | None]:
        seen = self._mixture("neutral", alpha, images)
        right = classes_of(self.neutral, seen.values)[0] == self.y_test[: len(images)]
        apart = frechet(self.originals_in_neutral, seen)
        fid = frechet(self.originals_in_inception, self._mixture("inception", alpha, images)) if by_inception else None
        return alpha, right.double().mean().item(), apart, fid

    def _mixture(self, network: str, alpha: float, images: Tensor) -> FeatureSet:
        """Features of a mixture; at its two ends those of the originals and the reconstructions themselves."""
        if alpha in ENDS:
            return getattr(self, f"{ENDS[alpha]}_in_{network}")
        return FeatureSet(
            features_of(self.neutral, images) if network == "neutral" else _inception_features(self.inception, images)
        )

    # On disk.
    def _kept_set(self, extractor: str, make: Callable[[], Tensor]) -> FeatureSet:
        """The originals' features with their statistics."""
        kept = self._kept_features(self.originals_name, len(self.originals), extractor, make, statistics=True)
        return FeatureSet(kept["features"], {name: kept[name].numpy() for name in ("mu", "sigma") if name in kept})

    def _kept_features(
        self, images: str, count: int, extractor: str, make: Callable[[], Tensor], statistics: bool = False
    ) -> dict[str, Tensor]:
        """From the cache, by the names of images, network, kind of device and code; made, and put there, where it is not or is broken."""
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in images)
        path = self.feature_cache / f"{name}-{extractor}-{self.device.type}-{_code()}.safetensors"
        parts = ("features", "mu", "sigma") if statistics else ("features",)
        kept = kept_tensors(path)
        if kept is not None and all(part in kept for part in parts) and len(kept["features"]) == count:
            return {part: kept[part].to(self.device) if part == "features" else kept[part] for part in parts}
        made = {"features": make()}
        if statistics and count > 1:
            found = FeatureSet(made["features"]).statistics
            made |= {part: torch.from_numpy(found[part]) for part in ("mu", "sigma")}
        keep_tensors(path, made)
        return made


def _inception_features(extractor: Extractor, images: Tensor) -> Tensor:
    return torch.cat([extractor(part)[0].float() for part in images.split(INCEPTION_BATCH)])


@cache
def _code() -> str:
    """Of what makes features of images, so that features of older code are not taken for these."""
    files = ("metrics/features/networks.py", "metrics/features/resnet.py", "bench/scoring/features.py")
    return hashlib.sha256(b"".join((ROOT / file).read_bytes() for file in files)).hexdigest()[:8]
