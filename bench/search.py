"""The searches that methods ask for while they are trained, run by Optuna: every trial kept, resumable, answered on fresh draws."""

import csv
import io
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bench.record import write_atomically
from bench.seeds import seeded
from methods.parts import Figures, Found, Point, Search

MORE_TO_CONFIRM = 4
"""Images of a class with which the best points are measured again, in units of a trial's."""


TRIALS = "trials.csv"
"""Every trial of a cell's searches, one below another: no column for what a search has not."""


@dataclass
class Searched:
    """What a cell's searches took. before_seconds: what trials of an earlier process, killed since, had taken."""

    trials: int = 0
    pruned: int = 0
    seconds: float = 0.0
    before_seconds: float = 0.0
    tables: list[str] = field(default_factory=list)

    @property
    def seconds_per_100_trials(self) -> float:
        return 100 * self.seconds / self.trials


def run_search(
    search: Search,
    folder: Path | None,
    seed: int,
    device: torch.device,
    total: Searched,
    on_trial: Callable[[str, int, int], None] = lambda name, done, of: None,
) -> Found:
    """Run what is left of a search and give its best point, measured again on draws that the search has not seen.

    folder: the cell's, for `search/<name>.journal` and trials.csv; None keeps all in memory. Draws of every trial come from the
    search's own stream, the same for all points. Raises OtherSpace for a journal of another search.
    """
    from bench.studies import Study  # Optuna: only where something is searched

    own = folder / "search" if folder is not None else None
    journal = own / f"{search.name}.journal" if own is not None else None
    costs = list(search.costs) if search.sampler == "nsga2" and search.trials is not None else ["value"]
    afresh = "remove that file, or run the cell with --force, to start afresh" if journal else ""
    study = Study(journal, search.name, search.space, costs, search.sampler, seed, afresh, keep_running=True)
    study.start(search.start)
    ended = study.ended()
    total.before_seconds += sum(trial.user_attrs["seconds"] for trial in ended)
    trials, left = search.trials or study.size(), study.running()
    for done in range(len(ended), trials):
        on_trial(search.name, done, trials)
        began = time.perf_counter()
        trial = left.pop(0) if left else study.ask()
        values = _tried(search, trial, costs, seed, device)
        trial.set_user_attr("seconds", time.perf_counter() - began)
        study.tell(trial, values)
    study.give_up_running()
    ended = study.ended()
    total.trials += len(ended)
    total.pruned += len(ended) - len(study.complete())
    total.seconds += sum(trial.user_attrs["seconds"] for trial in ended)
    if folder is not None:
        total.tables.append(study.csv())
        write_atomically(folder / TRIALS, stacked(total.tables))
    by_value = sorted(study.complete(), key=lambda trial: trial.user_attrs["value"])
    best: list[Point] = [dict(trial.params) for trial in by_value[: search.confirmed]]
    return _confirmed(search, [*best, *(point for point in search.start if point not in best)], seed, device)


def stacked(tables: list[str]) -> str:
    """CSV tables as one, with all columns that any of them has; a field that a table has not is empty."""
    lines = [line for table in tables for line in csv.DictReader(io.StringIO(table))]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for line in lines for name in line)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _tried(search: Search, trial: Any, costs: list[str], seed: int, device: torch.device) -> list[float] | None:
    """A trial's values, None where it was pruned after a first look; its figures become its attributes."""
    first, full = search.looks
    if search.trials is not None and len(costs) == 1:  # a grid is for seeing all of it
        value = search.value(_measured(search, trial.params, first, seed, "first", device))
        with warnings.catch_warnings():  # a trial taken up again may have been looked at before
            warnings.filterwarnings("ignore", message="The reported value is ignored")
            trial.report(value, first)
        if trial.should_prune():
            return None
    figures = _measured(search, trial.params, full, seed, "full", device)
    figures["value"] = search.value(figures)
    for name, figure in figures.items():
        trial.set_user_attr(name, figure)
    return [figures[name] for name in costs]


def _measured(search: Search, point: Point, images: int, seed: int, look: str, device: torch.device) -> Figures:
    with seeded(seed, f"search/{search.name}/{look}", device):
        return search.measure(point, images)


def _confirmed(search: Search, points: list[Point], seed: int, device: torch.device) -> Found:
    images = MORE_TO_CONFIRM * search.looks[1]
    found = [Found(point, _measured(search, point, images, seed, "confirm", device)) for point in points]
    return min(found, key=lambda one: search.value(one.figures))
