"""How near images lie to the training images: of generations, of real test images beside them, and of their reconstructions."""

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor

from bench.runtime.seeds import generator
from bench.scoring import nearest
from bench.scoring.features import Featured
from bench.scoring.gathering import gathered
from methods import parts
from metrics.base import Neighbours, Unavailable
from metrics.features import features_of, to_uint8

SHOWN = 3
"""Nearest training images that are kept of each."""
SPACING_IMAGES = 1000
"""Training images whose distance to their nearest other is taken as that of all."""
Search = Callable[[Tensor, Tensor, int, Tensor | None], Neighbours]


class Near(Featured):
    """Evidence of nearest training images. Indices are of the cell's training images; `_own` is the distance of the nearest training
    image itself to its own nearest other, (M,)."""

    # Which images are looked at.
    def _some(self, images: Tensor, name: str) -> Tensor:
        """As many as the suite says, or all; stated in the record."""
        some = images[: self.settings.novelty_images]
        self._state(**{name: len(some)})
        return some

    def _state(self, **counts: int) -> None:
        self.protocol["novelty"] = self.protocol.get("novelty", {}) | counts

    @gathered
    def _generations(self) -> Tensor:
        return self._some(self.samples, "generations")

    @gathered
    def _real(self) -> Tensor:
        return self._some(self.test.x, "test_images")

    @gathered
    def _again(self) -> Tensor:
        return to_uint8(self._some(self.reconstructions, "reconstructions"))

    # By mean squared error. More are found than are shown: SSIM chooses among them.
    def _pixel_nearest(self, images: Tensor) -> Neighbours:
        return nearest.by_pixels(images, self.data.train.x, max(SHOWN, self.settings.novelty_candidates))

    @gathered
    def _candidates(self) -> Neighbours:
        return self._pixel_nearest(self._generations)

    @gathered
    def _candidates_test(self) -> Neighbours:
        return Neighbours(*self._on_disk("mse", self._real, lambda: self._pixel_nearest(self._real)))

    @gathered
    def _candidates_recon(self) -> Neighbours:
        return self._pixel_nearest(self._again)

    @gathered
    def near_mse(self) -> Neighbours:
        return _shown(self._candidates)

    @gathered
    def near_mse_test(self) -> Neighbours:
        return _shown(self._candidates_test)

    @gathered
    def near_mse_recon(self) -> Neighbours:
        return _shown(self._candidates_recon)

    @gathered
    def near_mse_own(self) -> Tensor:
        return self._own(nearest.by_pixels, self.data.train.x, self.near_mse.indices[:, 0])

    @gathered
    def near_mse_own_test(self) -> Tensor:
        rows = self.near_mse_test.indices[:, 0]
        return self._on_disk("own", rows, lambda: (self._own(nearest.by_pixels, self.data.train.x, rows),))[0]

    @gathered
    def near_mse_own_recon(self) -> Tensor:
        return self._own(nearest.by_pixels, self.data.train.x, self.near_mse_recon.indices[:, 0])

    @gathered
    def spacing_mse(self) -> Tensor:
        """Distance of each of a sample of training images to its nearest other, (S,)."""
        rows = self._spacing_rows
        return self._on_disk("own", rows, lambda: (self._own(nearest.by_pixels, self.data.train.x, rows),))[0]

    # By structural similarity, among the nearest by mean squared error.
    def _most_similar(self, images: Tensor, candidates: Neighbours) -> Neighbours:
        index = candidates.indices[:, : self.settings.novelty_candidates]
        return nearest.by_ssim(images, self.data.train.x, index, SHOWN)

    def _check_sides(self) -> None:
        sides = tuple(self.test.x.shape[-2:])
        if min(sides) < parts.SSIM_SMALLEST:
            raise Unavailable(f"SSIM's 11x11 window needs sides of {parts.SSIM_SMALLEST} pixels, got {sides}")
        self._state(ssim_candidates=min(self.settings.novelty_candidates, len(self.data.train)))

    @gathered
    def near_ssim(self) -> Neighbours:
        images = self._generations
        self._check_sides()
        return self._most_similar(images, self._candidates)

    @gathered
    def near_ssim_test(self) -> Neighbours:
        self._check_sides()
        found = self._on_disk("ssim", self._real, lambda: self._most_similar(self._real, self._candidates_test))
        return Neighbours(*found)

    @gathered
    def near_ssim_recon(self) -> Neighbours:
        images = self._again
        self._check_sides()
        return self._most_similar(images, self._candidates_recon)

    # In the neutral classifier's features.
    def _feature_nearest(self, images: Tensor, near: Neighbours) -> Neighbours:
        features, train = features_of(self.neutral, images), self.neutral_features_train
        # the same image in another batch may differ in its last digits: a copy is given its original's
        copies = near.distances[:, :1] == 0
        features = torch.where(copies, train[near.indices[:, 0]], features)
        return nearest.by_features(features, train, SHOWN)

    @gathered
    def near_neutral(self) -> Neighbours:
        return self._feature_nearest(self._generations, self.near_mse)

    @gathered
    def near_neutral_test(self) -> Neighbours:
        return self._feature_nearest(self._real, self.near_mse_test)

    @gathered
    def near_neutral_recon(self) -> Neighbours:
        return self._feature_nearest(self._again, self.near_mse_recon)

    @gathered
    def near_neutral_own(self) -> Tensor:
        return self._own(nearest.by_features, self.neutral_features_train, self.near_neutral.indices[:, 0])

    @gathered
    def near_neutral_own_test(self) -> Tensor:
        return self._own(nearest.by_features, self.neutral_features_train, self.near_neutral_test.indices[:, 0])

    @gathered
    def near_neutral_own_recon(self) -> Tensor:
        return self._own(nearest.by_features, self.neutral_features_train, self.near_neutral_recon.indices[:, 0])

    @gathered
    def spacing_neutral(self) -> Tensor:
        """As spacing_mse, of the same training images."""
        return self._own(nearest.by_features, self.neutral_features_train, self._spacing_rows)

    # How far training images lie from each other.
    @gathered
    def _spacing_rows(self) -> Tensor:
        """By a stream of its own: the same images for every row of a seed."""
        rows = torch.randperm(len(self.data.train), generator=generator(self.seed_of_cell, "spacing"))
        rows = rows[:SPACING_IMAGES].sort().values.to(self.device)
        self._state(spacing_images=len(rows))
        return rows

    def _own(self, search: Search, among: Tensor, rows: Tensor) -> Tensor:
        """Distance, (M,), of the training images of `rows`, (M,), to their nearest other. An equal image is another."""
        if len(among) < 2:
            raise Unavailable("how far training images lie from each other needs two of them")
        each, at = rows.unique(return_inverse=True)
        return search(among[each], among, 1, each).distances[at, 0]

    # What hangs on the data alone is the same for every row of a seed.
    def _on_disk(self, name: str, images: Tensor, make: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """What `make` gives, kept under a name of all that it hangs on: images, training images, settings, code and device."""
        settings = f"{name} {self.settings.novelty_candidates} {SHOWN} {self.device.type} {torch.__version__}"
        keys = hashlib.sha256(b"".join([settings.encode(), self._training_digest, _digest(images)]))
        path = f"nearest/{name}-{keys.hexdigest()[:24]}"
        found = self.cache.get(path, [Near], lambda: {str(at): value for at, value in enumerate(make())})
        return tuple(found[str(at)].to(self.device) for at in range(len(found)))

    @gathered
    def _training_digest(self) -> bytes:
        return _digest(self.data.train.x)


def _digest(values: Tensor) -> bytes:
    """sha256 of shape and values."""
    digest = hashlib.sha256(str(tuple(values.shape)).encode())
    digest.update(values.cpu().contiguous().numpy().data)
    return digest.digest()


def _shown(found: Neighbours) -> Neighbours:
    return Neighbours(found.indices[:, :SHOWN], found.distances[:, :SHOWN])
