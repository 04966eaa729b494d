"""Searches: every trial kept, none repeated after a kill, another space refused, the answer measured on fresh draws."""

import csv
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.runtime.seeds import seeded
from bench.training.optuna_study import OtherSpace, Study
from bench.training.search import TRIALS, Place, SearchResult, run_search, stacked
from methods.parts import Found, Point, Scores, Search, Span

CPU = torch.device("cpu")
GRID = {"a": (0.0, 0.3, 1.0), "b": (0.3, 0.5)}


def bowl(point: Point, images: int) -> Scores:
    """Lowest at a = 0.3, b = 0.3, with noise that shrinks with the images."""
    noise = torch.randn(images).mean().item() / 100
    cosine = (float(point["a"]) - 0.3) ** 2 + (float(point["b"]) - 0.3) ** 2 + noise
    return {"cosine": cosine, "error": float(point["a"])}


def cosine_of(scores: Scores) -> float:
    return scores["cosine"]


def search_for(trials: int | None = 20, **changes: Any) -> Search:
    space = {"a": Span(0.0, 1.0), "b": Span(0.0, 1.0)}
    made = Search("bowl", space, bowl, cosine_of, trials, (5, 50), cosine_of, "tpe", ("cosine", "error"))
    return replace(made, **changes)


def run(search: Search, folder: Path | None = None, seed: int = 0, **place: Any) -> tuple[Found, SearchResult]:
    total = SearchResult()
    found = run_search(search, Place(folder, seed, CPU, **place), total)
    if folder is not None:  # as a cell keeps them
        (folder / TRIALS).write_text(stacked(total.tables))
    return found, total


def lines(folder: Path, name: str = "bowl") -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return [line for line in csv.DictReader(file) if line["study"] == name]


def counted(measure: Callable[[Point, int], Scores], seen: list[tuple[Point, int]]) -> Callable[[Point, int], Scores]:
    def watched(point: Point, images: int) -> Scores:
        seen.append((point, images))
        return measure(point, images)

    return watched


def test_tpe_comes_nearer_than_its_start_and_the_same_seed_finds_the_same() -> None:
    start = [{"a": 0.9, "b": 0.9}]
    first, total = run(search_for(30, start=start))
    again, _ = run(search_for(30, start=start))
    assert first == again
    assert first.scores["cosine"] < 0.1 < bowl(start[0], 50)["cosine"]
    assert total.trials == 30
    assert run(search_for(30, start=start), seed=1)[0] != first


def test_a_grid_is_tried_whole_and_once(tmp_path: Path) -> None:
    found, total = run(search_for(None, space=GRID), tmp_path)
    points = [(line["a"], line["b"]) for line in lines(tmp_path)]
    assert sorted(points) == [(a, b) for a in ("0.0", "0.3", "1.0") for b in ("0.3", "0.5")]
    assert {line["state"] for line in lines(tmp_path)} == {"complete"}, "a grid is never pruned"
    assert found.point == {"a": 0.3, "b": 0.3}
    assert (total.trials, total.pruned) == (6, 0)


def test_the_start_is_tried_first_and_stays_in_the_choice(tmp_path: Path) -> None:
    start = {"a": 0.3, "b": 0.3}
    found, _ = run(search_for(5, start=[start]), tmp_path)
    assert (float(lines(tmp_path)[0]["a"]), float(lines(tmp_path)[0]["b"])) == (0.3, 0.3)
    assert found.point == start, "nothing random is better"


def test_every_trial_sees_the_same_draws_and_the_answer_others() -> None:
    drawn: dict[int, list[float]] = {5: [], 50: [], 200: []}

    def measure(point: Point, images: int) -> Scores:
        drawn[images].append(torch.randn(images).sum().item())
        return bowl(point, images)

    run(search_for(8, measure=measure))
    assert (len(set(drawn[5])), len(set(drawn[50]))) == (1, 1)
    *choosing, reported = drawn[200]
    assert len(set(choosing)) == 1
    assert reported not in choosing, "nothing was chosen by the draws that are reported"


def test_a_search_moves_no_other_draw() -> None:
    with seeded(0, "noise", CPU):
        expected = torch.randn(3)
    with seeded(0, "noise", CPU):
        run(search_for(3))
        assert torch.equal(torch.randn(3), expected)


def test_what_a_first_look_rules_out_is_pruned_and_kept(tmp_path: Path) -> None:
    seen: list[tuple[Point, int]] = []
    _, total = run(search_for(40, measure=counted(bowl, seen)), tmp_path)
    states = [line["state"] for line in lines(tmp_path)]
    assert total.pruned == states.count("pruned") > 5
    assert sum(images == 50 for _, images in seen) == states.count("complete") == 40 - total.pruned


def test_the_sampler_follows_the_guide_and_the_answer_is_chosen_by_the_value(tmp_path: Path) -> None:
    """A cliff at a = 0.5: the guide leads towards 0.3 across it, the answer stays above."""
    search = search_for(
        50,
        value=lambda figures: figures["cosine"] if figures["error"] >= 0.5 else 9.0 - figures["error"],
        guide=lambda figures: figures["cosine"] + max(0.0, 0.5 - figures["error"]),
    )
    found, _ = run(search, tmp_path)
    assert 0.5 <= found.point["a"] < 0.6
    best = min(lines(tmp_path), key=lambda line: float(line["guide"] or "inf"))
    assert float(best["guide"]) <= float(best["value"])
    assert all(float(line["first_guide"]) < 9 for line in lines(tmp_path))


