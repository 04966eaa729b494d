"""The MNIST family: checks of the files, downloads that fail, and MNIST whole."""

import gzip
import hashlib
import socket

import pytest
import torch
import torchvision

from bench.datasets import download, idx, load
from bench.datasets.vision import RAW

IMAGES = "MNIST/raw/train-images-idx3-ubyte"


def test_reads_the_official_layout_as_torchvision_does(tiny_mnist):
    data = load("mnist", tiny_mnist, download=False)
    assert (data.shape, len(data.x_train), len(data.x_test)) == ((1, 28, 28), 20, 10)
    for part, x, y in ((True, data.x_train, data.y_train), (False, data.x_test, data.y_test)):
        reference = torchvision.datasets.MNIST(tiny_mnist, train=part, download=False)
        assert torch.equal(x[:, 0], reference.data)
        assert torch.equal(y, reference.targets)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_truncated_or_overlong_file(change, tiny_mnist, refused):
    path = tiny_mnist / IMAGES
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] if change < 0 else whole + b"0")
    size = 16 + 20 * 28 * 28
    with refused(path, f"expected {size} bytes", f"found {size + change}", "delete"):
        load("mnist", tiny_mnist)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "found nothing"),
        (b"<html>not here</html>", "found 3c68746d"),
        (b"\0\0\x08\x03\0\0", "00000803"),
        (gzip.compress(b"\0" * 99, mtime=0), "gunzip"),
    ],
)
def test_a_file_that_is_no_idx(content, named, tiny_mnist, refused):
    (tiny_mnist / IMAGES).write_bytes(content)
    with refused(tiny_mnist / IMAGES, "expected", named):
        load("mnist", tiny_mnist)


def test_a_wrong_digest(tiny_mnist, monkeypatch, refused):
    path = tiny_mnist / IMAGES
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(idx, "SHA256", {"MNIST": {path.name: expected}})
    load("mnist", tiny_mnist)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with refused(path, expected, hashlib.sha256(content).hexdigest()):
        load("mnist", tiny_mnist)


@pytest.mark.parametrize(
    ("name", "kind"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")]
)
def test_no_network_says_what_to_put_where(name, kind, tmp_path, no_network, refused):
    with refused(kind, tmp_path / "root" / kind / "raw", no_network, *RAW):
        load(name, tmp_path / "root")
    assert not list((tmp_path / "root").iterdir())
    assert socket.getdefaulttimeout() is None


def test_what_is_there_is_not_asked_for_again(tiny_mnist, no_network, refused):
    (tiny_mnist / IMAGES).unlink()
    with refused("put train-images-idx3-ubyte in"):
        load("mnist", tiny_mnist)


@pytest.mark.parametrize("name", ["mnist", "rot-mnist"])
def test_download_off_touches_no_network(name, tmp_path, monkeypatch, refused):
    monkeypatch.setattr(download, "_download", lambda *args: pytest.fail("the network was asked"))
    with refused("switched off", tmp_path / "MNIST" / "raw", *RAW):
        load(name, tmp_path, download=False)


def test_a_root_that_cannot_be_made(tmp_path, refused):
    (tmp_path / "file").touch()
    with refused("Not a directory", tmp_path / "file"):
        load("mnist", tmp_path / "file" / "root")


def test_an_interrupted_download_leaves_nothing_that_is_taken_for_whole(tmp_path, tiny_mnist, monkeypatch):
    """torchvision unpacks in place: stopped half-way, it leaves a part under the whole file's name."""
    root = tmp_path / "fresh"

    def stop_half_way(self):
        (self.root / IMAGES).parent.mkdir(parents=True)
        (self.root / IMAGES).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", stop_half_way)
    with pytest.raises(KeyboardInterrupt):
        load("mnist", root)
    assert not list(root.iterdir())


def packed(tiny_mnist, monkeypatch):
    """Replace the raw files by archives that torchvision accepts."""
    resources = []
    for name in RAW:
        path = tiny_mnist / "MNIST" / "raw" / name
        content = gzip.compress(path.read_bytes(), mtime=0)
        path.with_name(f"{name}.gz").write_bytes(content)
        path.unlink()
        resources.append((f"{name}.gz", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)


def test_archives_put_in_place_are_unpacked(tiny_mnist, monkeypatch):
    before = load("mnist", tiny_mnist).digest
    packed(tiny_mnist, monkeypatch)
    assert load("mnist", tiny_mnist).digest == before
    assert not list(tiny_mnist.glob(".download-*"))


def test_an_archive_cut_short_is_not_used_and_not_overwritten(tiny_mnist, monkeypatch, refused):
    packed(tiny_mnist, monkeypatch)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    archive = tiny_mnist / f"{IMAGES}.gz"
    archive.write_bytes(archive.read_bytes()[:50])
    with refused("refused", *RAW):
        load("mnist", tiny_mnist)
    assert len(archive.read_bytes()) == 50
    assert not (tiny_mnist / IMAGES).exists()


@pytest.mark.parametrize(
    ("name", "kind", "counts"),
    [
        ("mnist", "MNIST", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("fashion-mnist", "FashionMNIST", [6000] * 10),
    ],
)
def test_whole_sets_have_the_digests_that_are_known(name, kind, counts, real_data):
    if not (real_data / kind).is_dir():
        pytest.skip(f"no {kind} in {real_data}")
    assert set(idx.SHA256[kind]) == set(RAW)
    assert load(name, real_data, download=False).y_train.bincount().tolist() == counts
