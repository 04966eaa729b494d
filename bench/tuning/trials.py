"""The trials of a tuning: asked of Optuna in batches, run as cells side by side, told back."""

import math
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optuna.trial import Trial

from bench.config.suite import Suite
from bench.records.plan import Plan
from bench.records.record import Record
from bench.runner.launchers import find as find_launcher
from bench.runner.plan import RunSettings, default_jobs, make_plan
from bench.runner.progress import clock
from bench.runner.run import Run, split_done
from bench.runtime.errors import UsageError
from bench.scoring.selection import wanted
from bench.training.optuna_study import OtherSpace, Study
from bench.tuning.target import Target, TuneSettings
from methods.parts import Point
from metrics.base import Metric, registry

JOURNAL = "study.journal"


@dataclass(frozen=True)
class Scored:
    """A setting's scores, means over seeds, or why it has none."""

    scores: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    problem: str = ""


class Trials:
    """A study and what runs its trials. Raises UsageError, before anything runs, for what cannot be planned or gone on with."""

    def __init__(self, target: Target, run_settings: RunSettings, folder: Path, settings: TuneSettings) -> None:
        self.target, self.folder, self.settings = target, folder, settings
        first = make_plan(self._suite({"default": {}}), run_settings, "held_out")
        reason = first.inception.get("reason", "")
        if reason and "inception" in wanted(list(target.better), mixing=False):
            raise UsageError(f"--metric {', '.join(target.better)}: {reason}")
        # Settled once: a download that failed is not tried again before every batch.
        self.run_settings = replace(run_settings, inception=first.inception.get("path", "none"), keep_models="none")
        seeds = len(target.trial_suite.seed_list())
        self.jobs = run_settings.jobs or default_jobs(first.devices, settings.trials * seeds, first.threads)
        places = self.jobs * len(first.devices)
        self.batch = places // math.gcd(places, seeds)  # the fewest trials that leave no slot empty
        if settings.fresh:
            forget(folder)
        self.cells = _planned_before(folder / "plans" / f"{first.suite}.json")
        self.study = self._study(first)
        self.default: Scored | None = None

    def _study(self, plan: Plan) -> Study:
        target, journal = self.target, self.folder / JOURNAL
        afresh = f"give --fresh to start afresh, or remove {self.folder}"
        costs, setting = list(target.better), target.setting(plan.cells[0]["sources"] | plan.scoring)
        try:
            study = Study(journal, target.name, target.space, costs, self.settings.sampler, 0, afresh, setting)
        except OtherSpace as problem:
            raise UsageError(str(problem)) from problem
        start = target.start()
        study.start([] if start is None else [start])
        return study

    def run(self) -> None:
        """Run what is left of the trials, those first that an earlier process had begun."""
        done, total = self.tried(), self.settings.trials
        print(f"{self.target.trial_suite.title}\n{self._says()}", flush=True)
        print(f"{max(0, total - done)} trials to run, {done} done before, in {self.folder}", flush=True)
        began = time.monotonic()
        if self.target.start() is None:
            print("the row's own options lie outside the spans: measured apart, as `default`", flush=True)
            self.default = self.measure({"default": {}})["default"]
        running = self.study.running()
        while self.tried() < total:
            size = min(self.batch, total - self.tried())
            trials, running = running[:size], running[size:]
            trials += [self.study.ask() for _ in range(size - len(trials))]
            self._try(trials)
            share = (self.tried() - done) / (total - done)
            left = (time.monotonic() - began) * (1 - share) / share
            print(f"{self.tried()} of {total} trials" + (f", about {clock(left)} left" if left else ""), flush=True)

    def _says(self) -> str:
        spans = ", ".join(f"{name} {span.low:g} to {span.high:g}" for name, span in self.target.space.items())
        metrics = " and ".join(f"{name} ({better} is better)" for name, better in self.target.better.items())
        note = ""
        if self.settings.sampler == "nsga2" and self.settings.trials <= 50:
            note += "\nnsga2: the first generation, 50 trials, is drawn at random: tpe learns from fewer"
        if self.jobs > 1 and any(metric_of(name).scores[name].unit in ("s", "images/s") for name in self.target.better):
            note += f"\ntimes are of {self.jobs} cells side by side: give --jobs 1 for those of one alone"
        return f"searched: {spans}; by {metrics}{note}"

    def tried(self) -> int:
        """Trials that ended, with a value or without."""
        return len(self.study.complete()) + len(self.study.failed())

    def _try(self, trials: list[Trial]) -> None:
        refused = {trial.number: self.target.refusal(trial.params) for trial in trials}
        points = {label_of(trial.number): trial.params for trial in trials if not refused[trial.number]}
        scored = self.measure(points) if points else {}
        for trial in trials:
            self._tell(trial, scored.get(label_of(trial.number), Scored(problem=refused[trial.number])))

    def _tell(self, trial: Trial, scored: Scored) -> None:
        for name, value in {"seconds": scored.seconds, **scored.scores}.items():
            trial.set_user_attr(name, value)
        if scored.problem:
            trial.set_user_attr("error", scored.problem)
            self.study.fail(trial)
        else:
            signs = {"lower": 1.0, "higher": -1.0}
            self.study.tell(trial, [signs[better] * scored.scores[name] for name, better in self.target.better.items()])
        shown = in_words(scored.scores) if not scored.problem else f"failed: {scored.problem}"
        print(f"{label_of(trial.number)}  {shown}  at {in_words(trial.params)}", flush=True)

    def measure(self, points: dict[str, Point]) -> dict[str, Scored]:
        """Run the cells of these rows that have no record yet; give every row its scores."""
        plan = make_plan(self._suite(points), self.run_settings, "held_out")
        todo, done = split_done(plan, retry_failed=False, force=False)
        self.cells |= {cell["cell"]: cell for cell in plan.cells}
        plan = replace(plan, cells=list(self.cells.values()), side_by_side=self.jobs).narrowed(len(todo))
        launcher = find_launcher(self.run_settings.launcher)(self.folder, plan.side_by_side, None)
        records = Run(plan, todo, launcher, None).run(done)
        return {label: self._scored([one for one in records if one.label == label]) for label in points}

    def _suite(self, points: dict[str, Point]) -> Suite:
        rows = {label: self.target.row_at(point) for label, point in points.items()}
        return self.target.trial_suite.model_copy(update={"methods": rows})

    def _scored(self, records: list[Record]) -> Scored:
        seconds = sum(record.timings.get("total_seconds", 0.0) for record in records)
        scores: dict[str, float] = {}
        for name in self.target.better:
            for record in sorted(records, key=lambda record: record.seed):
                problem = self._problem(record, name)
                if problem:
                    return Scored(seconds=seconds, problem=f"seed {record.seed}: {problem}")
            scores[name] = sum(record.metrics[name] for record in records) / len(records)
        return Scored(scores, seconds)

    def _problem(self, record: Record, name: str) -> str:
        if record.status != "ok":
            lines = (record.error or {}).get("message", "").splitlines() or [""]
            return f"{record.status}: {lines[0]}"
        if name in record.metrics:
            return ""
        if name in record.unavailable:
            return f"{name}: {record.unavailable[name]}"
        # No trial ever will: a study without a value is not kept.
        if not self.study.complete():
            forget(self.folder)
        raise UsageError(
            f"--metric {name}: method {self.target.entry.name!r} does not give it: choose another (see `list metrics`)"
        )

    def default_scores(self) -> dict[str, float]:
        """Scores of the row's own options, empty where they have none."""
        if self.default is not None:
            return self.default.scores
        start = self.target.start()
        own = [trial for trial in self.study.complete() if trial.params == start]
        return {name: own[0].user_attrs[name] for name in self.target.better} if own else {}


def metric_of(score: str) -> Metric:
    """The metric that gives a score."""
    return next(metric for metric in registry.values() if score in metric.scores)


def label_of(number: int) -> str:
    return f"trial-{number:04}"


def in_words(values: dict[str, Any]) -> str:
    """`beta 2.1, latent 20`."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )


def forget(folder: Path) -> None:
    """Take away a study and its trials; the folder itself is held by a lock in it."""
    for name in ("cells", "models", "plans", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.glob(f"{JOURNAL}*"):
        path.unlink()
    (folder / "plans").mkdir()


def _planned_before(path: Path) -> dict[str, dict[str, Any]]:
    """Cells of earlier batches, by id: the folder's plan names all trials."""
    if not path.is_file():
        return {}
    try:
        return {cell["cell"]: cell for cell in Plan.read(path).cells}
    except UsageError:  # written anew with the next batch
        return {}
