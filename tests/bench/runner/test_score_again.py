"""Trained once, scored as often as code or disk ask for it: what runs again, what stays, and what a failure costs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers_e2e import Outcome, here, records, write_suite
from safetensors.torch import load_file

PLUGIN = """
from metrics.base import metric

FACTOR = {factor}

@metric(unit="", better="lower", source="a test")
def scaled_error(x_test, reconstructions):
    {body}
"""
PLAIN = "return FACTOR * float((x_test - reconstructions).abs().mean())"
ROWS = {"vae": {"hidden": 16, "latent": 4}, "pca": {"latent": 3}}


class Tried:
    """A suite of two rows with a metric of a plug-in's own, run as often as asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.results = folder, folder / "results"
        self.plugin = folder / "scaled.py"
        self.write()
        metrics = ["reconstruction_mse", "scaled_error", "cost"]
        self.suite = write_suite(folder, ROWS, evaluation={"metrics": metrics}, plugins=["scaled.py"])

    def write(self, factor: float = 1.0, body: str = PLAIN, comment: str = "") -> None:
        self.plugin.write_text(PLUGIN.format(factor=factor, body=body) + comment)

    def run(self, *words: object) -> Outcome:
        return here("run", "--suite", self.suite, *words, results=self.results)

    def score(self, *words: object) -> Outcome:
        return here("score", "--tracking-uri", "none", *words, results=self.results)

    def counts(self, said: Outcome) -> str:
        (line,) = [line for line in said.out.splitlines() if " to train, " in line]
        return line.partition(" done before")[0]

    def record(self, label: str = "vae") -> dict[str, Any]:
        return records(self.results)[label, 0]

    def states(self) -> dict[str, float]:
        """When each model was written."""
        return {path.parent.name: path.stat().st_mtime for path in self.results.glob("models/*/state.safetensors")}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one finished run, which no test changes."""
    tried = Tried(tmp_path_factory.mktemp("ran"))
    said = tried.run()
    assert (said.code, tried.counts(said)) == (0, "2 to train, 2 to score, 0"), said.err
    return tried.folder


@pytest.fixture(scope="module")
def once(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """A copy of it for the tests that go on from one another."""
    return Tried(copied(ran, tmp_path_factory.mktemp("once")))


@pytest.fixture
def tried(ran: Path, tmp_path: Path) -> Tried:
    """A copy of it for one test."""
    return Tried(copied(ran, tmp_path))


def copied(ran: Path, folder: Path) -> Path:
    shutil.copytree(ran / "results", folder / "results")
    plan = folder / "results" / "plans" / "tiny.json"
    plan.write_text(plan.read_text().replace(str(ran), str(folder)))  # its plug-in is the copy's own
    return folder


def test_a_changed_metric_is_scored_again_and_nothing_else(once: Tried) -> None:
    before, states = once.record(), once.states()
    once.write(comment="# nothing that counts\n")
    assert once.counts(once.run()) == "0 to train, 0 to score, 2"
    once.write(factor=2.0)
    said = once.run()
    assert (said.code, once.counts(said)) == (0, "0 to train, 2 to score, 0")
    after = once.record()
    assert once.states() == states
    assert after["metrics"]["scaled_error"] == 2 * before["metrics"]["scaled_error"]
    assert {**after["metrics"], "scaled_error": 0} == {**before["metrics"], "scaled_error": 0}, "times of training too"
    changed = {name for name, digest in after["scored"].items() if digest != before["scored"][name]}
    assert changed == {"scaled_error"}
    assert list(after["metrics"]) == list(before["metrics"]), "in the same order"
    parts = [after["timings"][f"{name}_seconds"] for name in ("setup", "train", "evaluate", "log")]
    assert sum(parts) == pytest.approx(after["timings"]["total_seconds"], rel=0.05)


def test_an_exception_in_a_metric_costs_its_score_alone(once: Tried) -> None:
    states = once.states()
    once.write(factor=3.0, body='raise RuntimeError("no such luck")')
    said = once.run()
    assert (said.code, once.counts(said)) == (1, "0 to train, 2 to score, 0")
    broken = once.record()
    assert broken["status"] == "error"
    assert "scaled_error" not in broken["metrics"]
    assert "reconstruction_mse" in broken["metrics"]
    assert "no such luck" in broken["unavailable"]["scaled_error"]
    assert "no such luck" in broken["error"]["traceback"]
    assert "reconstruction_mse" in said.out, "the others are in the table"
    assert once.counts(once.run()) == "0 to train, 0 to score, 2", "the same code fails again"
    assert once.counts(once.run("--retry", "failed")) == "0 to train, 2 to score, 0"
    once.write(factor=3.0)
    mended = once.run()
    assert (mended.code, once.counts(mended)) == (0, "0 to train, 2 to score, 0")
    assert once.record()["error"] is None
    assert once.states() == states


def test_score_computes_what_is_named_from_kept_models(once: Tried) -> None:
    states = once.states()
    said = once.score("--metrics", "reconstruction_ssim")
    assert (said.code, once.counts(said)) == (0, "tiny: 0 to train, 2 to score, 0"), said.err
    assert "reconstruction_ssim" in once.record()["metrics"]
    assert "scaled_error" in once.record()["metrics"], "the others are kept"
    assert once.counts(once.score()) == "tiny: 0 to train, 0 to score, 2"
    assert once.states() == states
    assert "did you mean 'reconstruction_mse'" in once.score("--metrics", "reconstruction_msee").refusal()
    assert "did you mean 'tiny'" in once.score("--suite", "tinny").refusal()
    assert "no suite was run" in here("score", results=once.folder / "none").refusal()


def test_items_are_kept_beside_their_mean(once: Tried) -> None:
    record = once.record()
    items = load_file(once.results / "cells" / record["cell"] / "items.safetensors")
    assert set(items) == {name for name, about in record["definitions"].items() if "items" in about}
    assert set(items) <= set(record["intervals"])
    for name, values in items.items():
        assert values.double().mean().item() == pytest.approx(record["metrics"][name], rel=1e-5)
        assert record["definitions"][name]["items"] == "test images"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def of_another(path: Path) -> None:
    path.write_bytes(next(path.parents[1].glob("*-pca-*/state.safetensors")).read_bytes())


def no_training(path: Path) -> None:
    (path.parent / "training.json").write_text("{")


def test_a_model_that_cannot_be_used_is_trained_again_and_said(tried: Tried) -> None:
    for number, spoil in enumerate((cut, of_another, no_training), 2):
        before = tried.record()
        spoil(tried.results / "models" / before["model"] / "state.safetensors")
        tried.write(factor=number)
        refused = tried.score()
        assert refused.code == 1
        assert "trained again" in json.dumps(tried.record()["error"]) or "no kept model" in refused.out
        assert tried.record()["metrics"] == before["metrics"], "nothing is lost"
        said = tried.run("--retry", "failed")
        assert said.code == 0, said.err
        after = tried.record()
        assert any("trained again" in line for line in after["events"]), spoil
        assert after["metrics"]["reconstruction_mse"] == before["metrics"]["reconstruction_mse"]


def test_without_kept_models_there_is_nothing_to_score_again(tmp_path: Path) -> None:
    tried = Tried(tmp_path)
    assert tried.run("--keep-models", "none").code == 0
    assert not tried.states(), "those of phases that rows share included"
    assert tried.counts(tried.run("--keep-models", "none")) == "0 to train, 0 to score, 2"
    tried.write(factor=2.0)
    assert tried.score().code == 1
    assert tried.counts(tried.run()) == "2 to train, 2 to score, 0"


FULL = """
import resource
from methods.base import method
from methods.vae import VAE


