"""Images are held once, as uint8: counted in storages, and in what a process takes at its worst."""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets import Dataset, load
from bench.datasets.cached import kept
from bench.datasets.draws import mixed, stratified
from bench.datasets.split import divide
from methods.base import Images, TrainingData

CPU = torch.device("cpu")


SIDES = (5, 7)


def tensors(thing: Any) -> Iterator[torch.Tensor]:
    """Every tensor that a dataclass holds, deeper ones included."""
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        if isinstance(value, torch.Tensor):
            yield value
        elif dataclasses.is_dataclass(value):
            yield from tensors(value)


def held(*things: Any, dtype: torch.dtype) -> int:
    """Bytes of all memory that tensors of a dtype keep alive, each once."""
    found = [tensor for thing in things for tensor in tensors(thing) if tensor.dtype == dtype]
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in found}
    return sum(storages.values())


def divided(data: Dataset, held_out: int = 0) -> tuple[TrainingData, Images]:
    splits = Images(data.x_train, data.y_train), Images(data.x_test, data.y_test)
    return divide(*splits, data.classes, held_out, 0, "test", CPU)


def folder(path: Path, mode: str = "RGB", **parts: int) -> str:
    """Three classes of 11 images, in the folder itself or so many of each in its parts."""
    random = np.random.default_rng(0)
    for part, count in (parts or {"": 11}).items():
        for top in (path / "x" / part / name for name in "abc"):
            top.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 256, (*SIDES, 3) if mode == "RGB" else SIDES, dtype=np.uint8)
                Image.fromarray(pixels).convert("RGB").save(top / f"{number}.png")
    return f"folder:{path / 'x'}"


def npz(path: Path, order: str = "hwc") -> str:
    x = np.random.default_rng(0).integers(0, 256, (33, *SIDES, 3), dtype=np.uint8)
    x = x.transpose(0, 3, 1, 2) if order == "chw" else x
    y = np.arange(33) % 3
    np.savez(path / "x.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    return f"npz:{path / 'x.npz'}"


FOLDERS = {"colour": folder, "grey": partial(folder, mode="L")}
EVERY = FOLDERS | {"split": partial(folder, train=8, test=3), "npz": npz, "channels first": partial(npz, order="chw")}


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("time", ["first", "second"])
def test_one_copy_of_uint8_is_all_that_is_held(make, time: str, tmp_path: Path) -> None:
    name = make(tmp_path)
    if time == "second":
        load(name, tmp_path)
    data = load(name, tmp_path)
    training, test = divided(data)
    images = 33 * torch.Size(data.shape).numel()
    assert len(data.x_train) + len(data.x_test) == 33
    assert held(data, training, test, dtype=torch.uint8) == images
    assert held(data, training, test, dtype=torch.int64) == 33 * 8
    assert {tensor.dtype for tensor in tensors(training)} == {torch.uint8, torch.int64}


def test_of_what_is_not_mapped_the_whole_is_let_go_once_a_part_is_held_out(tmp_path: Path) -> None:
    data = load(npz(tmp_path), tmp_path)
    assert held(*divided(data, held_out=6), dtype=torch.uint8) == 33 * torch.Size(data.shape).numel()


@pytest.mark.parametrize("make", FOLDERS.values(), ids=FOLDERS)
def test_the_images_are_those_of_a_split_by_index(make, tmp_path: Path) -> None:
    """Bit for bit, in the order of the mixed split."""
    data = load(make(tmp_path), tmp_path)
    files = sorted((tmp_path / "x").rglob("*.png"), key=str)
    x = torch.from_numpy(np.stack([np.asarray(Image.open(file)) for file in files])).permute(0, 3, 1, 2)
    x, y = x[:, : data.shape[0]], torch.arange(3).repeat_interleave(11)
    train, test = map(mixed, stratified(y, 7, 0))
    assert data.digest == Dataset(x[train], y[train], x[test], y[test], data.classes).digest


def test_writing_to_images_changes_no_file(tmp_path: Path, recwarn) -> None:
    name = folder(tmp_path)
    digest = load(name, tmp_path).digest
    data = load(name, tmp_path)
    data.x_train.zero_()
    assert int(data.x_train.sum()) == 0
    assert load(name, tmp_path).digest == digest
    assert [str(warning.message) for warning in recwarn] == []


def test_what_is_kept_is_mapped_so_that_processes_share_it() -> None:
    for found in (kept("x", "1", lambda: np.ones((3, 4), np.uint8)) for time in ("made", "found again")):
        assert isinstance(found, np.memmap)
        assert found.mode == "c"


FEW, COUNT = 50, 5000


def read_npz(count: int) -> torch.Tensor:
    return load(f"npz:{count}.npz", Path()).x_train


def make_kept(count: int) -> torch.Tensor:
    return torch.from_numpy(kept(f"of {count}", "1", lambda: np.full((count, 3, 64, 64), 7, np.uint8)))


def peak() -> int:
    """Bytes that this process has held at its worst, by the kernel's count."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's count of memory")
@pytest.mark.parametrize("make", [read_npz, make_kept])
def test_at_its_worst_loading_takes_little_more_than_the_images(
    make: Callable[[int], torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peak of a process of its own, of images of 3x64x64."""
    monkeypatch.chdir(tmp_path)
    for count in (FEW, COUNT):
        y, x = np.arange(count) % 2, np.full((count, 64, 64, 3), 7, np.uint8)
        np.savez(f"{count}.npz", x_train=x[20:], y_train=y[20:], x_test=x[:20], y_test=y[:20])
    del x
    processes = get_context("fork")
    taken = processes.SimpleQueue()

    def measure() -> None:
        assert make(FEW)[:, 0, 0, 0].long().sum() > 0  # so that the code itself is in memory
        before = peak()
        assert make(COUNT)[:, 0, 0, 0].long().sum() > 0
        taken.put(peak() - before)

    measured = processes.Process(target=measure)
    measured.start()
    measured.join()
    assert measured.exitcode == 0
    assert 0.9 < taken.get() / (COUNT * 3 * 64 * 64) < 1.5
