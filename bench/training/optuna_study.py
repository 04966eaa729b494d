"""Optuna studies that can be gone on with: kept in a journal file, refused for another search space, seeded trial by trial."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, GridSampler, NSGAIISampler, TPESampler
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import FrozenTrial, Trial, TrialState

from bench.runtime.seeds import stream
from methods.parts import Point, Sampler, Space, Span

optuna.logging.set_verbosity(optuna.logging.WARNING)
NO_FIGURES = ("seconds", "side_by_side")
"""What a trial says of itself that is no figure of its point."""
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
            file.truncate(
                file.read().rfind(b"\n") + 1
            )  # a line cut short by a kill would spoil the one written after it

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with open(self.path, "ab") as file:
            file.write("".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode())
            file.flush()
            if any(log.get("op_code") == JournalOperation.SET_TRIAL_STATE_VALUES for log in logs):
                os.fsync(file.fileno())


class Study:
    """A search space and what was tried in it. Values are minimised, one or (costs) several.

    path: the journal file; None keeps all in memory. afresh: what to tell a user whose file holds another search.
    setting: what else the values hang on. Raises OtherSpace for a file of another search or setting. A trial that a killed process left
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
        self.setting = dict(setting or {})
        self.grid = all(isinstance(values, tuple) for values in space.values())
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            storage = None if path is None else JournalStorage(_Journal(str(path)))
        except (ValueError, KeyError) as problem:
            raise OtherSpace(f"{path} is not a study that can be read ({problem}): {afresh}") from problem
        # Who at a first look is among the best third of those that went on: a median keeps nine of ten of what TPE proposes.
        several = len(costs) > 1
        pruner = optuna.pruners.NopPruner() if several else optuna.pruners.PercentilePruner(33.0, n_startup_trials=10)
        known = storage is not None and name in [one.study_name for one in storage.get_all_studies()]
        self.study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=["minimize"] * len(costs),
            pruner=pruner,
            sampler=self._sampler(0),
            load_if_exists=True,
        )
        said = self._said()
        if not known:
            self.study.set_user_attr("search", said)
        elif self.study.user_attrs.get("search") != said:
            other = _differences(self.study.user_attrs.get("search"), said)
            raise OtherSpace(f"study {name!r} in {path} is of another search space{other}: {afresh}")
        self._take_up_again()

    def _said(self) -> str:
        space = {name: str(values) for name, values in self.space.items()}
        own = {"space": space, "costs": self.costs, "sampler": self.sampler, "seed": self.seed}
        return json.dumps(own | self.setting)

    def _take_up_again(self) -> None:
        for trial in self.study.get_trials(states=[TrialState.RUNNING]):
            # A grid's sampler comes back to what seems to run when all else is done; a failed point it takes for visited.
            if self.grid or set(trial.params) == set(self.space):
                continue
            self.study.tell(trial.number, state=TrialState.FAIL)
            self.study.enqueue_trial(trial.params)

    def _sampler(self, number: int) -> BaseSampler:
        """A sampler seeded for the trial of this number, so that a study taken up again goes on as it would have gone on."""
        seed = stream(self.seed, f"search/{self.name}/{number}") % 2**32
        if self.grid:
            return GridSampler(
                {name: list(values) for name, values in self.space.items() if isinstance(values, tuple)}, 0
            )
        return NSGAIISampler(seed=seed) if self.sampler == "nsga2" else TPESampler(seed=seed, multivariate=True)

    def distributions(self) -> dict[str, BaseDistribution]:
        return {name: _distribution(values) for name, values in self.space.items()}

    def start(self, points: Sequence[Point]) -> None:
        """Try these first, each once."""
        for point in points:
            self.study.enqueue_trial(point, skip_if_exists=True)

    def ask(self) -> Trial:
        self.study.sampler = self._sampler(len(self.study.get_trials(deepcopy=False)))
        return self.study.ask(self.distributions())

    def running(self) -> list[Trial]:
        """Trials that were asked for and have no values yet, by number."""
        left = self.study.get_trials(states=[TrialState.RUNNING])
        return [Trial(self.study, one._trial_id) for one in left if set(one.params) == set(self.space)]

    def give_up_running(self) -> None:
        for trial in self.study.get_trials(states=[TrialState.RUNNING]):
            self.study.tell(trial.number, state=TrialState.FAIL)

    def tell(self, trial: Trial, values: Sequence[float] | None) -> None:
        """The trial's values; None where it was pruned."""
        state = TrialState.PRUNED if values is None else TrialState.COMPLETE
        try:
            self.study.tell(trial, values, state)
        except RuntimeError as problem:  # a grid's sampler ends `optimize`, which is not running, at the last point
            if "Study.stop" not in str(problem):
                raise

    def fail(self, trial: Trial) -> None:
        self.study.tell(trial, state=TrialState.FAIL)

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

    def importances(self, cost: int = 0) -> dict[str, float]:
        """Share of each name in how a cost varies over the space (functional ANOVA, Hutter et al. 2014), largest first.

        Raises ValueError, with why, where the trials so far cannot tell.
        """
        values = {trial.values[cost] for trial in self.complete()}
        if len(values) < 2:
            count = len(self.complete())
            raise ValueError(
                "all trials have the same value" if count > 1 else f"{count} complete trials, it takes two"
            )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.seed)
        return optuna.importance.get_param_importances(
            self.study, evaluator=evaluator, target=lambda trial: trial.values[cost]
        )

    def size(self) -> int:
        """Points of a grid."""
        count = 1
        for values in self.space.values():
            count *= len(values) if isinstance(values, tuple) else 1
        return count

    def csv(self) -> str:
        """A line a trial: number, state, seconds, its figures (user attributes), then its point."""
        trials = self.study.get_trials(deepcopy=False)
        figures = list(dict.fromkeys(name for trial in trials for name in trial.user_attrs if name not in NO_FIGURES))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["study", "trial", "state", "seconds", *figures, *self.space])
        for trial in trials:
            said = [trial.user_attrs.get(name, "") for name in ("seconds", *figures)]
            point = [trial.params.get(name, "") for name in self.space]
            writer.writerow([self.name, trial.number, trial.state.name.lower(), *said, *point])
        return text.getvalue()


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