@method("full-disk", source="a test")
class FullDisk(VAE):
    def phases(self, data):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        yield from super().phases(data)
"""


def test_a_full_disk_costs_the_model_and_no_score(tmp_path: Path) -> None:
    (tmp_path / "full.py").write_text(FULL)
    rows = {"vae": {"latent": 4}, "full": {"latent": 4, "method": "full-disk"}}
    suite = write_suite(tmp_path, rows, plugins=["full.py"])
    said = here("run", "--suite", suite, results=tmp_path / "results")
    assert said.code == 0, said.out + said.err
    whole, full = (records(tmp_path / "results")[label, 0] for label in rows)
    assert whole["metrics"]["reconstruction_bce"] == full["metrics"]["reconstruction_bce"]
    assert len([line for line in full["events"] if "could not be kept" in line]) == 2, "nor the phase that rows share"
    models = tmp_path / "results" / "models"
    assert {path.parent.name for path in models.glob("*/state.safetensors")} > {whole["model"]}
    assert not (models / full["model"]).exists()


def test_mlflow_says_where_a_model_lies_and_takes_it_where_asked(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    tried, uri = Tried(tmp_path), f"sqlite:///{tmp_path}/results/mlflow.db"
    assert tried.run("--tracking-uri", uri, "--log-models").code == 0
    client = MlflowClient(tracking_uri=uri)
    (experiment,) = client.search_experiments(filter_string="name = 'tiny'")
    runs = client.search_runs([experiment.experiment_id], "tags.latentbench = 'cell'")
    for label in ROWS:
        (run,) = [run for run in runs if run.data.tags["label"] == label]
        place = tried.results.resolve() / "models" / tried.record(label)["model"]
        assert run.data.tags["model_path"] == str(place)
        assert run.data.tags["model_digest"] == json.loads((place / "training.json").read_text())["state"]
        assert "state.safetensors" in [one.path for one in client.list_artifacts(run.info.run_id)]


def test_a_model_of_another_torch_is_scored_and_said(tried: Tried) -> None:
    path = tried.results / "models" / tried.record()["model"] / "training.json"
    training = json.loads(path.read_text())
    path.write_text(json.dumps(training | {"setting": training["setting"] | {"torch": "1.0"}}))
    before = tried.record()["metrics"]["scaled_error"]
    tried.write(factor=2.0)
    assert tried.score().code == 0
    assert tried.record()["metrics"]["scaled_error"] == 2 * before
    assert [line for line in tried.record()["events"] if "trained with torch 1.0" in line]
    assert not [line for line in tried.record("pca")["events"] if "torch" in line]
