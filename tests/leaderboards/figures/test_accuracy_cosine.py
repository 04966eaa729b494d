"""Accuracy against cosine: the data written, the Pareto front, the paper's claims both ways, and what is refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers_e2e import here
from helpers_figures import Made, check_bytes
from scipy.stats import ttest_rel

from leaderboards.figures.accuracy_cosine import GRID, accuracy_at, front
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
            lines = ["study,trial,state,seconds,cosine,accuracy,error,value,theta,n"]
            # In an order that is not the curve's, as Optuna's is not; lines of other states do not count.
            for trial, (n, step) in enumerate(itertools.product((5, 1, 3, 2), range(11))):
                cosine, accuracy = of_seed(step / 10 / math.sqrt(n))
                lines.append(f"simple,{trial},complete,0.1,{cosine!r},{accuracy!r},0,0,{step / 10},{n}")
            lines += ["simple,44,fail,,,,,,0.5,1", "simple,45,pruned,0.1,0.5,0.5,0,0,0.5,1"]
            (folder / "trials.csv").write_text("\n".join(lines) + "\n")
        return self

    def two(
        self, elbo: Sequence[float] = (0.08, 0.1, 0.06), mmd: Sequence[float] = (0.09, 0.07, 0.08), reach: float = 0.4
    ) -> Results:
        """Rows of the paper's labels, a slope of accuracy a seed."""
        self.row("elbo-simple-20", [law(slope, reach) for slope in elbo])
        return self.row("mmd-simple-20", [law(slope, reach) for slope in mmd], vae="mmd")

    def labels(self, *words: object) -> list[str]:
        """The rows drawn."""
        return list(dict.fromkeys(line["row"] for line in self.table(*words)))


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


def test_the_data_beside_the_figure(results: Results) -> None:
    assert sorted(GRID) == sorted(itertools.product(THETAS, DRAWS)), "the grid is the method's"
    lines = results.two().table()
    assert [line["row"] for line in lines] == ["elbo-simple-20"] * 44 + ["mmd-simple-20"] * 44
    ours = lines[:44]
    assert [(float(line["theta"]), int(line["n"])) for line in ours] == GRID
    assert {(line["seeds"], line["on_front"]) for line in lines} == {("3", "true")}, "accuracy falls with the cosine"
    expected = {
        "theta_over_sqrt_n": S,
        "cosine_mean": 1 - 0.4 * S**2,
        "cosine_sd": 0 * S,
        "accuracy_mean": 1 - 0.08 * 0.4 * S**2,
        "accuracy_sd": 0.02 * 0.4 * S**2,  # slopes 0.06, 0.08, 0.1: n - 1 gives 0.02
    }
    for name, values in expected.items():
        assert [float(line[name]) for line in ours] == pytest.approx(values), name
    check_bytes(results)
    alone = Results(results.folder / "b").two([0.08], [0.09]).table()
    assert {(line["cosine_sd"], line["accuracy_sd"], line["seeds"]) for line in alone} == {("", "", "1")}


def one_seed(cosine: Any, accuracy: Any) -> pd.DataFrame:
    return pd.DataFrame([pd.concat([pd.Series(cosine), pd.Series(accuracy)], keys=["cosine", "accuracy"])])


@pytest.mark.parametrize("values", [2, 5, 1000])
def test_the_front_is_what_nothing_dominates(values: int) -> None:
    random = np.random.default_rng(values)
    for _ in range(50):
        points = list(map(tuple, random.integers(0, values, (random.integers(1, 45), 2)).tolist()))
        naive = [not any(c <= x and a >= y and (c, a) != (x, y) for c, a in points) for x, y in points]
        assert front(one_seed(*zip(*points, strict=True))).tolist() == naive


def test_accuracy_between_points() -> None:
    scores = one_seed([1.0, 0.6, 0.8, 1.0], [1.0, 0.5, 0.9, 0.8])
    expected = {0.7: 0.7, 0.8: 0.9, 0.6: 0.5, 1.0: 0.9, 0.59: math.nan, 1.01: math.nan}  # at 1.0: the mean of two
    assert [accuracy_at(scores, cosine)[0] for cosine in expected] == pytest.approx(
        list(expected.values()), nan_ok=True
    )


def test_claims_that_hold(results: Results) -> None:
    assert results.two().verdicts() == ["holds"] * 5
    said = results.said()
    # At 0.75 accuracy is 1 - 0.25 slope; the lowest point above 0.9 is at s = 0.4949, 0.7 / sqrt(2).
    assert "elbo-simple-20: lowest 0.9922 ± 0.0020 (theta 0.7, n 2)" in said
    assert "mmd-simple-20: 0.9800 ± 0.0025: holds" in said
    theirs = ttest_rel([-0.02, -0.025, -0.015], [-0.0225, -0.0175, -0.02]).confidence_interval(0.95)
    assert f"[{theirs.low:+.4f}, {theirs.high:+.4f}] (3 seeds) at 0.75" in said


