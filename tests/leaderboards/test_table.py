"""Which records make a row, and what a row with a hole, a timing or an old record shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up import plan, record, save

from bench.records.record import STATUSES
from leaderboards.board import Leaderboard, Row
from leaderboards.table import collect, pick_columns


def only(boards: list[Leaderboard]) -> Leaderboard:
    assert len(boards) == 1
    return boards[0]


def rows(board: Leaderboard) -> dict[str, Row]:
    return {row.name: row for row in board.rows}


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "ok"])
def test_one_failed_seed_leaves_the_row_without_figures(tmp_path: Path, status: str) -> None:
    board = only(collect(save(tmp_path, [record(seed=0), record(seed=1), record(seed=2, status=status)])))
    row = rows(board)["vae"]
    assert not row.scores
    assert row.status == f"2 ok, 1 {status}"
    assert [row.entry(column) for column in board.columns] == ["–"]
    assert status == "missing" or any(f"seed 2: {status}: first line" in note for note in board.notes)


def test_a_metric_absent_in_one_seed_has_no_average(tmp_path: Path) -> None:
    board = only(collect(save(tmp_path, [record(seed=0), record(seed=1, metrics={"argmax_accuracy": 0.9})])))
    assert not rows(board)["vae"].scores
    assert any("1 of 2 seeds" in note for note in board.notes)


def test_unavailable_is_said_once_and_never_zero(tmp_path: Path) -> None:
    why = "no weights here"
    board = only(collect(save(tmp_path, [record(seed=seed, unavailable={"fid": why}) for seed in range(2)])))
    fid = next(column for column in board.columns if column.metric == "fid")
    assert rows(board)["vae"].entry(fid) == "n/a"
    assert sum(why in note for note in board.notes) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"lam": 5}},
        {"method": "other"},
        {"sources": {"methods/vae.py": "old"}},
        {"data_digest": "abc"},
        {"seed": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_records_that_differ_in_more_than_the_seed_are_not_averaged(tmp_path: Path, change: dict) -> None:
    other = record(**{"seed": 1, "cell": "other", **change})
    board = only(collect(save(tmp_path, [record(), other])))
    assert [len(row.cells) for row in board.rows] == [1, 1]
    assert len(rows(board)) == 2, "two rows need two names"


@pytest.mark.parametrize(
    "change",
    [
        {"budget": {"epochs": 9}},
        {"environment": {"device_type": "cuda"}},
        {"likelihood": "discretised-logistic"},
    ],
)
def test_another_setting_is_another_board(tmp_path: Path, change: dict) -> None:
    assert len(collect(save(tmp_path, [record(), record(seed=1, **change)]))) == 2


def test_a_likelihood_is_said_where_it_is_not_the_papers(tmp_path: Path) -> None:
    first, second = collect(save(tmp_path, [record(), record(seed=1, likelihood="discretised-logistic")]))
    assert "likelihood" not in first.heading
    assert "likelihood=discretised-logistic" in second.heading
    assert not any("likelihood" in note for note in first.notes)
    assert any("discretised-logistic" in note and "don't compare" in note for note in second.notes)


def test_a_record_of_another_likelihood_is_no_older_one_of_a_planned_cell(tmp_path: Path) -> None:
    save(tmp_path, [record("pca", cell="old", sources={"methods/pca.py": "then"})])
    plan(tmp_path, [record("pca", cell="new")], likelihood="discretised-logistic")
    board = only(collect(tmp_path))
    assert board.likelihood == "discretised-logistic"
    assert [row.status for row in board.rows] == ["missing"]


def test_differing_options_are_in_the_rows_name(tmp_path: Path) -> None:
    records = [record("lambda-hot", cell=str(lam), options={"lam": lam, "latent": 20}) for lam in (3, 5)]
    assert set(rows(only(collect(save(tmp_path, records))))) == {"lambda-hot (lam=3)", "lambda-hot (lam=5)"}


def timed(label: str, seed: int, count: int):
    return record(label, seed, metrics={"train_seconds": 10.0 * count}, timings={"side_by_side": count})


def test_a_timing_column_holds_one_kind(tmp_path: Path) -> None:
    records = [timed("vae", seed, 1) for seed in range(2)] + [timed("cvae", seed, 2) for seed in range(2)]
    records += [timed("mixed", seed, 1 + seed) for seed in range(2)]
    board = only(collect(save(tmp_path, records)))
    assert [column.key for column in board.columns] == ["train_seconds", "train_seconds (2 side by side)"]
    assert {name: set(row.scores) for name, row in rows(board).items()} == {
        "vae": {"train_seconds"},
        "cvae": {"train_seconds (2 side by side)"},
        "mixed": set(),
    }
    assert any(note.startswith("mixed: seeds timed with 1 and 2") for note in board.notes)


def test_best_is_marked_with_ties_but_never_a_reference_row(tmp_path: Path) -> None:
    records = [
        record("a", intervals={"reconstruction_bce": [79.0, 81.0]}),
        record("b", metrics={"reconstruction_bce": 80.5}, intervals={"reconstruction_bce": [80.0, 81.0]}),
        record("c", metrics={"reconstruction_bce": 99.0}),
        record("floor", metrics={"reconstruction_bce": 0.0}),
    ]
    plan(tmp_path, records, reference_rows=["floor"])
    board = only(collect(save(tmp_path, records)))
    assert [row.name for row in board.rows] == ["a", "b", "c", "floor"]
    assert [row.name for row in board.rows if row.best] == ["a", "b"]


def test_columns_follow_the_plan_and_cost_is_last(tmp_path: Path) -> None:
    metrics = {"train_seconds": 1.0, "fid": 3.0, "reconstruction_bce": 80.0, "argmax_accuracy": 0.9}
    records = [record(metrics=metrics)]
    plan(tmp_path, records, columns=["argmax_accuracy", "never_measured"])
    board = only(collect(save(tmp_path, records)))
    assert [c.metric for c in board.columns] == ["argmax_accuracy", "fid", "reconstruction_bce", "train_seconds"]


def test_planned_cells_without_record_are_missing_or_stale(tmp_path: Path) -> None:
    old = record("cvae", cell="old", sources={"methods/vae.py": "old"})
    elsewhere = record("vae", seed=7, cell="other", options={"width": 3})
    save(tmp_path, [record(seed=0), old, elsewhere])
    plan(tmp_path, [record(seed=0), record(seed=1), record("cvae", cell="new")])
    board = only(collect(tmp_path))
    assert {name: row.status for name, row in rows(board).items()} == {"vae": "1 ok, 1 missing", "cvae": "stale"}
    assert not any(row.scores for row in board.rows)
    assert any(note.startswith("1 other record of this suite") for note in board.notes)
    everything = only(collect(tmp_path, everything=True))
    assert len(everything.rows) == 4
    assert sum(len(row.scores) > 0 for row in everything.rows) == 2


@pytest.mark.parametrize("own", [True, False], ids=["plan names each cell's code", "plan names its code once"])
def test_cells_without_device_or_record_stay_in_their_row(tmp_path: Path, own: bool) -> None:
    killed = record(seed=1, status="killed", environment={})
    save(tmp_path, [record(seed=0), killed])
    plan(tmp_path, [record(seed=0), killed, record(seed=2)])
    if own:
        content = json.loads((tmp_path / "plans" / "digits.json").read_text())
        cells = [{**cell, "sources": {"methods/vae.py": "now"}, "data_digest": ""} for cell in content.pop("cells")]
        del content["sources"]
        (tmp_path / "plans" / "digits.json").write_text(json.dumps({**content, "cells": cells, "device": "cpu"}))
    for everything in (False, True):
        (row,) = only(collect(tmp_path, everything=everything)).rows
        assert row.status == "1 ok, 1 killed, 1 missing"
        assert not row.scores


def test_killed_records_without_plan_stay_in_their_row(tmp_path: Path) -> None:
    killed = record(seed=1, status="killed", environment={}, sources={})
    (row,) = only(collect(save(tmp_path, [record(seed=0), killed]))).rows
    assert row.status == "1 ok, 1 killed"


def test_a_record_of_same_code_but_other_data_is_missing_not_stale(tmp_path: Path) -> None:
    save(tmp_path, [record(), record("cvae", cell="old", data_digest="other")])
    plan(tmp_path, [record(), record("cvae", cell="new")])
    assert rows(only(collect(tmp_path)))["cvae"].status == "missing"


def test_a_cell_shared_with_another_suite_takes_the_plans_names(tmp_path: Path) -> None:
    save(tmp_path, [record("vae-20", cell="shared", suite="paper-002")])
    plan(tmp_path, [record("vae", cell="shared"), record("again", cell="shared")])
    board = only(collect(tmp_path, "digits"))
    assert set(rows(board)) == {"vae", "again"}
    assert all(row.status == "ok" for row in board.rows)


def test_broken_records_and_plans_are_named(tmp_path: Path) -> None:
    save(tmp_path, [record()])
    (tmp_path / "cells" / "bad").mkdir()
    (tmp_path / "cells" / "bad" / "record.json").write_text("{")
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "digits.json").write_text('{"cells": [{}], "suite": "digits"}')
    notes = only(collect(tmp_path)).notes
    assert sum("bad/record.json" in note for note in notes) == 1
    assert sum("digits.json: not a plan" in note for note in notes) == 1


def test_protocol_and_device_are_said_once(tmp_path: Path) -> None:
    protocol = {"neutral_test_accuracy": 0.991, "neutral_hash": "1a2b3c4d", "counts": {"test": 100}}
    notes = only(collect(save(tmp_path, [record(seed=seed, protocol=protocol) for seed in range(3)]))).notes
    assert notes == ["neutral classifier: 99.1 % test accuracy (weights 1a2b3c…)", "counts: test 100", "device: a CPU"]


def test_the_classifier_of_upright_images_is_said_beside_the_data_sets_own(tmp_path: Path) -> None:
    own = {"neutral_test_accuracy": 0.91, "neutral_hash": "1a2b3c4d"}
    upright = {"upright_neutral_test_accuracy": 0.993, "upright_neutral_hash": "5e6f7a8b"}
    notes = only(collect(save(tmp_path, [record(protocol=own | upright)]))).notes
    assert notes[:2] == [
        "neutral classifier: 91.0 % test accuracy (weights 1a2b3c…)",
        "neutral classifier of upright images: 99.3 % test accuracy (weights 5e6f7a…)",
    ]


def test_a_neutral_classifier_other_than_the_small_one_is_named_with_its_epochs(tmp_path: Path) -> None:
    small = {"neutral_test_accuracy": 0.991, "neutral_hash": "1a2b3c4d", "neutral_network": "small-cnn"}
    large = small | {"neutral_network": "resnet-56"}
    protocols = [small | {"neutral_epochs": 2}, large | {"neutral_epochs": 20}]
    notes = only(collect(save(tmp_path, [record(seed=k, protocol=one) for k, one in enumerate(protocols)]))).notes
    assert notes[:2] == [
        "neutral classifier: 99.1 % test accuracy (weights 1a2b3c…)",
        "neutral classifier: ResNet-56, 20 epochs, 99.1 % test accuracy (weights 1a2b3c…)",
    ]


def test_on_how_many_images_linear_classifiers_were_fit_is_said(tmp_path: Path) -> None:
    notes = only(collect(save(tmp_path, [record(protocol={"svm": {"images": 5000, "of": 60000}})]))).notes
    assert notes[0].startswith("linear classifiers (svm): fit on 5,000 of 60,000 training images")


def test_errors_of_the_caller_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such results folder"):
        collect(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no records"):
        collect(tmp_path)
    save(tmp_path, [record(), record(suite="mnist", cell="m"), record(suite="digits-long", cell="d")])
    with pytest.raises(ValueError, match="did you mean"):
        collect(tmp_path, "digit")


def test_columns_are_picked_in_the_order_asked_for(tmp_path: Path) -> None:
    boards = collect(save(tmp_path, [record(metrics={"fid": 1.0, "argmax_accuracy": 0.5, "neutral_accuracy": 0.9})]))
    (board,) = pick_columns(boards, ["neutral_accuracy", "fid"])
    assert [column.metric for column in board.columns] == ["neutral_accuracy", "fid"]
    with pytest.raises(ValueError, match="did you mean"):
        pick_columns(boards, ["fidd"])


def test_a_row_below_a_floor_or_with_a_caveat_is_marked_with_the_seed(tmp_path: Path) -> None:
    floor = {"accuracy": {"unit": "", "better": "higher", "source": "", "family": "generation", "floor": 0.97}}
    below = [
        record("weak", seed, metrics={"accuracy": value}, definitions=floor) for seed, value in ((0, 0.98), (1, 0.96))
    ]
    said = record("said", metrics={"accuracy": 0.99}, definitions=floor, facts={"caveats": ["a floor is missed"]})
    good = record("good", metrics={"accuracy": 0.97}, definitions=floor)
    board = only(collect(save(tmp_path, [*below, said, good])))
    assert {row.title for row in board.rows} == {"weak †", "said †", "good"}
    assert "† weak: accuracy 0.9600 is below 0.97 (seed 1)" in board.notes
    assert "† said: a floor is missed (seed 0)" in board.notes
    assert len([note for note in board.notes if note.startswith("†")]) == 2


def test_a_caveat_that_seeds_and_rows_share_is_told_once(tmp_path: Path) -> None:
    facts = {"caveats": ["u has no prior"]}
    shared = [record(label, seed, facts=facts) for label in ("one", "two") for seed in (0, 1)]
    alone = [record("three", 0, facts=facts), record("three", 1)]
    board = only(collect(save(tmp_path, [*shared, *alone])))
    told = {note for note in board.notes if note.startswith("†")}
    assert told == {"† one, two: u has no prior (seeds 0, 1)", "† three: u has no prior (seed 0)"}
