"""What is tuned, all of it checked before the first trial."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from bench.config.options import build, find, on_shared, resolve, spans
from bench.config.overrides import SuiteOverrides
from bench.config.rows import settings_of, written_out
from bench.config.suite import Evaluation, Suite, load_suite
from bench.datasets import load
from bench.runner.plan import RunSettings
from bench.runtime.errors import UsageError, nearest
from bench.runtime.paths import data_root
from bench.scoring.latents import OF_LIKELIHOOD
from bench.scoring.selection import choose, reached
from methods.base import Entry, ImageSpec, registry
from methods.parts import Point, Sampler, Span
from metrics.base import Metric
from metrics.base import registry as metric_registry

HELD_OUT_PART = 10
"""One training image in so many is held out, at least, for the trials to be scored on."""


@dataclass(frozen=True)
class TuneSettings:
    """What is to be tuned and how, as the command line says it. changes: those of the row, `option=value`."""

    method: str
    trials: int
    options: str | None = None
    metric: str | None = None
    changes: tuple[str, ...] = ()
    sampler: Sampler = "tpe"
    out: str | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Target:
    """What is tuned: a row of a suite, where its options are searched, and by which scores.

    suite: as it is to be run in the end. trial_suite: as a trial runs it. row: the row's own options, which stand where a trial says
    nothing else; base: all of its method's. better: metric to its direction.
    """

    suite: Suite
    trial_suite: Suite
    label: str
    entry: Entry
    row: dict[str, Any]
    base: dict[str, Any]
    space: dict[str, Span]
    better: dict[str, str]
    spec: ImageSpec
    data_digest: str

    @property
    def name(self) -> str:
        """`<suite>-<label>`, fit for a file."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.suite.name}-{self.label}")

    def row_at(self, point: Point) -> dict[str, Any]:
        """The row of a point: what a suite file would say."""
        return {**self.row, "method": self.entry.name, **point}

    def refusal(self, point: Point) -> str:
        """Why the method cannot be made with these options on these data; empty where it can."""
        options = {name: value for name, value in self.row_at(point).items() if name != "method"}
        try:
            with torch.device("meta"):
                build(self.label, self.entry, self.spec, _resolved(self.suite, self.label, self.entry, options))
        except UsageError as problem:
            return str(problem)
        return ""

    def start(self) -> Point | None:
        """The row's own options as a point, or None where one lies outside its span."""
        point = {name: self.base[name] for name in self.space}
        inside = all(
            isinstance(value, int | float) and self.space[name].low <= value <= self.space[name].high
            for name, value in point.items()
        )
        return point if inside else None

    def setting(self, code: dict[str, str]) -> dict[str, Any]:
        """What the trials' values depend on beside the space, so that a study is never gone on with under another."""
        suite = self.trial_suite
        return {
            "method": self.entry.name,
            "row": self.base,
            "dataset": suite.dataset,
            "data": self.data_digest,
            "seeds": suite.seed_list(),
            "budget": suite.budget.model_dump(),
            "evaluation": suite.evaluation.model_dump(exclude={"metrics"}),
            "held_out": suite.held_out,
            "code": code,
        }


