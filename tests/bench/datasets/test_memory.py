"""Images are held once, as uint8: counted in storages, and in what a process takes at its worst."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
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
from methods.base import Images

CPU = torch.device("cpu")


def splits(data: Dataset) -> tuple[Images, Images]:
    return Images(data.x_train, data.y_train), Images(data.x_test, data.y_test)


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


def by_class(top: Path, count: int, mode: str = "RGB") -> None:
    random = np.random.default_rng(len(str(top)))
    for name in ("a", "b", "c"):
        (top / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (*SIDES, 3) if mode == "RGB" else SIDES, dtype=np.uint8)
            Image.fromarray(pixels).convert("RGB").save(top / name / f"{number}.png")


def folder(path: Path, mode: str = "RGB") -> str:
    by_class(path / "x", 11, mode)
    return f"folder:{path / 'x'}"


def grey_folder(path: Path) -> str:
    return folder(path, "L")


def split_folder(path: Path) -> str:
    by_class(path / "x" / "train", 8)
    by_class(path / "x" / "test", 3)
    return f"folder:{path / 'x'}"


def npz(path: Path, order: str = "hwc") -> str:
    x = np.random.default_rng(0).integers(0, 256, (33, *SIDES, 3), dtype=np.uint8)
    x = x.transpose(0, 3, 1, 2) if order == "chw" else x
    y = np.arange(33) % 3
    np.savez(path / "x.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    return f"npz:{path / 'x.npz'}"


def npz_channels_first(path: Path) -> str:
    return npz(path, "chw")


EVERY = [folder, grey_folder, split_folder, npz, npz_channels_first]


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("time", ["first", "second"])
def test_one_copy_of_uint8_is_all_that_is_held(make, time: str, tmp_path: Path) -> None:
    name = make(tmp_path)
    if time == "second":
        load(name, tmp_path)
    data = load(name, tmp_path)
    training, test = divide(*splits(data), data.classes, 0, 0, "test", CPU)
    images = 33 * torch.Size(data.shape).numel()
    assert len(data.x_train) + len(data.x_test) == 33
    assert held(data, training, test, dtype=torch.uint8) == images
    assert held(data, training, test, dtype=torch.int64) == 33 * 8
    assert {tensor.dtype for tensor in tensors(training)} == {torch.uint8, torch.int64}


def test_of_what_is_not_mapped_the_whole_is_let_go_once_a_part_is_held_out(tmp_path: Path) -> None:
    data = load(npz(tmp_path), tmp_path)
    training, test = divide(*splits(data), data.classes, 6, 0, "test", CPU)
    described = data.without_images()
    assert {x.device.type for x in (described.x_train, described.x_test)} == {"meta"}
    assert held(training, test, dtype=torch.uint8) == 33 * torch.Size(data.shape).numel()
    assert (described.digest, described.shape, described.classes) == (data.digest, data.shape, data.classes)
    assert (len(described.x_train), described.n_classes) == (20, 3)


@pytest.mark.parametrize("make", [folder, grey_folder])
def test_the_images_are_those_of_a_split_by_index(make, tmp_path: Path) -> None:
    """Bit for bit, in the order of the mixed split."""
    data = load(make(tmp_path), tmp_path)
    files = sorted((tmp_path / "x").rglob("*.png"), key=str)
    x = torch.from_numpy(np.stack([np.asarray(Image.open(file)) for file in files])).permute(0, 3, 1, 2)
    x = x[:, : data.shape[0]]
    y = torch.arange(3).repeat_interleave(11)
    train, test = stratified(y, 7, 0)
    train, test = mixed(train), mixed(test)
    expected = Dataset(x[train], y[train], x[test], y[test], data.classes)
    assert torch.equal(data.x_train, expected.x_train)
    assert data.digest == expected.digest


@pytest.mark.parametrize("order", ["hwc", "chw"])
def test_arrays_are_turned_in_place_to_what_a_copy_would_be(order: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("bench.datasets.arrays.CHUNK", 3)
    data = load(npz(tmp_path, order), tmp_path)
    with np.load(tmp_path / "x.npz") as content:
        x = content["x_train"]
    assert np.array_equal(data.x_train.numpy(), x if order == "chw" else x.transpose(0, 3, 1, 2))


def test_arrays_in_fortrans_order_are_read_as_well(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (9, *SIDES, 3), dtype=np.uint8)
    y = np.arange(9) % 3
    np.savez(tmp_path / "x.npz", x_train=np.asfortranarray(x), y_train=y, x_test=x, y_test=y)
    data = load(f"npz:{tmp_path / 'x.npz'}", tmp_path)
    assert torch.equal(data.x_train, data.x_test)


def test_writing_to_images_changes_no_file(tmp_path: Path, recwarn) -> None:
    name = folder(tmp_path)
    digest = load(name, tmp_path).digest
    data = load(name, tmp_path)
    data.x_train.zero_()
    assert int(data.x_train.sum()) == 0
    assert load(name, tmp_path).digest == digest
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("time", ["made", "found"])
def test_what_is_kept_is_mapped_so_that_processes_share_it(time: str) -> None:
    if time == "found":
        kept("x", "1", lambda: np.ones((3, 4), np.uint8))
    found = kept("x", "1", lambda: np.ones((3, 4), np.uint8))
    assert isinstance(found, np.memmap)
    assert found.mode == "c"


READ_NPZ = "d = load('npz:big.npz', Path('.'))"
MAKE_KEPT = "d = torch.from_numpy(kept('big', '1', lambda: np.full((20000, 3, 64, 64), 7, np.uint8)))"
PEAK = """
import sys, resource, numpy as np, torch
from pathlib import Path
from bench.datasets import load
from bench.datasets.cached import kept

def peak():
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

load("npz:small.npz", Path("."))
before = peak()
{statement}
assert int((d if torch.is_tensor(d) else d.x_train)[:, 0, 0, 0].long().sum()) > 0
print(peak() - before)
"""


@pytest.mark.parametrize("statement", [READ_NPZ, MAKE_KEPT])
def test_at_its_worst_loading_takes_little_more_than_the_images(statement: str, tmp_path: Path) -> None:
    """The peak of a process of its own, by the kernel's count: 20,000 images of 3x64x64."""
    y = np.arange(20_000) % 2
    for name, count in (("small", 100), ("big", 20_000 if statement == READ_NPZ else 100)):
        x = np.full((count, 64, 64, 3), 7, np.uint8)
        cut = count * 9 // 10
        np.savez(tmp_path / f"{name}.npz", x_train=x[:cut], y_train=y[:cut], x_test=x[cut:], y_test=y[cut:count])
        del x
    code = PEAK.replace("{statement}", statement)
    path = [str(Path(__file__).parents[3])]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path}\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    images = 20_000 * 3 * 64 * 64
    assert 0.9 * images < int(done.stdout) < 1.5 * images
