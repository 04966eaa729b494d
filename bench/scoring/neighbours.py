"""How near images lie to the training images: generations, real test images beside them, and their reconstructions.

Each measure is said once, for three sets of images by a suffix: none, `_test`, `_recon`. Indices are of the cell's training images;
`_own` is the distance of the nearest training image itself to its own nearest other, (M,).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.runtime.seeds import generator
from bench.scoring import nearest
from bench.scoring.evidence import either, evidence
from bench.scoring.similarity import check_window
from metrics.base import Neighbours, Unavailable, read_by
from metrics.features import features_of, to_uint8

if TYPE_CHECKING:
    from bench.config.suite import Evaluation
    from bench.scoring.cache import Cache
    from methods.base import Images, TrainingData
    from metrics.features import Classifier

SHOWN = 3
"""Nearest training images that are kept of each."""
SPACING_IMAGES = 1000
"""Training images whose distance to their nearest other is taken as that of all."""
Search = Callable[[Tensor, Tensor, int, Tensor | None], Neighbours]
Own = Callable[[Tensor], Tensor]
"""Gives the distance, (M,), of training images, (M,) indices, to their nearest other, kept by training set."""
Made = tuple[Tensor, ...]
Keep = Callable[[str, Tensor, Callable[[], Made]], Made]
"""Gives what a function makes of a tensor under a name: made now, or kept on disk."""


# Which images are looked at: as many as the suite says, or all.


def _some(images: Tensor, name: str, settings: Evaluation, protocol: dict[str, Any]) -> Tensor:
    some = images[: settings.novelty_images]
    _state(protocol, **{name: len(some)})
    return some


def _state(protocol: dict[str, Any], **counts: int) -> None:
    protocol["novelty"] = protocol.get("novelty", {}) | counts


@evidence
def looked(samples: Tensor, settings: Evaluation, protocol: dict[str, Any]) -> Tensor:
    return _some(samples, "generations", settings, protocol)


@evidence
def looked_test(test: Images, settings: Evaluation, protocol: dict[str, Any]) -> Tensor:
    return _some(test.x, "test_images", settings, protocol)


@evidence
def looked_recon(reconstructions: Tensor, settings: Evaluation, protocol: dict[str, Any]) -> Tensor:
    return to_uint8(_some(reconstructions, "reconstructions", settings, protocol))


# What hangs on the data alone is the same for every row of a seed.


@evidence
def keep() -> Keep:
    return lambda name, of, make: make()


either("keep_recon", "keep")


@evidence
def train_digest(data: TrainingData) -> bytes:
    return _digest(data.train.x)


@evidence
def keep_test(data: TrainingData, train_digest: bytes, settings: Evaluation, cache: Cache) -> Keep:
    """On disk, under a name of all that it hangs on: images, training images, settings, code and device."""
    device = data.train.x.device

    def kept(name: str, of: Tensor, make: Callable[[], Made]) -> Made:
        said = f"{name} {settings.novelty_candidates} {SHOWN} {device.type} {torch.__version__}"
        keys = hashlib.sha256(b"".join([said.encode(), train_digest, _digest(of)]))
        path = f"nearest/{name}-{keys.hexdigest()[:24]}"
        found = cache.get(path, [_digest], lambda: {str(at): value for at, value in enumerate(make())})
        return tuple(found[str(at)].to(device) for at in range(len(found)))

    return kept


def _digest(values: Tensor) -> bytes:
    """sha256 of shape and values."""
    digest = hashlib.sha256(str(tuple(values.shape)).encode())
    digest.update(values.cpu().contiguous().numpy().data)
    return digest.digest()


# The measures.


def candidates(looked: Tensor, data: TrainingData, settings: Evaluation, keep: Keep) -> Neighbours:
    """By mean squared error. More are found than are shown: SSIM chooses among them."""
    count = max(SHOWN, settings.novelty_candidates)
    return Neighbours(*keep("mse", looked, lambda: nearest.by_pixels(looked, data.train.x, count)))


def near_mse(candidates: Neighbours) -> Neighbours:
    return Neighbours(candidates.indices[:, :SHOWN], candidates.distances[:, :SHOWN])


def near_mse_own(near_mse: Neighbours, own_mse: Own) -> Tensor:
    return own_mse(near_mse.indices[:, 0])


def near_ssim(
    looked: Tensor, ssim_candidates: int, candidates: Neighbours, data: TrainingData, keep: Keep
) -> Neighbours:
    """By structural similarity, among the nearest by mean squared error."""
    index = candidates.indices[:, :ssim_candidates]
    return Neighbours(*keep("ssim", looked, lambda: nearest.by_ssim(looked, data.train.x, index, SHOWN)))


@evidence
def ssim_candidates(test: Images, data: TrainingData, settings: Evaluation, protocol: dict[str, Any]) -> int:
    check_window(test.x)
    count = min(settings.novelty_candidates, len(data.train))
    _state(protocol, ssim_candidates=count)
    return count


def near_neutral(
    looked: Tensor, near_mse: Neighbours, neutral: Classifier, neutral_features_train: Tensor
) -> Neighbours:
    """In the neutral classifier's features."""
    features = features_of(neutral, looked)
    # the same image in another batch may differ in its last digits: a copy is given its original's
    copies = near_mse.distances[:, :1] == 0
    features = torch.where(copies, neutral_features_train[near_mse.indices[:, 0]], features)
    return nearest.by_features(features, neutral_features_train, SHOWN)


