"""Reconstruction error against total latent dimension: the points drawn, what is left out, the claims each way, and what is refused."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers_e2e import here
from helpers_figures import Made, check_bytes, check_words
from scipy.stats import ttest_rel

from bench.records.plan import Cell
from bench.runtime.errors import UsageError
from leaderboards.figures.parts import dimension_claims as claims
from leaderboards.figures.parts.cells import line_of
from leaderboards.figures.parts.dimension_lines import Line, lines
from leaderboards.figures.reconstruction_dimension import _drawn, table

TPS, AFFINE = ("tps", 18), ("affine", 6)
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
        pose: tuple[str, int] | None = None,
        prior: str = "none",
        status: str = "ok",
        dataset: str = "mnist",
        facts: dict[str, Any] | None = None,
        **options: Any,
    ) -> Results:
        """A row with a seed for each error; its latents are the number at its label's end unless they are given."""
        tail = label.rpartition("-")[2]
        full = ({"latent": int(tail)} if tail.isdigit() else {}) | {"hidden": 256} | options
        if pose is not None:
            facts = {"dimensions": {"z": full["latent"], "u": pose[1]}, "pose": {"prior": prior, "transform": pose[0]}}
        for seed, error in enumerate(errors):
            scores = {"reconstruction_bce": error} if error > 0 else {}
            self.cell(label, seed, scores, dataset, method, status, facts, **full)
        return self

    def sweep(self, name: str, totals: dict[int, float], noise: Sequence[float] = NOISE, **about: Any) -> Results:
        """A line: total to error, with each seed's noise."""
        u = about["pose"][1] if about.get("pose") else 0
        for total, error in totals.items():
            self.row(f"{name}-{total - u}", [error + one for one in noise], **about)
        return self

    def read(self, *rows: str) -> tuple[list[Line], list[str]]:
        return lines(self.request(*rows))

    def claims(self) -> list[str]:
        return claims.lines(self.read()[0])


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


VAE = {5: 90.0, 10: 80.0, 20: 71.0, 25: 70.0, 30: 70.5, 40: 70.6}


def paper(results: Results) -> Results:
    """Everything that the paper says holds."""
    results.sweep("vae", VAE)
    results.sweep("tvae-tps", {20: 68.0, 25: 67.0, 40: 66.0}, (0.1, 0.1, -0.2), method="tvae", pose=TPS)
    return results.sweep("dtvae", {8: 85.0, 10: 79.0, 30: 69.0}, method="dtvae", pose=AFFINE, prior="normal")


def test_the_data_beside_the_figure(results: Results) -> None:
    found = paper(results).draw()
    assert found.code == 0, found.err
    said = found.out.splitlines()
    assert said[0] == "written: " + ", ".join(str(results.folder / f"a.{e}") for e in ("png", "svg", "csv"))
    assert said[1] == "tvae-tps: u is a function of the image: 18 numbers of pose at no KL cost"
    assert "on mnist" in said[2]
    with (results.folder / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["line"] for row in rows] == ["vae"] * 6 + ["tvae-tps"] * 3 + ["dtvae"] * 3
    tps = rows[6:9]
    assert [(row["row"], row["z"], row["u"], row["total"]) for row in tps] == [
        ("tvae-tps-2", "2", "18", "20"),
        ("tvae-tps-7", "7", "18", "25"),
        ("tvae-tps-22", "22", "18", "40"),
    ]
    assert {(row["pose_prior"], row["transform"], row["method"]) for row in tps} == {("none", "tps", "tvae")}
    assert {(row["pose_prior"], row["u"]) for row in rows[:6]} == {("", "0")}
    assert {(row["n"], row["seeds"]) for row in rows} == {("3", "0 1 2")}
    assert {(row["suite"], row["dataset"], row["unit"]) for row in rows} == {("s", "mnist", "nats/image")}
    assert float(tps[0]["mean"]) == pytest.approx(68)
    assert float(tps[0]["sd"]) == pytest.approx(0.03**0.5)  # 0.1, 0.1, -0.2: squares 0.06 by n - 1


def test_a_line_is_in_order_of_totals_whatever_the_suite_s(results: Results) -> None:
    results.row("vae-20", [70]).row("vae-5", [90]).row("vae-10", [80])
    assert [row.total for row in results.read()[0][0].rows] == [5, 10, 20]


