"""One whole run of every row of the default suite with every family of metrics, twice: what it leaves, and that it repeats."""

import csv
import io
import json
import math
import os
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from helpers_e2e import CLOSED, ROOT, bench, here, records, write_suite

from bench.records.plan import Plan

pytestmark = pytest.mark.usefixtures("own_places")
ROWS = tomllib.loads((ROOT / "bench/suites/digits.toml").read_text())["methods"]
NETWORKS = [
    label for label in ROWS if label not in ("raw-pixels", "pca-20", "mean-image", "training-copy", "real-images")
]
KINDS = {row.get("method", label): label for label, row in reversed(ROWS.items())}
"""Each method to its first row."""
COUNTS = {"samples": 100, "samples_per_class": 5, "importance_samples": 20, "importance_images": 20}
COUNTS |= {"novelty_images": 20, "novelty_candidates": 20, "svm_images": 200, "neutral_epochs": 2}


def _small(label: str) -> dict[str, Any]:
    """Options that make a row's networks small. One epoch teaches ReGene's classifier no confidence: its filter is off."""
    if label.startswith("regene"):
        return {"width": 8, "filter": "none"}
    searches = {"images": 20, "classifier_epochs": 1} if ROWS[label].get("method") == "latent-generator" else {}
    return searches | ({"trials": 3} if "trials" in ROWS[label] else {}) | ({"hidden": 64} if label in NETWORKS else {})


class Whole:
    """Two runs into two results folders: of all rows without MLflow, of a row a method with an MLflow that does not answer."""

    def __init__(self, folder: Path) -> None:
        rows = {label: {**row, **_small(label)} for label, row in ROWS.items()}
        reference = ["mean-image", "training-copy", "real-images"]
        more = {"held_out": 143, "reference_rows": reference, "columns": ["reconstruction_bce", "fid_org_vs_gen"]}
        budget, evaluation = {"batch": 32}, {"metrics": [], **COUNTS}
        self.suite = write_suite(folder, rows, name="whole", budget=budget, evaluation=evaluation, **more)
        self.results = [folder / "first", folder / "second"]
        no_weights = {"TORCH_HOME": str(folder / "torch"), "https_proxy": CLOSED}
        self.first = bench(folder, "run", "--suite", self.suite, results=self.results[0], **no_weights)
        with mock.patch.dict(os.environ, no_weights):
            words = ["--tracking-uri", CLOSED, "--inception", "download", "--methods", ",".join(KINDS.values())]
            self.second = here("run", "--suite", self.suite, *words, results=self.results[1])
        self.records = [records(results) for results in self.results]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp("whole"))


def test_every_row_is_ok_and_the_run_says_what_next(whole: Whole) -> None:
    assert whole.first.code == 0, whole.first.out + whole.first.err
    assert whole.first.err == ""
    assert {key: one["status"] for key, one in whole.records[0].items()} == {(label, 0): "ok" for label in ROWS}
    lines = whole.first.out.splitlines()
    assert f"{len(ROWS)} to train, {len(ROWS)} to score, 0 done before" in lines[1]
    assert len([line for line in lines if " ok in " in line]) == len(ROWS)
    assert {line.split()[0] for line in lines if line.endswith(" ok")} == set(ROWS)
    assert any("leaderboard --suite whole" in line and "--against published" in line for line in lines)
    assert any("python -m bench ui" in line for line in lines)


def test_same_seed_same_figures_to_the_last_bit(whole: Whole) -> None:
    assert whole.records[1].keys() == {(label, 0) for label in KINDS.values()}
    compared = 0
    for key, other in whole.records[1].items():
        one = whole.records[0][key]
        assert one["cell"] == other["cell"]
        steady = [name for name in one["metrics"] if one["definitions"][name]["family"] != "cost"]
        for part in ("metrics", "intervals", "by_class"):
            assert one[part].keys() == other[part].keys()
            assert not [n for n in one[part].keys() & set(steady) if one[part][n] != other[part][n]], (key, part)
        compared += len(steady)
        curves = [(results / "cells" / one["cell"] / "curves.csv").read_text() for results in whole.results]
        assert curves[0] == curves[1], key
    assert compared > 100
    families = {about["family"] for one in whole.records[0].values() for about in one["definitions"].values()}
    assert families >= {"reconstruction", "likelihood", "separability", "generation", "diversity", "cost"}


