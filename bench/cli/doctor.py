"""Is this machine ready? Each line says what was found and, where something is missing, what to do."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from bench.datasets import DataError, load, names
from bench.runtime import environment
from bench.runtime.paths import cache_folder, data_root, results_folder

Finding = tuple[bool, str, str]


def examine(results: str | None, root: str | None) -> int:
    """Print the findings. Exit status 1 where something that every run needs is missing."""
    findings = [*_software(), *_devices(), *_folders(results, root), *_data(root), *_inception()]
    for fine, name, text in findings:
        print(f"{'ok  ' if fine else 'NOTE'} {name:<14} {text}")
    needed = [text for fine, name, text in findings if not fine and name in ("results", "cache", "packages")]
    print("\nready" if not needed else "\nnot ready: " + "; ".join(needed))
    return 1 if needed else 0


def _software() -> Iterator[Finding]:
    versions = environment.versions()
    absent = [name for name, version in versions.items() if version == "absent" and name != "latentbench"]
    yield not absent, "packages", ", ".join(f"{name} {version}" for name, version in versions.items())


def _devices() -> Iterator[Finding]:
    slower = "no bf16 in hardware: --precision bf16 will be slower than fp32"
    yield True, "cpu", f"{environment.processor()}; {'bf16 in hardware' if environment.cpu_has_bf16() else slower}"
    for index in range(torch.cuda.device_count()):
        free, total = (size / 2**30 for size in torch.cuda.mem_get_info(index))
        yield True, f"cuda:{index}", f"{torch.cuda.get_device_name(index)}, {free:.1f} of {total:.1f} GiB free"
    if not torch.cuda.is_available():
        yield True, "cuda", "none that torch can use: everything runs on the CPU"


def _folders(results: str | None, root: str | None) -> Iterator[Finding]:
    for name, folder in (("results", results_folder(results)), ("cache", cache_folder())):
        problem = _cannot_write(folder)
        free = shutil.disk_usage(_existing(folder)).free / 2**30
        text = f"{folder}: {problem}" if problem else f"{folder} ({free:.1f} GiB free)"
        yield not problem, name, text
    yield True, "data", str(data_root(root))


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _cannot_write(folder: Path) -> str:
    """Why nothing can be written there; empty where it can. Leaves nothing behind."""
    try:
        with tempfile.NamedTemporaryFile(dir=_existing(folder)) as file:
            file.write(b"x")
            os.fsync(file.fileno())
    except OSError as problem:
        return f"cannot be written ({problem.strerror or problem})"
    return ""


def _data(root: str | None) -> Iterator[Finding]:
    for name in names():
        if ":" in name:
            continue
        try:
            dataset = load(name, data_root(root), download=False)
        except DataError as problem:
            yield False, name, str(problem)
        else:
            yield True, name, f"{len(dataset.x_train)} + {len(dataset.x_test)} images, digest {dataset.digest[:12]}"


def _inception() -> Iterator[Finding]:
    """Only looks: nothing is downloaded by asking how things are."""
    from metrics.base import Unavailable
    from metrics.features import inception_extractor

    try:
        extractor = inception_extractor(None)
    except Unavailable as problem:
        yield False, "inception", f"{problem}; FID is n/a without"
    else:
        yield True, "inception", f"weights {extractor.hash[:12]}"
