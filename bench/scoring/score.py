"""From evidence to scores: every metric that is asked for, with intervals and reasons."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bench.scoring.evidence import Evidence, Failed, MissingCapability
from bench.scoring.intervals import bootstrap, by_group, jackknife
from metrics.base import Items, Metric, OfSet, Score, Unavailable


@dataclass
class Scores:
    """What a cell measured, as its record holds it. failed: what was raised. items: those whose mean a score is, (N,) float32."""

    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, list[float]] = field(default_factory=dict)
    by_class: dict[str, list[float | None]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)
    items: dict[str, Tensor] = field(default_factory=dict)

    def take(self, other: "Scores") -> None:
        """All that another holds."""
        for part, own in vars(self).items():
            own |= getattr(other, part)

    def add(self, name: str, value: float | Items | OfSet, classes: int) -> None:
        mean = _number(value)
        if not math.isfinite(mean):
            self.unavailable[name] = f"the score is not finite ({mean})"
            return
        self.metrics[name] = mean
        if isinstance(value, Items):
            self.intervals[name] = list(bootstrap(value.values))
            self.items[name] = value.values.detach().cpu().float()
            self.definitions[name] = {"items": value.of, "interval": f"bootstrap over {value.of}"}
            if value.groups is not None:
                self.by_class[name] = by_group(value.values, value.groups, classes)
        elif isinstance(value, OfSet):
            self._add_spread(name, value)

    def _add_spread(self, name: str, value: OfSet) -> None:
        if not value.without or not all(map(math.isfinite, value.without)):
            self.definitions[name] = {"interval": f"none: too few {value.of} to leave tenths out"}
            return
        self.intervals[name] = list(jackknife(value.value, value.without))
        stated = f"jackknife over ten random tenths of {value.of}"
        self.definitions[name] = {"interval": "; ".join([stated, *([value.note] if value.note else [])])}


def _number(value: float | Items | OfSet) -> float:
    if isinstance(value, Items):
        return value.values.double().mean().item()
    return float(value.value if isinstance(value, OfSet) else value)


def _declared(metric: Metric, score: Score) -> dict[str, Any]:
    stated = {"unit": score.unit, "better": score.better, "source": metric.source, "family": metric.family}
    floor = {} if score.floor is None else {"floor": score.floor}
    return stated | floor | ({"interval": f"none: {score.no_interval}"} if score.no_interval else {})


def score(evidence: Evidence, chosen: Iterable[Metric]) -> Scores:
    """Compute the metrics in order. What the method cannot give is left out, what is refused or broken is named with its reason."""
    found = Scores()
    for metric in chosen:
        for name, declared in metric.scores.items():
            found.definitions[name] = _declared(metric, declared)
        try:
            result = metric.function(**evidence.arguments(metric.function, metric.reads))
            whole = Scores()
            for name, value in (result if isinstance(result, Mapping) else {metric.name: result}).items():
                whole.add(name, value, evidence.n_classes)
            for name, stated in whole.definitions.items():
                stated |= found.definitions[name]
            found.take(whole)
        except MissingCapability:
            continue
        except Unavailable as reason:
            found.unavailable |= dict.fromkeys(metric.scores, str(reason))
            found.failed |= dict.fromkeys(metric.scores, reason) if isinstance(reason, Failed) else {}
        except Exception as problem:  # noqa: BLE001  a metric that raises costs its own scores, not the cell's
            failed = Failed(metric.name, problem)
            found.unavailable |= dict.fromkeys(metric.scores, str(failed))
            found.failed |= dict.fromkeys(metric.scores, failed)
    return found
