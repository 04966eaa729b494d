"""Our scoring of a trained method against the plain way, on the same evidence: seconds, ratios, and how far the values are apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

import metrics
from bench.config.budget import Budget
from bench.config.suite import Evaluation
from bench.datasets.base import Dataset
from bench.perf import plain
from bench.perf.peers import Setting
from bench.perf.plain import SEED, Values
from bench.perf.table import ratios, spread
from bench.runtime.clock import Clock
from bench.runtime.errors import UsageError
from bench.runtime.now import now
from bench.scoring import classifier
from bench.scoring.cache import Cache
from bench.scoring.evidence import Cost, Evidence
from bench.scoring.evidence import registry as registered
from bench.scoring.score import score
from bench.training.trainer import train
from methods.base import Images
from metrics.base import Unavailable, registry
from metrics.features import FeatureSet


@dataclass(frozen=True)
class Family:
    """Metrics that are set beside a plain way. made: evidence that is part of what is timed, gathered anew in each round.

    libraries: what the plain way imports. apart: the largest difference of values that is sound, and why they differ at all.
    """

    name: str
    metrics: tuple[str, ...]
    made: tuple[str, ...]
    plain: Callable[[Evidence], Values]
    libraries: tuple[str, ...]
    apart: float
    why: str


@dataclass
class Round:
    """Seconds and values of one computation."""

    seconds: float
    values: Values


FAMILIES = (
    Family(
        "linear SVM",
        ("svm", "svm_test_accuracy", "svm_raw", "svm_test_accuracy_raw"),
        ("machines", "machines_raw"),
        plain.svm,
        ("sklearn.svm", "sklearn.pipeline", "sklearn.preprocessing"),
        0.01,
        "LinearSVC stops at tol=1e-3, ours is converged",
    ),
    Family(
        "k-means",
        ("cluster_accuracy", "nmi"),
        ("kmeans_clusters",),
        plain.clusters,
        ("sklearn.cluster",),
        0.1,
        "ten other starts",
    ),
    Family(
        "sets in neutral features",
        ("neutral_fidelity",),
        ("samples_in_neutral", "originals_in_neutral"),
        plain.sets,
        ("torch_fidelity.metric_kid", "torch_fidelity.metric_prc", "torch_fidelity.metric_fid"),
        0.02,
        "KID of 100 random subsets, ours of all pairs and with intervals",
    ),
    Family(
        "SSIM",
        ("reconstruction_ssim",),
        ("reconstruction_similarities",),
        plain.ssim,
        ("torchmetrics.functional.image",),
        1e-4,
        "rounding",
    ),
)


def _ours(family: Family, evidence: Evidence) -> Values:
    return score(evidence, [registry[name] for name in family.metrics]).metrics


def _timed(compute: Callable[[], Values], device: torch.device) -> Round:
    began = now(device)
    values = compute()
    return Round(now(device) - began, values)


def evidence_of(setting: Setting, dataset: Dataset, test: Images, folder: Path) -> Evidence:
    """Of the setting's method after an epoch of our loop. folder: of a cache that starts empty, so that nothing is taken as known."""
    method = setting.module().to(setting.device)
    clock = Clock(setting.device)
    train(method, setting.data, test, Budget(epochs=1, batch=setting.batch), SEED, clock)
    settings = Evaluation(samples=max(2, min(10_000, len(test))))

    def without_inception() -> Any:
        raise Unavailable("not compared")

    return Evidence(
        method.eval(),
        setting.data,
        test,
        settings,
        SEED,
        Cost(clock.total(), 0, 0, 0),
        originals_name="perf",
        train_name="perf",
        cache=Cache(folder),
        load_neutral=lambda: classifier.get(dataset, setting.device),
        load_inception=without_inception,
    )


def _anew(family: Family, evidence: Evidence) -> None:
    """Leave of the evidence what both sides share."""
    for name in family.made:
        kept = evidence.kept.get(name)
        if isinstance(kept, FeatureSet):
            evidence.kept[name] = FeatureSet(kept.values)  # features are shared, what is taken of them is not
        else:
            evidence.kept.pop(name, None)
    for name in ("clusters", "clusters_train", "clusters_test"):
        evidence.kept.pop(name, None)


def rounds(family: Family, evidence: Evidence, repeats: int) -> Iterator[tuple[Round, Round]]:
    """Ours and the plain way in turn, after a round of ours that gathers what both share."""
    if not _ours(family, evidence):
        raise UsageError(f"perf --scoring: {family.name} can't be scored here: {_why(family, evidence)}")
    for _ in range(repeats):
        _anew(family, evidence)
        device = evidence.device
        yield _timed(lambda: _ours(family, evidence), device), _timed(lambda: family.plain(evidence), device)


def _why(family: Family, evidence: Evidence) -> str:
    found = score(evidence, [registry[name] for name in family.metrics])
    return "; ".join(dict.fromkeys(found.unavailable.values())) or "the method does not give what it reads"


def differences(ours: Mapping[str, float], others: Mapping[str, float]) -> Values:
    """Of distances, which have no scale of their own, relative; of shares as they are."""
    return {
        name: abs(ours[name] - others[name]) / (abs(others[name]) if name.startswith(("fd_", "kd_")) else 1.0)
        for name in others
    }


def compare_scoring(dataset: Dataset, setting: Setting, repeats: int) -> int:
    """Print a line a family and one of all; exit status 1 where values are farther apart than is stated."""
    metrics.load()
    registered.load()
    test = Images(dataset.x_test.to(setting.device), dataset.y_test.to(setting.device))
    status, ours, others = 0, [0.0] * repeats, [0.0] * repeats
    with TemporaryDirectory() as folder:
        evidence = evidence_of(setting, dataset, test, Path(folder))
        print(f"{torch.get_num_threads()} threads; one epoch of training, then {repeats} rounds of each in turn")
        print(f"{'scores':<26} {'ours, s':>8} {'plain, s':>9} {'ratio (min-max)':>18}  largest difference")
        for family in FAMILIES:
            try:
                for library in family.libraries:
                    import_module(library)
            except ImportError as problem:
                raise UsageError(
                    f"perf --scoring: {problem.name} is missing: pip install 'latentbench[compare]'"
                ) from problem
            found = list(rounds(family, evidence, repeats))
            for number, (one, other) in enumerate(found):
                ours[number] += one.seconds
                others[number] += other.seconds
            apart = differences(found[-1][0].values, found[-1][1].values)
            name = max(apart, key=lambda one: apart[one] if math.isfinite(apart[one]) else math.inf)
            sound = apart[name] <= family.apart
            status = status if sound else 1
            verdict = (
                f"{apart[name]:.1e} {name}: {family.why}"
                if sound
                else f"{apart[name]:.1e} {name}: MORE THAN {family.apart:g}"
            )
            print(
                f"{_line(family.name, [o.seconds for o, _ in found], [p.seconds for _, p in found])}  {verdict}",
                flush=True,
            )
    print(_line("all", ours, others))
    return status


def _line(name: str, ours: list[float], others: list[float]) -> str:
    return f"{name:<26} {median(ours):8.2f} {median(others):9.2f} {spread(ratios(others, ours)):>18}"