def test_claims_that_do_not_hold(results: Results) -> None:
    found = results.two((0.15, 0.2, 0.17), (0.4, 0.5, 0.45)).verdicts()
    assert found == [*["does not hold"] * 2, "holds", *["does not hold"] * 2]
    always = Results(results.folder / "b").two((0.08, 0.08, 0.08), (0.0801, 0.0801, 0.0801))
    assert always.verdicts() == [*["holds"] * 4, "does not hold"], "a difference without spread is one, however small"
    dip = Results(results.folder / "c").row("one", [lambda s: (1 - 0.4 * s * s, 0.95 if s == 0.2 else 1.0)] * 2)
    assert dip.verdicts()[0] == "does not hold", "a single point above breaks the claim"


def test_claims_that_cannot_be_told(results: Results) -> None:
    results.row("elbo-simple-20", [law(0.05), law(0.05, reach=0.2)])
    results.row("mmd-simple-20", [law(0.05, reach=0.05), law(0.05, reach=0.08)], vae="mmd")
    assert results.verdicts() == ["holds", *["can't be told"] * 4]
    assert "elbo-simple-20: not reached by seed 1" in results.said()
    # A curve that ends early may still break a claim.
    broken = Results(results.folder / "b").row("elbo-simple-20", [law(1, reach=0.05)] * 2)
    assert broken.verdicts() == ["does not hold", "can't be told", "can't be told"]
    assert "no rows of both" in broken.said()
    assert Results(results.folder / "c").two([0.05], [0.06, 0.07]).verdicts()[-1] == "can't be told"


def test_rows_that_are_drawn(results: Results) -> None:
    results.row("a", [law(0.1)], latent=64).row("b", [law(0.1)], latent=10).row("c", [law(0.1)], latent=10, vae="mmd")
    results.row("d", [law(0.1)], latent=10, vae="mmd", generator="medium1").row("e", [law(0.1)], theta=0.5)
    assert results.labels() == ["b", "c"]
    assert results.labels("--rows", "d,a") == ["d", "a"]
    assert len(results.verdicts("--rows", "a,b,c")) == 7, "rows of 64 and 10 latents are not compared"
    assert results.two([0.1] * 2, [0.1] * 2).labels() == ["elbo-simple-20", "mmd-simple-20"]
    results.cells = [cell for cell in results.cells if cell["seed"] == 1]
    results.planned()
    assert {line["seeds"] for line in results.table()} == {"1"}, "only the latest plan's cells count"
    alone = Results(results.folder / "alone").row("a", [law(0.1)], latent=64).row("c", [law(0.1)], vae="mmd")
    assert alone.labels() == ["a", "c"]


def test_what_is_refused(results: Results, tmp_path: Path) -> None:
    words = ("figure", "accuracy-cosine", "--suite", "s", "--out", tmp_path / "a.png")
    assert "no such results folder" in here(*words, results=tmp_path / "none").refusal()
    assert "no records" in here(*words, results=tmp_path).refusal()
    assert "did you mean 'accuracy-cosine'" in here("figure", "acuracy-cosine").refusal()
    assert "--suite" in here("figure", "accuracy-cosine", "--out", "a.png").refusal()
    assert "--out" in here("figure", "accuracy-cosine", "--suite", "s").refusal()
    assert here("figure").out.startswith("accuracy-cosine ")
    results.two().row("given", [law(0.1)], theta=0.5)
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
    assert results.labels("--dataset", "digits") == ["elbo-simple-20"]
    other = Results(tmp_path / "other")
    other.cell("vae", 0, {}, method="vae")
    assert "no rows of method latent-generator" in other.draw().refusal()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(",complete,", ",pruned,", 1),
        lambda text: text.replace("simple,3,", "other,3,", 1),
        lambda text: text.replace(",0.1,1.0,", ",0.1,nan,", 1),
        lambda text: text.replace(",0.1,1.0,", ",0.1,high,", 1),
        lambda text: text.replace("accuracy", "acuracy"),
        lambda text: text + "a,line,of,too,many,commas,1,2,3,4,5,6\n",
        lambda text: "",
        None,
    ],
)
def test_a_grid_that_is_not_whole(results: Results, spoil: Callable[[str], str] | None) -> None:
    path = results.two().folder / "cells" / "mnist-mmd-simple-20-s1" / "trials.csv"
    path.write_text("") if spoil is None else path.write_text(spoil(path.read_text()))
    if spoil is None:
        path.unlink()
    assert "row mmd-simple-20, seed 1" in results.draw().refusal()
    assert not (results.folder / "a.png").exists()
    results.spoil("mnist-mmd-simple-20-s1", "killed")
    assert "row mmd-simple-20, seed 1: its record is killed" in results.draw().refusal()
