"""From evidence to scores: every metric that the suite asks for, with intervals and reasons."""

import math
from dataclasses import dataclass, field
from typing import Any

from bench.scoring.evidence import Evidence, MissingCapability
from bench.scoring.intervals import bootstrap, by_group
from metrics.base import Items, Metric, Unavailable


@dataclass
class Scores:
    """What a cell measured, as its record holds it."""

    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, list[float]] = field(default_factory=dict)
    by_class: dict[str, list[float | None]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)


def score(evidence: Evidence, chosen: list[Metric]) -> Scores:
    """Compute the metrics in order. One whose evidence the method cannot give is left out, one refused is named with its reason."""
    found = Scores()
    for metric in chosen:
        for name, declared in metric.scores.items():
            found.definitions[name] = {
                "unit": declared.unit,
                "better": declared.better,
                "source": metric.source,
                "family": metric.family,
            } | ({} if declared.floor is None else {"floor": declared.floor})
        try:
            result = metric.function(**evidence.arguments(metric.function, metric.reads))
        except MissingCapability:
            continue
        except Unavailable as reason:
            found.unavailable |= dict.fromkeys(metric.scores, str(reason))
            continue
        for name, value in (result if isinstance(result, dict) else {metric.name: result}).items():
            _add(found, name, value, evidence.n_classes)
    return found


def _add(found: Scores, name: str, value: float | Items, classes: int) -> None:
    mean = value.values.double().mean().item() if isinstance(value, Items) else float(value)
    if not math.isfinite(mean):
        found.unavailable[name] = f"the score is not finite ({mean})"
        return
    found.metrics[name] = mean
    if isinstance(value, Items):
        found.intervals[name] = list(bootstrap(value.values))
        if value.groups is not None:
            found.by_class[name] = by_group(value.values, value.groups, classes)