def test_one_seed_has_no_deviation_and_no_band(results: Results) -> None:
    results.sweep("vae", VAE, [0.0])
    found, _ = results.read()
    assert {(row["sd"], row["n"]) for row in csv.DictReader(table("s", found).splitlines())} == {("", "1")}
    drawing = _drawn(results.request(), found)
    assert "one seed: no band" in [text.get_text() for text in drawing.texts]
    assert not drawing.axes[0].collections


def test_a_pose_at_no_cost_is_seen(results: Results) -> None:
    drawing = _drawn(results.request(), paper(results).read()[0])
    legend = drawing.axes[0].get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["vae", "tvae-tps (18 of pose, no KL cost)", "dtvae (6 of pose)"]
    assert [line.get_linestyle() for line in drawing.axes[0].get_lines()] == ["-", "--", "-"]
    assert any("at no KL cost" in text.get_text() for text in drawing.texts)


def test_rows_that_give_no_point_are_left_out_and_said(results: Results) -> None:
    paper(results).row("copy", [3.0] * 3, method="copy").row("real", [3.0] * 3, method="real")
    results.row("kmeans-10", [-1.0] * 3, method="kmeans").row("vae-50", [70] * 3, status="oom")
    results.row("lambda-hot", [70.0], method="lambda-hot", latent=20)
    found, notes = results.read()
    assert [line.name for line in found] == ["vae", "tvae-tps", "dtvae"]
    assert notes[0] == (
        "left out: copy, real (no latent dimension); kmeans-10 (no reconstruction_bce); vae-50 (oom); "
        "lambda-hot (the only row of its line)"
    )
    assert [line.name for line in results.read("vae", "lambda-hot")[0]] == ["vae", "lambda-hot"]
    named = results.read("vae-5", "vae-20", "tvae-tps")[0]
    assert [[row.label for row in line.rows] for line in named] == [
        ["vae-5", "vae-20"],
        ["tvae-tps-2", "tvae-tps-7", "tvae-tps-22"],
    ]


@pytest.mark.parametrize("status", ["killed", "missing"])
def test_a_seed_without_a_result_is_said(results: Results, status: str) -> None:
    paper(results).spoil("mnist-vae-20-s1", status)
    found, notes = results.read()
    assert notes[0] == f"means over the seeds that there are: vae-20 without seed 1 ({status})"
    row = next(row for row in found[0].rows if row.label == "vae-20")
    assert (row.mean(), len(row.by_seed)) == (pytest.approx(71 - 0.05), 2)
    said = results.draw().out
    assert notes[0] in said
    results.spoil("mnist-vae-25-s1", status)
    results.row("vae-50", [70.0])
    together = f"vae-20, vae-25 without seed 1 ({status}); vae-50 without seeds 1 (not planned), 2 (not planned)"
    assert results.read()[1][0].endswith(together)
    assert "2 or 3 seeds" in said


def test_only_the_latest_plan_s_cells_count(results: Results) -> None:
    paper(results)
    results.cells = [cell for cell in results.cells if cell["label"].startswith("vae") and cell["seed"] == 1]
    results.planned()
    found, notes = results.read()
    assert [line.name for line in found] == ["vae"]
    assert found[0].rows[0].by_seed == {1: pytest.approx(90.2)}
    assert notes == []


def test_rows_that_do_not_belong_together(results: Results) -> None:
    results.sweep("vae", VAE).row("vae", [60.0] * 3, latent=20, hidden=500)
    found, notes = results.read()
    assert next(row.mean() for row in found[0].rows if row.total == 20) == pytest.approx(71 + 0.1 / 3)
    assert notes == ["left out: vae (vae-20 has the same total, 20, with other options: hidden)"]
    results.row("vae-60", [60.0] * 3, hidden=500)
    assert results.read()[1][1] == "vae: its rows differ in more than latent: hidden"
    results.row("vae-70", [60.0] * 3, method="beta-vae")
    with pytest.raises(UsageError, match=r"rows vae-\* are of several kinds \(beta-vae, vae\)"):
        results.read()


def verdicts(results: Results) -> list[str]:
    """The verdicts: TPS-TVAE, DTVAE, the optimum."""
    return [line.rpartition(": ")[2] for line in results.claims()]