def near_neutral_own(near_neutral: Neighbours, own_neutral: Own) -> Tensor:
    return own_neutral(near_neutral.indices[:, 0])


OF_A_SET = ("looked", "keep", "candidates", "near_mse", "near_neutral")
for suffix in ("", "_test", "_recon"):
    for measure in (candidates, near_mse, near_mse_own, near_ssim, near_neutral, near_neutral_own):
        own = {one: f"{one}{suffix}" for one in read_by(measure) if one in OF_A_SET}
        evidence(name=f"{measure.__name__}{suffix}", reads=own)(measure)


# How far training images lie from each other.


@evidence
def spacing_rows(data: TrainingData, cell_seed: int, protocol: dict[str, Any]) -> Tensor:
    """A sample of training images, (S,) indices, by a stream of its own: the same images for every row of a seed."""
    rows = torch.randperm(len(data.train), generator=generator(cell_seed, "spacing"))
    rows = rows[:SPACING_IMAGES].sort().values.to(data.train.x.device)
    _state(protocol, spacing_images=len(rows))
    return rows


@evidence
def spacing_mse(spacing_rows: Tensor, own_mse: Own) -> Tensor:
    """Distance of each of the sample to its nearest other, (S,)."""
    return own_mse(spacing_rows)


@evidence
def spacing_neutral(spacing_rows: Tensor, own_neutral: Own) -> Tensor:
    """As spacing_mse, of the same training images."""
    return own_neutral(spacing_rows)


@evidence
def own_mse(data: TrainingData, train_digest: bytes, cache: Cache) -> Own:
    return _own("mse", nearest.by_pixels, data.train.x, train_digest, cache)


@evidence
def own_neutral(neutral_features_train: Tensor, cache: Cache) -> Own:
    return _own("neutral", nearest.by_features, neutral_features_train, _digest(neutral_features_train), cache)


def _own(name: str, search: Search, among: Tensor, digest: bytes, cache: Cache) -> Own:
    """The search is exact, so that no distance hangs on which others are asked for or kept. An equal image is another."""

    def missing(rows: Tensor) -> Tensor:
        if len(among) < 2:
            raise Unavailable("how far training images lie from each other needs two of them")
        return search(among[rows], among, 1, rows).distances[:, 0]

    path = f"nearest/own-{name}-{digest.hex()[:24]}"
    return lambda rows: cache.rows(path, [_own], rows, len(among), missing)
