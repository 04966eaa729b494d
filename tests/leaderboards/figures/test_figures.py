"""Figures from records: the numbers drawn, the Pareto front, the paper's claims both ways, the same bytes, and what is refused."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_e2e import here
from helpers_figures import Made, check_bytes, check_words
from scipy.stats import ttest_rel

from leaderboards.figures.accuracy_cosine import _drawn, table, table_4
from leaderboards.figures.base import Request
from leaderboards.figures.parts import claims
from leaderboards.figures.parts.grid import GRID, Row, accuracy_at, pareto, rows
from leaderboards.published import read
from leaderboards.stats import interval
from methods.latent_generator import DRAWS, THETAS

Law = Callable[[float], tuple[float, float]]
S = np.array([theta / math.sqrt(n) for theta, n in GRID])


def law(slope: float, reach: float = 0.4) -> Law:
    """Cosine and accuracy of s = theta / sqrt(n): accuracy is 1 - slope (1 - cosine), down to a cosine of 1 - reach."""
    return lambda s: (1 - reach * s * s, 1 - slope * reach * s * s)


class Results(Made):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "accuracy-cosine")

    def row(self, label: str, laws: Sequence[Law], dataset: str = "mnist", **options: Any) -> Results:
        """A row with a seed for each law."""
        full = {"latent": 20, "vae": "elbo", "generator": "simple", "theta": None, "n": 1} | options
        for seed, of_seed in enumerate(laws):
            folder = self.cell(label, seed, {}, dataset, "latent-generator", **full)
            self.grid(folder.name, of_seed)
        return self

    def file(self, cell: str) -> Path:
        return self.folder / "cells" / cell / "trials.csv"

    def grid(self, cell: str, of_cell: Law) -> None:
        lines = ["study,trial,state,seconds,cosine,accuracy,error,value,theta,n"]
        # In an order that is not the curve's, as Optuna's is not.
        for trial, (n, step) in enumerate(itertools.product((5, 1, 3, 2), range(11))):
            cosine, accuracy = of_cell(step / 10 / math.sqrt(n))
            lines.append(f"simple,{trial},complete,0.1,{cosine!r},{accuracy!r},0,0,{step / 10},{n}")
        self.file(cell).parent.mkdir(exist_ok=True)
        self.file(cell).write_text("\n".join(lines) + "\n")

    def rows(self, *labels: str) -> list[Row]:
        return rows(self.request(*labels))


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


def two(
    results: Results, elbo: Sequence[float] = (0.08, 0.1, 0.06), mmd: Sequence[float] = (0.09, 0.07, 0.08)
) -> Results:
    """Rows of the paper's labels, a slope of accuracy a seed."""
    results.row("elbo-simple-20", [law(slope) for slope in elbo])
    return results.row("mmd-simple-20", [law(slope) for slope in mmd], vae="mmd")


def test_the_grid_is_the_method_s() -> None:
    assert sorted(GRID) == sorted(itertools.product(THETAS, DRAWS))
    assert len(GRID) == 44
    assert (np.diff(S) >= 0).all()


def test_the_data_beside_the_figure(results: Results) -> None:
    two(results)
    found = results.draw()
    assert found.code == 0, found.err
    assert found.out.splitlines()[0] == "written: " + ", ".join(
        str(results.folder / f"a.{e}") for e in ("png", "svg", "csv")
    )
    with (results.folder / "a.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == [
        *("row", "theta", "n", "theta_over_sqrt_n", "cosine_mean", "cosine_sd", "accuracy_mean", "accuracy_sd"),
        *("seeds", "on_front"),
    ]
    assert [line["row"] for line in lines] == ["elbo-simple-20"] * 44 + ["mmd-simple-20"] * 44
    ours = lines[:44]
    assert [(float(line["theta"]), int(line["n"])) for line in ours] == GRID
    assert {line["seeds"] for line in lines} == {"3"}
    assert {line["on_front"] for line in lines} == {"true"}, "accuracy falls with the cosine: no point is dominated"

    def column(name: str) -> list[float]:
        return [float(line[name]) for line in ours]

    assert column("theta_over_sqrt_n") == pytest.approx(S)
    assert column("cosine_mean") == pytest.approx(1 - 0.4 * S**2)
    assert column("cosine_sd") == pytest.approx(0 * S)
    assert column("accuracy_mean") == pytest.approx(1 - 0.08 * 0.4 * S**2)
    assert column("accuracy_sd") == pytest.approx(0.02 * 0.4 * S**2)  # slopes 0.06, 0.08, 0.1: n - 1 gives 0.02


