"""Published figures stand beside the right row, with the right difference and an honest badge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up import record, save

from leaderboards import published
from leaderboards.published import OTHER_SUITE, SAME, Comparison, Published
from leaderboards.table import collect

PAPER = {"source": "paper", "same": True, "why": ""}


def figure(method: str = "vae", metric: str = "reconstruction_bce", **changes: object) -> Published:
    content = {"source": "paper", "where": "Table 1", "dataset": "mnist", "value": 80.0, "text": "80.00", "std": None}
    return Published(**{**content, "method": method, "metric": metric, "note": "", **changes})


def compared(results: Path, records: list, figures: list[Published]) -> list[Comparison]:
    (board,) = collect(save(results, records))
    return published.against(board, figures)


def test_differences(tmp_path: Path) -> None:
    ours = [80.5, 81.0, 82.5]
    records = [record(seed=s, metrics={"reconstruction_bce": value}) for s, value in enumerate(ours)]
    (one,) = compared(tmp_path, records, [figure()])
    assert one.difference == pytest.approx(np.mean(ours) - 80)
    assert one.percent == pytest.approx(100 * (np.mean(ours) - 80) / 80)
    assert one.deviations == pytest.approx((np.mean(ours) - 80) / np.std(ours, ddof=1))
    assert one.verdict == "↑ worse"


def test_one_seed_has_no_difference_in_deviations(tmp_path: Path) -> None:
    (one,) = compared(
        tmp_path, [record(metrics={"argmax_accuracy": 0.95})], [figure(metric="argmax_accuracy", value=0.9)]
    )
    assert one.deviations is None
    assert one.verdict == "↑ better"


@pytest.mark.parametrize(
    ("comparison", "badge"),
    [
        (PAPER, SAME),
        ({"source": "paper", "same": False, "why": "3 epochs"}, "differs: 3 epochs"),
        ({"source": "another", "same": True, "why": ""}, OTHER_SUITE),
        ({}, OTHER_SUITE),
    ],
)
def test_badge(tmp_path: Path, comparison: dict, badge: str) -> None:
    (one,) = compared(tmp_path, [record(comparison=comparison)], [figure()])
    assert one.badge == badge


def test_another_likelihood_is_another_set_up(tmp_path: Path) -> None:
    (one,) = compared(tmp_path, [record(comparison=PAPER, likelihood="discretised-logistic")], [figure()])
    assert one.badge.startswith("differs: likelihood discretised-logistic")


def test_one_seed_of_another_set_up_takes_the_badge_away(tmp_path: Path) -> None:
    other = {"source": "paper", "same": False, "why": "shorter"}
    records = [record(seed=0, comparison=PAPER), record(seed=1, comparison=other)]
    assert [one.badge for one in compared(tmp_path, records, [figure()])] == ["differs: shorter"]


def test_the_label_matches_before_the_method(tmp_path: Path) -> None:
    records = [record(label, method="vae", comparison=PAPER) for label in ("vae-20", "vae-8")]
    assert [one.row for one in compared(tmp_path, records, [figure("vae-20")])] == ["vae-20"]
    assert sorted(one.row for one in compared(tmp_path, records, [figure("vae")])) == ["vae-20", "vae-8"]


def test_another_papers_figure_meets_a_method_that_has_one_row(tmp_path: Path) -> None:
    other = [figure("vae", source="another")]
    assert [one.row for one in compared(tmp_path / "one", [record("my-vae", method="vae")], other)] == ["my-vae"]
    sweep = [record(f"vae-{latent}", method="vae", comparison=PAPER) for latent in (2, 50)]
    assert compared(tmp_path / "sweep", sweep, other) == []


def test_unmeasured_figures_are_listed_for_the_suites_own_source_alone(tmp_path: Path) -> None:
    figures = [figure("gan"), figure(metric="fid"), figure("gan", source="another"), figure(dataset="celeba")]
    found = compared(tmp_path, [record(comparison=PAPER)], figures)
    assert [(one.row, one.column.metric, one.ours, one.badge) for one in found] == [
        ("gan", "reconstruction_bce", None, "–"),
        ("vae", "fid", None, "–"),
    ]


def test_a_failed_row_is_shown_without_figures(tmp_path: Path) -> None:
    found = compared(tmp_path, [record(), record("cvae", status="diverged")], [figure("cvae")])
    assert [(one.ours, one.difference, one.status) for one in found] == [(None, None, "diverged")]


def test_lower_bounds_read_as_bounds(tmp_path: Path) -> None:
    bound = figure(metric="neutral_accuracy", value=0.9, text="0.9", note="a lower bound: 'all high'", dataset="all")
    records = [
        record(metrics={"neutral_accuracy": 0.95}),
        record("low", method="vae", metrics={"neutral_accuracy": 0.8}),
    ]
    here = figure("nobody")
    found = compared(tmp_path, records, [bound, here])
    assert [(one.row, one.published.printed, one.verdict) for one in found] == [("vae", "≥ 0.9", "bound met")]
    (board,) = collect(tmp_path)
    assert published.against(board, [bound]) == [], "a figure of all the paper's data sets says nothing of another"


def test_the_file_reads_whole_and_keeps_the_papers_digits() -> None:
    figures = published.read()
    assert len(figures) > 90
    assert any(one.text == "18.930" for one in figures)
    assert {one.bound for one in figures} == {True, False}
    assert next(one for one in figures if one.method == "pca-20").printed == "0.8562 ± 0.012"
