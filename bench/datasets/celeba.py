"""CelebA beside drawn faces: two classes, at 64x64 and at 128x128. The photographs are CelebA's, the drawings the user's own."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.base import DataError, Dataset
from bench.datasets.cached import kept
from bench.datasets.download import fetch
from bench.datasets.draws import mixed, stratified
from bench.datasets.images import (
    EXTENSIONS,
    check_folder,
    decode,
    images_below,
    in_threads,
    key_of,
    readable,
    short_hash,
)
from bench.datasets.registry import dataset

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import Tensor

PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
PARTITION, IMAGES = "celeba/list_eval_partition.txt", "celeba/img_align_celeba/"
CLASSES = ("celeba", "anime")
PUBLISHED = 202_599  # images, by that page
ALIGNED = (178, 218)  # width and height of an aligned image
CROP = (19, 39, 159, 179)  # left, top, right, bottom of the 140x140 in its middle
TEST = "2"  # in the official partition; 0 is train, 1 validation
SHARE = 5  # one drawing in five is tested on
SPLIT_SEED = 0  # the same for every run: seeds of a suite never move what is tested on
DECODER = "1"  # to be changed with `_decode`, so that what an older one made is not used

Parts = tuple[list[str], list[str]]  # paths of train and of test
SOURCE = f"Liu et al. (2015), {PAGE}, official partition; drawings: the user's own, in ROOT/anime"
LICENCE = "CelebA: non-commercial research only, by its page; anime: the user's own"
ABOUT = (
    "CelebA's 202,599 faces (ROOT/celeba, as torchvision has it) and your own drawn ones (ROOT/anime), {0}x{0} RGB{1}"
)


@dataset("celeba-64", source=SOURCE, licence=LICENCE, about=ABOUT.format(64, ", the middle 140x140 of each photograph"))
def celeba_64(root: Path, *, download: bool) -> Dataset:
    """CelebA as 001_9c71068f65ebe130.txt, section 4.1, has it: the middle 140x140 of the aligned image, resized; see `_faces`."""
    return _faces(root, download, 64)


@dataset("celeba-128", source=SOURCE, licence=LICENCE, about=ABOUT.format(128, ", each photograph whole"))
def celeba_128(root: Path, *, download: bool) -> Dataset:
    """The aligned image whole, 178x218, resized to 128x128, which widens it; see `_faces`."""
    return _faces(root, download, 128)


def _faces(root: Path, download: bool, side: int) -> Dataset:
    """uint8 (N,3,side,side), resized with Pillow's antialiased bilinear filter, as torchvision's Resize does.

    A drawing may have any size: where it isn't square, the square in its middle is taken first. Train is CelebA's own train
    and validation, test its test; of the drawings a fixed fifth is tested on. Both splits stand in a fixed order that mixes
    the classes, so that the first images of a split are of both.
    All is decoded once, into memory (2.5 GB at 64, 10 GB at 128), and mapped from the cache from then on.
    Raises DataError where a file is missing or is not what it should be. CelebA in part costs a warning.
    """
    import torch

    drawn = _drawings(root / "anime")  # before a download, which takes long
    fetch("CelebA", root, [PARTITION, IMAGES], [], download)
    parts = list(zip(_photographs(root), drawn, strict=True))
    n_photographs = sum(len(photographs) for photographs, _ in parts)
    if n_photographs != PUBLISHED:
        warnings.warn(
            f"{root / PARTITION}: names {n_photographs:,} of the published {PUBLISHED:,} images; scores compare with no "
            f"others until it is CelebA's own, of {PAGE}",
            stacklevel=3,
        )
    (train, y_train), (test, y_test) = (_mixed(*pair) for pair in parts)
    files, celeba = [*train, *test], str(root / IMAGES)
    what = f"celeba-{side}-{short_hash(str(root.resolve()))}"
    x = torch.from_numpy(kept(what, key_of(root, files, DECODER), lambda: _decode(files, celeba, side)))
    return Dataset(x[: len(train)], y_train, x[len(train) :], y_test, CLASSES, name=f"celeba-{side} in {root}")


def _mixed(photographs: list[str], drawings: list[str]) -> tuple[list[str], Tensor]:
    """The paths of a split in a fixed order, and their labels, (N,) int64."""
    import torch

    both = [*photographs, *drawings]
    order = mixed(torch.arange(len(both)))
    return [both[index] for index in order.tolist()], (order >= len(photographs)).long()


@readable()
def _drawings(path: Path) -> Parts:
    """The paths of the user's drawings, a fixed fifth of them the test's."""
    import torch

    wanted = f"put drawn faces there, images of any size ({', '.join(EXTENSIONS)}), in deeper folders too if you like"
    check_folder(path, f"make it and {wanted}: they are the class beside CelebA's")
    files = images_below(path)
    if len(files) < SHARE:
        need = f"a split into train and test needs {SHARE}"
        raise DataError(f"{path}: only {len(files)} images; {need}; {wanted}")
    y = torch.zeros(len(files), dtype=torch.int64)
    train, test = (part.tolist() for part in stratified(y, -(-len(files) // SHARE), SPLIT_SEED))
    return [files[index] for index in train], [files[index] for index in test]


@readable()
def _photographs(root: Path) -> Parts:
    """The paths that the official partition names, in its order; each is there, and both splits have some."""
    partition, folder = root / PARTITION, str(root / IMAGES)
    there = set(os.listdir(folder))
    train: list[str] = []
    test: list[str] = []
    for number, line in enumerate(partition.read_text(errors="replace").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        name = fields[0]
        named = name.endswith((".jpg", ".png")) and os.path.basename(name) == name
        if len(fields) != 2 or fields[1] not in ("0", "1", TEST) or not named:
            raise DataError(
                f"{partition}: line {number} is {line[:60]!r}, expected an image's name and 0, 1 or 2, such as "
                f"'000001.jpg 0'; take the file anew from {PAGE}"
            )
        file = os.path.join(folder, name)
        if name not in there:
            lacking = f"which line {number} of {partition.name} names"
            raise DataError(f"{file}: no such file, {lacking}; unpack img_align_celeba.zip anew")
        (test if fields[1] == TEST else train).append(file)
    for part, images in (("train (0 or 1)", train), ("test (2)", test)):
        if not images:
            raise DataError(f"{partition}: has no image of {part}; take the file anew from {PAGE}")
    return train, test


def _decode(files: list[str], celeba: str, side: int) -> np.ndarray:
    """uint8 (N,3,side,side) of CelebA's photographs, those in the folder `celeba`, and of drawings."""
    import numpy as np

    x = np.empty((len(files), 3, side, side), dtype=np.uint8)

    def fill(index: int) -> None:
        file = files[index]
        make = _photograph if os.path.dirname(file) == celeba else _square
        x[index] = decode(file, lambda image: _resized(make(image, side), side)).transpose(2, 0, 1)

    in_threads(fill, len(files))
    return x


def _photograph(image: Image.Image, side: int) -> Image.Image:
    """At 64 the middle 140x140, else the whole. Raises ValueError for an image that isn't CelebA's aligned one."""
    if image.size != ALIGNED:
        raise ValueError(f"{image.width}x{image.height}, not the {ALIGNED[0]}x{ALIGNED[1]} of img_align_celeba")
    return image.crop(CROP) if side == 64 else image


def _square(image: Image.Image, side: int) -> Image.Image:
    """The square in the middle."""
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return image.crop((left, top, left + edge, top + edge))


def _resized(image: Image.Image, side: int) -> Image.Image:
    from PIL import Image

    return image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