def test_one_seed_has_no_deviation_and_no_band(results: Results) -> None:
    two(results, [0.08], [0.09])
    found = results.rows()
    lines = list(csv.DictReader(table(found).splitlines()))
    assert {(line["cosine_sd"], line["accuracy_sd"], line["seeds"]) for line in lines} == {("", "", "1")}
    drawing = _drawn(Request("s", results.folder, Path("x.png")), found)
    assert "one seed: no band" in [text.get_text() for text in drawing.texts]
    assert not drawing.axes[0].collections


def naive(cosine: np.ndarray, accuracy: np.ndarray) -> list[bool]:
    points = list(zip(cosine.tolist(), accuracy.tolist(), strict=True))
    return [not any(c <= x and a >= y and (c, a) != (x, y) for c, a in points) for x, y in points]


@pytest.mark.parametrize("values", [2, 5, 1000])
def test_the_front_is_what_nothing_dominates(values: int) -> None:
    random = np.random.default_rng(values)
    for _ in range(200):
        cosine, accuracy = random.integers(0, values, (2, random.integers(1, 45))).astype(float)
        assert pareto(cosine, accuracy).tolist() == naive(cosine, accuracy)


def test_accuracy_between_points() -> None:
    cosine, accuracy = np.array([1.0, 0.6, 0.8, 1.0]), np.array([1.0, 0.5, 0.9, 0.8])
    assert accuracy_at(0.7, cosine, accuracy) == pytest.approx(0.7)
    assert accuracy_at(0.8, cosine, accuracy) == pytest.approx(0.9)
    assert accuracy_at(0.6, cosine, accuracy) == pytest.approx(0.5)
    assert accuracy_at(1.0, cosine, accuracy) == pytest.approx(0.9), "two points at 1.0: their mean"
    assert accuracy_at(0.59, cosine, accuracy) is None
    assert accuracy_at(1.01, cosine, accuracy) is None


def test_the_interval_is_the_paired_t_test_s() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 5))
    theirs = ttest_rel(one, other).confidence_interval(0.95)
    assert interval(list(one - other)) == pytest.approx((theirs.low, theirs.high))
    assert interval([0.5, 0.5]) == (0.5, 0.5)


def verdicts(found: Sequence[Row]) -> list[str]:
    """The verdicts: near 100 % of each row, > 95 % of each row, no difference."""
    return [line.rpartition(": ")[2] for line in claims.lines(found)]


def test_claims_that_hold(results: Results) -> None:
    lines = claims.lines(two(results).rows())
    assert verdicts(results.rows()) == [*["holds"] * 4, "holds (not told apart by 3 seeds)"]
    # At 0.9 accuracy is 1 - 0.1 slope, at 0.75 1 - 0.25 slope; the lowest point above 0.9 is at s = 0.4949, 0.7 / sqrt(2).
    assert "elbo-simple-20: 0.9920 ± 0.0020 at 0.9; lowest above it 0.9922 ± 0.0020 (theta 0.7, n 2)" in lines[0]
    assert "mmd-simple-20: 0.9800 ± 0.0025 at 0.75: holds" in lines[3]
    low, high = interval([0.25 * d for d in (0.01, -0.03, 0.02)])
    assert f"elbo-simple-20 - mmd-simple-20: +0.0000 [{low:+.4f}, {high:+.4f}] at 0.75" in lines[4]
    assert "3 seeds" in lines[4]


def test_claims_that_do_not_hold(results: Results) -> None:
    found = two(results, (0.15, 0.2, 0.17), (0.4, 0.5, 0.45)).rows()
    assert verdicts(found) == [*["does not hold"] * 2, "holds", *["does not hold"] * 2]
    found = two(Results(results.folder / "b"), (0.08, 0.08, 0.08), (0.0801, 0.0801, 0.0801)).rows()
    assert verdicts(found) == [*["holds"] * 4, "does not hold"], "a difference without spread is one, however small"


