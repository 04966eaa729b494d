"""The command line: what it lists and shows, and that whatever it refuses is one line and exit status 2."""

import errno
import fcntl
import os
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from helpers_e2e import ROOT, here, write_suite
from PIL import Image

from bench.config.suite import load_suite
from bench.datasets import DataError
from bench.runtime.errors import UsageError
from bench.tracking.client import TrackingError

pytestmark = pytest.mark.usefixtures("own_places")

BOTH = {"vae": {"hidden": 16, "latent": 4}, "lambda-hot": {"hidden": 16}}


def refused(suite: Path | str, *rest: object) -> str:
    """The line with which a run is refused. A dry run plans in the same way, and starts nothing where it is not."""
    return here("run", "--suite", suite, *rest, "--dry-run").refusal()


def has(line: str, *parts: str) -> None:
    missing = [part for part in parts if part not in line]
    assert not missing, f"{missing} not in: {line}"


def test_unknown_names_are_refused_with_the_nearest(tmp_path: Path) -> None:
    tiny = write_suite(tmp_path, BOTH)
    has(refused("digit"), "suite 'digit'", "did you mean 'digits'", "FILE.toml")
    has(refused("none.toml"), "none.toml", "no such file")
    has(refused(tmp_path), str(tmp_path), "FILE.toml")
    has(refused(tiny, "--methods", "vea"), "row", "'vea'", "did you mean 'vae'")
    has(refused(tiny, "--dataset", "digit"), "'digit'", "did you mean 'digits'", "folder:PATH")
    has(refused(write_suite(tmp_path, {"x": {"method": "vea"}})), "method 'vea'", "did you mean 'vae'")
    has(refused(write_suite(tmp_path, {"vae": {"laten": 3}})), "vae.laten", "did you mean 'latent'")
    has(refused(write_suite(tmp_path, evaluation={"metrics": ["costs"]})), "metric 'costs'", "did you mean 'cost'")
    has(here("show", "vea").refusal(), "'vea'", "did you mean 'vae'")
    has(here("data", "prepare", "mnits").refusal(), "'mnits'", "did you mean 'mnist'")
    assert here("nonsense").code == 2
    assert here("list", "suite").code == 2


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    tiny = write_suite(tmp_path, BOTH)
    has(refused(tiny, "--set", "lambda-hot.lamda=3"), "lambda-hot.lamda", "did you mean 'lam'")
    has(refused(tiny, "--set", "lambda-hot.latent=5"), "lambda-hot", "latent=5", "10 classes")
    has(refused(tiny, "--set", "lambda-hot.lam=nan"), "lambda-hot.lam", "nan")
    has(refused(tiny, "--seeds", "1,1"), "--seeds '1,1'", "give")
    has(refused(tiny, "--device", "cuda:97"), "--device cuda:97", "this machine has", "cpu")
    has(refused(tiny, "--device", "tpu"), "--device 'tpu'", "cuda:N")
    has(refused(write_suite(tmp_path, held_out=5000)), "held_out=5000", "1437")
    suite = write_suite(tmp_path, evaluation={"metrics": ["fid_org_vs_gen"]})
    has(refused(suite, "--inception", "/no/such/file"), "--inception /no/such/file", "no such file", "download")
    has(refused(suite, "--inception", tmp_path), f"--inception {tmp_path}", "download")
    (tmp_path / "broken.toml").write_bytes(b"\xff\xfe")
    has(refused(tmp_path / "broken.toml"), "broken.toml", "not TOML")


def test_data_that_cannot_be_read(tmp_path: Path) -> None:
    """A line, whichever verb reads them; what can be wrong with each kind is in the tests of data sets."""
    root = tmp_path / "elsewhere"
    missing = [str(root), "train-images-idx3-ubyte", "download failed", "put "]
    has(refused(write_suite(tmp_path, dataset="mnist"), "--data-root", root), *missing)
    has(here("data", "prepare", "mnist", "--data-root", root).refusal(), *missing)
    for name in (f"folder:{tmp_path / 'none'}", f"npz:{tmp_path / 'none.npz'}"):
        has(refused(write_suite(tmp_path), "--dataset", name), str(tmp_path / "none"))
        has(here("data", "prepare", name).refusal(), str(tmp_path / "none"))


def test_data_of_ones_own(tmp_path: Path) -> None:
    x, y = np.full((20, 8, 8), 7, np.uint8), np.arange(20) % 2
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    for number in range(10):
        image = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[number]).save(image)
    for name in (f"npz:{tmp_path / 'own.npz'}", f"folder:{tmp_path / 'images'}"):
        assert here("data", "prepare", name).code == 0
        assert here("run", "--suite", write_suite(tmp_path), "--dataset", name, "--dry-run").code == 0


def test_a_results_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny, results = write_suite(tmp_path), tmp_path / "results"
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "x"
    said = here("run", "--suite", tiny, results=below).refusal()
    has(said, f"results folder {below}", "cannot be written (Not a directory)", "--results")
    assert here("run", "--suite", tiny, "--dry-run", results=below).code == 0
    assert here("leaderboard", results=below).refusal().count(str(below))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", mock.Mock(side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
        said = here("run", "--suite", tiny, results=results).refusal()
    has(said, f"results folder {results}", "No space left on device", "--results")
    assert not [path for path in results.rglob("*") if path.is_file() and path.name not in (".lock", ".writable")]


