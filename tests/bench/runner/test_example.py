"""The example of the README: a method and a metric in files of their own, from outside the package, beside the VAE."""

import shutil
from pathlib import Path

from helpers_e2e import ROOT, bench, records

EXAMPLES = ROOT / "examples"


def test_a_stranger_runs_the_example(tmp_path: Path) -> None:
    for name in ("my_vae.py", "my_metric.py", "my_suite.toml"):
        shutil.copy(EXAMPLES / name, tmp_path)
    for name in ("methods", "metrics", "leaderboards"):  # folders of the user's own hide nothing of ours
        (tmp_path / name).mkdir()
    words = ["--suite", "my_suite.toml", "--epochs", "2", "--seeds", "1"]
    found = bench(tmp_path, "run", *words, results=tmp_path / "results", PYTHONPATH="")
    assert found.code == 0, found.err
    table = [line.split() for line in found.out.splitlines()]
    assert {"vae", "my-vae", "my-vae-slow"} <= {line[0] for line in table if line and line[-1] == "ok"}
    kept = records(tmp_path / "results")
    assert kept["my-vae-slow", 0]["options"] == {"latent": 20, "backbone": "mlp", "warm_up": 1000}
    assert str((tmp_path / "my_vae.py").resolve()) in kept["my-vae", 0]["sources"]
    assert all(0 < record["metrics"]["brightness_gap"] < 1 for record in kept.values())
    # The weight stands still in evaluation and grows in training: the slower, the larger the KL that it leaves.
    kl = {label: record["metrics"]["kl_continuous"] for (label, _), record in kept.items()}
    assert kl["vae"] < kl["my-vae"] < kl["my-vae-slow"]
