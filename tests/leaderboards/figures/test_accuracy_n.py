"""Neutral accuracy against n: the points drawn, what is left out, the claims each way, and what is refused."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_figures import Made, check_bytes, check_words
from scipy.stats import ttest_rel

from leaderboards.figures.accuracy_n import PLOT, _drawn, _stretched, bound, claims, table
from leaderboards.figures.parts.accuracy_n_lines import AFTER, BEFORE, Line, lines
from leaderboards.published import read

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
            metrics = {AFTER: accuracy, **({BEFORE: before[seed]} if before else {})}
            self.cell(label, seed, metrics, **{"n": n, "weights": None, "filter": "both"} | about)
        return self

    def sweep(
        self,
        of: Mapping[int, tuple[float, float]] = UP,
        noise: Sequence[float] = NOISE,
        name: str = "regene",
        **about: Any,
    ) -> Results:
        for n, means in of.items():
            self.row(f"{name}-{n}", n, *([mean + one for one in noise] for mean in means), **about)
        return self

    def read(self, *rows: str) -> tuple[list[Line], list[str]]:
        return lines(self.request(*rows))

    def claims(self) -> list[str]:
        return claims(self.read()[0], read())

    def verdicts(self) -> list[str]:
        """`at least` after and before, then `not falling` after and before, of each line."""
        return [line.rpartition(": ")[2] for line in self.claims()]


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


def test_the_data_beside_the_figure(results: Results) -> None:
    found = results.sweep().sweep({2: (0.98, 0.95), 3: (0.99, 0.96)}, dataset="fashion-mnist").draw()
    assert found.code == 0, found.err
    said = found.out.splitlines()
    assert said[0] == "written: " + ", ".join(str(results.folder / f"a.{e}") for e in ("png", "svg", "csv"))
    assert "section 5.1" in said[1]
    assert len(said) == 2 + 8, "two claims of two data sets, after and before the filter"
    with (results.folder / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["dataset"], row["row"], row["n"], row["filter"]) for row in rows] == [
        *(("mnist", f"regene-{n}", str(n), stage) for stage in ("after", "before") for n in (2, 3, 5)),
        *(("fashion-mnist", f"regene-{n}", str(n), stage) for stage in ("after", "before") for n in (2, 3)),
    ]
    assert {(row["filter"], row["metric"]) for row in rows} == {("after", AFTER), ("before", BEFORE)}
    assert {(row["seeds"], row["suite"]) for row in rows} == {("0 1 2", "s")}
    assert [row["line"] for row in rows] == [row["dataset"] for row in rows]
    means = [UP[n][stage] + np.mean(NOISE) for stage in (0, 1) for n in (2, 3, 5)]
    assert [float(row["mean"]) for row in rows[:6]] == pytest.approx(means)
    assert [float(row["sd"]) for row in rows] == pytest.approx([np.std(NOISE, ddof=1)] * 10)


def test_after_is_filled_and_before_hollow_in_the_line_s_colour(results: Results) -> None:
    drawing = _drawn(results.request(), results.sweep().sweep(dataset="fashion-mnist").read()[0])
    axes = drawing.axes[0]
    *curves, paper = axes.get_lines()
    colours = [line.get_color() for line in curves]
    assert (colours[0], colours[2]) == (colours[1], colours[3])
    assert colours[0] != colours[2]
    assert [line.get_linestyle() for line in curves] == ["--", "-", "--", "-"]
    assert [line.get_markerfacecolor() == "white" for line in curves] == [True, False, True, False]
    assert list(paper.get_ydata()) == [0.9, 0.9]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["mnist", "fashion-mnist", "the paper: at least 0.9"]
    assert list(axes.get_xticks()) == [2, 3, 5]


def test_one_data_set_of_several(results: Results) -> None:
    results.sweep().sweep(dataset="fashion-mnist")
    assert [line.name for line in lines(results.request(dataset="fashion-mnist"))[0]] == ["fashion-mnist"]
    assert "did you mean 'fashion-mnist'" in results.draw("--dataset", "fashon-mnist").refusal()
    drawing = _drawn(results.request(), results.read()[0])
    assert any(text.get_text().startswith("2 data sets, suite s") for text in drawing.texts)


def test_the_bound_is_the_paper_s() -> None:
    assert bound("mnist", read()) == 0.9
    assert bound("mnist", [one for one in read() if one.dataset != "all"]) is None
    assert bound("mnist", [replace(one, source="else") for one in read()]) is None


def test_a_line_of_the_options_but_n(results: Results) -> None:
    results.sweep().sweep(name="sure", filter="latent").row("other", 2, [0.9], width=64)
    found, notes = results.read()
    assert [(line.name, [point.n for point in line.points]) for line in found] == [
        ("mnist, regene", [2, 3, 5]),
        ("mnist, sure", [2, 3, 5]),
    ]
    assert notes[0] == "left out: other (the only row of its line)"
    named = results.read("sure", "regene-2", "regene-5")[0]
    assert [[point.label for point in line.points] for line in named] == [
        ["regene-2", "regene-5"],
        ["sure-2", "sure-3", "sure-5"],
    ]


def test_lines_of_one_name_are_called_by_their_first_rows(results: Results) -> None:
    results.row("a-2", 2, [0.9]).row("b-3", 3, [0.9]).row("a-3", 3, [0.9], width=8).row("b-2", 2, [0.9], width=8)
    assert [line.name for line in results.read()[0]] == ["mnist, a-2", "mnist, b-2"]


def test_rows_that_give_no_point_are_left_out_and_said(results: Results) -> None:
    results.sweep().row("ratio", 2, [0.9] * 3, weights=[0.3, 0.7]).row("regene-9", 9, [0.9] * 3, status="oom")
    results.row("twin", 3, [0.5] * 3).cell("regene-7", 0, {"fid": 1.0}, n=7, weights=None, filter="both")
    results.cell("vae", 0, {AFTER: 0.9}, method="vae")
    found, notes = results.read()
    assert [point.label for point in found[0].points] == ["regene-2", "regene-3", "regene-5"]
    assert notes == [
        "left out: ratio (its weights are given, not 1/n); regene-9 (oom); twin (regene-3 has the same options); "
        "regene-7 (no neutral_accuracy)"
    ]


def test_a_row_without_its_n_in_the_label_is_on_the_line_of_the_others(results: Results) -> None:
    results.row("regene", 2, [0.99]).row("regene-3", 3, [0.99]).row("regene-5", 5, [0.99])
    results.row("regene-10-90", 2, [0.99], weights=[0.1, 0.9])
    for rows in ((), ("regene",)):
        (line,), _ = results.read(*rows)
        assert (line.name, [point.label for point in line.points]) == ("mnist", ["regene", "regene-3", "regene-5"])


def test_rows_in_any_order(results: Results) -> None:
    results.sweep(dict(reversed(UP.items())))
    assert [point.n for point in results.read()[0][0].points] == [2, 3, 5]


@pytest.mark.parametrize("status", ["killed", "missing"])
def test_a_seed_without_a_result_is_said(results: Results, status: str) -> None:
    results.sweep().spoil("mnist-regene-3-s1", status)
    found, notes = results.read()
    assert notes == [f"means over the seeds that there are: regene-3 without seed 1 ({status})"]
    assert list(found[0].of(AFTER)[3].by_seed) == [0, 2]
    assert "2 or 3 seeds" in results.draw().out
    results.sweep(dataset="digits").spoil("digits-regene-3-s1", status)
    assert f"regene-3 on mnist, regene-3 on digits without seed 1 ({status})" in results.read()[1][0]


def test_nothing_from_before_the_filter(results: Results) -> None:
    results.row("a-2", 2, [0.95, 0.96]).row("a-3", 3, [0.96, 0.97])
    found, notes = results.read()
    assert notes == [f"nothing from before the filter: a-2, a-3 (no {BEFORE})"]
    said = claims(found, read())
    assert said[1].endswith("before the filter: no figures: not measured")
    assert said[3].endswith("before the filter: fewer than two n: not measured")
    assert {row["filter"] for row in csv.DictReader(table("s", found).splitlines())} == {"after"}
    assert not any("hollow" in text.get_text() for text in _drawn(results.request(), found).texts)


def test_one_seed_has_no_deviation_and_no_band(results: Results) -> None:
    found = results.sweep(noise=[0.0]).read()[0]
    assert {row["sd"] for row in csv.DictReader(table("s", found).splitlines())} == {""}
    drawing = _drawn(results.request(), found)
    assert "one seed: no band" in [text.get_text() for text in drawing.texts]
    assert not drawing.axes[0].collections
    assert results.claims()[2].endswith(
        "fewer than 2 common seeds: of the means, no interval): holds (rises from 2 to 5)"
    )


def test_claims_that_hold(results: Results) -> None:
    results.row("regene-2", 2, [0.991, 0.992, 0.990], [0.95] * 3).row("regene-3", 3, [0.993, 0.995, 0.994], [0.951] * 3)
    high, _, more, before = results.claims()
    assert high == (
        'at least 0.9 for every n ("all high (≥ 0.9)"), mnist, after the filter: 0.9910 ± 0.0010 at 2, 0.9940 ± 0.0010 at 3: holds'
    )
    theirs = ttest_rel([0.993, 0.995, 0.994], [0.991, 0.992, 0.990]).confidence_interval(0.95)
    assert f"+0.0030 [{theirs.low:+.4f}, {theirs.high:+.4f}] from 2 to 3 (paired t, 95 %, 3 seeds): holds" in more
    assert more.endswith("holds (rises from 2 to 3)")
    assert before.endswith(
        "before the filter: +0.0010 [+0.0010, +0.0010] from 2 to 3 (paired t, 95 %, 3 seeds): holds (rises from 2 to 3)"
    )


def test_level_is_not_falling(results: Results) -> None:
    results.row("r-2", 2, [0.99, 0.991, 0.992]).row("r-3", 3, [0.991, 0.991, 0.99])
    assert results.verdicts()[2] == "holds (not told apart by 3 seeds from 2 to 3)"
    alone = Results(results.folder / "b").row("r-2", 2, [1.0]).row("r-3", 3, [1.0])
    assert alone.verdicts()[2] == "holds (the same from 2 to 3)"


def test_claims_that_do_not_hold(results: Results) -> None:
    results.sweep({2: (0.95, 0.91), 3: (0.97, 0.895), 5: (0.96, 0.89)})
    assert results.verdicts() == [
        "holds",
        "does not hold (below at 3, 5)",
        "does not hold (falls from 3 to 5 by 0.0100)",
        "does not hold (falls from 2 to 3 by 0.0150, 3 to 5 by 0.0050, 2 to 5 by 0.0200)",
    ]
    # No step is told apart from level; the whole way is.
    slow = Results(results.folder / "b").row("r-2", 2, [0.97, 0.968]).row("r-3", 3, [0.964, 0.966])
    slow.row("r-5", 5, [0.96, 0.9582])
    assert slow.verdicts()[2] == "does not hold (falls from 2 to 5 by 0.0099)"


def test_a_seed_below_the_bound_is_said(results: Results) -> None:
    results.row("r-2", 2, [0.95, 0.89]).row("r-3", 3, [0.95, 0.96])
    assert results.verdicts()[0] == "holds (not of seed 1 at 2)"
    assert claims(results.read()[0], [])[0].endswith("no bound of the paper: not measured")


def test_a_scale_with_a_place_for_1() -> None:
    to, back = _stretched(0.001)
    accuracy = np.array([0.0, 0.5, 0.9, 0.99, 0.999, 1.0, 1.001])
    assert back(to(accuracy)) == pytest.approx(accuracy)
    assert (np.diff(to(accuracy)) > 0).all()
    far = to(np.array([0.8, 0.9, 0.98, 0.99]))
    assert far[1] - far[0] == pytest.approx(np.log(2), rel=1e-3), "far from 1 a step halves the error"
    assert far[3] - far[2] == pytest.approx(np.log(2), rel=1e-2)


@pytest.mark.parametrize(
    "of",
    [
        UP,
        {2: (0.999, 0.31), 3: (1.0, 0.5)},
        {2: (1.0, 1.0), 3: (1.0, 1.0)},
        {2: (0.2, 0.1), 9: (0.3, 0.1), 10: (0.4, 0.1)},
    ],
)
def test_all_points_are_apart_from_the_edges(results: Results, of: dict[int, tuple[float, float]]) -> None:
    found = results.sweep(of, [0.0, 0.0]).read()[0]
    axes = _drawn(results.request(), found).axes[0]
    low, high = axes.get_ylim()
    values = [*(value for pair in of.values() for value in pair), 0.9]
    for value in values:
        place = axes.transAxes.inverted().transform(axes.transData.transform((2, value)))[1]
        assert 0.04 * PLOT < place * PLOT < 0.96 * PLOT, value
    assert low < min(values)
    assert high > max(values)
    assert len(axes.get_yticks()) >= 2
    check_words(axes.figure)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["digits", "folder:a-long-name-of-a-folder-of-images"])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_words_stay_apart_and_inside(results: Results, name: str, count: int) -> None:
    for k in range(count):
        of = {n: (0.9 + 0.01 * k + 0.001 * n, 0.8 + 0.01 * k) for n in (2, 3, 4, 5, 50, 51)}
        results.sweep(of, NOISE[: 1 + k % 3], dataset=f"{name}{k}")
    check_words(_drawn(results.request(), results.read()[0]))


def test_the_same_bytes_whatever_the_ending(results: Results) -> None:
    check_bytes(results.sweep())


def test_what_is_refused(results: Results) -> None:
    results.cell("vae", 0, {AFTER: 0.9}, method="vae")
    assert "no rows of method regene" in results.draw().refusal()
    results.sweep({2: (0.9, 0.9)})
    said = results.draw().refusal()
    assert "nothing to draw: no line of rows has two n; left out: regene-2 (the only row of its line)" in said
    results.sweep({3: (0.9, 0.9)})
    assert "did you mean 'regene'" in results.draw("--rows", "regen").refusal()
    for path in results.folder.glob("cells/*/record.json"):
        path.write_text("{")
    assert "no records" in results.draw().refusal()
    assert not list(results.folder.glob("a.*"))
