"""Cells over several devices: which are taken, how many cells share one, and that a freed place is used again."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers_e2e import here, records, write_suite
from helpers_launch import note
from hypothesis import given
from hypothesis import strategies as st

from bench.config.suite import load_suite
from bench.records.plan import Plan
from bench.runner import plan as planning
from bench.runner.launchers import local
from bench.runner.launchers.base import Ended, Slots, registry
from bench.runner.plan import RunSettings, default_jobs, make_plan
from bench.runtime import environment
from bench.runtime.environment import choose_device, choose_devices
from bench.runtime.errors import UsageError

GIB = 2**30


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three GPUs of 9 GiB, and 16 cores with all the memory that they could ask for."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=9 * GIB))
    monkeypatch.setattr(planning, "cores", lambda: 16)
    monkeypatch.setattr(planning.os, "sysconf", lambda name: 2**20)


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auto", ["cuda:0"]),
        ("cuda", ["cuda:0"]),
        ("cuda:2", ["cuda:2"]),
        ("cuda:2,0", ["cuda:2", "cuda:0"]),
        ("cuda:0,cuda:1", ["cuda:0", "cuda:1"]),
    ],
)
def test_devices_are_named_alone_or_with_commas(name: str, expected: list[str]) -> None:
    assert [str(device) for device in choose_devices(name)] == expected


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("name", ["cuda:0,3", "cuda:1,1", "cuda,cuda:0", "cpu,cuda:0", "cpu,cpu", "cuda:0,", "gpu", ""])
def test_what_is_not_there_twice_or_mixed_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--device"):
        choose_devices(name)


@pytest.mark.usefixtures("gpus")
def test_several_are_refused_where_one_is_taken() -> None:
    with pytest.raises(UsageError, match="one device"):
        choose_device("cuda:0,1")
    assert choose_device("cuda:1") == torch.device("cuda", 1)


def test_without_a_gpu_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="0 CUDA devices"):
        choose_devices("cuda")


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("devices", "cells", "threads", "expected"),
    [
        (["cpu"], 100, 1, 16),  # cores
        (["cuda:0"], 100, 4, 2),  # the GPU's memory: two of 4 GiB
        (["cuda:0"], 1, 4, 1),  # cells
        (["cuda:0", "cuda:1"], 100, 8, 1),  # cores are shared by all devices
        (["cuda:0", "cuda:1"], 3, 1, 2),
        (["cuda:0", "cuda:1", "cuda:2"], 3, 16, 1),
    ],
)
def test_places_by_default(devices: list[str], cells: int, threads: int, expected: int) -> None:
    assert default_jobs(devices, cells, threads) == expected


@pytest.mark.usefixtures("gpus")
def test_ids_hang_on_the_type_of_device_alone(tmp_path: Path) -> None:
    suite = load_suite(str(write_suite(tmp_path)))
    first, second = (make_plan(suite, RunSettings(device=name)) for name in ("cuda:0", "cuda:2,1"))
    assert first.cells == second.cells
    assert second.devices == ["cuda:2", "cuda:1"]
    assert (first.device, second.device) == ("cuda:0", "cuda:2")


@given(st.integers(1, 4), st.integers(1, 3), st.lists(st.integers(0, 11), max_size=60))
def test_slots_fill_every_device_and_none_past_its_jobs(devices: int, jobs: int, ends: list[int]) -> None:
    """Cells come as long as there is a place; which one ends next is drawn."""
    names = [f"cuda:{k}" for k in range(devices)]
    slots, running = Slots(names, jobs), list[str]()
    for end in ends:
        while (device := slots.take()) is not None:
            running.append(device)
        assert Counter(running) == dict.fromkeys(names, jobs)
        slots.give_back(running.pop(end % len(running)))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 16))
def test_few_cells_are_spread_evenly(devices: int, jobs: int, cells: int) -> None:
    """As many on a device as the plan says that share one, where all have begun."""
    plan = Plan("s", devices=[f"cuda:{k}" for k in range(devices)], side_by_side=jobs).narrowed(cells)
    slots = Slots(plan.devices, plan.side_by_side)
    taken = Counter(slots.take() for _ in range(min(cells, plan.places)))
    assert max(taken.values(), default=1) == plan.side_by_side <= jobs


def test_the_local_launcher_uses_all_devices_and_each_place_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine cells of real processes on two devices, two places each; one process dies at once."""
    monkeypatch.setattr(local, "start", note)
    path = tmp_path / "plans" / "s.json"
    path.parent.mkdir()
    path.write_text(Plan("s", devices=["cpu:0", "cpu:1"]).json())
    ended: list[Ended] = []
    cells = [f"cell{k}" for k in range(9)]
    local.LocalLauncher(tmp_path, 2, None).run(path, cells, lambda cell: None, ended.append, lambda: None)
    assert sorted(one.cell for one in ended) == cells
    assert {one.cell: one.status for one in ended if one.status} == {"cell3": "error"}
    lines = [one.split() for file in tmp_path.glob("*.noted") for one in file.read_text().splitlines()]
    moves = sorted((float(when), int(step), device) for device, step, when in lines)
    assert sum(step for _, step, _ in moves) == 0
    now, most = Counter[str](), Counter[str]()
    for _, step, device in moves:
        now[device] += step
        most[device] = max(most[device], now[device])
    assert most.keys() == {"cpu:0", "cpu:1"}
    assert max(most.values()) <= 2


def test_several_devices_are_refused_with_a_launcher_that_does_not_know_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "choose_devices", lambda _: [torch.device("cpu", k) for k in range(2)])
    monkeypatch.setitem(registry, "own", lambda results, jobs, time_limit: pytest.fail("it was made"))
    refused = here("run", "--suite", write_suite(tmp_path), "--launcher", "own", results=tmp_path / "results")
    assert "--launcher own" in refused.refusal()


def test_a_suite_runs_over_several_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "choose_devices", lambda _: [torch.device("cpu", k) for k in range(2)])
    suite = write_suite(tmp_path, seeds=3)
    done = here("run", "--suite", suite, "--jobs", 1, results=tmp_path / "results")
    assert done.code == 0, done.out + done.err
    kept = records(tmp_path / "results").values()
    assert {(one["status"], one["timings"]["side_by_side"]) for one in kept} == {("ok", 1)}
    monkeypatch.setattr(planning, "choose_devices", environment.choose_devices)
    again = here("run", "--suite", suite, results=tmp_path / "results")
    assert "0 to score, 3 done before" in again.out


def test_a_cell_runs_on_no_device_that_its_plan_has_not(tmp_path: Path) -> None:
    plan = make_plan(load_suite(str(write_suite(tmp_path))), RunSettings(device="cpu"))
    written = tmp_path / "plan.json"
    written.write_text(plan.json())
    for name in ("cuda:7", "nothing", ""):
        assert "--device" in here("cell", written, plan.cells[0]["cell"], "--device", name).refusal()
