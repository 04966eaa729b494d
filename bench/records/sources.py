"""The code that can change a result, by hash: a record whose code has changed since is stale. Standard library alone."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = (
    "methods/base.py",
    "bench/training/loop.py",
    "bench/training/trainer.py",
    "bench/training/search.py",
    "bench/training/optuna_study.py",
    "bench/training/store.py",
    "bench/runtime/seeds.py",
    "bench/runner/cell.py",
    "bench/datasets/split.py",
    "bench/scoring/given.py",
    "bench/scoring/latents.py",
    "bench/scoring/samples.py",
    "bench/scoring/proposals.py",
    "bench/scoring/features.py",
    "bench/scoring/neighbours.py",
    "bench/scoring/nearest.py",
    "bench/scoring/evidence.py",
    "bench/scoring/gathering.py",
    "bench/scoring/score.py",
    "bench/scoring/intervals.py",
    "bench/scoring/classifier.py",
    "bench/datasets/base.py",
)


@cache
def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def of_method(file: Path, metric_files: Iterable[Path] = ()) -> dict[str, str]:
    """File to hash for a method defined in `file`: itself, what every cell runs through, all metrics, and plug-ins' `metric_files`.

    Files of this project are named from its root, a plug-in's file by its own path.
    """
    own = [ROOT / name for name in SHARED]
    own += [path for room in ("methods/parts", "metrics") for path in sorted((ROOT / room).rglob("*.py"))]
    files = dict.fromkeys([*own, file.resolve(), *(path.resolve() for path in metric_files)])
    return {_name(path): _hash(path) for path in files}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def changed(sources: dict[str, str]) -> list[str]:
    """The files whose code is no longer what a record's `sources` say, or that are gone."""
    paths = {name: ROOT / name for name in sources}
    return [name for name, path in paths.items() if not path.is_file() or _hash(path) != sources[name]]
