"""The example of the README: a method in a file of its own, from outside the package, beside the VAE."""

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers_e2e import ROOT, bench, here, records, shared_cache

EXAMPLES = ROOT / "examples"


def test_a_stranger_runs_the_example(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("my_vae.py", "my_metric.py", "my_suite.toml"):
        shutil.copy(EXAMPLES / name, tmp_path)
    cache, results = str(shared_cache(tmp_path_factory)), tmp_path / "results"
    words = ["--suite", "my_suite.toml", "--epochs", "2", "--seeds", "1"]
    found = bench(tmp_path, "run", *words, results=results, BENCH_CACHE=cache)
    assert found.code == 0, found.err
    table = [line.split() for line in found.out.splitlines()]
    assert {"vae", "my-vae", "my-vae-slow"} <= {line[0] for line in table if line and line[-1] == "ok"}
    kept = records(results)
    assert kept["my-vae-slow", 0]["options"] == {"latent": 20, "backbone": "mlp", "warm_up": 1000}
    assert str((tmp_path / "my_vae.py").resolve()) in kept["my-vae", 0]["sources"]
    assert all(0 < kept[label, 0]["metrics"]["brightness_gap"] < 1 for label in ("vae", "my-vae", "my-vae-slow"))
    # The weight stands still in evaluation and grows in training: the slower, the larger the KL that it leaves.
    kl = {label: kept[label, 0]["metrics"]["kl_continuous"] for label in ("vae", "my-vae", "my-vae-slow")}
    assert kl["vae"] < kl["my-vae"] < kl["my-vae-slow"]

    found = here("leaderboard", "--format", "csv", results=results)
    rows = {line["row"] for line in csv.DictReader(io.StringIO(found.out))}
    assert rows == {"vae", "my-vae", "my-vae-slow"}


def test_the_example_is_short() -> None:
    assert len((EXAMPLES / "my_vae.py").read_text().splitlines()) <= 45


def test_folders_of_the_users_own_hide_nothing_of_ours(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in ("methods", "metrics", "leaderboards"):
        (tmp_path / name).mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["BENCH_CACHE"] = str(shared_cache(tmp_path_factory))
    command = [sys.executable, "-m", "bench", "run", "--suite", "smoke", "--methods", "pca-20", "--epochs", "1"]
    done = subprocess.run(
        [*command, "--results", str(tmp_path / "results"), "--tracking-uri", "none"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
