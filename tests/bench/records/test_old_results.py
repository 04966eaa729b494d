"""A results folder of version 0.1.0, made by its code, and a plug-in of then: read, shown and run as they were."""

import json
import shutil
from pathlib import Path

import pytest
from helpers_e2e import Outcome, here, records

from bench.records.cells import find
from bench.records.plan import Plan
from bench.records.record import Record

DATA = Path(__file__).resolve().parents[2] / "data"
OLD = DATA / "old-results"


def shown(results: Path, *words: object) -> Outcome:
    found = here("leaderboard", *words, results=results)
    assert found.code in (None, 0), found.err
    return found


@pytest.mark.parametrize(("words", "file"), [((), "old-leaderboard.csv"), (("--per-cell",), "old-cells.csv")])
def test_its_leaderboard_is_the_one_of_then(words: tuple[str, ...], file: str) -> None:
    assert shown(OLD, "--format", "csv", *words).out == (DATA / file).read_text()


def test_every_record_and_the_plan_are_read() -> None:
    found = list(find(OLD))
    assert all(isinstance(one, Record) for one in found)
    assert sorted(one.status for one in found if isinstance(one, Record)) == ["error"] * 2 + ["ok"] * 6
    plan = Plan.read(OLD / "plans" / "old.json")
    assert {cell["cell"] for cell in plan.cells} == {one.cell for one in found if isinstance(one, Record)}
    cell = plan.cell(plan.cells[0]["cell"])
    said = here("show", cell.cell, results=OLD).out
    assert f'"label": "{cell.label}"' in said
    assert "not kept" in said


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "results")
    return tmp_path / "results"


NOTHING = '''
from bench.runner.launchers.base import launcher


@launcher("nothing")
class Nothing:
    def __init__(self, results, jobs, time_limit):
        pass

    def prepare(self, plan, on_tick):
        pass

    def run(self, plan, cells, on_start, on_end, on_tick):
        """As one that is killed before its first cell."""
'''


def test_only_a_run_calls_its_cells_stale(copied: Path, tmp_path: Path) -> None:
    before = records(copied)
    assert "stale" not in shown(copied).out
    (tmp_path / "nothing.py").write_text(NOTHING)
    words = ["--suite", DATA / "old.toml", "--plugin", tmp_path / "nothing.py", "--launcher", "nothing"]
    assert "8 to train, 8 to score, 0 done before" in here("run", *words, results=copied).out
    table = shown(copied, "--format", "csv", "--per-cell").out
    assert table.count(",stale") == len(before) == 8
    assert records(copied) == before


def test_a_run_makes_them_anew_with_the_scores_of_then_and_keeps_the_old_ones(copied: Path) -> None:
    then = {key: one["metrics"] for key, one in records(copied).items()}
    folders = {path.name for path in (copied / "cells").iterdir()}
    found = here("run", "--suite", DATA / "old.toml", "--methods", "old-vae,raw-pixels", results=copied)
    assert found.code == 0, found.out + found.err
    assert "4 to train, 4 to score, 0 done before" in found.out
    assert folders < {path.name for path in (copied / "cells").iterdir()}
    for path in (copied / "cells").iterdir():
        if path.name not in folders:
            one = json.loads((path / "record.json").read_text())
            assert one["metrics"].keys() >= then[one["label"], one["seed"]].keys()
            for name in {"old_ink", "reconstruction_mse", "parameters"} & one["metrics"].keys():
                assert one["metrics"][name] == pytest.approx(then[one["label"], one["seed"]][name], rel=1e-3)
