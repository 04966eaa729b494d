"""Tuning: what is searched and by what, never the test split, every trial once, and a suite file at the end."""

import csv
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from helpers_e2e import CLOSED, Outcome, here, records, write_suite

import methods
from bench.config.options import find, spans
from bench.config.suite import load_suite
from bench.records.cells import find as find_records
from bench.records.plan import Plan
from bench.tuning.trials import Trials
from methods.parts import Span

pytestmark = pytest.mark.usefixtures("own_places")

methods.load()
ROW = {"beta-vae": {"hidden": 16, "latent": 4, "beta": 2.0}}
HAS = ("reconstruction_bce", "reconstruction_mse")
QUIET = ("--device", "cpu", "--tracking-uri", "none")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Sixty 4x4 images in three classes, of which six are held out."""
    return suite_of(tmp_path, write_images(tmp_path / "tiny.npz"))


def write_images(path: Path, test_seed: int = 1) -> Path:
    random = np.random.default_rng(0)
    y_train, y_test = np.arange(60) % 3, np.random.default_rng(test_seed).permutation(np.arange(30) % 3)
    x_train = (random.random((60, 4, 4)) * 120 + 60 * y_train[:, None, None]).astype(np.uint8)
    x_test = np.random.default_rng(test_seed).integers(0, 256, (30, 4, 4), dtype=np.uint8)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


def suite_of(folder: Path, images: Path, rows: dict[str, dict[str, Any]] | None = None, **top: Any) -> Path:
    top = {"dataset": f"npz:{images}", "columns": ["active_units", *HAS], "reference_rows": ["beta-vae"]} | top
    path = write_suite(folder, rows or ROW, evaluation={"metrics": list(HAS), "neutral_epochs": 1}, **top)
    path.write_text(f'{path.read_text()}[comparison]\nsource = "a paper"\nsame = true\nwhy = "the same"\n')
    return path


def tune(suite: Path | str, results: Path, *rest: object, method: str = "beta-vae", trials: int = 2) -> Outcome:
    words = ("--method", method, "--suite", suite, "--trials", trials, *rest)
    return here("tune", *words, *(QUIET if "--tracking-uri" not in rest else ("--device", "cpu")), results=results)


def folder_of(results: Path, name: str = "tiny-beta-vae") -> Path:
    return results / "tune" / name


def table(results: Path, name: str = "tiny-beta-vae") -> list[dict[str, str]]:
    with (folder_of(results, name) / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# What is searched.


def test_the_space_is_what_the_types_declare() -> None:
    found = spans(find("beta-vae").cls)
    assert found["beta"] == Span(0.1, 20.0, log=True)
    assert set(found) == {"latent", "beta", "capacity"}
    assert spans(find("mmd-vae").cls)["bandwidth"].log, "also in a type that may be none"
    assert spans(find("raw-pixels").cls) == {}


def test_show_names_the_spans() -> None:
    shown = here("show", "beta-vae").out.splitlines()
    assert any("beta = 5.0" in line and "tuned over 0.1 to 20, log" in line for line in shown)
    assert not any("hidden" in line and "tuned" in line for line in shown)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--options", "bta"], ["--options", "'bta'", "did you mean 'beta'"]),
        (["--options", "hidden"], ["'hidden'", "no span", "latent, beta, capacity"]),
        (["--options", ","], ["--options", "latent"]),
        (["--metric", "reconstruction_bc"], ["--metric", "did you mean 'reconstruction_bce'"]),
        (["--metric", "active_units"], ["active_units", "neither lower nor higher"]),
        (["--metric", "elbo,nll_iw,nmi"], ["one metric, or two"]),
        (["--metric", "fid_org_vs_gen"], ["fid_org_vs_gen", "--inception"]),
        (["--metric", "generation_accuracy"], ["beta-vae", "does not give it"]),
        (["--set", "bta=3"], ["beta-vae.bta", "did you mean 'beta'"]),
        (["--set", "latent=0"], ["latent", "greater than or equal to 1"]),
        (["--seeds", "0"], ["--seeds"]),
        (["--out", "best.txt"], ["best.txt", ".toml"]),
        (["--dataset", "digit"], ["'digit'", "did you mean 'digits'"]),
    ],
)
def test_what_does_not_fit_is_one_line(tiny: Path, tmp_path: Path, words: list[str], parts: list[str]) -> None:
    line = tune(tiny, tmp_path / "results", *words).refusal()
    assert all(part in line for part in parts), line


def test_a_row_or_method_that_cannot_be_tuned_is_one_line(tiny: Path, tmp_path: Path) -> None:
    assert "did you mean 'beta-vae'" in tune(tiny, tmp_path, method="bta-vae").refusal()
    assert "no option with a span" in tune(tiny, tmp_path, method="raw-pixels").refusal()
    assert (
        "--dataset digits" in tune(write_suite(tmp_path, dataset=["digits", "mnist"]), tmp_path, method="vae").refusal()
    )
    assert tune(tiny, tmp_path, trials=0).code == 2


# One tuning from end to end, gone on with.


def test_a_tuning_goes_on_where_it_stopped_and_ends_in_a_suite(tiny: Path, tmp_path: Path) -> None:
    results, uri = tmp_path / "results", f"sqlite:///{tmp_path / 'store.db'}"
    first = tune(tiny, results, "--options", "beta,capacity", "--jobs", 2)
    assert first.code == 0, first.err
    folder = folder_of(results)
    trials = table(results)
    assert [(one["trial"], one["state"]) for one in trials] == [("0", "complete"), ("1", "complete")]
    assert (trials[0]["beta"], trials[0]["capacity"]) == ("2.0", "0.0"), "the first is the row itself"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*/record.json")}
    assert len(before) == 2
    for words in (["latent"], ["beta,capacity", "--epochs", 2], ["beta,capacity", "--set", "beta=3"]):
        line = tune(tiny, results, "--options", *words).refusal()
        assert "another search" in line
        assert "--fresh" in line

    again = tune(tiny, results, "--options", "beta,capacity", "--tracking-uri", uri, trials=3)
    assert again.code == 0, again.err
    assert "1 trials to run, 2 done before" in again.out
    assert table(results)[:2] == trials
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    assert {label for label, _ in records(folder)} == {"trial-0000", "trial-0001", "trial-0002"}
    assert len(Plan.read(next((folder / "plans").glob("*.json"))).cells) == 3

    best = min(table(results), key=lambda one: float(one["reconstruction_bce"]))
    suite = load_suite(str(folder / "best.toml"))
    assert suite.name == "tiny-beta-vae-tuned"
    assert (suite.comparison, suite.reference_rows) == (None, [])
    assert suite.methods["beta-vae"] == {**ROW["beta-vae"], "method": "beta-vae"}
    tuned = suite.methods["beta-vae-tuned"]
    assert (tuned["beta"], tuned["capacity"]) == (float(best["beta"]), float(best["capacity"]))
    assert tuned["hidden"] == 16
    assert "best trials (3 with a value, 0 failed)" in again.out
    assert f"--suite {folder / 'best.toml'}" in again.out

    from mlflow import MlflowClient

    client = MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("tiny-tune").experiment_id])
    assert float(run.data.params["best.beta-vae-tuned.beta"]) == tuned["beta"]
    assert {"default/reconstruction_bce", "beta-vae-tuned/reconstruction_bce"} <= set(run.data.metrics)
    names = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert names == {"trials.csv", "history.png", "importance.png", "best.toml"}

    done = here("run", "--suite", folder / "best.toml", results=results)
    assert done.code == 0, done.err
    assert {record.label for record in find_records(results)} == {"beta-vae", "beta-vae-tuned"}

    afresh = tune(tiny, results, "--options", "latent", "--fresh", trials=1)
    assert afresh.code == 0, afresh.err
    assert [one["latent"] for one in table(results)] == ["4"]


def test_an_interrupted_tuning_takes_up_its_trials_under_their_numbers(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Trials, "measure", mock.Mock(side_effect=KeyboardInterrupt))
        stopped = tune(tiny, tmp_path, trials=3)
    assert stopped.code == 130
    assert "go on with:\n  python -m bench tune --method beta-vae" in stopped.err
    assert tune(tiny, tmp_path, trials=3).code == 0
    assert [(one["trial"], one["state"]) for one in table(tmp_path)] == [(str(k), "complete") for k in range(3)]


# By what it is scored.


def test_the_test_split_is_never_read(tmp_path: Path) -> None:
    seen = []
    for part, seed in (("one", 1), ("other", 2)):
        (tmp_path / part).mkdir()
        suite = suite_of(tmp_path / part, write_images(tmp_path / part / "tiny.npz", test_seed=seed))
        metrics = "reconstruction_bce,svm_test_accuracy"
        assert tune(suite, tmp_path / part, "--metric", metrics, "--options", "beta", trials=1).code == 0
        seen.append([{k: v for k, v in one.items() if k != "seconds"} for one in table(tmp_path / part)])
        found = next(iter(records(folder_of(tmp_path / part)).values()))
        assert {"train": 54, "held_out": 0, "test": 6}.items() <= found["protocol"]["counts"].items()
    assert seen[0] == seen[1]


def test_two_metrics_give_all_of_the_front(tiny: Path, tmp_path: Path) -> None:
    """A store that is down costs a line."""
    words = ["--metric", "reconstruction_bce,nmi", "--sampler", "nsga2", "--tracking-uri", CLOSED]
    done = tune(tiny, tmp_path, *words, trials=4)
    assert done.code == 0, done.err
    assert f"MLflow at {CLOSED}" in done.out
    assert "at random" in done.out, "no generation is over"
    points = [(float(one["reconstruction_bce"]), float(one["nmi"])) for one in table(tmp_path)]
    front = [(a, b) for a, b in points if not any((c <= a and d >= b) and (c, d) != (a, b) for c, d in points)]
    rows = load_suite(str(folder_of(tmp_path) / "best.toml")).methods
    assert list(rows) == ["beta-vae", *(f"beta-vae-tuned-{k + 1}" for k in range(len(front)))]
    drawn = {path.name for path in folder_of(tmp_path).glob("*.png")}
    assert {"pareto.png", "history-reconstruction_bce.png", "history-nmi.png"} <= drawn


def test_a_value_is_the_mean_over_seeds_and_a_default_outside_its_span_is_measured_apart(
    tiny: Path, tmp_path: Path
) -> None:
    done = tune(tiny, tmp_path, "--set", "beta=50", "--options", "beta", "--seeds", 2, trials=1)
    assert done.code == 0, done.err
    found = records(folder_of(tmp_path))
    assert set(found) == {(label, seed) for label in ("default", "trial-0000") for seed in (0, 1)}
    values = [found["trial-0000", seed]["metrics"]["reconstruction_bce"] for seed in (0, 1)]
    assert float(table(tmp_path)[0]["reconstruction_bce"]) == pytest.approx(sum(values) / 2)
    assert "default" in done.out.split("best trials")[1]
    assert "importance.png is not drawn: 1 complete trials" in done.out


# What goes wrong.


PICKY = """
from typing import Annotated
from methods.base import AbstractMethod, ImageSpec, method
from bench.tuning.trials import Trials
from methods.parts import Span

@method("picky", source="a test")
class Picky(AbstractMethod):
    def __init__(self, spec: ImageSpec, *, light: Annotated[float, Span(0.1, 1.0)] = 1.0) -> None:
        super().__init__()
        self.light = light

    def phases(self, data):
        if self.light < 1.0:
            raise RuntimeError("too dark")
        yield from ()

    def reconstruct(self, x, y):
        return x * self.light
"""


def test_a_failed_trial_is_shown_and_costs_no_other(tiny: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "picky.py"
    plugin.write_text(PICKY)
    words = ["--metric", "reconstruction_mse", "--plugin", plugin]
    done = tune(tiny, tmp_path, *words, method="picky", trials=3)
    assert done.code == 0, done.err
    assert "failed: seed 0: error: too dark" in done.out
    assert [one["state"] for one in table(tmp_path, "tiny-picky")] == ["complete", "fail", "fail"]
    again = tune(tiny, tmp_path, *words, method="picky", trials=3)
    assert "0 trials to run, 3 done before" in again.out
    assert load_suite(str(folder_of(tmp_path, "tiny-picky") / "best.toml")).plugins == [str(plugin)]
