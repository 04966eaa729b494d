"""Rotated MNIST: made from MNIST by fixed seeds, so that there is nothing more to download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.base import Dataset
from bench.datasets.draws import stratified
from bench.datasets.registry import dataset
from bench.datasets.vision import mnist

if TYPE_CHECKING:
    from torch import Tensor

PER_CLASS = 150
PICK_SEED = 1500  # and the class's number
TRAIN_SEED, TEST_SEED = 1600, 1700  # of angles


@dataset(
    "rot-mnist",
    source="derived from MNIST (LeCun, Cortes & Burges) as in 002_250270577cfb522d.txt, section IV; angles by fixed seeds",
    licence="CC BY-SA 3.0",
    about="1,500 + 10,000 images, rotated over 360 degrees, derived from MNIST, 28x28 grey, 10 classes",
    upright="mnist",
)
def rot_mnist(root: Path, *, download: bool) -> Dataset:
    """150 training images of each class of MNIST, and its whole test split, each rotated by an angle uniform on [0, 360) degrees.

    Read from, and downloaded to, the same files as `mnist`. A class with fewer than 150 training images gives all it has, so
    that of a small MNIST all is taken. The same images and angles on every machine, in MNIST's order. Raises DataError, as `mnist` does.
    """
    import torch

    whole = mnist(root, download=download)
    picked = torch.cat([_pick(whole.y_train, label) for label in range(whole.n_classes)]).sort().values
    x_train = _rotated(whole.x_train[picked], TRAIN_SEED)
    x_test = _rotated(whole.x_test, TEST_SEED)
    return Dataset(x_train, whole.y_train[picked], x_test, whole.y_test, whole.classes, name=f"rotated {whole.name}")


def _pick(y: Tensor, label: int) -> Tensor:
    """Indices, ascending, of 150 images of a class, or of all where it has fewer."""
    members = (y == label).nonzero()[:, 0]
    return members[stratified(y[members], min(PER_CLASS, len(members)), PICK_SEED + label)[1]]


def angles(count: int, seed: int) -> list[float]:
    """Degrees, uniform on [0, 360), counter-clockwise; the same for ever for the same seed."""
    import numpy as np

    # NumPy froze these streams; one product is rounded alike everywhere, where `uniform` may fuse it with a sum
    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    return (360 * random.random_sample(count)).tolist()


def _rotated(x: Tensor, seed: int) -> Tensor:
    """Each image of (N,1,H,W), uint8, about its centre, bilinear, black where nothing was."""
    import numpy as np
    import torch
    from PIL import Image

    turned = np.empty_like(x.numpy())
    for image, degrees, into in zip(x[:, 0].numpy(), angles(len(x), seed), turned[:, 0], strict=True):
        into[:] = Image.fromarray(image).rotate(degrees, Image.Resampling.BILINEAR)
    return torch.from_numpy(turned)
