"""Latent generators through the command: shared VAEs, searches that outlive a kill, and what record, table and MLflow say of them."""

import csv
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from helpers_e2e import here, records, start, wait_for, write_suite

SMALL = {"method": "latent-generator", "latent": 3, "hidden": 16, "images": 20, "classifier_epochs": 1}
METRICS = {
    "metrics": ["generation_accuracy", "generation_objective", "reconstruction_classifier", "cost"],
    "neutral_epochs": 2,
}


def suite(folder: Path, rows: dict[str, dict[str, Any]], **more: Any) -> Path:
    return write_suite(folder, {label: {**SMALL, **row} for label, row in rows.items()}, evaluation=METRICS, **more)


def trials(results: Path, label: str) -> list[dict[str, str]]:
    cell = records(results)[label, 0]["cell"]
    with (results / "cells" / cell / "trials.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three generators on one VAE, one with its theta given, and one on another, in one run with MLflow."""
    folder = tmp_path_factory.mktemp("generators")
    rows = {"simple": {}, "medium1": {"generator": "medium1", "trials": 3}, "given": {"theta": 0.4, "n": 2}}
    rows["other"] = {"latent": 4}
    results = folder / "results"
    uri = f"sqlite:///{results}/mlflow.db"
    done = here("run", "--suite", suite(folder, rows), "--jobs", "1", "--tracking-uri", uri, results=results)
    assert done.code == 0, done.out + done.err
    (folder / "out.txt").write_text(done.out)
    return results


def test_rows_of_a_seed_share_the_vae_and_its_classifier(ran: Path) -> None:
    found = records(ran)
    simple, medium, other = (found[label, 0] for label in ("simple", "medium1", "other"))
    assert len(list(ran.glob("models/*-shared-VAE-*/state.safetensors"))) == 2
    assert len(list(ran.glob("models/*-shared-ReconstructionClassifier-*/state.safetensors"))) == 2
    borrowed = {label: record["timings"].get("borrowed_seconds", 0) for (label, _), record in found.items()}
    assert borrowed["medium1"] == borrowed["given"] > 0 == borrowed["simple"] == borrowed["other"]
    shared = {label: record["metrics"]["shared_train_seconds"] for (label, _), record in found.items()}
    assert shared["medium1"] == shared["simple"] == pytest.approx(borrowed["medium1"])
    for record in (simple, medium, other):
        assert record["metrics"]["train_seconds"] > record["metrics"]["shared_train_seconds"]
    name = "reconstruction_classifier_test_accuracy"
    assert simple["metrics"][name] == medium["metrics"][name]
    parts = sum(medium["timings"][f"{part}_seconds"] for part in ("setup", "train", "evaluate", "log"))
    assert parts == pytest.approx(medium["timings"]["total_seconds"], rel=0.02), "what another cell spent is not in it"


def test_every_trial_is_in_the_record_and_its_settings_are_facts(ran: Path) -> None:
    record = records(ran)["medium1", 0]
    assert "trials.csv" in record["artifacts"]
    counts = [line["study"] for line in trials(ran, "medium1")]
    assert (counts.count("simple"), counts.count("medium1")) == (44, 3)
    assert len(record["facts"]["theta"]) == 3
    assert set(record["facts"]["search"]) == {"simple", "medium1"}
    assert record["metrics"]["seconds_per_100_trials"] > 0


def test_a_weak_classifier_is_marked_in_the_table(ran: Path) -> None:
    accuracy = records(ran)["simple", 0]["metrics"]["reconstruction_classifier_train_accuracy"]
    shown = (ran.parent / "out.txt").read_text()
    assert accuracy < 0.97
    assert "simple †" in shown
    (told,) = [
        line for line in shown.splitlines() if line.startswith("† ") and "simple" in line[2:].split(":")[0].split(", ")
    ]
    assert told.split(": ", 1)[1] == f"reconstruction_classifier_train_accuracy {accuracy:.4f} is below 0.97 (seed 0)"


def test_mlflow_has_the_trials_as_one_table_and_no_run_of_their_own(ran: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{ran}/mlflow.db")
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1 + 4
    cells = [run for run in runs if run.data.tags.get("label", "given") != "given"]
    assert all("trials.csv" in [one.path for one in client.list_artifacts(run.info.run_id)] for run in cells)


def test_the_same_seed_gives_the_same_figures_whether_the_vae_was_shared_or_not(ran: Path, tmp_path: Path) -> None:
    rows = {"medium1": {"generator": "medium1", "trials": 3}}
    alone = here("run", "--suite", suite(tmp_path, rows), "--jobs", "1", results=tmp_path / "results")
    assert alone.code == 0, alone.out + alone.err
    first, second = records(ran)["medium1", 0], records(tmp_path / "results")["medium1", 0]
    timed = {"train_seconds", "images_per_second", "sample_seconds", "peak_memory_mib", "shared_train_seconds"}
    timed |= {"seconds_per_100_trials"}
    for name in set(first["metrics"]) - timed:
        assert first["metrics"][name] == second["metrics"][name], name
    assert first["facts"] == second["facts"]


def test_a_killed_search_is_gone_on_with_and_force_starts_afresh(tmp_path: Path) -> None:
    file = suite(tmp_path, {"medium1": {"generator": "medium1", "trials": 30}})
    results = tmp_path / "results"
    process = start(tmp_path, "run", "--suite", file, "--jobs", "1", results=results)
    progress = wait_for(lambda: next(results.glob("cells/*/progress"), None), "the cell")

    def some_tried() -> bool:
        assert process.poll() is None, process.communicate()
        return "medium1 5 30" in progress.read_text()

    wait_for(some_tried, "five trials")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (study,) = results.glob("models/.*/search/medium1.journal")
    before = study.read_text().count('"op_code":6')  # a trial's end
    assert before >= 5
    done = here("run", "--suite", file, "--jobs", "1", results=results)
    assert done.code == 0, done.out + done.err
    record = records(results)["medium1", 0]
    assert record["timings"]["borrowed_seconds"] > 0, "the VAE is not trained again either"
    ended = [line for line in trials(results, "medium1") if line["study"] == "medium1"]
    assert len(ended) == 30
    points = [tuple(line[f"theta_{d}"] for d in range(3)) for line in ended]
    assert len(set(points)) == 30, "none is tried twice"
    again = here("run", "--suite", file, "--jobs", "1", "--force", results=results)
    assert again.code == 0, again.out + again.err
    assert "borrowed_seconds" not in records(results)["medium1", 0]["timings"]
