"""The user's own images: a folder of them by class, decoded once and kept in the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.base import DataError, Dataset
from bench.datasets.cached import kept
from bench.datasets.draws import mixed, stratified
from bench.datasets.images import (
    EXTENSIONS,
    GREY,
    check_folder,
    decode,
    images_below,
    in_threads,
    is_image,
    key_of,
    readable,
    short_hash,
)
from bench.datasets.registry import dataset

if TYPE_CHECKING:
    import numpy as np

SPLIT_SEED = 0  # of the split itself, the same for every run: seeds of a suite never move what is tested on
DECODER = "1"  # to be changed with `_decode`, so that what an older one made is not used
SHARE = 5  # one image in five is tested on, where the folder has no split of its own
CHUNK = 1000  # images moved at a time
LAYOUT = "put images in PATH/<class>/, or in PATH/train/<class>/ and PATH/test/<class>/"

Listing = dict[str, list[str]]  # class name to the paths of its images; strings, as Path is slow by the thousand


@dataset(
    "folder",
    source="the user's own folder",
    licence="the user's own",
    about="your images: PATH/<class>/*.png and the like, or PATH/train/<class> and PATH/test/<class>; all of one size",
    by_path=True,
)
def folder(path: Path) -> Dataset:
    """Images of one size, in a folder for each class.

    One channel where every image is grey (all of R = G = B counts as grey), else RGB; transparency is dropped. Without
    train/ and test/ a fifth of each class is the test split, the same at every load.
    Raises DataError where the path is missing, has no images or one class, sizes or classes differ, or an image cannot be decoded.
    """
    parts = _parts(path)
    return from_parts(path, parts, _classes(path, parts), LAYOUT)


@dataset(
    "faces",
    source="the user's own folder",
    licence="the user's own",
    about="your two-class folders: ROOT/faces/<class>/*.jpg and the like, two classes or more; all of one size",
)
def faces(root: Path, *, download: bool) -> Dataset:
    """What `folder` gives of root/faces, under a name that does not depend on where it lies. Raises DataError as `folder` does."""
    return folder(root / "faces")


def from_parts(
    path: Path, parts: list[Listing], classes: tuple[str, ...], layout: str, *, grey: bool = False
) -> Dataset:
    """The images of [train, test], or of [all], where a fifth of each class is made the test split.

    classes: a name for each class of a part, in its order. layout: how images are to be put there, for messages.
    grey: give one channel, of colour too. Raises DataError, as `folder` does.
    """
    import torch

    for name, images in parts[0].items() if len(parts) == 1 else ():
        if len(images) < SHARE:
            need = f"a split into train and test needs {SHARE}; add some: {layout}"
            raise DataError(f"{path / name}: only {len(images)} images; {need}")
    files = [file for part in parts for images in part.values() for file in images]
    y = torch.tensor([label for part in parts for label, images in enumerate(part.values()) for _ in images])
    n_train = sum(len(images) for images in parts[0].values())
    train, test = torch.arange(len(y)).tensor_split([n_train])
    if len(parts) == 1:
        train, test = stratified(y, -(-len(y) // SHARE), SPLIT_SEED)
    # decoded in the order of the splits, so that each is a view of the one array; classes mixed, as the first images stand for all
    order, n_train = torch.cat([mixed(train), mixed(test)]), len(train)
    files, y = [files[index] for index in order.tolist()], y[order]
    what = f"{'grey' if grey else 'folder'}-{short_hash(str(path.resolve()))}"
    x = torch.from_numpy(kept(what, key_of(path, files, DECODER), lambda: _decode(files, grey)))
    return Dataset(x[:n_train], y[:n_train], x[n_train:], y[n_train:], classes, name=str(path))


@readable()
def _parts(path: Path) -> list[Listing]:
    """[train, test] where the folder is split already, else [all]."""
    if not _is_split(path / "train"):
        return [listing(path, LAYOUT)]
    if not (path / "test").is_dir():
        raise DataError(f"{path}: has train/ but no test/; add test/<class>/, or put images in PATH/<class>/ alone")
    return [listing(path / part, LAYOUT) for part in ("train", "test")]


def _is_split(train: Path) -> bool:
    """Whether train/ is a split: it holds folders and no image. One that holds images is a class of that name."""
    if not train.is_dir():
        return False
    inside = list(train.iterdir())
    return any(item.is_dir() for item in inside) and not any(is_image(item.name) for item in inside)


@readable()
def listing(path: Path, layout: str) -> Listing:
    """The images under each sub-folder, hidden ones apart, those in deeper folders included.

    layout: how images are to be put there. Raises DataError where the folder is missing, or has no images or one class.
    """
    check_folder(path, layout)
    folders = sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))
    by_class = {item.name: images_below(item) for item in folders}
    if not any(by_class.values()):
        raise DataError(f"{path}: no images in its folders ({', '.join(EXTENSIONS)}); {layout}")
    if len(by_class) == 1:
        raise DataError(f"{path}: one class only ({folders[0].name}); at least two are needed: {layout}")
    empty = [name for name, images in by_class.items() if not images]
    if empty:
        raise DataError(f"{path / empty[0]}: holds no images ({', '.join(EXTENSIONS)}); add some or remove that folder")
    return by_class


def _classes(path: Path, parts: list[Listing]) -> tuple[str, ...]:
    """The class names, the same in each part."""
    if len(parts) == 2:
        for here, a, other, b in (("train", parts[0], "test", parts[1]), ("test", parts[1], "train", parts[0])):
            alone = ", ".join(name for name in a if name not in b)
            if alone:
                raise DataError(f"{path}: class {alone} is in {here}/ and not in {other}/; give both the same classes")
    return tuple(parts[0])


def _decode(files: list[str], grey: bool) -> np.ndarray:
    """uint8 (N,C,H,W): C = 1 where every image is grey, or is made so, else 3."""
    import numpy as np

    first = min(files)  # whatever the order of the splits, the same one is held against the others
    height, width = _image(first, grey).shape[:2]
    x = np.empty((len(files), 1 if grey else 3, height, width), dtype=np.uint8)
    coloured = np.zeros(len(files), dtype=bool)

    def fill(index: int) -> None:
        image = _image(files[index], grey)
        if image.shape[:2] != (height, width):
            sizes = f"{first} is {width}x{height}, {files[index]} {image.shape[1]}x{image.shape[0]} (width x height)"
            raise DataError(f"{files[index]}: sizes differ: {sizes}; resize all images to one size")
        x[index] = image.transpose(2, 0, 1)  # one channel is broadcast to three
        coloured[index] = (image != image[..., :1]).any()

    in_threads(fill, len(files))
    return x if grey or coloured.any() else _first_channel(x)


def _first_channel(x: np.ndarray) -> np.ndarray:
    """(N,1,H,W) of (N,3,H,W), in x's own memory: a second array would be held beside it."""
    ahead = x.reshape(-1)[: x[:, :1].size].reshape(len(x), 1, *x.shape[2:])
    for start in range(0, len(x), CHUNK):
        ahead[start : start + CHUNK] = x[start : start + CHUNK, :1].copy()
    return ahead


def _image(file: str, grey: bool) -> np.ndarray:
    """uint8 (H,W,1 or 3) of one file, upright. Raises DataError, naming it, where it cannot be decoded."""
    return decode(file, lambda image: image.convert("L" if grey or image.mode in GREY else "RGB"))
