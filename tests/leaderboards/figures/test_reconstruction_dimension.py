"""Reconstruction error against total latent dimension: the data written, what is left out, the claims each way, and what is refused."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers_figures import Made, check_bytes
from scipy.stats import ttest_rel

from leaderboards.figures.reconstruction_dimension import better, gap, optimum

TPS, AFFINE = ("tps", 18), ("affine", 6)
VAE = {5: 90.0, 10: 80.0, 20: 71.0, 25: 70.0, 30: 70.5, 40: 70.6}
NOISE = (0.0, 0.2, -0.1)
"""What each seed adds to a row's error."""


class Results(Made):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "reconstruction-dimension")

    def row(
        self,
        label: str,
        errors: Sequence[float],
        method: str = "vae",
        pose: Any = None,
        prior: str = "none",
        **about: Any,
    ) -> Results:
        """A row with a seed for each error; its latents are the number at its label's end."""
        tail = label.rpartition("-")[2]
        options = {"latent": int(tail)} if tail.isdigit() else {}
        facts: dict[str, Any] = {}
        if pose is not None:
            facts = {"dimensions": {"z": int(tail), "u": pose[1]}, "pose": {"prior": prior, "transform": pose[0]}}
        for seed, error in enumerate(errors):
            scores = {"reconstruction_bce": error} if error > 0 else {}
            self.cell(label, seed, scores, method=method, facts=facts, **(options | about))
        return self

    def line(self, name: str, errors: dict[int, float], noise: Sequence[float] = NOISE, **about: Any) -> Results:
        """Rows by total dimension."""
        of_pose = about["pose"][1] if "pose" in about else 0
        for total, error in errors.items():
            self.row(f"{name}-{total - of_pose}", [error + one for one in noise], **about)
        return self

    def table(self) -> list[dict[str, str]]:
        with (self.folder / "a.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def said(self, *words: str) -> str:
        return self.told(*words)

    def verdicts(self) -> list[str]:
        """Of the TPS-TVAE, the DTVAE and the optimum."""
        return [line.rpartition(": ")[2] for line in self.said().splitlines()[-3:]]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Everything that the paper says holds."""
    results = Results(tmp_path).line("vae", VAE)
    results.line("tvae-tps", {40: 66.0, 25: 67.0, 20: 68.0}, (0.1, 0.1, -0.2), method="tvae", pose=TPS)
    return results.line("dtvae", {8: 85.0, 10: 79.0, 30: 69.0}, method="dtvae", pose=AFFINE, prior="normal")


def test_the_data_beside_the_figure(results: Results) -> None:
    said = results.said()
    check_bytes(results)
    assert "tvae-tps: its pose is a function of the image" in said
    table = results.table()
    assert [row["line"] for row in table] == ["vae"] * 6 + ["tvae-tps"] * 3 + ["dtvae"] * 3
    tps = table[6:9]
    assert [(row["row"], row["z"], row["u"], row["total"]) for row in tps] == [
        ("tvae-tps-2", "2", "18", "20"),
        ("tvae-tps-7", "7", "18", "25"),
        ("tvae-tps-22", "22", "18", "40"),
    ]
    assert {(row["pose_prior"], row["transform"], row["method"]) for row in tps} == {("none", "tps", "tvae")}
    assert {(row["n"], row["seeds"], row["suite"], row["dataset"]) for row in table} == {("3", "0 1 2", "s", "mnist")}
    assert float(tps[0]["mean"]) == pytest.approx(68)
    assert float(tps[0]["sd"]) == pytest.approx(0.03**0.5)  # 0.1, 0.1, -0.2: squares 0.06 by n - 1


def test_the_claims_hold(results: Results) -> None:
    assert results.verdicts() == ["holds"] * 3
    theirs = ttest_rel([68.1, 68.1, 67.8], [71.0, 71.2, 70.9]).confidence_interval(0.95)
    assert f"tvae-tps - vae: -3.03 [{theirs.low:+.2f}, {theirs.high:+.2f}] (3 seeds) at 20" in results.said()


def test_the_claims_do_not_hold(tmp_path: Path) -> None:
    results = Results(tmp_path).line("vae", {2: 100, 20: 71, 30: 70, 50: 69})
    results.row("tvae-tps-2", [72, 68, 70], "tvae", TPS).row("tvae-tps-12", [75.0] * 3, "tvae", TPS)
    results.line("dtvae", {10: 99, 20: 60}, [0.0], method="dtvae", pose=AFFINE)
    assert results.verdicts() == ["does not hold"] * 3


def test_lines_are_known_by_method_and_transform(tmp_path: Path) -> None:
    results = Results(tmp_path).line("a", VAE).line("vae", {20: 60, 30: 60}, method="beta-vae")
    results.line("tvae-tps", {20: 68, 30: 68}, method="tvae", pose=AFFINE)
    assert results.verdicts() == ["not measured", "not measured", "holds"]
    assert ", a: at 25" in results.said()


def test_rows_that_give_no_point_are_left_out_and_said(results: Results) -> None:
    results.row("copy", [3.0] * 3, "copy").row("kmeans-10", [-1.0] * 3, "kmeans").row("vae-50", [70] * 3, status="oom")
    results.row("lambda-hot", [70.0], "lambda-hot", latent=20).row("vae-x", [60.0] * 3, latent=5, hidden=9)
    said = results.said()
    for reason in ("copy (no latent", "kmeans-10 (no reconstruction_bce)", "vae-50 (oom)", "lambda-hot (the only row"):
        assert reason in said
    assert {row["line"] for row in results.table()} == {"vae", "tvae-tps", "dtvae"}
    results.said("--rows", "vae-5,vae-20,tvae-tps,lambda-hot")
    assert [row["row"] for row in results.table()[:3]] == ["vae-5", "vae-20", "tvae-tps-2"]
    assert results.table()[-1]["row"] == "lambda-hot"


@pytest.mark.parametrize("status", ["killed", "missing"])
def test_a_seed_without_a_result_is_said(results: Results, status: str) -> None:
    results.spoil("mnist-vae-20-s1", status)
    said = results.said()
    assert f"seed 1 ({status})" in said
    assert "vae-20" in said
    row = next(row for row in results.table() if row["row"] == "vae-20")
    assert (float(row["mean"]), row["n"], row["seeds"]) == (pytest.approx(71 - 0.05), "2", "0 2")


def test_rows_that_do_not_belong_together(results: Results) -> None:
    results.row("vae", [60.0] * 3, latent=20, hidden=500).row("vae-60", [60.0] * 3, hidden=500)
    said = results.said()
    assert "vae (another row of its line has the same total)" in said
    assert "vae: its rows differ in more than latent: hidden" in said
    results.row("vae-70", [60.0] * 3, "beta-vae")
    assert "rows vae-* are of several kinds" in results.draw().refusal()


def curve(**seeds: Sequence[float]) -> pd.DataFrame:
    """Errors by total, of each seed."""
    totals = seeds.pop("totals")
    return pd.DataFrame(list(seeds.values()), columns=list(totals)).rename_axis(columns="total")


def test_between_the_vae_s_totals() -> None:
    nan = float("nan")
    vae = curve(totals=(10, 20), a=(80, nan), b=(81, 72), c=(82, 74))
    own = curve(totals=(15, 40), a=(70, 1), b=(71, 1), c=(72, 1))
    found = gap(own, vae, 15)
    assert (found.mean, found.seeds) == (pytest.approx(((71 - 76.5) + (72 - 78)) / 2), 2)
    assert "interpolated" in better(own, vae, 10)
    assert "not measured as far as 40" in better(own, vae, 10)
    assert better(own, vae, 20).endswith("not measured")
    alone = gap(own.iloc[:2], vae, 15)
    assert (alone.mean, alone.interval) == (pytest.approx(70.5 - (81 + 73) / 2), None)


def test_an_optimum_takes_points_on_both_sides() -> None:
    assert optimum(curve(totals=(2, 10, 25), a=(90, 80, 70))).endswith("not measured")
    assert optimum(curve(totals=(25, 40), a=(70, 80))).endswith("not measured")
    assert optimum(curve(totals=(2, 10, 50), a=(90, 80, 70))).endswith("not measured")
    assert optimum(curve(totals=(10, 25, 50), a=(80, 70, 71))).endswith(": holds")
    flat = optimum(curve(totals=(10, 25, 40), a=(90, 70, 71), b=(91, 71, 69.5)))
    assert "not told apart from 25" in flat
    assert flat.endswith("does not hold")


def test_what_is_refused(results: Results) -> None:
    assert "did you mean 'tvae-tps'" in results.draw("--rows", "vae,tvae-tsp").refusal()
    assert "nothing to draw" in results.draw("--rows", "vae-5,dtvae-4").refusal()
    for path in results.folder.glob("cells/*/record.json"):
        path.write_text(path.read_text().replace("reconstruction_bce", "x"))
    assert "no reconstruction_bce" in results.draw().refusal()
    assert not list(results.folder.glob("a.*"))
