"""Features of images as named networks see them, each image's once; those of original images are kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.scoring.evidence import evidence, simply
from metrics.features import FeatureSet, Own, classes_of, features_of, frechet, to_uint8

if TYPE_CHECKING:
    from bench.scoring.cache import Cache, Tensors
    from methods.base import TrainingData
    from metrics.features import Classifier, Extractor

INCEPTION_BATCH = 100
ALPHAS = tuple(step / 10 for step in range(11))


def _inception_features(extractor: Extractor, images: Tensor) -> Tensor:
    return torch.cat([extractor(part).float() for part in images.split(INCEPTION_BATCH)])


# What is to be seen comes before the network: a method that cannot give it has a dash, whatever is refused besides.


simply(
    quantised_reconstructions=lambda reconstructions, originals: to_uint8(reconstructions[: len(originals)]),
    samples_in_neutral=lambda neutral_features_samples: FeatureSet(neutral_features_samples),
    samples_in_inception=lambda samples, inception: FeatureSet(_inception_features(inception, samples)),
    reconstructions_in_neutral=lambda quantised_reconstructions, neutral: FeatureSet(
        features_of(neutral, quantised_reconstructions)
    ),
    reconstructions_in_inception=lambda quantised_reconstructions, inception: FeatureSet(
        _inception_features(inception, quantised_reconstructions)
    ),
)


# Of original images: kept by the names of images, network, kind of device and code.


@evidence
def neutral_features_train(data: TrainingData, neutral: Classifier, train_name: str, cache: Cache) -> Tensor:
    """Of all training images."""
    images = data.train.x
    make = lambda: {"features": features_of(neutral, images)}  # noqa: E731
    return _kept(cache, f"{train_name}-{_name(neutral)}", type(neutral), images, make)["features"]


@evidence
def originals_in_neutral(originals: Tensor, neutral: Classifier, originals_name: str, cache: Cache) -> FeatureSet:
    name = f"{originals_name}-{_name(neutral)}"
    return _kept_set(cache, name, type(neutral), originals, lambda: features_of(neutral, originals))


@evidence
def originals_in_inception(originals: Tensor, inception: Extractor, originals_name: str, cache: Cache) -> FeatureSet:
    name = f"{originals_name}-{inception.name}"
    return _kept_set(cache, name, type(inception), originals, lambda: _inception_features(inception, originals))


def _name(neutral: Classifier) -> str:
    return f"neutral-{neutral.hash()[:16]}"


def _kept_set(cache: Cache, name: str, network: type, images: Tensor, make: Callable[[], Tensor]) -> FeatureSet:
    """Features with what distances to others need of them alone, of which one image has none."""
    statistics, own = (("mu", "sigma"), Own._fields) if len(images) > 1 else ((), ())

    def made() -> Tensors:
        found = FeatureSet(make())
        kept = {"features": found.values} | {one: torch.from_numpy(found.statistics[one]) for one in statistics}
        return kept | {one: getattr(found.own, one) for one in own}

    kept = _kept(cache, name, network, images, made, (*statistics, *own))
    known_own = Own(**{one: kept[one].to(images.device) for one in own}) if own else None
    return FeatureSet(kept["features"], {one: kept[one].numpy() for one in statistics}, known_own)


def _kept(
    cache: Cache, name: str, network: type, images: Tensor, make: Callable[[], Tensors], beside: tuple[str, ...] = ()
) -> Tensors:
    """From the cache; made where it is not there or has other counts."""

    def fits(kept: Tensors) -> bool:
        return {"features", *beside} <= kept.keys() and len(kept["features"]) == len(images)

    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    kept = cache.get(f"{plain}-{images.device.type}", [_kept, network], make, fits)
    return {**kept, "features": kept["features"].to(images.device)}


# Mixtures of originals and their reconstructions.


@evidence
def mixtures(
    reconstructions: Tensor,
    originals: Tensor,
    x_test: Tensor,
    y_test: Tensor,
    originals_in_neutral: FeatureSet,
    reconstructions_in_neutral: FeatureSet,
    neutral: Classifier,
    cache: Cache,
    inception: Extractor | None = None,
    originals_in_inception: FeatureSet | None = None,
    reconstructions_in_inception: FeatureSet | None = None,
) -> list[tuple[float, float, float, float | None]]:
    """(alpha, share that the neutral classifier names right, Fréchet distance in its features, FID) by alpha in ALPHAS.

    001_9c71068f65ebe130.txt, Figure 7: (1 - alpha) x + alpha x', quantised, against the originals x. FID is None without Inception:
    the reason stands in the record, with the FIDs that the suite asks for.
    """
    count = len(originals)
    x, again, y = x_test[:count], reconstructions[:count], y_test[:count]
    networks: list[Any] = [neutral]
    seen = [_Mixed(originals_in_neutral, reconstructions_in_neutral, partial(features_of, neutral))]
    if inception is not None and originals_in_inception is not None and reconstructions_in_inception is not None:
        networks.append(inception)
        by_inception = partial(_inception_features, inception)
        seen.append(_Mixed(originals_in_inception, reconstructions_in_inception, by_inception))

    def row(alpha: float) -> list[float]:
        images = to_uint8((1 - alpha) * x + alpha * again)
        sets = [one.at(alpha, images) for one in seen]
        right = (classes_of(neutral, sets[0].values)[0] == y).double().mean().item()
        return [alpha, right, *(frechet(one.originals, found) for one, found in zip(seen, sets, strict=True))]

    def rows() -> Tensors:
        return {"rows": torch.tensor([row(alpha) for alpha in ALPHAS], dtype=torch.float64)}

    # rows that share a decoder share its reconstructions, and so all of this
    digest = hashlib.sha256(" ".join([neutral.hash(), *(one.name for one in networks[1:])]).encode())
    for pixels in (x, again):
        digest.update(pixels.cpu().contiguous().numpy().data)
    name = f"mixtures-{digest.hexdigest()[:24]}-{x.device.type}"
    kept = cache.get(name, [_Mixed, *map(type, networks)], rows)["rows"].tolist()
    return [(alpha, right, apart, fid[0] if fid else None) for alpha, right, apart, *fid in kept]


@dataclass(frozen=True)
class _Mixed:
    """Features of mixtures; at the two ends those of the originals and the reconstructions themselves."""

    originals: FeatureSet
    reconstructions: FeatureSet
    features: Callable[[Tensor], Tensor]

    def at(self, alpha: float, images: Tensor) -> FeatureSet:
        if alpha in (ALPHAS[0], ALPHAS[-1]):
            return self.originals if alpha == ALPHAS[0] else self.reconstructions
        return FeatureSet(self.features(images))
