"""A folder of images by class: layouts, the cache, and each thing that can be wrong with it."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets import folder, load
from bench.datasets.draws import mixed


def save(path: Path, value: int, mode: str = "L", size: tuple[int, int] = (6, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 0, 0)).save(path)


def fill(top: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 5, mode: str = "L") -> Path:
    for label, name in enumerate(classes):
        for number in range(count):
            save(top / name / f"{number}.png", 100 * label + number, mode)
    return top


def get(path: Path):
    return load(f"folder:{path}", Path("unused"))


def test_a_folder_by_class_is_split_by_class(tmp_path):
    data = get(fill(tmp_path / "faces", count=10))
    assert load("faces", tmp_path).digest == data.digest
    assert (data.shape, data.classes) == ((1, 4, 6), ("cat", "dog"))
    assert data.y_train.bincount().tolist() == [8, 8]
    assert data.y_test.bincount().tolist() == [2, 2]
    assert ((data.x_train[:, 0, 0, 0] >= 100).long() == data.y_train).all()


def test_train_and_test_are_kept(tmp_path):
    fill(tmp_path / "x" / "train", count=3)
    fill(tmp_path / "x" / "test", count=1, mode="RGB")
    data = get(tmp_path / "x")
    order, test = mixed(torch.arange(6)).tolist(), mixed(torch.arange(2)).tolist()
    assert (data.shape, data.y_train.tolist(), data.y_test.tolist()) == ((3, 4, 6), [at // 3 for at in order], test)
    assert data.x_train[order.index(1), :, 0, 0].tolist() == [1, 1, 1]
    assert data.x_test[test.index(1), :, 0, 0].tolist() == [100, 0, 0]


def test_the_first_images_are_of_all_classes(tmp_path):
    """What is measured on the first so many test images is measured on all classes."""
    data = get(fill(tmp_path / "x", ("cat", "dog"), count=40))
    assert 0 < data.y_test[:8].sum() < 8
    assert 0 < data.y_train[:10].sum() < 10


def test_grey_saved_as_colour_is_grey(tmp_path):
    fill(tmp_path / "x")
    Image.new("RGB", (6, 4), (9, 9, 9)).save(tmp_path / "x" / "cat" / "0.png")
    assert get(tmp_path / "x").shape == (1, 4, 6)


def test_a_class_may_be_called_train(tmp_path):
    assert get(fill(tmp_path / "x", ("car", "train"))).classes == ("car", "train")


def test_hidden_and_other_files_are_passed_over_and_deeper_ones_found(tmp_path):
    fill(tmp_path / "x")
    (tmp_path / "x" / "cat" / "._0.png").write_bytes(b"macOS")
    (tmp_path / "x" / "cat" / "Thumbs.db").write_bytes(b"Windows")
    (tmp_path / "x" / ".git").mkdir()
    save(tmp_path / "x" / "dog" / "deep" / "9.JPG", 109)
    data = get(tmp_path / "x")
    assert len(data.y_train) + len(data.y_test) == 11


def test_the_second_load_decodes_nothing_and_gives_the_same(tmp_path, own_cache, monkeypatch):
    first = get(fill(tmp_path / "x"))
    assert len(list((own_cache / "arrays").glob("*"))) == 1
    monkeypatch.setattr(folder, "_decode", lambda *_: pytest.fail("decoded again"))
    assert get(tmp_path / "x").digest == first.digest


def test_a_changed_image_is_decoded_anew_and_the_old_copy_dropped(tmp_path, own_cache):
    first = get(fill(tmp_path / "x"))
    save(tmp_path / "x" / "cat" / "0.png", 77)
    os.utime(tmp_path / "x" / "cat" / "0.png", ns=(1, 1))
    assert get(tmp_path / "x").digest != first.digest
    assert len(list((own_cache / "arrays").glob("*"))) == 1


def test_a_broken_cache_is_made_again(tmp_path, own_cache):
    digest = get(fill(tmp_path / "x")).digest
    (kept,) = (own_cache / "arrays").glob("*.npy")
    kept.write_bytes(kept.read_bytes()[:-5])
    assert get(tmp_path / "x").digest == digest
    assert np.load(kept).shape == (10, 1, 4, 6)


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="BENCH_CACHE"):
        assert get(fill(tmp_path / "x")).n_classes == 2


FIVE = {"cat": 5, "dog": 5}
FIVE_TESTED = {"test/cat": 5, "test/dog": 5}
LAYOUTS = [
    ({}, ["does not exist", "PATH/<class>"]),
    ({"cat": 0}, ["no images", ".png"]),
    ({"cat": 5}, ["one class only (cat)"]),
    (FIVE | {"emu": 0}, ["emu: holds no images"]),
    ({"cat": 4, "dog": 5}, ["cat: only 4 images"]),
    ({"train/cat": 5, "train/dog": 5, "test/cat": 5, "test/fox": 5}, ["class dog is in train/ and not in test/"]),
    ({"train/cat": 5, "train/dog": 5, **FIVE_TESTED, "test/fox": 5}, ["class fox is in test/ and not in train/"]),
    ({"train/cat": 5, "train/dog": 5, "val/cat": 5}, ["has train/ but no test/"]),
]


@pytest.mark.parametrize(("layout", "named"), LAYOUTS)
def test_a_layout_that_is_none_is_named(layout, named, tmp_path, refused):
    for name, count in layout.items():
        (tmp_path / "x" / name).mkdir(parents=True)
        (tmp_path / "x" / name / "notes.txt").touch()
        fill(tmp_path / "x", (name,), count)
    with refused(tmp_path / "x", *named):
        get(tmp_path / "x")


def test_a_file_is_no_folder(tmp_path, refused):
    (tmp_path / "x").touch()
    with refused(tmp_path / "x", "is not a folder"):
        get(tmp_path / "x")


def png(pixels: np.ndarray) -> bytes:
    Image.fromarray(pixels).save(content := io.BytesIO(), "png")
    return content.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (4, 6), dtype=np.uint8)
FILES = {
    "text": (b"not a picture", ["dog/3.png: cannot be decoded"]),
    "cut short": (png(NOISE)[:60], ["dog/3.png: cannot be decoded"]),
    "16 bits": (png(np.full((4, 6), 40000, np.uint16)), ["dog/3.png", "I;16"]),
    "another size": (png(NOISE[:, :5]), ["cat/0.png is 6x4", "dog/3.png 5x4"]),
}


@pytest.mark.parametrize(("content", "named"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_image_of_the_set_is_named(content, named, tmp_path, refused):
    (fill(tmp_path / "x") / "dog" / "3.png").write_bytes(content)
    with refused(tmp_path / "x", *named):
        get(tmp_path / "x")


def test_a_link_to_nowhere_is_named(tmp_path, refused):
    (fill(tmp_path / "x") / "dog" / "9.png").symlink_to(tmp_path / "nowhere.png")
    with refused("dog/9.png: cannot be read"):
        get(tmp_path / "x")
