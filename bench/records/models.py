"""The folders of trained models, RESULTS/models/<training-id>/: what training took and left. Standard library alone."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.records.storage import write_text

STATE, TRAINING, CURVES, TRIALS = "state.safetensors", "training.json", "curves.csv", "trials.csv"
SHARED = "-shared-"
"""In the name of an entry that is of a phase, which rows share."""
SCHEMA = 1


class BrokenModel(ValueError):
    """A kept model that can't be used; the message names the file and what is wrong."""


class NotKept(BrokenModel):
    """A training without a model: it failed, or its weights were not to be kept."""


@dataclass
class TrainingRecord:
    """One training and all that is needed to get it again; its state lies beside it, where it ended well.

    setting: all that the id is a digest of. cost: as the cost metrics read it. timings: `*_seconds` of the process that trained, up to its
    end. facts: what the method settled on by itself. state: the digest of its tensors, empty where there are none. shared: the entries of
    this store that it took phases from. An entry of a shared phase has a cost of its own, and its module's state.
    """

    model: str
    status: str = "ok"
    setting: dict[str, Any] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] | None = None
    state: str = ""
    shared: list[str] = field(default_factory=list)
    schema: int = SCHEMA


def models_folder(results: Path) -> Path:
    return results / "models"


def work_folder(results: Path, model: str) -> Path:
    """Where a training keeps what it would go on from."""
    return models_folder(results) / f".{model}"


def read(folder: Path) -> TrainingRecord:
    """What a model's folder says. Raises FileNotFoundError where there is none, BrokenModel where it can't be read."""
    path = folder / TRAINING
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("schema") != SCHEMA:
            raise ValueError(f"schema is {content.get('schema')!r}, expected {SCHEMA}")
        return TrainingRecord(**content)
    except (ValueError, TypeError, AttributeError) as problem:
        raise BrokenModel(f"{path}: not a training ({problem})") from problem


def is_kept(results: Path, model: str) -> bool:
    """Whether a training ended well and left its state."""
    folder = models_folder(results) / model
    try:
        return read(folder).status == "ok" and (folder / STATE).is_file()
    except (FileNotFoundError, NotADirectoryError, BrokenModel):
        return False


def keep(results: Path, record: TrainingRecord, fill: Callable[[Path], None]) -> Path:
    """Put a model's folder in place, whole, and take away what it would have gone on from. fill: writes what lies beside the record."""
    folder = models_folder(results) / record.model
    made = folder.with_name(f".{record.model}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        made.mkdir(parents=True)
        fill(made)
        write_text(made / TRAINING, json.dumps(asdict(record), indent=1, allow_nan=False) + "\n")
        forget(results, record.model)
        os.replace(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def forget(results: Path, model: str) -> None:
    """Take a model away, and what its training would go on from."""
    for folder in (models_folder(results) / model, work_folder(results, model)):
        shutil.rmtree(folder, ignore_errors=True)


def forget_all(results: Path, model: str) -> None:
    """`forget`, also for the phases that the model shares with others."""
    try:
        shared = read(models_folder(results) / model).shared
    except (FileNotFoundError, NotADirectoryError, BrokenModel):
        shared = []
    for one in (*shared, model):
        forget(results, one)


def entries(results: Path) -> dict[str, TrainingRecord]:
    """What is in the store, by id; what can't be read is left out."""
    found = {}
    for folder in sorted(models_folder(results).glob("[!.]*")):
        with suppress(FileNotFoundError, NotADirectoryError, BrokenModel):
            found[folder.name] = read(folder)
    return found


def forget_shared(results: Path) -> None:
    """Take away the phases that trainings share, but for those of a model that is kept."""
    known = entries(results)
    kept = {one for record in known.values() if record.state for one in record.shared}
    for name in {one for record in known.values() for one in record.shared} - kept:
        forget(results, name)
