"""What a tuning ends with: a table, trials.csv, plots, the best settings as a suite file, and one run in MLflow."""

import shlex
import sys
from pathlib import Path

import tomli_w
from optuna.trial import FrozenTrial
from tabulate import tabulate

from bench.config.suite import Suite, load_suite
from bench.records.storage import write_text
from bench.tracking import tracker as track
from bench.training.search import stacked
from bench.tuning.plots import Plots
from bench.tuning.trials import Trials, label_of

SHOWN = 5
"""Trials of a table of one metric."""


class Report:
    """The end of a tuning, from its study alone: it can be made again."""

    def __init__(self, trials: Trials, out: Path) -> None:
        self.trials, self.out, self.folder = trials, out, trials.folder
        self.target, self.study = trials.target, trials.study
        self.metrics = list(self.target.better)
        self.best, self.default = self.study.best(), trials.default_scores()
        self.counts = {"complete": len(self.study.complete()), "failed": len(self.study.failed())}

    def make(self, uri: str | None, results: Path) -> int:
        """Write and print it all. Exit status: 0 where some trial has a value, else 1."""
        table = self.folder / "trials.csv"
        write_text(table, stacked([self.study.table()]))
        print(f"\n{self._table()}")
        if failed := self.study.failed():
            print(f"{len(failed)} trials failed, the last of them: {failed[-1].user_attrs['error']}")
        if not self.best:
            logs = self.folder / "cells"
            print(f"no trial has a value; what they printed is in {logs}/<id>/log.txt", file=sys.stderr)
            return 1
        drawn = self._draw()
        self._write_suite()
        self._track(uri, results, [table, *drawn, self.out])
        print(f"\nall trials and plots:  {self.folder}")
        print("chosen by these very scores, the best look better than they are; on the test split, beside the default:")
        words = ["run", "--suite", str(self.out), "--results", str(results)]
        words += ["--data-root", self.trials.run_settings.data] if self.trials.run_settings.data else []
        print(f"  {shlex.join(['python', '-m', 'bench', *words])}")
        return 0

    def tuned(self) -> dict[str, FrozenTrial]:
        """Label to trial of what goes into the suite file."""
        label = f"{self.target.label}-tuned"
        if len(self.metrics) == 1:
            return {label: self.best[0]}
        return {f"{label}-{number}": trial for number, trial in enumerate(self.best, 1)}

    def _table(self) -> str:
        one = len(self.metrics) == 1
        shown = sorted(self.study.complete(), key=lambda trial: (trial.values, trial.number))[:SHOWN]
        space = list(self.target.space)
        rows = [
            [label_of(trial.number), *map(trial.user_attrs.get, self.metrics), *map(trial.params.get, space)]
            for trial in (shown if one else self.best)
        ]
        scores = (self.default.get(metric, "failed") for metric in self.metrics)
        rows.append(["default", *scores, *map(self.target.base.get, space)])
        what = "best trials" if one else "trials that no other beats in both scores"
        counts = f"{self.counts['complete']} with a value, {self.counts['failed']} failed"
        return f"{what} ({counts})\n" + tabulate(rows, ["", *self.metrics, *space], floatfmt=".4g", missingval="none")

    def _draw(self) -> list[Path]:
        """The plots that can be drawn; a line for one that cannot."""
        plots = Plots(self.study, self.target.better, self.default, self.target.trial_suite.title, self.folder)
        drawn = plots.history()
        try:
            drawn += plots.importance()
        except ValueError as problem:
            (self.folder / "importance.png").unlink(missing_ok=True)
            print(f"importance.png is not drawn: {problem}")
        return drawn if len(self.metrics) == 1 else [*drawn, *plots.pareto(self.best)]

    def _write_suite(self) -> None:
        """The suite with two rows, the default and the tuned one, or all of the Pareto front. Raises UsageError if it were not one."""
        suite, trials, label = self.target.suite, self.target.trial_suite, self.target.label
        tuned = {tuned: self.target.row_at(trial.params) for tuned, trial in self.tuned().items()}
        best = suite.model_copy(
            update={
                "name": f"{self.target.name}-tuned",
                "title": f"{label} of suite {suite.name}, tuned, beside its default",
                "methods": {label: self.target.row_at({}), **tuned},
                "reference_rows": [],
                "comparison": None,
            }
        )
        how = f"{self.counts['complete']} trials by {' and '.join(self.metrics)}, {trials.budget.epochs} epochs, "
        how += f"seeds {', '.join(map(str, trials.seed_list()))}, scored on {trials.held_out} held-out training images"
        write_text(self.out, f"# Written by `bench tune`: {how}.\n{as_toml(best)}")
        load_suite(str(self.out))

    def _track(self, uri: str | None, results: Path, files: list[Path]) -> None:
        """One run in the experiment `<suite>-tune`. A store that fails costs a line."""
        if uri is None:
            return
        suite, tuned = self.target.suite.name, self.tuned()
        scores = {f"default/{name}": value for name, value in self.default.items()}
        scores |= {f"{label}/{name}": one.user_attrs[name] for label, one in tuned.items() for name in self.metrics}
        scores |= {f"trials_{state}": count for state, count in self.counts.items()}
        about = {
            "method": self.target.entry.name,
            "row": self.target.label,
            "metric": " ".join(self.metrics),
            "sampler": self.trials.settings.sampler,
            "best": {label: trial.params for label, trial in tuned.items()},
            "budget": self.target.trial_suite.budget.model_dump(),
        }
        hint = "the trials and best.toml are on disk; give the same command again to write them"
        try:
            tracker = track.Tracker.attach(uri, results, f"{suite}-tune", hint=hint)
            tracker.start(about)
            tracker.add(scores, files)
            tracker.close()
        except track.TrackingError as problem:
            print(problem)


def as_toml(suite: Suite) -> str:
    """A suite as a file that `load_suite` reads: only what differs from the defaults, the rows last."""
    content = suite.model_dump(exclude_none=True, exclude_defaults=True, exclude={"methods", "budget", "evaluation"})
    content |= {"budget": suite.budget.model_dump(), "evaluation": suite.evaluation.model_dump(exclude_none=True)}
    return tomli_w.dumps({**content, "methods": suite.methods})
