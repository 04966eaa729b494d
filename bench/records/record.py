"""The record of one cell: the truth on disk, from which MLflow and every table are derived. Standard library alone."""

import math
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 1
BERNOULLI = "bernoulli"
STATUSES = ("ok", "diverged", "error", "timeout", "oom", "killed", "skipped", "stale", "missing")


@dataclass
class Record:
    """One cell's result and all that is needed to get it again.

    metrics: name to value; a metric that the method cannot give is absent, one that could not be measured here is absent
        and named in `unavailable` with the reason.
    intervals: name to the 95 % interval over items (not over seeds), by the way that its definition states: a bootstrap of a mean,
        a jackknife over tenths of a set.
    by_class: name to one value a class, in the order of `protocol["classes"]`.
    definitions: name to {"unit", "better" (lower | higher | none), "source"}, as the metric itself declares them; with "floor" where a
        row below it is to be marked, "items" where the score is a mean, and "interval": how it was taken, or `none: ` and why.
    facts: what the method settled on by itself while it was trained (a bandwidth, the settings that a search found).
    labels: {"train": bool, "test": bool}: whether the method saw labels in training and is given the label at test time.
    likelihood: the suite's p(x|z): nats of different ones don't compare. Older records have no such field: theirs was bernoulli.
    protocol: counts, extractors and their hashes, the neutral classifier's own accuracy.
    comparison: how this suite stands to a paper: {"source", "same" (bool), "why"}; empty for suites of no paper.
    timings: *_seconds; `side_by_side` is the number of cells that shared the device.
    sources: file to digest of the code that trained (bench.records.sources).
    scored: a score's name to the digest of the code that gave it, or found that the method has none; failed: the same of scores whose code
        raised.
    model: the id of its training. Records from before models were kept have none, and no `scored`.
    """

    cell: str
    suite: str
    label: str
    method: str
    dataset: str
    seed: int
    options: dict[str, Any]
    budget: dict[str, Any]
    status: str
    labels: dict[str, bool] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, list[float]] = field(default_factory=dict)
    by_class: dict[str, list[float | None]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)
    comparison: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    data_digest: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    artifacts: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None
    likelihood: str = BERNOULLI
    model: str = ""
    scored: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status is {self.status!r}; it must be one of {', '.join(STATUSES)}")
        holes = [name for name, value in self.metrics.items() if not math.isfinite(value)]
        if holes:
            raise ValueError(f"metrics must be finite, these are not: {', '.join(holes)}; name them in `unavailable`")
