"""Which metrics a suite asks for, what evidence they reach, and the code that their scores hang on."""

from collections.abc import Callable, Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from bench.records import sources
from bench.runtime.errors import UsageError, nearest
from bench.scoring import classifier, evidence
from bench.scoring.score import score
from metrics.base import Metric, registry
from metrics.features import inception_extractor

NETWORKS: dict[str, Callable[[], dict[str, str]]] = {
    "load_neutral": classifier.code,
    "load_upright": classifier.code,
    "load_inception": lambda: sources.of(inception_extractor),
}
"""Networks that a cell hands over, and the code that they hang on."""


def choose(names: list[str]) -> list[Metric]:
    """Registered metrics by family, function or score name; all where none is named.

    Raises UsageError for an unknown name, and for what reads evidence that there is not.
    """
    _check_reads()
    if not names:
        return list(registry.values())
    known = {m.family for m in registry.values()} | set(registry) | {f for m in registry.values() for f in m.scores}
    for name in names:
        if name not in known:
            raise UsageError(nearest(name, known, "metric"))
    return [m for m in registry.values() if {m.family, m.name, *m.scores} & set(names)]


def _check_reads() -> None:
    """Raises UsageError where a metric or evidence reads what there is not, or evidence reads itself."""
    evidence.registry.load()
    for kind, readers, handed in (("metric", registry, set()), ("evidence", evidence.registry, evidence.HANDED)):
        for reader in readers.values():
            for need in sorted(set(reader.reads.values()) - evidence.registry.keys() - handed):
                raise UsageError(f"{kind} {reader.name!r}: {nearest(need, evidence.registry, 'evidence')}")
    try:
        TopologicalSorter({name: one.reads.values() for name, one in evidence.registry.items()}).prepare()
    except CycleError as problem:
        raise UsageError(f"evidence {' <- '.join(problem.args[1])}: it would be read from itself") from None


def reached(names: Iterable[str]) -> set[str]:
    """These names of evidence and all that they are gathered from, by their arguments."""
    evidence.registry.load()
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += evidence.registry[name].reads.values() if name in evidence.registry else ()
    return found


def wanted(names: list[str], mixing: bool) -> set[str]:
    """The evidence that the chosen metrics and, where it is asked for, mixing.csv reach."""
    return reached([*(need for metric in choose(names) for need in metric.needs), *(["mixtures"] if mixing else [])])


def code_of_score(metric: Metric) -> dict[str, str]:
    """File to digest of what a metric's scores hang on: its own file, the evidence that it reaches, and what resolves them."""
    return sources.of_entry(metric.plugin, metric.function) | code_of_evidence(metric.needs)


def digests_of(chosen: Iterable[Metric]) -> dict[str, str]:
    """A score's name to the digest of the code that it hangs on."""
    by_metric = [(metric.scores, sources.combined(code_of_score(metric))) for metric in chosen]
    return {name: digest for scores, digest in by_metric for name in scores}


def code_of_evidence(needs: Iterable[str]) -> dict[str, str]:
    """File to digest of all that evidence is gathered by."""
    names = reached(needs)
    read = [evidence.registry[name] for name in names & evidence.registry.keys()]
    found = sources.of(score, evidence, *(one.function for one in read if one.function is not None))
    found |= sources.of_files(*(Path(one.plugin) for one in read if one.plugin))
    for code in (code for name, code in NETWORKS.items() if name in names):
        found |= code()
    return found
