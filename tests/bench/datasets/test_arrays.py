"""The user's own .npz: the three layouts, and each thing that can be wrong with it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets import load


def content(**changes: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    good = {
        "x_train": random.integers(0, 256, (9, 6, 5), dtype=np.uint8),
        "y_train": np.arange(9) % 3,
        "x_test": random.integers(0, 256, (3, 6, 5), dtype=np.uint8),
        "y_test": np.arange(3, dtype=np.uint8),
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def get(path: Path, **changes: Any):
    np.savez(path / "own.npz", **content(**changes))
    return load(f"npz:{path / 'own.npz'}", path)


def test_grey(tmp_path):
    data = get(tmp_path)
    assert (data.shape, data.n_classes, data.classes) == ((1, 6, 5), 3, ("0", "1", "2"))
    assert np.array_equal(data.x_train.numpy()[:, 0], content()["x_train"])
    assert data.y_test.tolist() == [0, 1, 2]
    assert data.name.startswith("npz:")


@pytest.mark.parametrize(
    ("stored", "shape"),
    [
        ((6, 5, 3), (3, 6, 5)),
        ((6, 5, 1), (1, 6, 5)),
        ((3, 6, 5), (3, 6, 5)),
        ((1, 6, 5), (1, 6, 5)),
        ((3, 6, 3), (3, 3, 6)),
    ],
)
def test_channels_are_last_where_they_can_be_else_second(stored, shape, tmp_path, monkeypatch):
    """Turned a few images at a time, whatever order their numbers lie in."""
    monkeypatch.setattr("bench.datasets.arrays.CHUNK", 2)
    x = np.random.default_rng(0).integers(0, 256, (9, *stored), dtype=np.uint8)
    data = get(tmp_path, x_train=x, x_test=np.asfortranarray(x[:3]))
    assert data.shape == shape
    expected = x.transpose(0, 3, 1, 2) if stored[2] in (1, 3) else x
    assert np.array_equal(data.x_train.numpy(), expected)
    assert np.array_equal(data.x_test.numpy(), expected[:3])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"y_test": None, "x_test": None, "extra": np.zeros(1)}, ["has no x_test, y_test", "x_train, y_train, extra"]),
        ({"x_train": np.full((9, 6, 5), 0.5)}, ["x_train is float64, expected uint8", "x_train * 255"]),
        (
            {"x_test": np.full((3, 6, 5), 200, np.int64)},
            ["x_test is int64, expected uint8", "np.rint(x_test).clip(0, 255)"],
        ),
        ({"x_train": np.zeros((9, 30), np.uint8)}, ["x_train has shape (9, 30)", "(N,H,W)"]),
        ({"x_train": np.zeros((9, 6, 5, 2), np.uint8)}, ["x_train has shape (9, 6, 5, 2)"]),
        ({"x_test": np.zeros((0, 6, 5), np.uint8)}, ["x_test has shape (0, 6, 5)", "N > 0"]),
        ({"x_test": np.zeros((3, 6, 7), np.uint8)}, ["(1, 6, 5)", "(1, 6, 7)"]),
        ({"y_train": np.zeros(9)}, ["y_train is float64, expected integers"]),
        ({"y_train": np.zeros(9, bool)}, ["y_train is bool"]),
        ({"y_train": np.zeros((9, 1), int)}, ["y_train has shape (9, 1)"]),
        ({"y_train": np.arange(8) % 3}, ["x_train has 9 images, y_train 8 labels"]),
        ({"y_train": np.arange(9) % 3 - 1}, ["y_train has the label -1"]),
        ({"y_train": np.arange(9) % 3 * 2}, ["no label 1, though labels go up to 4"]),
        ({"y_train": np.arange(9) % 3 + 1}, ["no label 0"]),
        ({"y_test": np.array([0, 1, 3])}, ["y_train has no label 3"]),
        ({"y_test": np.array([0, 1, 2**63], np.uint64)}, [f"y_test has the label {2**63}"]),
        ({"y_train": np.zeros(9, int), "y_test": np.zeros(3, int)}, ["one class only"]),
        ({"y_train": np.array([None] * 9)}, ["not a whole .npz of plain arrays"]),
    ],
)
def test_what_is_wrong_is_named(changes, named, tmp_path, refused):
    with refused(tmp_path / "own.npz", *named):
        get(tmp_path, **changes)


def test_a_missing_file(tmp_path, refused):
    with refused(tmp_path / "none.npz", "no such file"):
        load(f"npz:{tmp_path / 'none.npz'}", tmp_path)


@pytest.mark.parametrize("kind", ["empty", "text", "single", "cut", "flipped"])
def test_no_npz(kind, tmp_path, refused):
    path = tmp_path / "own.npz"
    np.savez(path, **content())
    whole = bytearray(path.read_bytes())
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("a,b\n1,2\n")
    elif kind == "single":
        with path.open("wb") as file:
            np.save(file, content()["x_train"])
    elif kind == "cut":
        path.write_bytes(whole[:-30])
    else:
        whole[300] ^= 255
        path.write_bytes(whole)
    with refused(path, "not a", "x_train, y_train, x_test, y_test"):
        load(f"npz:{path}", tmp_path)