def test_every_score_has_an_interval_or_the_reason_why_not(whole: Whole) -> None:
    for key, record in whole.records[0].items():
        for name, value in record["metrics"].items():
            stated = record["definitions"][name]["interval"]
            if stated.startswith("none: "):
                assert name not in record["intervals"], (key, name)
            else:
                low, high = record["intervals"][name]
                assert low <= value <= high, (key, name)


def test_a_server_that_does_not_answer_costs_no_result(whole: Whole) -> None:
    assert whole.second.code == 0, whole.second.out + whole.second.err
    said = [line for line in (whole.second.out + whole.second.err).splitlines() if "MLflow at" in line]
    assert len(said) == 1
    for part in (CLOSED, "refused", "the run goes on", "track --rebuild"):
        assert part in said[0]
    assert "Traceback" not in whole.second.out + whole.second.err


@pytest.mark.parametrize(("which", "reason"), [(0, "on a CPU"), (1, "weights")])
def test_without_inception_weights_fid_is_not_available_and_says_why(whole: Whole, which: int, reason: str) -> None:
    for label in ("vae", "real-images"):
        record = whole.records[which][label, 0]
        assert reason in record["unavailable"]["fid_org_vs_gen"]
        assert "fid_org_vs_gen" not in record["metrics"]
        assert record["definitions"]["fid_org_vs_gen"]
    out = (whole.first, whole.second)[which].out
    row = next(line.split() for line in out.splitlines() if line.startswith("vae "))
    assert "n/a" in row
    assert "fid_org_vs_gen" in out
    assert reason in " ".join(out.split())


def test_the_record_says_all_that_the_result_came_from(whole: Whole) -> None:
    digest = json.loads((whole.results[0] / "plans" / "whole.json").read_text())["cells"][0]["data_digest"]
    for (label, seed), record in whole.records[0].items():
        assert (record["suite"], record["label"], record["seed"], record["dataset"]) == ("whole", label, seed, "digits")
        stated = {name: value for name, value in ROWS[label].items() if name not in ("method", *_small(label))}
        assert record["options"].items() >= stated.items()
        assert record["budget"] == record["budget"] | {"epochs": 1, "batch": 32, "precision": "fp32"}
        assert record["data_digest"] == digest
        assert record["environment"]["versions"]["torch"] == version("torch")
        assert record["environment"]["device_type"] == "cpu"
        assert record["environment"]["device"]
        assert {"methods/base.py", "bench/training/loop.py"} < set(record["sources"])
        assert record["metrics"].keys() < record["scored"].keys(), "a score has the digest of its code"
        training = json.loads((whole.results[0] / "models" / record["model"] / "training.json").read_text())
        assert training["setting"].items() >= {"method": record["method"], "seed": seed, "data_digest": digest}.items()
        assert (training["status"], training["facts"]) == ("ok", record["facts"])
        assert record["protocol"]["counts"]["held_out"] == 143
        assert record["protocol"]["counts"]["samples"] == 100
        assert record["error"] is None
    kept = whole.records[0]
    assert kept["lambda-hot-movable", 0]["method"] == "lambda-hot"
    assert kept["vae", 0]["labels"] == {"train": False, "test": False}
    assert kept["cvae", 0]["labels"] == {"train": True, "test": True}


def test_the_parts_of_the_time_add_up(whole: Whole) -> None:
    for key, record in [*whole.records[0].items(), *whole.records[1].items()]:
        timings = record["timings"]
        parts = sum(timings[f"{part}_seconds"] for part in ("setup", "train", "evaluate", "log"))
        # Less than any section of work takes, more than a busy machine takes between two of them.
        assert math.isclose(parts, timings["total_seconds"], rel_tol=0.02, abs_tol=0.2), (key, timings)
        assert timings["side_by_side"] >= 1
        assert timings["start_to_training_seconds"] <= timings["total_seconds"]