def test_claims_that_hold(results: Results) -> None:
    tps, dtvae, optimum = paper(results).claims()
    assert verdicts(results) == ["holds"] * 3
    assert '"custom models achieve better reconstruction' in tps
    assert "tvae-tps (18 numbers of pose at no KL cost) - vae: " in tps
    # At 20 the seeds are 68.1, 68.1, 67.8 and 71, 71.2, 70.9.
    theirs = ttest_rel([68.1, 68.1, 67.8], [71.0, 71.2, 70.9]).confidence_interval(0.95)
    assert f"-3.03 [{theirs.low:+.2f}, {theirs.high:+.2f}] at 20" in tps
    assert "-1.00 [-1.00, -1.00] at 10, -1.50 [-1.50, -1.50] at 30 nats (paired t, 95 %, 3 seeds): holds" in dtvae
    assert "at 8" not in dtvae, "below the totals of the claim"
    assert "no KL cost" not in dtvae
    assert "vae: at 25, 70.03 ± 0.15 nats: holds" in optimum


def test_lines_are_known_by_method_and_transform(results: Results) -> None:
    results.sweep("a", VAE).sweep("vae", {20: 60, 30: 60}, method="beta-vae")
    results.sweep("b", {20: 68, 30: 68}, method="tvae", pose=TPS)
    results.sweep("tvae-tps", {20: 68, 30: 68}, method="tvae", pose=AFFINE)
    tps, dtvae, optimum = results.claims()
    assert "b (18 numbers of pose at no KL cost) - a: " in tps
    assert dtvae.endswith("no lines of both: not measured")
    assert ", a: at 25" in optimum


def test_between_the_vae_s_totals(results: Results) -> None:
    results.sweep("vae", {10: 80, 20: 70, 30: 70})
    results.sweep("dtvae", {8: 1, 12: 77, 40: 90}, method="dtvae", pose=AFFINE)
    line = results.claims()[1]
    assert "-1.00 [-1.00, -1.00] at 12 nats (paired t, 95 %, 3 seeds; " in line
    assert line.endswith(
        "vae interpolated linearly at 12 from 10 and 20; not compared at 40: vae is of 10 to 30): holds"
    )
    far = Results(results.folder / "b").sweep("vae", {2: 80, 5: 70})
    far.sweep("dtvae", {12: 77, 40: 90}, method="dtvae", pose=AFFINE)
    assert far.claims()[1].endswith("no total of 10 or more in common (vae is of 2 to 5): not measured")


def test_seeds_are_paired_where_all_three_rows_have_them(results: Results) -> None:
    results.row("vae-10", [80, 81, 82]).row("vae-20", [70, 72, 74])
    results.row("dtvae-9", [70, 71, 72], method="dtvae", pose=AFFINE)
    results.row("dtvae-12", [60, 60, 60], method="dtvae", pose=AFFINE)
    results.spoil("mnist-vae-20-s0", "killed")
    vae, dtvae = results.read()[0]
    gap = claims.gap(dtvae.rows[0], vae)
    assert gap is not None
    assert (gap.total, gap.seeds, gap.between) == (15, 2, (10, 20))
    assert gap.mean == pytest.approx(((71 - 76.5) + (72 - 78)) / 2)
    results.spoil("mnist-dtvae-9-s1", "killed")
    gap = claims.gap(results.read()[0][1].rows[0], vae)
    assert gap is not None
    assert (gap.seeds, gap.interval) == (1, None)
    assert gap.mean == pytest.approx((70 + 72) / 2 - (81 + 73) / 2)
    assert "2 seeds; fewer than 2 common seeds at 15: of the means, no interval" in results.claims()[1]


def test_claims_that_do_not_hold(results: Results) -> None:
    results.sweep("vae", {2: 100, 20: 71, 30: 70, 50: 69})
    noisy, tps = (2.0, -2.0, 0.0), {"method": "tvae", "pose": TPS}
    results.row("tvae-tps-2", [70 + one for one in noisy], **tps).row("tvae-tps-12", [75.0] * 3, **tps)
    results.sweep("dtvae", {10: 99, 20: 60}, [0.0], method="dtvae", pose=AFFINE)
    said = results.claims()
    assert said[0].endswith("does not hold (worse at 30; not told apart at 20)")
    assert "(fewer than 2 common seeds: of the means, no interval; " in said[1]
    assert said[1].endswith("does not hold (worse at 10)")
    assert said[2].endswith("vae: at 50, 69.03 ± 0.15 nats: does not hold (outside 20 to 30)")