def test_trials_of_another_model_or_of_another_load_are_not_mixed_in(tmp_path: Path) -> None:
    _, total = run(search_for(3), tmp_path, model="one", side_by_side=2)
    assert total.beside == {2}
    _, total = run(search_for(5), tmp_path, model="one", side_by_side=1)
    assert total.beside == {1, 2}
    with pytest.raises(OtherSpace, match=r"\(model differs\)"):
        run(search_for(5), tmp_path, model="other")


@pytest.mark.parametrize("torn", ['{"op_code":5,"wor', "\x00\x00\x00"])
def test_a_line_cut_short_is_dropped(tmp_path: Path, torn: str) -> None:
    run(search_for(3), tmp_path)
    journal = tmp_path / "search" / "bowl.journal"
    with journal.open("a") as file:
        file.write(torn)
    for trials in (5, 6):
        _, total = run(search_for(trials), tmp_path)
        assert total.trials == trials


def test_a_file_that_is_no_study_is_refused_with_its_name(tmp_path: Path) -> None:
    journal = tmp_path / "search" / "bowl.journal"
    journal.parent.mkdir()
    journal.write_text("not a study\nat all\n")
    with pytest.raises(OtherSpace, match=r"bowl\.journal is not a study that can be read .*--force"):
        run(search_for(3), tmp_path)


def test_nsga2_keeps_the_trade_off(tmp_path: Path) -> None:
    found, total = run(search_for(40, sampler="nsga2"), tmp_path)
    assert total.pruned == 0, "two costs have no median"
    assert found.scores["cosine"] < 0.15, "the goal's value chooses among the trials"


@pytest.mark.parametrize(("trials", "changes"), [(9, {}), (None, {"space": GRID})])
def test_a_killed_process_costs_its_running_trial_alone(
    tmp_path: Path, trials: int | None, changes: dict[str, Any]
) -> None:
    looks = count(1)

    def dies(point: Point, images: int) -> Scores:
        if images == 50 and next(looks) == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return bowl(point, images)

    killed = get_context("fork").Process(target=run, args=(search_for(trials, measure=dies, **changes), tmp_path))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    seen: list[tuple[Point, int]] = []
    _, total = run(search_for(trials, measure=counted(bowl, seen), **changes), tmp_path)
    ended = [line for line in lines(tmp_path) if line["state"] != "fail"]
    assert total.trials == len(ended) == len({(line["a"], line["b"]) for line in ended}) == (trials or 6), "none twice"
    assert 0 < total.before_seconds < total.seconds
    tried = [(point["a"], point["b"]) for point, images in seen if images == 50]
    assert not {(float(line["a"]), float(line["b"])) for line in ended[:3]} & set(tried)


@pytest.mark.parametrize(
    "changes",
    [{"space": {"a": Span(0.0, 2.0), "b": Span(0.0, 1.0)}}, {"space": {"a": Span(0.0, 1.0)}}, {"sampler": "nsga2"}],
)
def test_a_file_of_another_search_is_refused_with_the_way_to_start_afresh(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    run(search_for(3), tmp_path)
    with pytest.raises(
        OtherSpace, match=r"bowl\.journal is of another search space \(.*\): to start afresh remove that file.*--force"
    ):
        run(search_for(3, **changes), tmp_path)
    assert len(lines(tmp_path)) == 3, "nothing is lost"


def test_a_cells_searches_are_one_table(tmp_path: Path) -> None:
    total = SearchResult()
    for search in (search_for(3), replace(search_for(2), name="other", space={"a": Span(0.0, 1.0), "c": (1, 2)})):
        made = replace(search, measure=lambda point, images: {"cosine": float(point["a"]), "error": 0.0})
        run_search(made, Place(tmp_path, 0, CPU), total)
    (tmp_path / TRIALS).write_text(stacked(total.tables))
    both = lines(tmp_path), lines(tmp_path, "other")
    assert [len(table) for table in both] == [3, 2]
    assert all(line["b"] and not line["c"] for line in both[0])
    assert all(line["c"] in ("1", "2") and not line["b"] for line in both[1])
    assert total.trials == 5


def test_a_study_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(search_for(3))
    assert list(tmp_path.iterdir()) == []


def test_whole_numbers_and_logarithms() -> None:
    study = Study(None, "s", {"k": Span(2, 64, log=True, whole=True)}, ["value"], "tpe", 0, "")
    values = []
    for _ in range(30):
        trial = study.ask()
        values.append(trial.params["k"])
        study.tell(trial, [float(trial.params["k"])])
    assert all(isinstance(value, int) and 2 <= value <= 64 for value in values)
    assert sorted(values)[15] < 20, "half of them below the geometric middle or near it"


@pytest.mark.parametrize(("low", "high", "log"), [(1, 1, False), (2, 1, False), (0, 1, True)])
def test_a_span_that_is_none_is_refused(low: float, high: float, log: bool) -> None:
    with pytest.raises(ValueError, match="low must be below high, and above 0 with log"):
        Span(low, high, log=log)