def test_a_results_folder_that_another_run_holds(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    with (results / ".lock").open("w") as lock:
        lock.write("4321")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = here("run", "--suite", write_suite(tmp_path), results=results).refusal()
        has(said, str(results), "another run (process 4321)", "--results")
        has(here("track", "--rebuild", results=results).refusal(), str(results), "process 4321")
    assert not (results / "cells").exists()


def test_a_dry_run_prints_every_cell_and_writes_nothing(tmp_path: Path) -> None:
    results = tmp_path / "results"
    found = here("run", "--suite", write_suite(tmp_path, BOTH, seeds=[0, 7]), "--dry-run", results=results)
    assert found.code == 0
    has(found.out, "4 to train, 4 to score, 0 done before", "in all")
    has(found.out, *(f"digits-{label}-s{seed}-" for label in BOTH for seed in (0, 7)))
    assert not results.exists()


def test_lists() -> None:
    suites, methods = here("list", "suites").out, here("list", "methods").out
    has(suites, "digits", "smoke", "mnist", "no download")
    has(methods, "vae", "lambda-hot", "kmeans-vae", "pca", "p(z) = N(0, I)")
    has(here("list", "datasets").out, "digits", "mnist", "cifar10", "folder:PATH", "npz:PATH")
    has(here("list", "metrics").out, "reconstruction_bce", "nats/image", "↓", "↑", "fid_org_vs_gen", "train_seconds")
    assert all(len(line.split()) > 3 for line in (suites + methods).splitlines())


def test_show_a_method_and_a_suite() -> None:
    shown = here("show", "lambda-hot").out
    has(shown, "p(z|y)", "options:", "lam = 5.0", "(float, >= 0, finite)", "(int, >= 1)", "labels: in training")
    has(here("show", "joint-vae").out, "categories = None", "(int, >= 1; or none)", "temperature = 0.67")
    epochs = load_suite("digits").budget.epochs
    has(here("show", "digits").out, '"name": "digits"', f'"epochs": {epochs}', '"lambda-hot-movable"')
    has(here("show", "none.toml").refusal(), "none.toml", "no such file")
    for odd in ("/", "[", "*", "..", "a/b"):
        has(here("show", odd).refusal(), f"{odd!r}")


def test_data_prepare_and_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has(here("data", "prepare", "digits").out, "digits: ready", "1437 train, 360 test, 1x8x8", "digest", "CC BY 4.0")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    found = here("doctor", results=tmp_path / "results")
    assert found.code == 0
    has(
        found.out, "torch 2", "cpu", f"results        {tmp_path / 'results'}", "1437 + 360 images", "inception", "ready"
    )
    assert not (tmp_path / "results").exists()
    (tmp_path / "file").write_text("")
    found = here("doctor", results=tmp_path / "file" / "x")
    assert found.code == 1
    has(found.out, "cannot be written", "not ready")


def test_what_the_other_verbs_refuse(tmp_path: Path) -> None:
    none = tmp_path / "none"
    has(here("leaderboard", results=none).refusal(), str(none), "python -m bench run")
    has(here("track", "--rebuild", results=none).refusal(), str(none), "--results")
    has(here("track", results=none).refusal(), "--rebuild")
    has(here("ui", "--tracking-uri", "none", results=none).refusal(), "none")
    has(here("cell", none / "plan.json", "x").refusal(), "plan.json", "no such file")
    assert here("leaderboard", "--format", "xml", results=none).code == 2


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"suite": "x"}'])
def test_a_plan_that_is_none(tmp_path: Path, content: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(content)
    has(here("cell", plan, "x").refusal(), str(plan))


def test_the_command_to_go_on_is_the_one_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.cli.runs import command

    monkeypatch.setattr(sys, "argv", ["bench", "run", "--results", "failed", "--force", "--retry", "failed"])
    assert command(retry=False) == "python -m bench run --results failed --force --retry failed"
    assert command(retry=True) == "python -m bench run --results failed --retry failed"
    monkeypatch.setattr(sys, "argv", ["bench", "run", "--suite", "a b.toml", "--retry=failed"])
    assert command(retry=True) == "python -m bench run --suite 'a b.toml' --retry failed"


def test_the_imports_are_of_this_checkout() -> None:
    import bench.cli

    assert Path(bench.cli.__file__).is_relative_to(ROOT)


MENDABLE = [UsageError("mend it"), DataError("mend it"), TrackingError("uri", "mend it"), OSError(28, "mend it")]


@pytest.mark.parametrize("problem", [*MENDABLE, ValueError("a library's own"), RuntimeError("own"), KeyError("own")])
def test_what_the_user_can_mend_is_one_line_and_a_librarys_error_keeps_its_traceback(
    problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaderboards.show", mock.Mock(side_effect=problem))
    if problem in MENDABLE:
        assert "mend it" in here("leaderboard").refusal()
    else:
        with pytest.raises(type(problem), match="own"):
            here("leaderboard")
