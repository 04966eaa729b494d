"""latentbench from Python: what a script runs, reads and loads, and what it is refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_e2e import ROOT, environment, here, records, write_suite

import bench
from bench.runtime.errors import UsageError
from methods.base import AbstractMethod, Reconstructs

ROWS = {"vae": {"hidden": 16, "latent": 4}, "pca-20": {"method": "pca", "latent": 3}}
CHECKED = """
import sys
import bench
assert not {"torch", "pandas", "numpy", "pydantic"} & set(sys.modules)
%s
assert vae.training is False
print("rows", len(table), len(again), len(everything), sorted(table.status.unique()))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README's script, without a main guard, has run in a folder with folders of the names of ours."""
    folder = tmp_path_factory.mktemp("api")
    for name in ("metrics", "bench"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('not this one')\n")
    suite = write_suite(folder, ROWS, name="digits", evaluation={"metrics": ["reconstruction_mse", "cost"]})
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    named = f'bench.run({str(suite)!r}, device="cpu", tracking_uri="none"'
    script = shown.replace('bench.run("digits"', named).replace(
        'bench.score("digits"', 'bench.score("digits", tracking_uri="none"'
    )
    (folder / "script").mkdir()
    (folder / "script" / "go.py").write_text(CHECKED % script)
    command = [sys.executable, "script/go.py"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=240)
    assert "rows 4 4 4 ['ok']" in done.stdout, done.stdout + done.stderr
    assert "4 to train, 4 to score" in done.stdout, "its lines are passed on"
    return folder / "results"


@pytest.fixture
def copied(results: Path, tmp_path: Path) -> Path:
    shutil.copytree(results, tmp_path / "results")
    return tmp_path / "results"


def test_a_frame_has_a_row_a_cell_and_a_column_a_score(results: Path) -> None:
    table = bench.frame(results)
    assert list(table.label) == ["vae", "vae", "pca-20", "pca-20"]
    known = records(results)
    for row in table.itertuples():
        assert row.model == known[row.label, row.seed]["model"]
    mse = table.set_index(["label", "seed"]).reconstruction_mse
    assert mse["vae", 1] == known["vae", 1]["metrics"]["reconstruction_mse"]
    assert table[table.label == "pca-20"].images_per_second.isna().all(), "it is not trained by steps"
    assert bench.frame(str(results), suite="digits").equals(table)
    with pytest.raises(UsageError, match="did you mean 'digits'"):
        bench.frame(results, suite="digit")


def test_a_frame_tells_broken_and_missing_cells_apart(copied: Path) -> None:
    cells = {key: copied / "cells" / one["cell"] / "record.json" for key, one in records(copied).items()}
    cells["vae", 0].write_text("{")
    cells["pca-20", 1].unlink()
    counts = bench.frame(copied).status.value_counts()
    assert counts.to_dict() == {"ok": 2, "missing": 2, "broken": 1}


def mse_of(method: AbstractMethod) -> float:
    assert isinstance(method, Reconstructs)
    from bench.datasets import load

    x = load("digits", Path()).x_test / 255
    with torch.no_grad():
        made = method.reconstruct(x, torch.zeros(len(x), dtype=torch.int64))
    return float((x - made).square().mean())


def test_a_loaded_model_gives_the_scores_of_its_record(results: Path) -> None:
    record = records(results)["vae", 1]
    for method in (bench.load_model(results, "vae", seed=1), bench.load_model(str(results), record["cell"])):
        assert not method.training
        assert mse_of(method) == pytest.approx(record["metrics"]["reconstruction_mse"], rel=1e-5)
    said = here("show", record["cell"], results=results).out
    (line,) = [line for line in said.splitlines() if "load_model" in line]
    scope: dict[str, Any] = {}
    exec(f"import bench\n{line.strip()}", scope)
    assert mse_of(scope["method"]) == pytest.approx(record["metrics"]["reconstruction_mse"], rel=1e-5)


def test_what_cannot_be_loaded_is_refused(copied: Path) -> None:
    record = records(copied)["vae", 0]
    model = copied / "models" / record["model"]
    with pytest.raises(UsageError, match="did you mean 'vae'"):
        bench.load_model(copied, "vea")
    with pytest.raises(UsageError, match="no cell of seed 7"):
        bench.load_model(copied, "vae", seed=7)
    with pytest.raises(UsageError, match="there is none"):
        bench.load_model(copied / "nowhere", "vae")
    twin = {**record, "suite": "other", "cell": "twin"}
    (copied / "cells" / "twin").mkdir()
    (copied / "cells" / "twin" / "record.json").write_text(json.dumps(twin))
    with pytest.raises(UsageError, match="say suite=, one of digits, other"):
        bench.load_model(copied, "vae")
    training = json.loads((model / "training.json").read_text())
    for change, why in (
        ({"status": "diverged", "error": {"message": "term is nan"}}, "diverged.*term is nan"),
        ({"setting": training["setting"] | {"code": "of then"}}, "other code"),
        ({"state": "another"}, "cut short, or of another"),
    ):
        (model / "training.json").write_text(json.dumps(training | change))
        with pytest.raises(UsageError, match=why):
            bench.load_model(copied, "vae", suite="digits")
    (model / "training.json").unlink()
    with pytest.raises(UsageError, match="is not there"):
        bench.load_model(copied, record["cell"])


def test_refusals_of_the_command_line_are_raised(results: Path) -> None:
    suite = str(results.parent / "digits.toml")
    with pytest.raises(UsageError, match="did you mean 'vae'"):
        bench.run(suite, methods=["vea"], results=results, dry_run=True)
    with pytest.raises(UsageError, match="--colour"):
        bench.score("digits", results=results, colour="red")


def test_what_nothing_refers_to_is_listed_then_removed(copied: Path) -> None:
    assert "nothing to remove" in here("clean", results=copied).out
    record = records(copied)["vae", 0]
    started = {"environment": record["environment"] | {"started": 0.0}}
    old = {**record, **started, "cell": "old", "model": "old-model", "sources": {"methods/vae.py": "then"}}
    machine = {"environment": old["environment"] | {"device_type": "cuda"}}
    others = {"gpu": {**old, **machine}, "evaluated": {**old, "sources": record["sources"]}}
    for name, other in others.items():
        (copied / "cells" / name).mkdir()
        content = json.dumps(other | {"cell": name, "model": record["model"]})
        (copied / "cells" / name / "record.json").write_text(content)
    for folder, name, content in (("cells", "record.json", old), ("models", "training.json", {})):
        place = copied / folder / (old["cell"] if folder == "cells" else old["model"])
        place.mkdir()
        (place / name).write_text(json.dumps(content))
    (copied / "models" / ".killed").mkdir()
    for name in ("models/digits-shared-Old-s0-1", "shared"):
        (copied / name).mkdir()
    listed = here("clean", results=copied)
    assert [line.split()[2] for line in listed.out.splitlines()[:5]] == [
        "cells/old",
        "models/.killed",
        "models/digits-shared-Old-s0-1",
        "models/old-model",
        "shared",
    ]
    assert (copied / "cells" / "old").is_dir()
    assert here("clean", "--yes", results=copied).code == 0
    assert "nothing to remove" in here("clean", results=copied).out
    left = {path.name for path in (copied / "cells").iterdir()}
    assert left >= {record["cell"], *others}, "another machine's, and one of the same code, are not older"
    assert list(copied.glob("models/*-shared-VAE-*")), "a model that is used has it"
    (copied / "models" / record["model"] / "training.json").unlink()
    (copied / "models" / "digits-shared-Old-s0-1").mkdir()
    assert "shared" not in here("clean", "--yes", results=copied).out, "what is to be trained may take it"
    assert "there is none" in here("clean", results=copied / "none").refusal()


def test_a_folder_that_a_run_holds_is_not_cleaned(copied: Path) -> None:
    from bench.records.storage import locked

    with locked(copied / ".lock"):
        assert "another run" in here("clean", "--yes", results=copied).refusal()