def test_a_single_point_above_breaks_the_claim(results: Results) -> None:
    def dip(s: float) -> tuple[float, float]:
        cosine, accuracy = law(0.05)(s)
        return cosine, 0.95 if s == 0.2 else accuracy

    line = claims.lines(results.row("elbo-simple-20", [dip, dip]).rows())[0]
    assert "lowest above it 0.9500 ± 0.0000 (theta 0.2, n 1)" in line
    assert line.endswith("does not hold")


def test_claims_that_cannot_be_told(results: Results) -> None:
    results.row("elbo-simple-20", [law(0.05), law(0.05, reach=0.2)])
    results.row("mmd-simple-20", [law(0.05, reach=0.05), law(0.05, reach=0.08)], vae="mmd")
    lines = claims.lines(results.rows())
    assert verdicts(results.rows()) == ["holds", *["can't be told"] * 4]
    assert "0.9 is not reached by 2 of 2 seeds (cosine 0.9200 to 1.0000)" in lines[1]
    assert "0.75 is not reached by seed 1 (cosine 0.8000 to 1.0000)" in lines[2]
    assert "0.75 is not reached by elbo-simple-20 and mmd-simple-20, 0.9 is not reached by mmd-simple-20" in lines[4]
    # A curve that ends early may still break a claim.
    broken = Results(results.folder / "b").row("elbo-simple-20", [law(1, reach=0.05)] * 2).rows()
    assert verdicts(broken) == ["does not hold", "can't be told", "can't be told"]
    assert "no rows of both" in claims.lines(broken)[-1]
    one = two(Results(results.folder / "c"), [0.05], [0.06, 0.07]).rows()
    assert claims.lines(one)[-1].endswith("1 common seed(s), an interval takes two: can't be told")


def test_only_as_many_latents_are_compared(results: Results) -> None:
    two(results).row("mmd-simple-10", [law(0.1)] * 2, vae="mmd", latent=10)
    said = claims.lines(results.rows("elbo-simple-20", "mmd-simple-20", "mmd-simple-10"))
    assert [line for line in said if line.startswith("no difference")] == [said[-1]]
    assert "elbo-simple-20 - mmd-simple-20" in said[-1]


def test_rows_that_are_drawn_unasked(results: Results) -> None:
    results.row("a", [law(0.1)], latent=64).row("b", [law(0.1)], latent=10).row("c", [law(0.1)], latent=10, vae="mmd")
    results.row("d", [law(0.1)], latent=10, vae="mmd", generator="medium1").row("e", [law(0.1)], theta=0.5)
    assert [row.label for row in results.rows()] == ["b", "c"]
    two(results)
    assert [row.label for row in results.rows()] == ["elbo-simple-20", "mmd-simple-20"]
    assert [row.label for row in results.rows("d", "a")] == ["d", "a"]
    alone = Results(results.folder / "alone").row("a", [law(0.1)], latent=64).row("c", [law(0.1)], vae="mmd")
    assert [row.label for row in alone.rows()] == ["a", "c"]


def test_only_the_latest_plan_s_cells_count(results: Results) -> None:
    two(results, (0.1, 0.2), (0.1, 0.2))
    results.cells = [cell for cell in results.cells if cell["seed"] == 1]
    results.planned()
    assert [row.seeds for row in results.rows()] == [[1], [1]]
    assert results.rows()[0].accuracy[0] == pytest.approx(1 - 0.2 * 0.4 * S**2)


def test_lines_of_other_states_do_not_count(results: Results) -> None:
    path = two(results).file("mnist-elbo-simple-20-s0")
    before = results.rows()[0].accuracy
    path.write_text(path.read_text() + "simple,44,fail,,,,,,0.5,1\nsimple,45,pruned,0.1,0.5,0.5,0,0,0.5,1\n")
    assert (results.rows()[0].accuracy == before).all()


def test_the_paper_s_points(results: Results) -> None:
    found = two(results).rows()
    assert table_4(found, read()) == [(0, 0.92, 0.995), (1, 0.887, 0.9968)]
    assert table_4(found[1:], read()) == [(0, 0.887, 0.9968)]
    assert table_4(results.row("mmd-simple", [law(0.1)]).rows("mmd-simple"), read()) == []
    elsewhere = Results(results.folder / "b").row("mmd-simple-20", [law(0.1)], dataset="digits").rows()
    assert table_4(elsewhere, read()) == []


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("reach", [0.9, 0.02])
def test_words_stay_apart_and_inside(results: Results, count: int, reach: float) -> None:
    for k in range(count):
        results.row(f"mmd-simple-{k}-objective", [law(0.1 * k, reach)] * 2)
    table_4_s = [one for one in read() if one.method == "mmd-simple-20"]
    near = [replace(one, method=f"mmd-simple-{k}-objective") for k in range(min(count, 2)) for one in table_4_s]
    drawing = _drawn(Request("s", results.folder, Path("x.png"), published=near), results.rows())
    assert len(drawing.axes[0].texts) == min(count, 2)
    check_words(drawing)


