"""What MLflow is told: read back through its own client, on SQLite; and how little a store that fails may cost."""

import math
import shlex
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from bench.records.cells import write
from bench.records.record import Record
from bench.tracking import client as _mlflow
from bench.tracking import tracker as track

SUITE = "tiny"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory) -> Path:
    """An SQLite store with MLflow's tables and nothing else: making them takes seconds."""
    path = tmp_path_factory.mktemp("schema") / "mlflow.db"
    with _mlflow.guarded(f"sqlite:///{path}"):
        from mlflow import MlflowClient

        MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def results(tmp_path, schema, monkeypatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "my results"
    folder.mkdir()
    shutil.copy(schema, folder / "mlflow.db")
    return folder


def make(results: Path, seed: int = 0, **changes) -> tuple[Record, Path]:
    content: dict[str, Any] = {
        "cell": f"cell{seed}",
        "suite": SUITE,
        "label": "vae-8",
        "method": "vae",
        "dataset": "digits",
        "seed": seed,
        "options": {"latent_size": 8, "hidden": [64, 32], "prior": {"kind": "normal", "scale": None}},
        "budget": {"epochs": 3},
        "status": "ok",
        "metrics": {"mse": 0.25 + seed, "separability/svm": 0.9},
        "intervals": {"mse": [0.2, 0.3]},
        "timings": {"total_seconds": 12.5, "train_seconds": 9.0, "side_by_side": 2},
        "environment": {"started": 1_700_000_000.25, "device": "cpu", "git": {"commit": "abc123", "changed": True}},
        "data_digest": "d" * 64,
    }
    record = Record(**(content | changes))
    folder = write(record, results)
    rows = [f"{e},main,{s},{t},{e + 0.5}" for e in range(3) for s in ("train", "test") for t in ("loss", "kl[0]")]
    torn = "3,main,train,lo"
    (folder / "curves.csv").write_text("\n".join(["epoch,phase,split,term,value", *rows, torn]))
    (folder / "samples.png").write_bytes(PNG)
    return record, folder


def track_all(results: Path, *cells: tuple[Record, Path], plan: dict | None = None) -> str:
    tracker = track.Tracker.open(track.default_uri(results), results, SUITE, plan or {})
    for record, folder in cells:
        tracker.log(record, folder)
    tracker.close()
    return tracker.run_id


def client(results: Path, uri: str | None = None):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri or track.default_uri(results))


def runs(results: Path, kind: str = "cell", uri: str | None = None) -> list:
    mlflow = client(results, uri)
    experiment = mlflow.get_experiment_by_name(SUITE)
    return mlflow.search_runs([experiment.experiment_id], f"tags.latentbench = '{kind}'") if experiment else []


def content_of(results: Path, uri: str | None = None) -> dict:
    """All of the cells' runs that does not depend on when and by which invocation they were written."""
    mlflow, content = client(results, uri), {}
    for run in runs(results, uri=uri):
        tags = {name: value for name, value in run.data.tags.items() if name != "mlflow.parentRunId"}
        history = {
            name: [(one.step, one.value, one.timestamp) for one in mlflow.get_metric_history(run.info.run_id, name)]
            for name in run.data.metrics
        }
        data = [(one.dataset.name, one.dataset.digest, one.dataset.source) for one in run.inputs.dataset_inputs]
        files = sorted(file.path for file in mlflow.list_artifacts(run.info.run_id))
        times = (run.info.run_name, run.info.status, run.info.start_time, run.info.end_time)
        content[tags["cell"]] = (tags, run.data.params, history, data, files, times)
    return content


def test_addresses(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    default = track.default_uri(tmp_path)
    assert default == f"sqlite:///{tmp_path.resolve()}/mlflow.db"
    assert track.resolve(None, tmp_path) == default
    assert track.resolve("none", tmp_path) is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert track.resolve(None, tmp_path) == "http://host:5000"
    assert track.resolve("sqlite:///a.db", tmp_path) == "sqlite:///a.db"


def test_an_invocation_and_its_cells_read_back(results):
    """Parameters, scores, curves, pictures, data set and times."""
    plan = {"git": "abc123", "seeds": [0], "budget": {"epochs": 3}, "uri": "http://me:secret@host/"}
    parent = track_all(results, make(results), make(results, 1, status="oom", metrics={}), plan=plan)
    run, mlflow = next(run for run in runs(results) if run.data.tags["seed"] == "0"), client(results)
    params = {"options.latent_size": "8", "options.hidden": "[64,32]", "options.prior.scale": "None"}
    assert (params | {"budget.epochs": "3"}).items() <= run.data.params.items()
    expected = {"mse": 0.25, "separability/svm": 0.9, "interval_low/mse": 0.2, "interval_high/mse": 0.3}
    assert (expected | {"timing/train_seconds": 9.0}).items() <= run.data.metrics.items()
    expected = {"mlflow.parentRunId": parent, "method": "vae", "label": "vae-8", "dataset": "digits", "seed": "0"}
    expected |= {"status": "ok", "device": "cpu", "git": "abc123-changed", "cell": "cell0", "data_digest": "d" * 64}
    assert expected.items() <= run.data.tags.items()
    assert (run.info.status, run.info.run_name) == ("FINISHED", "vae-8 seed 0")
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_250, 1_700_000_012_750)
    history = mlflow.get_metric_history(run.info.run_id, "curve/main/test/kl_0")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 1.5), (2, 2.5)]
    assert sorted(file.path for file in mlflow.list_artifacts(run.info.run_id)) == ["record.json", "samples.png"]
    assert Path(mlflow.download_artifacts(run.info.run_id, "samples.png")).read_bytes() == PNG
    assert (results / "mlartifacts" / run.info.run_id).is_dir()
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("digits", "d" * 36)
    assert (data.tags[0].key, data.tags[0].value) == ("mlflow.data.context", "training")

    (run,) = runs(results, "invocation")
    assert (run.info.run_id, run.info.status) == (parent, "FINISHED")
    assert run.data.params == {"seeds": "[0]", "budget.epochs": "3", "uri": "http://***@host/"}
    assert {"suite": SUITE, "git": "abc123", "results": str(results)}.items() <= run.data.tags.items()
    assert run.data.tags["command"].startswith(shlex.quote(sys.argv[0]))
    assert run.data.metrics == {"cells_ok": 1.0, "cells_oom": 1.0}


