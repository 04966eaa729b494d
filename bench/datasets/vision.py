"""The data sets torchvision downloads: MNIST, Fashion-MNIST, Kuzushiji-MNIST, CIFAR-10, in torchvision's own layout."""

import hashlib
from pathlib import Path

from bench.datasets import idx
from bench.datasets.base import DataError, Dataset
from bench.datasets.download import fetch
from bench.datasets.registry import dataset

RAW = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _mnist_family(kind: str, classes: tuple[str, ...], root: Path, download: bool) -> Dataset:
    """A data set of four IDX files in root/KIND/raw. kind: torchvision's class name."""
    import numpy as np
    import torch

    folder = root / kind / "raw"
    fetch(kind, root, [f"{kind}/raw/{name}" for name in RAW], [f"{kind}/raw/{name}.gz" for name in RAW], download)
    known = idx.SHA256.get(kind, {})
    arrays = [idx.read_idx(folder / name, 3 if "idx3" in name else 1, known.get(name)) for name in RAW]
    x_train, y_train, x_test, y_test = arrays
    return Dataset(
        torch.from_numpy(x_train)[:, None],
        torch.from_numpy(y_train.astype(np.int64)),
        torch.from_numpy(x_test)[:, None],
        torch.from_numpy(y_test.astype(np.int64)),
        classes,
        name=f"{kind} in {folder}",
    )


@dataset(
    "mnist",
    source="LeCun, Cortes & Burges, http://yann.lecun.com/exdb/mnist/, through torchvision",
    licence="CC BY-SA 3.0",
    about="70,000 handwritten digits, 28x28 grey, 10 classes",
)
def mnist(root: Path, *, download: bool) -> Dataset:
    return _mnist_family("MNIST", tuple("0123456789"), root, download)


@dataset(
    "fashion-mnist",
    source="Xiao, Rasul & Vollgraf (2017), https://github.com/zalandoresearch/fashion-mnist, through torchvision",
    licence="MIT",
    about="70,000 pieces of clothing, 28x28 grey, 10 classes",
)
def fashion_mnist(root: Path, *, download: bool) -> Dataset:
    classes = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
    return _mnist_family("FashionMNIST", tuple(classes.split(",")), root, download)


@dataset(
    "kmnist",
    source="Clanuwat et al. (2018), http://codh.rois.ac.jp/kmnist/, through torchvision",
    licence="CC BY-SA 4.0",
    about="70,000 Kuzushiji characters, 28x28 grey, 10 classes",
)
def kmnist(root: Path, *, download: bool) -> Dataset:
    return _mnist_family("KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"), root, download)


@dataset(
    "cifar10",
    source="Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html, through torchvision",
    licence="none stated by its authors; research use is customary",
    about="60,000 photographs, 32x32 RGB, 10 classes",
)
def cifar10(root: Path, *, download: bool) -> Dataset:
    """CIFAR-10 through torchvision, which checks each batch's md5."""
    import torch
    from torchvision.datasets import CIFAR10

    checked = [*CIFAR10.train_list, *CIFAR10.test_list, [CIFAR10.meta["filename"], CIFAR10.meta["md5"]]]
    files = {f"{CIFAR10.base_folder}/{name}": md5 for name, md5 in checked}
    fetch("CIFAR10", root, list(files), [CIFAR10.filename], download)
    try:
        train, test = (CIFAR10(root, train=part) for part in (True, False))
    except RuntimeError as problem:
        raise _wrong_md5(root, files) from problem
    images = [torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous() for part in (train, test)]
    labels = [torch.tensor(part.targets, dtype=torch.int64) for part in (train, test)]
    return Dataset(images[0], labels[0], images[1], labels[1], tuple(train.classes), name=f"CIFAR10 in {root}")


def _wrong_md5(root: Path, files: dict[str, str]) -> DataError:
    """Which file it was that torchvision refused: torchvision itself says only that some file is corrupted."""
    for name, expected in files.items():
        actual = hashlib.md5((root / name).read_bytes(), usedforsecurity=False).hexdigest()
        if actual != expected:
            return DataError(f"{root / name}: expected md5 {expected}, found {actual}; {idx.AGAIN}")
    return DataError(
        f"{root}: torchvision refuses CIFAR-10, though each md5 fits; delete {root / 'cifar-10-batches-py'}"
    )
