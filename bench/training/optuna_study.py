"""Optuna studies that can be gone on with: kept in a journal file, refused for another search space, seeded trial by trial."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import NopPruner, PercentilePruner
from optuna.samplers import BaseSampler, GridSampler, NSGAIISampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from bench.runtime.seeds import stream
from methods.parts import Point, Sampler, Space, Span

optuna.logging.set_verbosity(optuna.logging.WARNING)
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


class OtherSpace(ValueError):
    """A study file that holds another search than the one asked for."""


class _Journal(JournalFileBackend):
    """Optuna's journal, brought to the disk at the end of a trial alone: at every line, it took 70 % of a search of cheap trials.

    What is written outlives the process in any case; only a machine that goes down may lose its last trial. It needs no lock: a results
    folder is one run's at a time.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path
        with open(path, "ab+") as file:
            file.seek(0)
            # A line cut short by a kill would spoil the one written after it.
            file.truncate(file.read().rfind(b"\n") + 1)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with open(self.path, "ab") as file:
            file.write("".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode())

    def sync(self) -> None:
        with open(self.path, "ab") as file:
            os.fsync(file.fileno())


class Study:
    """A search space and what was tried in it. Values are minimised, one or (costs) several.

    path: the journal file; None keeps all in memory. afresh: what to tell a user whose file holds another search.
    setting: what else the values depend on. Raises OtherSpace for a file of another search or setting. A trial that a killed process left
    unfinished goes on under its own number (`running`); a finished one is never tried again.
    """

    def __init__(
        self,
        path: Path | None,
        name: str,
        space: Space,
        costs: Sequence[str],
        sampler: Sampler,
        seed: int,
        afresh: str,
        setting: Mapping[str, Any] | None = None,
    ) -> None:
        self.space, self.costs, self.sampler, self.seed, self.name = dict(space), list(costs), sampler, seed, name
        self.grid = all(isinstance(values, tuple) for values in space.values())
        self.journal: _Journal | None = None
        self.storage: InMemoryStorage | JournalStorage = InMemoryStorage()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.journal = _Journal(str(path))
            try:
                self.storage = JournalStorage(self.journal)
            except (ValueError, KeyError) as problem:
                raise OtherSpace(f"{path} is not a study that can be read ({problem}): {afresh}") from problem
        known = name in optuna.get_all_study_names(self.storage)
        self.study = optuna.create_study(
            storage=self.storage,
            study_name=name,
            directions=["minimize"] * len(costs),
            # Who at a first look is among the best third of those that went on: a median keeps nine of ten of what TPE proposes.
            pruner=NopPruner() if len(costs) > 1 else PercentilePruner(33.0, n_startup_trials=10),
            sampler=self._sampler(0),
            load_if_exists=True,
        )
        definition = self._definition(setting or {})
        if not known:
            self.study.set_user_attr("search", definition)
        elif self.study.user_attrs.get("search") != definition:
            other = _differences(self.study.user_attrs.get("search"), definition)
            raise OtherSpace(f"study {name!r} in {path} is of another search space{other}: {afresh}")
        self._resume()

    def _definition(self, setting: Mapping[str, Any]) -> str:
        space = {name: str(values) for name, values in self.space.items()}
        own = {"space": space, "costs": self.costs, "sampler": self.sampler, "seed": self.seed}
        return json.dumps({**own, **setting})

    def _resume(self) -> None:
        for trial in self._running():
            # A grid's sampler comes back to what seems to run when all else is done; a failed point it takes for visited.
            if self.grid or set(trial.params) == set(self.space):
                continue
            self.study.tell(trial.number, state=TrialState.FAIL)
            self.study.enqueue_trial(trial.params)

    def _running(self) -> list[FrozenTrial]:
        return self.study.get_trials(states=[TrialState.RUNNING])

    def _sampler(self, number: int) -> BaseSampler:
        """A sampler seeded for the trial of this number, so that a study taken up again goes on as it would have gone on."""
        seed = stream(self.seed, f"search/{self.name}/{number}") % 2**32
        if self.grid:
            return GridSampler({name: list(values) for name, values in self.space.items()}, 0)  # type: ignore[arg-type]
        return NSGAIISampler(seed=seed) if self.sampler == "nsga2" else TPESampler(seed=seed, multivariate=True)

    def start(self, points: Sequence[Point]) -> None:
        """Try these first, each once."""
        for point in points:
            self.study.enqueue_trial(point, skip_if_exists=True)

    def ask(self) -> Trial:
        self.study.sampler = self._sampler(len(self.study.get_trials(deepcopy=False)))
        return self.study.ask({name: _distribution(values) for name, values in self.space.items()})

    def running(self) -> list[Trial]:
        """Trials that were asked for and have no values yet, by number."""
        study = self.storage.get_study_id_from_name(self.name)
        left = [one.number for one in self._running() if set(one.params) == set(self.space)]
        return [
            Trial(self.study, self.storage.get_trial_id_from_study_id_trial_number(study, number)) for number in left
        ]

    def give_up_running(self) -> None:
        for trial in self._running():
            self.study.tell(trial.number, state=TrialState.FAIL)

    def tell(self, trial: Trial, values: Sequence[float] | None) -> None:
        """The trial's values; None where it was pruned."""
        self._end(trial, values, TrialState.PRUNED if values is None else TrialState.COMPLETE)

    def fail(self, trial: Trial) -> None:
        self._end(trial, None, TrialState.FAIL)

    def _end(self, trial: Trial, values: Sequence[float] | None, state: TrialState) -> None:
        try:
            self.study.tell(trial, values, state)
        except RuntimeError as problem:  # a grid's sampler ends `optimize`, which is not running, at the last point
            if "Study.stop" not in str(problem):
                raise
        if self.journal is not None:
            self.journal.sync()

    def ended(self) -> list[FrozenTrial]:
        """Trials that are not to be tried again, pruned ones among them, by number."""
        return self.study.get_trials(deepcopy=False, states=ENDED)

    def complete(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])

    def failed(self) -> list[FrozenTrial]:
        """Trials that ended without a value and say why, by number; not those that a killed process left."""
        failed = self.study.get_trials(deepcopy=False, states=[TrialState.FAIL])
        return [trial for trial in failed if "error" in trial.user_attrs]

    def best(self) -> list[FrozenTrial]:
        """The trial of the lowest value, or with several costs those that no other beats in all of them, by the first."""
        if not self.complete():
            return []
        best = [self.study.best_trial] if len(self.costs) == 1 else self.study.best_trials
        return sorted(best, key=lambda trial: (trial.values, trial.number))

    def size(self) -> int:
        """Points of a grid."""
        return math.prod(len(values) for values in self.space.values() if isinstance(values, tuple))

    def table(self) -> pd.DataFrame:
        """A row a trial: study, trial, state, seconds, its scores (user attributes), then its point."""
        table = self.study.trials_dataframe(("number", "state", "user_attrs", "params"), multi_index=True)
        table.columns = table.columns.map(lambda column: column[1] or column[0])
        table = table.rename(columns={"number": "trial"}).assign(study=self.name, state=table["state"].str.lower())
        scores = [name for trial in self.study.trials for name in trial.user_attrs if name != "side_by_side"]
        columns = dict.fromkeys(["study", "trial", "state", "seconds", *scores, *self.space])
        # A trial that was given up while it was asked for has a hole, which must not make a float of a whole number.
        spans = {name: values for name, values in self.space.items() if isinstance(values, Span)}
        whole = {name: "Int64" for name, span in spans.items() if span.whole}
        return table.reindex(columns=list(columns)).astype(whole).astype(object)

    def of_scores(self, better: Mapping[str, str]) -> optuna.Study:
        """The trials in memory, valued by these scores as they were measured: for Optuna's plots. better: a score's direction."""
        ways = {"lower": StudyDirection.MINIMIZE, "higher": StudyDirection.MAXIMIZE}
        study = optuna.create_study(directions=[ways[direction] for direction in better.values()])
        for trial in self.study.trials:
            if trial.state is TrialState.COMPLETE:
                trial.values = [trial.user_attrs[name] for name in better]
            study.add_trial(trial)
        return study


def _differences(before: str | None, now: str) -> str:
    """` (epochs and metric differ)`: the names of what is not as it was; empty where the file does not say."""
    try:
        old, new = json.loads(before or ""), json.loads(now)
    except ValueError:
        return ""
    names = [name for name in new | old if old.get(name) != new.get(name)]
    return f" ({', '.join(names)} {'differ' if len(names) > 1 else 'differs'})"


def _distribution(values: Span | tuple) -> BaseDistribution:
    if isinstance(values, tuple):
        return CategoricalDistribution(values)
    if values.whole:
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)
