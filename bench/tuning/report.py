"""What a tuning ends with: a table, trials.csv, plots, the best settings as a suite file, and one run in MLflow."""

import shlex
import sys
from pathlib import Path
from typing import Any

import tomli_w
from tabulate import tabulate

from bench.config.suite import Suite, load_suite
from bench.records.storage import write_text
from bench.tracking import tracker as track
from bench.tuning import plots
from bench.tuning.trials import Trials, label_of
from methods.parts import Point

SHOWN = 5
"""Trials of a table of one metric."""


class Report:
    """The end of a tuning, from its study alone: it can be made again."""

    def __init__(self, trials: Trials, out: Path) -> None:
        self.trials, self.out, self.folder = trials, out, trials.folder
        self.target, self.study = trials.target, trials.study
        self.metrics = list(self.target.better)
        self.best = self.study.best()

    def make(self, uri: str | None, results: Path) -> int:
        """Write and print it all. Exit status: 0 where some trial has a value, else 1."""
        write_text(self.folder / "trials.csv", self.study.csv())
        print(f"\n{self._table()}")
        failed = self.study.failed()
        if failed:
            print(f"{len(failed)} trials failed, the last of them: {failed[-1].user_attrs['error']}")
        if not self.best:
            print(
                f"no trial has a value; what they printed is in {self.folder / 'cells'}/<id>/log.txt", file=sys.stderr
            )
            return 1
        drawn = self._draw()
        self._write_suite()
        self._track(uri, results, [self.folder / "trials.csv", *drawn, self.out])
        print(f"\nall trials and plots:  {self.folder}")
        print(
            "chosen by these very figures, the best look better than they are; on the test split, beside the default:"
        )
        words = ["run", "--suite", str(self.out), "--results", str(results)]
        words += ["--data-root", self.trials.request.data] if self.trials.request.data else []
        print(f"  {shlex.join(['python', '-m', 'bench', *words])}")
        return 0

    def tuned(self) -> dict[str, Point]:
        """Label to point of what goes into the suite file."""
        if len(self.metrics) == 1:
            return {f"{self.target.label}-tuned": self.best[0].params}
        return {f"{self.target.label}-tuned-{k + 1}": trial.params for k, trial in enumerate(self.best)}

    def _table(self) -> str:
        ranked = sorted(self.study.complete(), key=lambda trial: (trial.values, trial.number))[:SHOWN]
        shown = ranked if len(self.metrics) == 1 else self.best
        space = list(self.target.space)
        rows = [
            [label_of(one.number), *(one.user_attrs[m] for m in self.metrics), *(one.params[o] for o in space)]
            for one in shown
        ]
        default = self.trials.default_figures()
        base = [self.target.base[option] for option in space]
        rows.append(["default", *(default.get(metric, "failed") for metric in self.metrics), *base])
        what = "best trials" if len(self.metrics) == 1 else "trials that no other beats in both figures"
        counts = f"{len(self.study.complete())} with a value, {len(self.study.failed())} failed"
        return f"{what} ({counts})\n" + tabulate(rows, ["", *self.metrics, *space], floatfmt=".4g", missingval="none")

    def _draw(self) -> list[Path]:
        """The plots that can be drawn; a line for one that cannot."""
        complete, drawn = self.study.complete(), []
        values = {metric: [trial.user_attrs[metric] for trial in complete] for metric in self.metrics}
        numbers, default = [trial.number for trial in complete], self.trials.default_figures()
        better, title = self.target.better, self.target.trial_suite.title
        plots.history(self.folder / "history.png", numbers, values, better, default, title)
        drawn.append(self.folder / "history.png")
        try:
            shares = {metric: self.study.importances(k) for k, metric in enumerate(self.metrics)}
        except ValueError as problem:
            (self.folder / "importance.png").unlink(missing_ok=True)
            print(f"importance.png is not drawn: {problem}")
        else:
            note = f"share of the variance over the space, by functional ANOVA of {len(complete)} trials"
            plots.importance(self.folder / "importance.png", shares, note)
            drawn.append(self.folder / "importance.png")
        if len(self.metrics) == 2:
            front = [tuple(trial.user_attrs[metric] for metric in self.metrics) for trial in self.best]
            plots.pareto(self.folder / "pareto.png", values, front, default, better, title)
            drawn.append(self.folder / "pareto.png")
        return drawn

    def _write_suite(self) -> None:
        """The suite with two rows, the default and the tuned one, or all of the Pareto front. Raises UsageError if it were not one."""
        suite, label, name = self.target.suite, self.target.label, self.target.name
        rows = {label: self.target.row_at({})} | {
            tuned: self.target.row_at(point) for tuned, point in self.tuned().items()
        }
        best = suite.model_copy(
            update={
                "name": f"{name}-tuned",
                "title": f"{label} of suite {suite.name}, tuned, beside its default",
                "methods": rows,
                "reference_rows": [],
                "comparison": None,
            }
        )
        trial_suite = self.target.trial_suite
        how = f"{len(self.study.complete())} trials by {' and '.join(self.metrics)}, {trial_suite.budget.epochs} epochs"
        how += f", seeds {', '.join(map(str, trial_suite.seed_list()))}, scored on {trial_suite.held_out} held-out training images"
        self.out.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.out, f"# Written by `bench tune`: {how}.\n{as_toml(best)}")
        load_suite(str(self.out))

    def _track(self, uri: str | None, results: Path, files: list[Path]) -> None:
        """One run in the experiment `<suite>-tune`. A store that fails costs a line."""
        if uri is None:
            return
        suite = self.target.suite.name
        best: dict[str, Any] = dict(self.tuned())
        figures = {f"default/{name}": value for name, value in self.trials.default_figures().items()}
        for tuned, trial in zip(best, self.best, strict=False):
            figures |= {f"{tuned}/{name}": trial.user_attrs[name] for name in self.metrics}
        figures |= {"trials_complete": len(self.study.complete()), "trials_failed": len(self.study.failed())}
        told: dict[str, Any] = {
            "method": self.target.entry.name,
            "row": self.target.label,
            "metric": " ".join(self.metrics),
        }
        told |= {"sampler": self.trials.asked.sampler, "best": best}
        told |= {"budget": self.target.trial_suite.budget.model_dump()}
        hint = "the trials and best.toml are on disk; give the same command again to write them"
        try:
            tracker = track.Tracker.attach(uri, results, f"{suite}-tune", hint=hint)
            tracker.start(told)
            tracker.add(figures, files)
            tracker.close()
        except track.TrackingError as problem:
            print(problem)


def as_toml(suite: Suite) -> str:
    """A suite as a file that `load_suite` reads: only what differs from the defaults, the rows last."""
    content = suite.model_dump(exclude_none=True, exclude_defaults=True, exclude={"methods", "budget", "evaluation"})
    content |= {"budget": suite.budget.model_dump(), "evaluation": suite.evaluation.model_dump(exclude_none=True)}
    return tomli_w.dumps({**content, "methods": suite.methods})
