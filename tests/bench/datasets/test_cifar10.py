"""CIFAR-10: torchvision's batches, their md5 sums, its archive, no network."""

import hashlib
import pickle
import tarfile

import numpy as np
import pytest
import torchvision

from bench.datasets import load


@pytest.fixture
def tiny_cifar10(tmp_path, monkeypatch):
    """A root with cifar-10-batches-py of 2 images a batch, with md5 sums that fit."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    kind = torchvision.datasets.CIFAR10
    sums = {}
    for number, (name, _) in enumerate([*kind.train_list, *kind.test_list]):
        batch = {"data": np.full((2, 3072), number, np.uint8), "labels": [number, 9]}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [f"class {k}" for k in range(10)]}))
    for path in folder.iterdir():
        sums[path.name] = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(kind, "train_list", [[name, sums[name]] for name, _ in kind.train_list])
    monkeypatch.setattr(kind, "test_list", [[name, sums[name]] for name, _ in kind.test_list])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": sums["batches.meta"]})
    return tmp_path


def test_cifar10(tiny_cifar10):
    data = load("cifar10", tiny_cifar10, download=False)
    assert (data.shape, len(data.x_train), len(data.x_test)) == ((3, 32, 32), 10, 2)
    assert data.y_train.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert data.classes[3] == "class 3"


def test_cifar10_names_the_file_that_is_wrong(tiny_cifar10, refused):
    path = tiny_cifar10 / "cifar-10-batches-py" / "data_batch_3"
    expected, found = hashlib.md5(path.read_bytes()).hexdigest(), hashlib.md5(b"half").hexdigest()
    path.write_bytes(b"half")
    with refused(path, expected, found):
        load("cifar10", tiny_cifar10)


def test_cifar10_from_its_archive(tiny_cifar10, monkeypatch):
    before = load("cifar10", tiny_cifar10).digest
    kind, folder = torchvision.datasets.CIFAR10, tiny_cifar10 / "cifar-10-batches-py"
    with tarfile.open(tiny_cifar10 / kind.filename, "w:gz") as archive:
        archive.add(folder, folder.name)
    for path in folder.iterdir():
        path.unlink()
    monkeypatch.setattr(kind, "tgz_md5", hashlib.md5((tiny_cifar10 / kind.filename).read_bytes()).hexdigest())
    assert load("cifar10", tiny_cifar10).digest == before


def test_no_network_for_cifar10(tmp_path, no_network, refused):
    with refused("CIFAR10", no_network, tmp_path / "cifar-10-batches-py", "data_batch_5", "cifar-10-python.tar.gz"):
        load("cifar10", tmp_path)
