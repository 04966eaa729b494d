"""Accuracy and distance of mixtures against alpha: the data written, FID or not, the claims each way, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from helpers_figures import Made, check_bytes
from scipy.stats import ttest_rel

from leaderboards.figures.mixing import ALPHAS

Law = Callable[[float], float]
HEADER = "alpha,neutral_accuracy,fd_neutral,fid"


class Results(Made):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "mixing")

    def row(
        self,
        label: str,
        accuracies: Sequence[Law],
        fid: Law | None = lambda alpha: 10 * alpha,
        dataset: str = "mnist",
    ) -> Results:
        """A row with a seed for each accuracy as a function of alpha."""
        for seed, accuracy in enumerate(accuracies):
            folder = self.cell(label, seed, {}, dataset=dataset)
            lines = [f"{alpha},{accuracy(alpha)!r},{20 * alpha!r},{fid(alpha) if fid else ''}" for alpha in ALPHAS]
            (folder / "mixing.csv").write_text("\n".join([HEADER, *lines, ""]))
        return self

    def file(self, cell: str) -> Path:
        return self.folder / "cells" / cell / "mixing.csv"

    def said(self, *words: str) -> str:
        return self.told(*words)

    def rows(self, *words: str) -> list[str]:
        """Those drawn."""
        self.said(*words)
        return list(self.table().row.unique())

    def table(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "a.csv", float_precision="round_trip")

    def verdicts(self) -> list[str]:
        """Of accuracy and of distance, of each row."""
        lines = self.said().splitlines()
        return [line.rpartition(": ")[2] for line in lines[-2 * self.table().row.nunique() :]]


def falling(by: float, start: float = 0.995) -> Law:
    return lambda alpha: start - by * alpha**2


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path)


def paper(results: Results, dataset: str = "mnist") -> Results:
    results.row("regene", [falling(by) for by in (0.02, 0.024, 0.022)], dataset=dataset)
    return results.row("vae", [falling(by) for by in (0.05, 0.06)], fid=lambda alpha: 20 * alpha, dataset=dataset)


def test_the_data_beside_the_figure(results: Results) -> None:
    said = paper(results).said()
    check_bytes(results)
    assert "seed 2 (not planned): vae" in said
    table = results.table()
    about = [(row, metric) for row in ("regene", "vae") for metric in ("neutral_accuracy", "fid")]
    assert list(table[["row", "metric"]].iloc[::11].itertuples(index=False, name=None)) == about
    assert table.alpha.to_list() == ALPHAS * 4
    assert table.seeds.to_list() == ["0 1 2"] * 22 + ["0 1"] * 22
    assert set(table.suite) | set(table.dataset) == {"s", "mnist"}
    assert table["mean"].to_list()[:11] == pytest.approx([0.995 - 0.022 * alpha**2 for alpha in ALPHAS])
    assert table.sd.to_list()[:11] == pytest.approx([0.002 * alpha**2 for alpha in ALPHAS])
    results.row("alone", [falling(0.1)]).said("--rows", "alone")
    assert results.table().sd.isna().all(), "one seed has no deviation"


def test_no_fid_where_a_row_has_none(results: Results) -> None:
    said = paper(results).row("cvae", [falling(0.1)], fid=None).said()
    assert "no FID of cvae" in said
    assert set(results.table().metric) == {"neutral_accuracy", "fd_neutral"}
    results.said("--rows", "regene,vae")
    assert set(results.table().metric) == {"neutral_accuracy", "fid"}
    results.file("mnist-vae-s1").write_text("\n".join([HEADER, *(f"{alpha},0.9,{alpha}," for alpha in ALPHAS)]))
    assert "no FID of vae" in results.said("--rows", "regene,vae"), "a seed without it is enough"


def test_the_claims_hold(results: Results) -> None:
    results.row("regene", [falling(by) for by in (0.02, 0.024, 0.022)])
    assert results.verdicts() == ["holds", "holds"]
    theirs = ttest_rel([0.975, 0.971, 0.973], [0.995] * 3).confidence_interval(0.95)
    assert f"-0.0220 [{theirs.low:+.4f}, {theirs.high:+.4f}] (3 seeds)" in results.said()


def test_the_claims_do_not_hold(results: Results) -> None:
    results.row("up", [lambda a: 0.9 + 0.05 * a] * 2, fid=lambda a: 5 - 4 * a if a > 0.85 else 10 * a)
    results.row("level", [lambda a: 0.9 + 0.01 * a, lambda a: 0.9 - 0.011 * a], fid=lambda a: 0 * a)
    results.row("flat", [lambda a: 0.9 + 0 * a], fid=lambda a: 0 * a)
    words = [verdict.partition(" (")[0] for verdict in results.verdicts()]
    assert words == ["does not hold"] * 2 + ["can't be told"] * 2 + ["does not hold"] * 2


def test_a_step_the_other_way_counts_where_seeds_tell_it_apart(results: Results) -> None:
    def bump(by: float) -> Law:
        return lambda a: 0.99 - 0.1 * a + (by if a == 0.5 else 0)

    results.row("unsure", [bump(0.011), bump(0.012), bump(0.009)]).row("sure", [bump(0.02), bump(0.0201)])
    unsure, _, sure, _ = results.verdicts()
    assert unsure == "holds"
    assert sure.startswith("does not hold")
    assert "0.4 to 0.5" in sure


def test_rows_and_seeds_without_the_file_are_said(results: Results) -> None:
    paper(results).cell("copy", 0, {})
    results.cell("dead", 0, {}, status="oom")
    results.spoil("mnist-regene-s1", "killed")
    results.file("mnist-regene-s0").unlink()
    assert results.rows() == ["regene", "vae"]
    assert set(results.table().seeds) == {"2", "0 1"}
    said = results.said()
    for reason in ("copy (no mixing.csv)", "dead (oom)", "seed 0 (no mixing.csv): regene", "seed 1 (killed): regene"):
        assert reason in said
    for label, why in (("copy", "no mixing.csv"), ("dead", "oom")):
        assert f"{label} ({why})" in results.draw("--rows", f"vae,{label}").refusal()


def test_rows_of_the_same_values_are_one_line_unless_they_are_named(results: Results) -> None:
    results.row("regene", [falling(0.1)]).row("regene-3", [falling(0.1)]).row("vae", [falling(0.2)])
    assert results.rows() == ["regene", "vae"]
    assert "the same values: regene, regene-3" in results.said()
    assert results.rows("--rows", "regene,regene-3") == ["regene", "regene-3"]


def test_reference_rows_are_drawn_where_they_are_named_or_alone(results: Results) -> None:
    results.references = ["mean-image"]
    assert results.row("mean-image", [lambda a: 0.995 - 0.9 * a]).rows() == ["mean-image"]
    assert results.row("regene", [falling(0.1)]).rows() == ["regene"]
    assert "mean-image (a reference row)" in results.said()
    assert results.rows("--rows", "regene,mean-image") == ["mean-image", "regene"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: "", ""),
        (lambda text: text.replace("fid", "FID"), "its header is alpha,neutral_accuracy,fd_neutral,FID"),
        (lambda text: text.rsplit("1.0,", 1)[0], "alpha is not 0, 0.1 ... 1"),
        (lambda text: HEADER + "\n", "alpha is not 0, 0.1 ... 1"),
        (lambda text: text.replace("\n0.5,", "\nhalf,"), "half"),
        (lambda text: text.replace("\n0.5,", "\n0.5,7,"), ""),
        (lambda text: text.replace("\n0.5,", "\n"), ""),
        (lambda text: text.replace(",10.0\n", ",\n"), ""),
        (lambda text: text.replace(",10.0\n", ",nan\n"), "not finite"),
        (lambda text: text.replace("\n0.0,0.995,", "\n0.0,99.5,"), "not from 0 to 1"),
        (lambda text: text.replace("\n0.0,0.995,", "\n0.0,\x00,"), ""),
    ],
)
def test_a_broken_file(results: Results, spoil: Callable[[str], str], said: str) -> None:
    results.row("regene", [falling(0.02)]).row("vae", [falling(0.05)] * 2)
    path = results.file("mnist-vae-s1")
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
    assert "set evaluation.mixing = true" in results.draw().refusal()
    assert "did you mean 'regene'" in paper(results).draw("--rows", "regen").refusal()
    assert "choose one with --dataset: mnist, digits" in paper(results, "digits").draw().refusal()
    assert results.draw("--dataset", "digits").code == 0