def test_the_same_bytes_whatever_the_ending(results: Results) -> None:
    check_bytes(two(results))


def test_a_broken_record_elsewhere_does_not_matter(results: Results) -> None:
    two(results)
    other = results.folder / "cells" / "x"
    other.mkdir()
    (other / "record.json").write_text("{")
    assert results.draw().code == 0


def test_names(results: Results) -> None:
    listed = here("figure")
    assert listed.code == 0
    assert listed.out.startswith("accuracy-cosine ")
    assert "accuracy-cosine" in here("figure", "--help").out
    assert "did you mean 'accuracy-cosine'" in here("figure", "acuracy-cosine").refusal()
    assert "--suite" in here("figure", "accuracy-cosine", "--out", "a.png").refusal()
    assert "--out" in here("figure", "accuracy-cosine", "--suite", "s").refusal()


def test_what_is_refused(results: Results, tmp_path: Path) -> None:
    none = tmp_path / "none"
    words = ("figure", "accuracy-cosine", "--suite", "s", "--out", tmp_path / "a.png")
    assert f"{none}: no such results folder" in here(*words, results=none).refusal()
    assert "no records" in here(*words, results=tmp_path).refusal()
    two(results).row("given", [law(0.1)], theta=0.5)
    assert "did you mean 's'" in results.draw("--suite", "ss").refusal()
    assert "did you mean 'mmd-simple-20'" in results.draw("--rows", "mmd-simple").refusal()
    assert "at least one" in results.draw("--rows", ",").refusal()
    assert "row given: its theta is given" in results.draw("--rows", "given").refusal()
    assert "a.pdf" in results.draw(out="a.pdf").refusal()
    assert f"no folder {tmp_path / 'x'}" in results.draw(out="x/a.png").refusal()
    (tmp_path / "b.csv").mkdir()
    assert "b.csv is a folder" in results.draw(out="b.png").refusal()
    assert "did you mean 'mnist'" in results.draw("--dataset", "mnits").refusal()
    results.row("elbo-simple-20", [law(0.1)], dataset="digits")
    assert "choose one with --dataset: mnist, digits" in results.draw().refusal()
    assert results.draw("--dataset", "digits").code == 0
    other = Results(tmp_path / "other")
    other.cell("vae", 0, {}, method="vae")
    assert "no rows of method latent-generator" in other.draw().refusal()
    assert not list(tmp_path.glob("x*"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace(",complete,", ",pruned,", 1), "43 complete points"),
        (lambda text: text.rsplit("simple,", 1)[0], "43 complete points"),
        (lambda text: text.replace(",0.1,1.0,", ",0.1,nan,", 1), "43 complete points"),
        (lambda text: text.replace(",0.1,1.0,", ",0.1,high,", 1), "not a search's table (ValueError"),
        (lambda text: text.replace("accuracy", "acuracy"), "KeyError: 'accuracy'"),
        (lambda text: "", "0 complete points"),
        (None, "trials.csv"),
    ],
)
def test_a_grid_that_is_not_whole(results: Results, spoil: Callable[[str], str] | None, said: str) -> None:
    path = two(results).file("mnist-mmd-simple-20-s1")
    if spoil is None:
        path.unlink()
    else:
        path.write_text(spoil(path.read_text()))
    line = results.draw().refusal()
    assert "row mmd-simple-20, seed 1" in line
    assert said in line
    assert not (results.folder / "a.png").exists()
    assert results.draw("--rows", "elbo-simple-20").code == 0


@pytest.mark.parametrize("status", ["killed", "missing"])
def test_a_seed_without_a_result(results: Results, status: str) -> None:
    two(results)
    results.spoil("mnist-mmd-simple-20-s2", status)
    assert f"row mmd-simple-20: its record of seed 2 is {status}" in results.draw().refusal()