def test_a_failed_cell_is_seen_to_have_failed(results):
    error = {"type": "ValueError", "message": "bad", "traceback": "..."}
    ends = {"error": "FAILED", "diverged": "FAILED", "killed": "KILLED", "timeout": "KILLED"}
    changes = {"metrics": {}, "intervals": {}, "data_digest": "", "error": error}
    track_all(results, *(make(results, seed, status=status, **changes) for seed, status in enumerate(ends)))
    assert {run.data.tags["status"]: run.info.status for run in runs(results)} == ends
    assert {run.data.tags["error"] for run in runs(results)} == {"ValueError: bad"}


def test_long_content_is_cut_and_divided(results):
    options = {f"option{number}": number for number in range(150)} | {"text": "x" * 9000}
    record, folder = make(results, options=options)
    lines = [f"{epoch},main,train,loss,{'inf' if epoch == 5 else epoch}" for epoch in range(2500)]
    (folder / "curves.csv").write_text("\n".join(["epoch,phase,split,term,value", *lines]))
    track_all(results, (record, folder))
    (run,) = runs(results)
    assert len(run.data.params) == 152
    assert len(run.data.params["options.text"]) == 6000
    history = client(results).get_metric_history(run.info.run_id, "curve/main/train/loss")
    assert len(history) == 2500
    assert math.isnan(next(point.value for point in history if point.step == 5))


def test_the_same_record_is_written_once_and_a_retry_replaces_it(results):
    first = track_all(results, make(results), make(results, 1, status="error", metrics={}))
    second = track_all(results, make(results), make(results, 1))
    assert first != second
    parents = {run.data.tags["cell"]: run.data.tags["mlflow.parentRunId"] for run in runs(results)}
    assert parents == {"cell0": first, "cell1": second}
    assert {run.data.tags["status"] for run in runs(results)} == {"ok"}
    assert len(runs(results, "invocation")) == 2


def test_rebuild_gives_what_live_tracking_gave(results, schema, capsys):
    track_all(results, make(results), make(results, 1, status="error", metrics={}))
    live = content_of(results)
    assert track.rebuild(results, None) == 0
    assert len(runs(results, "invocation")) == 1, "nothing to write, no run"
    again = f"sqlite:///{shutil.copy(schema, results / 'again.db')}"
    (results / "cells" / "torn").mkdir()
    (results / "cells" / "torn" / "record.json").write_text("{")
    make(results, 2, cell="other", suite="another")
    assert track.rebuild(results, again) == 3
    assert content_of(results, again) == live
    assert "torn" in capsys.readouterr().err
    assert track.rebuild(results, again) == 0


def test_what_a_killed_parent_left_running_is_ended(results):
    uri, (record, _) = track.default_uri(results), make(results)
    killed = track.Tracker.open(uri, results, SUITE, {})
    half = killed.client.create_run(
        killed.experiment, tags={"latentbench": "cell", "cell": record.cell, "results": str(results)}
    )
    other = killed.client.create_run(killed.experiment, tags={"latentbench": "invocation", "results": "/elsewhere"})
    users = killed.client.create_run(killed.experiment)
    assert track.rebuild(results, uri) == 1
    (run,) = runs(results)
    assert (run.data.tags["status"], run.info.status) == ("ok", "FINISHED")
    status = {one.info.run_id: killed.client.get_run(one.info.run_id).info for one in (half, other, users)}
    assert killed.client.get_run(killed.run_id).info.status == "KILLED"
    assert (status[half.info.run_id].status, status[half.info.run_id].lifecycle_stage) == ("KILLED", "deleted")
    assert {status[other.info.run_id].status, status[users.info.run_id].status} == {"RUNNING"}


def test_a_copied_results_folder_does_not_write_into_the_first(results, tmp_path):
    track_all(results, make(results))
    shutil.copytree(results, tmp_path / "copy")
    with pytest.raises(track.TrackingError, match=r"was the folder moved.*rebuild"):
        track.Tracker.open(track.default_uri(tmp_path / "copy"), tmp_path / "copy", SUITE, {})


def test_a_deleted_experiment_comes_back(results):
    track_all(results, make(results))
    client(results).delete_experiment(client(results).get_experiment_by_name(SUITE).experiment_id)
    track_all(results, make(results, 1))
    assert len(runs(results)) == 2


def test_a_server_that_dies_is_left_alone_for_a_while(results, monkeypatch):
    tracker = track.Tracker.open(track.default_uri(results), results, SUITE, {})
    refuse = mock.Mock(side_effect=ConnectionRefusedError("Connection refused"))
    monkeypatch.setattr(tracker, "client", SimpleNamespace(search_runs=refuse, create_run=refuse))
    monkeypatch.setattr(tracker, "uri", "http://host:5000")
    for _ in range(3):
        with pytest.raises(track.TrackingError, match="http://host:5000: Connection refused; the run goes on"):
            tracker.log(*make(results))
    assert refuse.call_count == 1
