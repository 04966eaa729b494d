"""Which metrics a suite asks for, what evidence they reach, and the code that their scores hang on."""

from collections.abc import Callable, Iterable
from functools import cache

from bench.records import sources
from bench.runtime.errors import UsageError, nearest
from bench.scoring import classifier
from bench.scoring.evidence import Evidence
from bench.scoring.given import Given
from bench.scoring.score import score
from metrics.base import Metric, registry
from metrics.features import inception_extractor

NETWORKS: dict[str, Callable[[], dict[str, str]]] = {
    "neutral": classifier.code,
    "upright_neutral": classifier.code,
    "inception": lambda: sources.of(inception_extractor),
}
"""Evidence that a cell is handed from outside, and the code that it hangs on."""


def choose(names: list[str]) -> list[Metric]:
    """Registered metrics by family, function or score name; all where none is named.

    Raises UsageError for an unknown name, and for a metric that asks for evidence that there is not.
    """
    for m in registry.values():
        for need in m.needs:
            if not hasattr(Evidence, need):
                evidence = [name for name in dir(Evidence) if not name.startswith("_")]
                raise UsageError(f"metric {m.name!r}: {nearest(need, evidence, 'evidence')}")
    if not names:
        return list(registry.values())
    known = {m.family for m in registry.values()} | set(registry) | {f for m in registry.values() for f in m.scores}
    for name in names:
        if name not in known:
            raise UsageError(nearest(name, known, "metric"))
    return [m for m in registry.values() if {m.family, m.name, *m.scores} & set(names)]


def reached(names: Iterable[str]) -> set[str]:
    """These names of evidence and all that they are gathered from, as their code reads it."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and _owner(name) is not None:
            found.add(name)
            waiting += _read_by(name)
    return found


def wanted(names: list[str], mixing: bool) -> set[str]:
    """The evidence that the chosen metrics and, where it is asked for, mixing.csv reach."""
    return reached([*(need for metric in choose(names) for need in metric.needs), *(["mixtures"] if mixing else [])])


def code_of_score(metric: Metric) -> dict[str, str]:
    """File to digest of what a metric's scores hang on: its own file, the evidence that it reaches, and what resolves them."""
    return sources.of_entry(metric.plugin, metric.function) | code_of_evidence(metric.needs)


def code_of_evidence(needs: Iterable[str]) -> dict[str, str]:
    """File to digest of all that evidence is gathered by."""
    names = reached(needs)
    owners = {owner for owner in map(_owner, names) if owner is not None} | {Given}
    others = {sources.file_of(one) for one in Evidence.__mro__[1:-1]} - {sources.file_of(one) for one in owners}
    found = sources.of(score, *owners, without=others)
    for code in (code for name, code in NETWORKS.items() if name in names):
        found |= code()
    return found


def _owner(name: str) -> type | None:
    """The class that defines a name of evidence; None for what an object alone holds."""
    return next((cls for cls in Evidence.__mro__[:-1] if name in vars(cls)), None)


@cache
def _read_by(name: str) -> set[str]:
    owner = _owner(name)
    held = vars(owner)[name]
    function = getattr(held, "fget", None) or getattr(held, "function", None) or held
    return sources.attributes_of_self(function) if callable(function) else set()