def test_an_optimum_takes_points_on_both_sides(results: Results) -> None:
    def of(name: str, totals: dict[int, float], noise: Sequence[float] = NOISE) -> str:
        return Results(results.folder / name).sweep("vae", totals, noise).claims()[2]

    assert of("a", {2: 90, 10: 80, 25: 70}).endswith("no larger one measured: not measured")
    assert of("b", {25: 70, 40: 80}).endswith("no smaller one measured: not measured")
    assert of("c", {2: 90, 10: 80, 50: 70}).endswith("no total of 20 to 30: not measured")
    assert of("d", {10: 80, 25: 70, 50: 71}, [0.0]).endswith("vae: at 25, 70.00 nats: holds")
    flat = Results(results.folder / "e").row("vae-10", [90, 91]).row("vae-25", [70, 71]).row("vae-40", [71, 69.5])
    said = "at 40, 70.25 ± 1.06 nats; not told apart from it by their common seeds (paired t, 95 %): 25: does not hold"
    assert said in flat.claims()[2]


@pytest.mark.parametrize("name", ["v", "tvae-tps-normal", "tvae-affine5-full-covariance-of-the-pose"])
@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("totals", [(2, 3, 5, 8, 10, 11, 12, 50), (20, 21), (8, 200, 201)])
def test_words_stay_apart_and_inside(results: Results, name: str, count: int, totals: Sequence[int]) -> None:
    for k in range(count):
        sweep = {total + k % 3 + 6: 60 + 100 / total + k for total in totals}
        results.sweep(f"{name}{k}", sweep, NOISE[: 1 + k % 3], method="tvae", pose=AFFINE)
    drawing = _drawn(results.request(), results.read()[0])
    check_words(drawing)
    xaxis = drawing.axes[0].xaxis
    drawn = {row.total for line in results.read()[0] for row in line.rows}
    assert {*xaxis.get_majorticklocs(), *xaxis.get_minorticklocs()} == drawn


def test_the_same_bytes_whatever_the_ending(results: Results) -> None:
    check_bytes(paper(results))


def test_what_is_refused(results: Results, tmp_path: Path) -> None:
    words = ("figure", "reconstruction-dimension", "--suite", "s", "--out", tmp_path / "a.png")
    assert "no such results folder" in here(*words, results=tmp_path / "none").refusal()
    assert "no records" in here(*words, results=tmp_path).refusal()
    results.planned()
    assert "no records" in results.draw().refusal()
    paper(results).row("copy", [3.0])
    assert "did you mean 's'" in results.draw("--suite", "ss").refusal()
    assert "did you mean 'tvae-tps'" in results.draw("--rows", "vae,tvae-tsp").refusal()
    alone = results.draw("--rows", "vae-5,dtvae-4,copy").refusal()
    assert "no line of rows has two latent dimensions; left out: copy (no latent dimension)" in alone
    results.sweep("vae", VAE, dataset="digits")
    assert "choose one with --dataset: mnist, digits" in results.draw().refusal()
    assert results.draw("--dataset", "digits").code == 0


@pytest.mark.parametrize(
    ("undo", "said"),
    [
        (lambda path: path.unlink(), "no records"),
        (lambda path: path.write_text("{"), "no records"),
        (lambda path: path.write_text(path.read_text().replace("reconstruction_bce", "x")), "no reconstruction_bce"),
        (lambda path: path.write_text(path.read_text().replace('"ok"', '"timeout"')), "(timeout)"),
    ],
)
def test_records_of_no_use(results: Results, undo: Callable[[Path], Any], said: str) -> None:
    results.sweep("vae", VAE)
    for path in results.folder.glob("cells/*/record.json"):
        undo(path)
    assert said in results.draw().refusal()
    assert not list(results.folder.glob("a.*"))


@pytest.mark.parametrize(
    ("label", "latent", "line"),
    [("tvae-tps-12", 12, "tvae-tps"), ("vae-2-100", 2, "vae-100"), ("vae-5-5", 5, "vae-5"), ("vae", 20, "vae")],
)
def test_a_line_is_the_label_without_its_latent(label: str, latent: int, line: str) -> None:
    cell = Cell("id", "digits", label, "vae", 0, {"latent": latent}, {}, "", {})
    assert line_of(cell, "latent") == line
