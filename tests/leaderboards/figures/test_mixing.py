"""Accuracy and distance of mixtures against alpha: the points drawn, FID or not, the claims each way, and what is refused."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers_figures import Made, check_bytes, check_words
from scipy.stats import ttest_rel

from leaderboards.figures.mixing import _drawn, claims, table
from leaderboards.figures.parts.mixing_rows import ACCURACY, ALPHAS, FD, FID, Row, distance, rows

Law = Callable[[float], float]
HEADER = "alpha,neutral_accuracy,fd_neutral,fid"


class Results(Made):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "mixing")

    def row(
        self,
        label: str,
        accuracies: Sequence[Law],
        fd: Law = lambda alpha: 20 * alpha,
        fid: Law | None = lambda alpha: 10 * alpha,
        dataset: str = "mnist",
    ) -> Results:
        """A row with a seed for each accuracy as a function of alpha."""
        for seed, accuracy in enumerate(accuracies):
            folder = self.cell(label, seed, {}, dataset=dataset)
            lines = [HEADER]
            for alpha in ALPHAS:
                figures = [alpha, accuracy(alpha), (1 + seed / 100) * fd(alpha)]
                lines.append(",".join(map(repr, figures)) + "," + (repr(fid(alpha)) if fid else ""))
            (folder / "mixing.csv").write_text("\n".join(lines) + "\n")
        return self

    def file(self, cell: str) -> Path:
        return self.folder / "cells" / cell / "mixing.csv"

    def read(self, *labels: str) -> tuple[list[Row], list[str]]:
        return rows(self.request(*labels))

    def verdicts(self) -> list[str]:
        """Of accuracy and of distance, of each row."""
        found = self.read()[0]
        return [line.rpartition(": ")[2] for line in claims(found, distance(found)[0])[len(found) :]]


def falling(by: float, start: float = 0.995) -> Law:
    return lambda alpha: start - by * alpha**2


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


def paper(results: Results, dataset: str = "mnist") -> Results:
    results.row("regene", [falling(by) for by in (0.02, 0.024, 0.022)], dataset=dataset)
    return results.row("vae", [falling(by) for by in (0.05, 0.06)], fd=lambda alpha: 40 * alpha, dataset=dataset)


def test_the_data_beside_the_figure(results: Results) -> None:
    found = paper(results).draw()
    assert found.code == 0, found.err
    said = found.out.splitlines()
    assert said[0] == "written: " + ", ".join(str(results.folder / f"a.{e}") for e in ("png", "svg", "csv"))
    assert "vae without seed 2 (not planned)" in said[1]
    assert said[2].startswith("claims of 001_9c71068f65ebe130.txt, section 5.4, here on mnist")
    assert said[3] == (
        "regene: accuracy 0.9950 ± 0.0000 at 0, 0.9895 ± 0.0005 at 0.5, 0.9730 ± 0.0020 at 1; "
        "FID 0.00 ± 0.00 at 0, 5.00 ± 0.00 at 0.5, 10.00 ± 0.00 at 1"
    )
    with (results.folder / "a.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["row"], line["metric"]) for line in lines[::11]] == [
        *(("regene", metric) for metric in (ACCURACY, FID)),
        *(("vae", metric) for metric in (ACCURACY, FID)),
    ]
    assert [float(line["alpha"]) for line in lines] == ALPHAS * 4
    assert [line["seeds"] for line in lines] == ["0 1 2"] * 22 + ["0 1"] * 22
    assert {(line["suite"], line["dataset"]) for line in lines} == {("s", "mnist")}
    assert [float(line["mean"]) for line in lines[:11]] == pytest.approx([0.995 - 0.022 * a**2 for a in ALPHAS])
    assert [float(line["sd"]) for line in lines[:11]] == pytest.approx([0.002 * a**2 for a in ALPHAS])


def test_two_panels_of_one_axis(results: Results) -> None:
    found = paper(results).read()[0]
    drawing = _drawn(results.request(), found, FID)
    upper, lower = sorted(drawing.axes, key=lambda axes: -axes.get_position().y0)
    assert upper.get_shared_x_axes().joined(upper, lower)
    assert upper.get_position().y0 > lower.get_position().y1
    assert "accuracy" in upper.get_ylabel()
    for axes, metric in ((upper, ACCURACY), (lower, FID)):
        for line, row in zip(axes.get_lines(), found, strict=True):
            assert list(line.get_xdata()) == ALPHAS
            assert list(line.get_ydata()) == [one.mean() for one in row.of(metric).values()]
        assert len({line.get_color() for line in axes.get_lines()}) == len(found)


def test_no_fid_where_a_row_has_none(results: Results) -> None:
    paper(results).row("cvae", [falling(0.1)], fid=None)
    other, notes = distance(results.read()[0])
    assert other == FD
    assert notes[0].startswith("FID is not drawn (cvae without it)")
    assert distance(results.read("regene", "vae")[0]) == (FID, [])
    drawing = _drawn(results.request(), results.read()[0], FD)
    assert {"accuracy (neutral classifier)", "Fréchet distance, neutral features"} == {
        axes.get_ylabel() for axes in drawing.axes
    }
    assert any("which is no FID" in text.get_text() for text in drawing.texts)
    assert "FID" not in "".join(claims(results.read()[0], FD)).replace("increases FID", "")
    assert "FID is not drawn (no row has it)" in results.draw("--rows", "cvae").out
    first = results.file("mnist-vae-s1")
    first.write_text("\n".join([HEADER, *(f"{a},0.9,{a}," for a in ALPHAS)]))
    assert distance(results.read("vae")[0])[0] == FD, "a seed without it is enough"


def test_one_seed_has_no_deviation_and_no_band(results: Results) -> None:
    found = results.row("regene", [falling(0.1)]).read()[0]
    assert {line["sd"] for line in csv.DictReader(table("s", found, FID).splitlines())} == {""}
    drawing = _drawn(results.request(), found, FID)
    assert "one seed: no band" in [text.get_text() for text in drawing.texts]
    assert not any(axes.collections for axes in drawing.axes)


def test_claims_that_hold(results: Results) -> None:
    results.row("regene", [falling(by) for by in (0.02, 0.024, 0.022)])
    found = results.read()[0]
    figures, accuracy, far = claims(found, FID)
    assert figures.startswith("regene: ")
    theirs = ttest_rel([0.975, 0.971, 0.973], [0.995] * 3).confidence_interval(0.95)
    assert f"-0.0220 [{theirs.low:+.4f}, {theirs.high:+.4f}] from 0 to 1 (paired t, 95 %, 3 seeds)" in accuracy
    assert accuracy.endswith("holds (falls from 0 to 1)")
    assert far.startswith("FID rises with alpha")
    assert far.endswith("holds (rises from 0 to 1)")


def test_claims_that_do_not_hold(results: Results) -> None:
    results.row("regene", [lambda a: 0.9 + 0.05 * a] * 2, fid=lambda a: 5 - 4 * a if a > 0.85 else 10 * a)
    accuracy, far = results.verdicts()
    assert accuracy.startswith("does not hold (rises from 0 to 0.1 by 0.0050, 0.1 to 0.2 by 0.0050")
    assert far == "does not hold (falls from 0.8 to 0.9 by 6.60, 0.9 to 1 by 0.40)"
    level = Results(results.folder / "b").row("regene", [lambda a: 0.9 + 0.01 * a, lambda a: 0.9 - 0.011 * a])
    assert level.verdicts()[0] == "can't be told (not told apart by 2 seeds from 0 to 1)"
    flat = Results(results.folder / "c").row("regene", [lambda a: 0.9])
    assert flat.verdicts()[0] == "does not hold (the same from 0 to 1)"


def test_a_step_against_the_way_that_seeds_do_not_tell_apart(results: Results) -> None:
    def bump(by: float) -> Law:
        return lambda a: 0.99 - 0.1 * a + (by if a == 0.5 else 0)

    results.row("regene", [bump(0.011), bump(0.012), bump(0.009)])
    assert results.verdicts()[0] == "holds (falls from 0 to 1; rises from 0.4 to 0.5, not told apart from level)"
    sure = Results(results.folder / "b").row("regene", [bump(0.02), bump(0.0201)])
    assert sure.verdicts()[0] == "does not hold (rises from 0.4 to 0.5 by 0.0101)"


def test_rows_without_the_file_are_not_drawn_unasked(results: Results) -> None:
    paper(results).cell("copy", 0, {})
    results.cell("dead", 0, {}, status="oom")
    found, notes = results.read()
    assert [row.label for row in found] == ["regene", "vae"]
    assert notes[0] == "left out: copy (no mixing.csv); dead (oom)"
    for label, why in (("copy", "no mixing.csv"), ("dead", "oom")):
        assert f"row {label}: {why}: set evaluation.mixing = true" in results.draw("--rows", f"vae,{label}").refusal()
    assert results.draw("--rows", "vae").code == 0


@pytest.mark.parametrize("status", ["killed", "missing"])
def test_a_seed_without_a_result_is_said(results: Results, status: str) -> None:
    results.row("regene", [falling(by) for by in (0.02, 0.024, 0.022)]).spoil("mnist-regene-s1", status)
    results.file("mnist-regene-s0").unlink()
    found, notes = results.read()
    assert list(found[0].by_seed) == [2]
    why = f"regene without seeds 0 (no mixing.csv), 1 ({status})"
    assert notes == [f"means over the seeds that there are: {why}"]


def test_rows_of_the_same_figures_are_one_line(results: Results) -> None:
    results.row("regene", [falling(0.1)]).row("regene-3", [falling(0.1)]).row("vae", [falling(0.2)])
    found, notes = results.read()
    assert [row.label for row in found] == ["regene", "vae"]
    assert notes == ["the same figures, one line: regene, regene-3"]
    found, notes = results.read("regene", "regene-3")
    assert [row.label for row in found] == ["regene", "regene-3"], "named rows are all drawn"
    assert notes == ["the same figures, one line: regene, regene-3"]


def test_reference_rows_are_drawn_where_they_are_named(results: Results) -> None:
    results.references = ["mean-image"]
    results.row("mean-image", [lambda a: 0.995 - 0.9 * a])
    assert [row.label for row in results.read()[0]] == ["mean-image"], "there is no other"
    results.row("regene", [falling(0.1)])
    found, notes = results.read()
    assert [row.label for row in found] == ["regene"]
    assert notes == ["left out: mean-image (a reference row)"]
    assert [row.label for row in results.read("regene", "mean-image")[0]] == ["mean-image", "regene"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: "", "its header is not there"),
        (lambda text: text.replace("fid", "FID"), "its header is alpha,neutral_accuracy,fd_neutral,FID, not alpha"),
        (lambda text: text.rsplit("1.0,", 1)[0], "alpha is not 0, 0.1 ... 1"),
        (lambda text: HEADER + "\n", "alpha is not 0, 0.1 ... 1"),
        (lambda text: text.replace("\n0.5,", "\n0.55,"), "alpha is not 0, 0.1 ... 1"),
        (lambda text: text.replace("\n0.5,", "\nhalf,"), "could not convert string to float: 'half'"),
        (lambda text: text.replace("\n0.5,", "\n0.5,7,"), "not every line has 4 values"),
        (lambda text: text.replace(",10.0\n", ",\n"), "could not convert string to float: ''"),
        (lambda text: text.replace(",10.0\n", ",nan\n"), "fid is not finite throughout"),
        (lambda text: text.replace("\n0.0,0.995,", "\n0.0,99.5,"), "neutral_accuracy is not from 0 to 1 throughout"),
        (lambda text: text.replace("\n0.0,0.995,", "\n0.0,\x00,"), "row vae, seed 1"),
    ],
)
def test_a_broken_file(results: Results, spoil: Callable[[str], str], said: str) -> None:
    path = paper(results).file("mnist-vae-s1")
    before = path.read_text()
    path.write_text(spoil(before))
    assert path.read_text() != before
    line = results.draw().refusal()
    assert f"row vae, seed 1: {path} is not a table of mixtures" in line
    assert said in line
    assert not list(results.folder.glob("a.*"))
    assert results.draw("--rows", "regene").code == 0


def test_what_is_refused(results: Results) -> None:
    results.cell("copy", 0, {})
    said = results.draw().refusal()
    assert "nothing to draw: left out: copy (no mixing.csv): set evaluation.mixing = true" in said
    paper(results)
    assert "did you mean 'regene'" in results.draw("--rows", "regen").refusal()
    paper(results, "digits")
    assert "choose one with --dataset: mnist, digits" in results.draw().refusal()
    assert results.draw("--dataset", "digits").code == 0
    for path in results.folder.glob("cells/*/record.json"):
        path.write_text("{")
    assert "no records" in results.draw("--dataset", "digits").refusal()


@pytest.mark.parametrize("name", ["r", "a-row-of-a-long-name-of-many-words"])
@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("fid", [None, lambda alpha: 1234.5 * alpha])
def test_words_stay_apart_and_inside(results: Results, name: str, count: int, fid: Law | None) -> None:
    for k in range(count):
        results.row(f"{name}{k}", [falling(0.001 * k + 0.0001)] * (1 + k % 2), fd=lambda a: 0.0123 * a, fid=fid)
    found = results.read()[0]
    check_words(_drawn(results.request(), found, distance(found)[0]))


def test_the_same_bytes_whatever_the_ending(results: Results) -> None:
    check_bytes(paper(results))


def test_alphas() -> None:
    assert pytest.approx(np.linspace(0, 1, 11)) == ALPHAS
