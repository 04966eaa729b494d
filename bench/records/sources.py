"""The code that can change a result, by hash: a record whose code has changed since is stale. Standard library alone."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = (
    "methods/base.py",
    "bench/loop.py",
    "bench/training.py",
    "bench/search.py",
    "bench/studies.py",
    "bench/shelf.py",
    "bench/runtime/seeds.py",
    "bench/cell.py",
    "bench/division.py",
    "bench/given.py",
    "bench/encoded.py",
    "bench/generated.py",
    "bench/proposed.py",
    "bench/featured.py",
    "bench/near.py",
    "bench/nearest.py",
    "bench/evidence.py",
    "bench/gathering.py",
    "bench/measure.py",
    "bench/intervals.py",
    "bench/neutral.py",
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
    own += [path for room in ("methods/parts", "metrics") for path in sorted((ROOT / room).glob("*.py"))]
    files = dict.fromkeys([*own, file.resolve(), *(path.resolve() for path in metric_files)])
    return {_name(path): _hash(path) for path in files}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def changed(sources: dict[str, str]) -> list[str]:
    """The files whose code is no longer what a record's `sources` say, or that are gone."""
    paths = {name: ROOT / name for name in sources}
    return [name for name, path in paths.items() if not path.is_file() or _hash(path) != sources[name]]