def test_what_lies_beside_a_record(whole: Whole) -> None:
    for (label, _), record in whole.records[0].items():
        folder = whole.results[0] / "cells" / record["cell"]
        assert {"record.json", "curves.csv", "log.txt"} <= {path.name for path in folder.iterdir()}
        assert all((folder / name).stat().st_size for name in record["artifacts"])
        curves = list(csv.DictReader((folder / "curves.csv").open()))
        if label in NETWORKS:
            assert {"samples.png", "reconstructions.png", "latents.png"} <= set(record["artifacts"])
            mine = ("mmd" if ROWS[label].get("vae") == "mmd" else "kl", "reconstruction")
            trained, tested = ("cross_entropy", "ssim") if label.startswith("regene") else mine
            assert {(row["split"], row["term"]) for row in curves} >= {("train", trained), ("test", tested)}
            assert all(math.isfinite(float(row["value"])) for row in curves)
        for name in record["artifacts"]:
            if name.endswith(".png"):
                assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_plan_reads_back_and_one_of_its_cells_runs_alone(whole: Whole) -> None:
    path = whole.results[1] / "plans" / "whole.json"
    plan = Plan.read(path)
    assert plan.json() == path.read_text()
    assert (plan.suite, len(plan.cells), plan.device) == ("whole", len(KINDS), "cpu")
    before = whole.records[1]["mean-image", 0]
    done = here("cell", path, before["cell"])
    assert not done.code, done.err
    assert done.out.strip() == f"{before['cell']}: ok"
    after = records(whole.results[1])["mean-image", 0]
    assert after["environment"]["started"] > before["environment"]["started"]
    assert after["metrics"]["reconstruction_mse"] == before["metrics"]["reconstruction_mse"]
    assert "no-such-cell" in here("cell", path, "no-such-cell").refusal()


def test_run_again_has_nothing_to_do_unless_forced(whole: Whole) -> None:
    words = ["run", "--suite", whole.suite, "--dry-run"]
    assert f"0 to train, 0 to score, {len(ROWS)} done before" in here(*words, results=whole.results[0]).out
    forced = here(*words, "--force", results=whole.results[0]).out
    assert f"{len(ROWS)} to train, {len(ROWS)} to score, 0 done before" in forced
    assert forced.count("from a record") == len(ROWS)


def test_leaderboards_are_of_the_records(whole: Whole) -> None:
    def board(*words: str) -> str:
        found = here("leaderboard", *words, results=whole.results[0])
        assert found.code == 0, found.err
        return found.out

    assert {line.split()[0] for line in board().splitlines() if line.endswith(" ok")} == set(ROWS)
    lines = list(csv.DictReader(io.StringIO(board("--format", "csv"))))
    own = [one for one in lines if (one["row"], one["metric"]) == ("vae", "reconstruction_bce")]
    assert [float(one["mean"]) for one in own] == [whole.records[0]["vae", 0]["metrics"]["reconstruction_bce"]]
    cells = list(csv.DictReader(io.StringIO(board("--per-cell", "--format", "csv"))))
    assert {(one["label"], int(one["seed"]), one["status"]) for one in cells} == {(label, 0, "ok") for label in ROWS}
    assert "whole" in board("--against", "published", "--suite", "whole")
    assert "--format csv" in here("leaderboard", "--per-cell", results=whole.results[0]).refusal()
    refusal = here("leaderboard", "--suite", "hole", results=whole.results[0]).refusal()
    assert "'hole'" in refusal
    assert "whole" in refusal


def test_show_a_cell(whole: Whole) -> None:
    identity = whole.records[0]["pca-20", 0]["cell"]
    for name in (identity, identity[:-4]):
        shown = here("show", name, results=whole.results[0])
        assert shown.code == 0, shown.err
        assert f'"cell": "{identity}"' in shown.out
    refusal = here("show", "digits-", results=whole.results[0]).refusal()
    assert f"{len(ROWS)} ids" in refusal
    assert sum(record["cell"] in refusal for record in whole.records[0].values()) == 10, "the first ten"
