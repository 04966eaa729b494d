"""Neutral accuracy against n: the data written, what is left out, the claims each way, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_figures import Made, check_bytes
from scipy.stats import ttest_rel

AFTER, BEFORE = "neutral_accuracy", "neutral_accuracy_unfiltered"
NOISE = (0.0, 0.0004, -0.0002)
"""What each seed adds to an accuracy."""
UP = {2: (0.995, 0.985), 3: (0.997, 0.987), 5: (0.9985, 0.9905)}
"""n to the accuracy after and before the filter."""


class Results(Made):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "accuracy-n")

    def row(self, label: str, n: int, after: Sequence[float], before: Sequence[float] = (), **about: Any) -> Results:
        """A row with a seed for each accuracy."""
        for seed, accuracy in enumerate(after):
            scores = {AFTER: accuracy, **({BEFORE: before[seed]} if before else {})}
            self.cell(label, seed, scores, **{"n": n, "weights": None, "filter": "both"} | about)
        return self

    def sweep(self, of: Mapping[int, Sequence[float]] = UP, name: str = "regene", **about: Any) -> Results:
        for n, means in of.items():
            self.row(f"{name}-{n}", n, *([mean + one for one in NOISE] for mean in means), **about)
        return self

    def points(self, *words: object) -> list[tuple[str, str]]:
        """Line and row of the points drawn after the filter."""
        return [(row["line"], row["row"]) for row in self.table(*words) if row["filter"] == "after"]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


def test_the_data_beside_the_figure(results: Results) -> None:
    rows = results.sweep(dict(reversed(UP.items()))).sweep({2: (0.9, 0.8), 3: (0.91, 0.8)}, dataset="digits").table()
    assert [(row["dataset"], row["row"], row["n"], row["filter"]) for row in rows] == [
        *(("mnist", f"regene-{n}", str(n), stage) for stage in ("after", "before") for n in (2, 3, 5)),
        *(("digits", f"regene-{n}", str(n), stage) for stage in ("after", "before") for n in (2, 3)),
    ]
    assert {(row["filter"], row["metric"]) for row in rows} == {("after", AFTER), ("before", BEFORE)}
    assert {(row["seeds"], row["suite"]) for row in rows} == {("0 1 2", "s")}
    assert [row["line"] for row in rows] == [row["dataset"] for row in rows]
    means = [UP[n][stage] + np.mean(NOISE) for stage in (0, 1) for n in (2, 3, 5)]
    assert [float(row["mean"]) for row in rows[:6]] == pytest.approx(means)
    assert [float(row["sd"]) for row in rows] == pytest.approx([np.std(NOISE, ddof=1)] * 10)
    assert {row["dataset"] for row in results.table("--dataset", "digits")} == {"digits"}
    check_bytes(results)


def test_a_line_of_the_options_but_n(results: Results) -> None:
    results.sweep().sweep(name="sure", filter="latent").row("other", 2, [0.9], width=64)
    every = [(f"mnist, {name}", f"{name}-{n}") for name in ("regene", "sure") for n in (2, 3, 5)]
    assert results.points() == every
    assert "other (the only row of its line)" in results.said()
    assert results.points("--rows", "sure,regene-2,regene-5") == [every[0], *every[2:]]


def test_lines_of_one_name_are_called_by_their_first_rows(results: Results) -> None:
    results.row("a-2", 2, [0.9]).row("b-3", 3, [0.9]).row("a-3", 3, [0.9], width=8).row("b-2", 2, [0.9], width=8)
    assert list(dict(results.points())) == ["mnist, a-2", "mnist, b-2"]


def test_rows_that_give_no_point_are_left_out_and_said(results: Results) -> None:
    results.sweep().row("ratio", 2, [0.9] * 3, weights=[0.3, 0.7]).row("regene-9", 9, [0.9] * 3, status="oom")
    results.row("twin", 3, [0.5] * 3).cell("regene-7", 0, {"fid": 1.0}, n=7, weights=None, filter="both")
    results.cell("vae", 0, {AFTER: 0.9}, method="vae")
    assert [row for _, row in results.points()] == ["regene-2", "regene-3", "regene-5"]
    (left_out,) = [line for line in results.said().splitlines() if line.startswith("left out: ")]
    for row in ("ratio (its weights", "regene-9 (oom)", "twin (another row", "regene-7 (no neutral_accuracy)"):
        assert row in left_out


def test_a_row_without_its_n_in_the_label_is_on_the_line_of_the_others(results: Results) -> None:
    results.row("regene", 2, [0.99]).row("regene-3", 3, [0.99]).row("regene-10-90", 2, [0.99], weights=[0.1, 0.9])
    for words in ((), ("--rows", "regene")):
        assert results.points(*words) == [("mnist", "regene"), ("mnist", "regene-3")]
    assert {row["sd"] for row in results.table()} == {""}, "one seed has no deviation"


@pytest.mark.parametrize("status", ["killed", "missing"])
def test_a_seed_without_a_result_is_said(results: Results, status: str) -> None:
    results.sweep().spoil("mnist-regene-3-s1", status)
    assert f"without seed 1 ({status}): regene-3" in results.said()
    assert {row["seeds"] for row in results.table() if row["n"] == "3"} == {"0 2"}
    assert "without seed 1 (not planned): regene-8" in results.row("regene-8", 8, [0.99]).said()


def test_nothing_from_before_the_filter(results: Results) -> None:
    results.row("a-2", 2, [0.95, 0.96]).row("a-3", 3, [0.96, 0.97])
    assert "nothing from before the filter: a-2 of seed 0, 1; a-3 of seed 0, 1" in results.said()
    assert results.verdicts() == ["holds", "not measured", "holds", "not measured"]
    assert {row["filter"] for row in results.table()} == {"after"}


def test_claims_that_hold(results: Results) -> None:
    results.row("r-2", 2, [0.991, 0.992, 0.990], [0.95] * 3).row("r-3", 3, [0.993, 0.995, 0.994], [0.951] * 3)
    assert results.verdicts() == ["holds"] * 4
    theirs = ttest_rel([0.993, 0.995, 0.994], [0.991, 0.992, 0.990]).confidence_interval(0.95)
    said = results.said()
    assert f"+0.0030 [{theirs.low:+.4f}, {theirs.high:+.4f}] (3 seeds) from 2 to 3" in said
    assert "0.9910 ± 0.0010 at 2, 0.9940 ± 0.0010 at 3: holds" in said


def test_level_is_not_falling(results: Results) -> None:
    results.row("r-2", 2, [0.99, 0.991, 0.992]).row("r-3", 3, [0.991, 0.991, 0.99])
    assert "holds (not told apart by 3 seeds from 2 to 3)" in results.said()
    alone = Results(results.folder / "b").row("r-2", 2, [1.0]).row("r-3", 3, [1.0])
    assert "holds (the same from 2 to 3)" in alone.said()


def test_claims_that_do_not_hold(results: Results) -> None:
    results.sweep({2: (0.95, 0.91), 3: (0.97, 0.895), 5: (0.96, 0.89)})
    assert results.verdicts() == ["holds", *["does not hold"] * 3]
    single = Results(results.folder / "b").row("r-2", 2, [0.95]).row("r-3", 3, [0.94])
    assert "-0.0100 (of the means, no interval) from 2 to 3" in single.said()
    assert single.verdicts()[2] == "does not hold"
    elsewhere = Results(results.folder / "c").sweep({2: (0.2, 0.1), 9: (1.0, 1.0)})
    assert elsewhere.verdicts()[:2] == ["does not hold"] * 2


def test_what_is_refused(results: Results) -> None:
    results.cell("vae", 0, {AFTER: 0.9}, method="vae")
    assert "no rows of method regene" in results.draw().refusal()
    results.sweep({2: (0.9, 0.9)})
    assert "nothing to draw" in results.draw().refusal()
    results.sweep({3: (0.9, 0.9)})
    assert "did you mean 'regene'" in results.draw("--rows", "regen").refusal()
    assert "did you mean 'mnist'" in results.draw("--dataset", "mnits").refusal()
    for path in results.folder.glob("cells/*/record.json"):
        path.write_text("{")
    assert "no records" in results.draw().refusal()
    assert not list(results.folder.glob("a.*"))