def settle(overrides: SuiteOverrides, run_settings: RunSettings, settings: TuneSettings) -> Target:
    """Everything checked before the first trial. Raises UsageError, or DataError for the data."""
    suite, kept = (one.settle(run_settings.plugins) for one in (overrides, replace(overrides, seeds=None, epochs=None)))
    members = written_out(load_suite(overrides.suite).methods).get(settings.method, {})
    if members and settings.method not in members:
        raise UsageError(f"--method {settings.method}: this row sweeps: name one of {', '.join(members)}")
    suite, kept = (_with_row(one, settings) for one in (suite, kept))
    label, row = settings.method, dict(suite.methods[settings.method])
    entry = find(str(row.pop("method", label)))
    base = _resolved(suite, label, entry, row)
    if len(suite.dataset) > 1:
        raise UsageError(
            f"suite {suite.name}: it has {len(suite.dataset)} data sets: name the one to tune on, as in --dataset {suite.dataset[0]}"
        )
    better = chosen_metrics(suite, settings.metric)
    dataset = load(suite.dataset[0], data_root(run_settings.data))
    kept = kept.model_copy(
        update={"plugins": [*suite.plugins, *(str(Path(p).resolve()) for p in run_settings.plugins)]}
    )
    evaluation = Evaluation(**{**suite.evaluation.model_dump(), "metrics": list(better)})
    trial_suite = suite.model_copy(
        update={
            "title": f"{label} of suite {suite.name}: trials, scored on held-out training images",
            "held_out": max(suite.held_out, len(dataset.x_train) // HELD_OUT_PART, 1),
            "evaluation": evaluation,
            "columns": list(better),
            "reference_rows": [],
            "comparison": None,
        }
    )
    space = chosen_space(label, entry, base, settings.options)
    spec = ImageSpec(*dataset.shape, dataset.n_classes)
    target = Target(kept, trial_suite, label, entry, row, base, space, better, spec, dataset.digest)
    problem = target.refusal({})
    if problem:
        raise UsageError(problem)
    return replace(target, trial_suite=trial_suite.model_copy(update={"name": target.name}))


def _with_row(suite: Suite, settings: TuneSettings) -> Suite:
    """The suite with the row that is tuned, where it is a method by name, and with the settings. Raises UsageError for neither."""
    label = settings.method
    if label not in suite.methods and label not in registry:
        known = {*suite.methods, *registry}
        raise UsageError("--method: " + nearest(label, known, f"row of suite {suite.name!r} or method"))
    row = suite.methods.get(label, {}) | settings_of(label, settings.changes)
    return suite.model_copy(update={"methods": {label: row}})


def _resolved(suite: Suite, label: str, entry: Entry, options: dict[str, Any]) -> dict[str, Any]:
    return resolve(label, entry, on_shared(label, entry, options, suite.backbone, suite.likelihood))


def chosen_space(label: str, entry: Entry, base: dict[str, Any], names: str | None) -> dict[str, Span]:
    """The spans to search: those named in `a,b`, else all but those of options that the row leaves at none. Raises UsageError."""
    known = spans(entry.cls)
    if not known:
        raise UsageError(
            f"--method {label}: method {entry.name!r} declares no option with a span: there is nothing to tune"
        )
    if names is None:
        return {name: span for name, span in known.items() if base[name] is not None}
    wanted = _listed(names)
    if not wanted:
        raise UsageError(f"--options {names!r}: name at least one of: {', '.join(known)}")
    for name in wanted:
        if name not in base:
            raise UsageError("--options: " + nearest(name, known, f"tunable option of method {entry.name!r}"))
        if name not in known:
            raise UsageError(
                f"--options: {name!r} of method {entry.name!r} has no span; these can be tuned: {', '.join(known)}"
            )
    return {name: known[name] for name in wanted}


def _gives(suite: Suite, metric: Metric) -> bool:
    """Whether methods of the suite's likelihood can have the evidence that a metric reads."""
    return all(OF_LIKELIHOOD.get(name, suite.likelihood) == suite.likelihood for name in reached(metric.needs))


def chosen_metrics(suite: Suite, names: str | None) -> dict[str, str]:
    """Metric to direction: those named, else the suite's first column that has one. Raises UsageError."""
    possible = [metric for metric in metric_registry.values() if _gives(suite, metric)]
    scores = {name: score.better for metric in possible for name, score in metric.scores.items()}
    directed = {name: better for name, better in scores.items() if better != "none"}
    if names is None:
        first = next((name for name in suite.columns if name in directed), None)
        if first is None:
            raise UsageError(f"suite {suite.name}: no column of it has a better direction: name a metric with --metric")
        return {first: directed[first]}
    wanted = _listed(names)
    if not 1 <= len(wanted) <= 2:
        raise UsageError(f"--metric {names!r}: name one metric, or two for a Pareto front")
    for name in wanted:
        if name in scores and name not in directed:
            raise UsageError(
                f"--metric {name}: neither lower nor higher is better: choose another (see `list metrics`)"
            )
        if any(name in metric.scores for metric in metric_registry.values() if metric not in possible):
            raise UsageError(
                f"--metric {name}: it is not of likelihood {suite.likelihood}, the suite's: choose another"
            )
        if name not in scores:
            raise UsageError("--metric: " + nearest(name, directed, "metric"))
    choose(wanted)
    return {name: directed[name] for name in wanted}


def _listed(names: str) -> list[str]:
    """The names in `a,b`, each once."""
    return list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
