"""What a cell makes of its data set: the parts, and that it keeps no more than them."""

import gc
import weakref
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.datasets.base import Dataset, split
from bench.datasets.split import divide
from bench.records.plan import Cell, Plan
from bench.runner import cell as module
from bench.runner import prepare
from bench.runner.cell import CellRun
from bench.runtime.seeds import stream
from bench.scoring.evidence import Cost
from methods.base import AbstractMethod, Images

CPU = torch.device("cpu")


def splits(data: Dataset) -> tuple[Images, Images]:
    return Images(data.x_train, data.y_train), Images(data.x_test, data.y_test)


def made() -> Dataset:
    x = torch.arange(40 * 12, dtype=torch.int64).to(torch.uint8).view(40, 3, 2, 2)
    y = torch.arange(40) % 4
    return Dataset(x[:30].clone(), y[:30], x[30:].clone(), y[30:], ("a", "b", "c", "d"), name="made")


def run_of(tmp_path: Path, held_out: int) -> CellRun:
    cell = Cell("id", "made", "label", "vae", 3, {}, {}, made().digest)
    return CellRun(Plan("s", held_out=held_out, devices=["cpu"], results=str(tmp_path)), cell, 0.0)


@pytest.mark.parametrize("held_out", [0, 8])
@pytest.mark.parametrize("score_on", ["test", "held_out"])
def test_the_parts_are_those_of_the_split(held_out: int, score_on: Any) -> None:
    data = made()
    kept, held = split(data, held_out, stream(3, "split"))
    training, test = divide(*splits(data), data.classes, held_out, 3, score_on, CPU)
    assert torch.equal(training.train.x, data.x_train[kept])
    assert torch.equal(training.train.y, data.y_train[kept])
    scored = (data.x_train[held], data.y_train[held]) if score_on == "held_out" else (data.x_test, data.y_test)
    assert torch.equal(test.x, scored[0])
    assert torch.equal(test.y, scored[1])
    assert len(training.held_out) == (0 if score_on == "held_out" else held_out)
    assert training.class_names == ("a", "b", "c", "d")


@pytest.mark.parametrize(("held_out", "lives"), [(0, True), (8, False)])
def test_a_cell_keeps_the_training_split_once(
    held_out: int, lives: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def load(*_: Any, **__: Any) -> Dataset:
        data = made()
        seen.append(weakref.ref(data.x_train))
        return data

    monkeypatch.setattr(module, "load", load)
    described, training, _ = run_of(tmp_path, held_out)._data()
    gc.collect()
    assert (seen[0]() is not None) == lives
    assert len(training.train) == 30 - held_out
    assert described.digest == made().digest
    assert {x.device.type for x in (described.x_train, described.x_test)} == {"meta"}
    assert (described.shape, len(described.x_train), described.classes) == ((3, 2, 2), 30, made().classes)


@pytest.mark.parametrize("cached", [True, False])
def test_images_are_read_again_where_the_neutral_classifier_is_yet_to_be_trained(
    cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights"
    if cached:
        path.touch()
    for place in (module, prepare):
        monkeypatch.setattr(place, "load", lambda *_, **__: made())
    monkeypatch.setattr(prepare.neutral, "cache_path", lambda data, recipe: path)
    monkeypatch.setattr(prepare.neutral, "get", lambda data, device, *recipe: data.x_train.device.type)
    run = run_of(tmp_path, 8)
    dataset, data, test = run._data()
    evidence = prepare.evidence_of(
        run.plan, run.cell, AbstractMethod(), dataset, data, test, asdict(Cost(0.0, 0, 0, 0))
    )
    assert evidence.load_neutral() == ("meta" if cached else "cpu")
