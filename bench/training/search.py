"""The searches that methods ask for while they are trained, run by Optuna: every trial kept, resumable, answered on fresh draws."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.runtime.seeds import seeded
from methods.parts import Found, Point, Scores, Search

if TYPE_CHECKING:
    from pandas import DataFrame

    from bench.training.optuna_study import Study

MORE_TO_CONFIRM = 4
"""Images of a class with which the best points are measured again, in units of a trial's."""
TRIALS = "trials.csv"
"""Every trial of a cell's searches, one below another: no column for what a search has not."""


@dataclass
class SearchResult:
    """What a cell's searches took. seconds: of trials, confirm_seconds: of measuring the best again. before_seconds: the part of `seconds`
    that an earlier process, killed since, had taken. beside: how many cells shared the device while trials ran.
    """

    trials: int = 0
    pruned: int = 0
    seconds: float = 0.0
    confirm_seconds: float = 0.0
    before_seconds: float = 0.0
    beside: set[int] = field(default_factory=set)
    tables: list["DataFrame"] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where a search runs. folder: the cell's, for `search/<name>.journal`; None keeps all in memory.

    model: what the trials are measured on, by digest, so that they are never taken for those of another. side_by_side: cells on the device.
    """

    folder: Path | None
    seed: int
    device: torch.device
    model: str = ""
    side_by_side: int = 1
    watch: Callable[[str, int, int], None] = lambda name, done, of: None


def run_search(search: Search, place: Place, total: SearchResult) -> Found:
    """Run what is left of a search and give its best point, its scores from draws that nothing was chosen by.

    Draws of every trial come from the search's own stream, the same for all points. Raises OtherSpace for a journal of another search.
    """
    from bench.training.optuna_study import Study  # Optuna: only where something is searched

    folder = place.folder
    journal = folder / "search" / f"{search.name}.journal" if folder is not None else None
    costs = list(search.costs) if search.sampler == "nsga2" and search.trials is not None else ["guide"]
    afresh = "to start afresh remove that file and run with --retry failed, or run with --force"
    setting = {"model": place.model}
    study = Study(journal, search.name, search.space, costs, search.sampler, place.seed, afresh, setting)
    study.start(search.start)
    ended = study.ended()
    total.before_seconds += sum(trial.user_attrs["seconds"] for trial in ended)
    trials, left = search.trials or study.size(), study.running()
    for done in range(len(ended), trials):
        place.watch(search.name, done, trials)
        began = time.perf_counter()
        trial = left.pop(0) if left else study.ask()
        values = _tried(search, trial, costs, place)
        trial.set_user_attr("seconds", time.perf_counter() - began)
        trial.set_user_attr("side_by_side", place.side_by_side)
        study.tell(trial, values)
    study.give_up_running()
    _account(study, total)
    by_value = sorted(study.complete(), key=lambda trial: trial.user_attrs["value"])
    best: list[Point] = [dict(trial.params) for trial in by_value[: search.confirmed]]
    began = time.perf_counter()
    answer = _confirmed(search, [*best, *(point for point in search.start if point not in best)], place)
    total.confirm_seconds += time.perf_counter() - began
    return answer


def _account(study: "Study", total: SearchResult) -> None:
    ended = study.ended()
    total.trials += len(ended)
    total.pruned += len(ended) - len(study.complete())
    total.seconds += sum(trial.user_attrs["seconds"] for trial in ended)
    total.beside |= {trial.user_attrs["side_by_side"] for trial in ended}
    total.tables.append(study.table())


def stacked(tables: list["DataFrame"]) -> str:
    """The tables as one CSV, with all columns that any of them has; a field that a table has not is empty."""
    import pandas as pd

    return pd.concat(tables).to_csv(index=False, lineterminator="\n")


def _tried(search: Search, trial: Any, costs: list[str], place: Place) -> list[float] | None:
    """A trial's values, None where it was pruned after a first look; its scores become its attributes."""
    first, full = search.looks
    if search.trials is not None and len(costs) == 1:  # a grid is for seeing all of it
        value = search.guide(_measured(search, trial.params, first, "first", place))
        trial.set_user_attr("first_guide", value)
        with warnings.catch_warnings():  # a trial taken up again may have been looked at before
            warnings.filterwarnings("ignore", message="The reported value is ignored")
            trial.report(value, first)
        if trial.should_prune():
            return None
    scores = _measured(search, trial.params, full, "full", place)
    scores |= {"value": search.value(scores), "guide": search.guide(scores)}
    for name, value in scores.items():
        trial.set_user_attr(name, value)
    return [scores[name] for name in costs]


def _measured(search: Search, point: Point, images: int, look: str, place: Place) -> Scores:
    with seeded(place.seed, f"search/{search.name}/{look}", place.device):
        return search.measure(point, images)


def _confirmed(search: Search, points: list[Point], place: Place) -> Found:
    images = MORE_TO_CONFIRM * search.looks[1]
    best = min(points, key=lambda point: search.value(_measured(search, point, images, "confirm", place)))
    return Found(best, _measured(search, best, images, "report", place))
