"""A cell that is killed inside a phase goes on from there: the models are those of a run without the kill, to the bit."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers_e2e import here, write_suite

KILLER = """
import os
from pathlib import Path
from bench.training import checkpoint

MARKS = Path({marks!r})
plain = checkpoint.Checkpoint.write

def write(self, reached, step):
    plain(self, reached, step)
    place = f"{{self.path.parent.name}} {{self.path.stem}}".lstrip(".")
    with open(MARKS / place, "a") as file:
        file.write(f"{{reached.epoch}}\\n")
    if reached.epoch == 2 and MARKS.name == "killed" and not (MARKS / f"{{place}} was").exists():
        (MARKS / f"{{place}} was").touch()
        os.kill(os.getpid(), 9)

if os.getpid() != {pytest}:
    checkpoint.EVERY_SECONDS = 0
    checkpoint.Checkpoint.write = write
"""
ROWS: dict[str, dict[str, Any]] = {
    "kmeans-vae": {"hidden": 16, "latent": 4},
    "elbo-simple": {
        "method": "latent-generator",
        "hidden": 16,
        "latent": 4,
        "images": 10,
        "classifier_epochs": 3,
    },
    "regene": {"width": 4, "filter": "none"},
}


def _run(folder: Path, name: str) -> Path:
    marks, results = folder / name, folder / f"results-{name}"
    marks.mkdir()
    plugin = folder / f"{name}.py"
    plugin.write_text(KILLER.format(marks=str(marks), pytest=os.getpid()))
    budget = {"epochs": 3, "batch": 100}
    suite = write_suite(folder, ROWS, budget=budget, evaluation={"metrics": ["reconstruction_mse"]}, held_out=100)
    words: list[object] = ["run", "--suite", suite, "--plugin", plugin]
    done = here(*words, results=results)
    for _ in range(5):
        if done.code == 0:
            return results
        done = here(*words, "--retry", "failed", results=results)
    raise AssertionError(done.out + done.err)


def _models(results: Path) -> dict[str, dict[str, Any]]:
    kept = {path.parent.name: json.loads(path.read_text()) for path in results.glob("models/*/training.json")}
    curves = {name: (results / "models" / name / "curves.csv").read_text() for name in kept}
    return {
        name: {"curves": curves[name], **{part: one[part] for part in ("state", "facts", "shared")}}
        for name, one in kept.items()
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    folder = tmp_path_factory.mktemp("killed")
    return folder, _run(folder, "whole"), _run(folder, "killed")


def test_the_models_are_those_of_a_run_without_the_kill(both: tuple[Path, Path, Path]) -> None:
    _, whole, killed = both
    assert _models(killed) == _models(whole)
    assert len(_models(whole)) == len(ROWS) + 4, "and the VAE and two classifiers and a decoder, which rows may share"


def test_each_phase_was_killed_and_no_epoch_trained_twice(both: tuple[Path, Path, Path]) -> None:
    marks = both[0] / "killed"
    was = {path.name.removesuffix(" was") for path in marks.glob("* was")}
    assert was == {path.name for path in marks.iterdir() if not path.name.endswith(" was")}
    assert len(was) == 5
    for place in was:
        assert (marks / place).read_text().split() == ["1", "2", "3"]


def test_checkpoints_go_when_they_are_no_longer_needed(both: tuple[Path, Path, Path]) -> None:
    for results in both[1:]:
        assert [path for path in (results / "models").glob(".*") if path.is_dir()] == []


def test_what_the_killed_process_spent_is_counted(both: tuple[Path, Path, Path]) -> None:
    for path in both[2].glob("models/*kmeans*/training.json"):
        took = json.loads(path.read_text())
        assert took["cost"]["train_seconds"] > took["timings"]["train_seconds"] > 0
