"""The record of one cell: the truth on disk, from which MLflow and every table are derived.

`RESULTS/cells/<cell-id>/record.json` is written to a temporary name, flushed and renamed, so a reader sees a whole record
or none. This module imports nothing heavier than the standard library: leaderboards read records without torch.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

SCHEMA = 1
STATUSES = ("ok", "diverged", "error", "timeout", "oom", "killed", "skipped", "stale", "missing")


@dataclass
class Record:
    """One cell's result and all that is needed to get it again.

    metrics: name to value; a metric that the method cannot give is absent, one that could not be measured here is absent
        and named in `unavailable` with the reason.
    intervals: name to the 95 % bootstrap interval over test items (not over seeds).
    by_class: name to one value a class, in the order of `protocol["classes"]`.
    definitions: name to {"unit", "better" (lower | higher | none), "source"}, as the metric itself declares them; with "floor" where a
        row below it is to be marked.
    facts: what the method settled on by itself while it was trained (a bandwidth, the settings that a search found).
    labels: {"train": bool, "test": bool}: whether the method saw labels in training and is given the label at test time.
    likelihood: the suite's p(x|z): nats of different ones don't compare. Older records have no such field: theirs was bernoulli.
    protocol: counts, extractors and their hashes, the neutral classifier's own accuracy.
    comparison: how this suite stands to a paper: {"source", "same" (bool), "why"}; empty for suites of no paper.
    timings: *_seconds; `side_by_side` is the number of cells that shared the device.
    sources: file to sha256 of all code that can change the result.
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
    likelihood: str = "bernoulli"
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status is {self.status!r}; it must be one of {', '.join(STATUSES)}")
        holes = [name for name, value in self.metrics.items() if not math.isfinite(value)]
        if holes:
            raise ValueError(f"metrics must be finite, these are not: {', '.join(holes)}; name them in `unavailable`")


class BrokenRecord(ValueError):
    """A record.json that is not a whole record of this schema; the message names the file and what is wrong."""


def write_atomically(path: Path, text: str) -> None:
    """Write text to path so that a crash at any moment leaves the old file or the new one, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def cells_folder(results: Path) -> Path:
    return results / "cells"


def write(record: Record, results: Path) -> Path:
    """Write a record under its cell id; gives the cell's folder."""
    folder = cells_folder(results) / record.cell
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "record.json", json.dumps(asdict(record), indent=1, allow_nan=False) + "\n")
    return folder


def read(folder: Path) -> Record:
    """The record of a cell's folder. Raises FileNotFoundError where there is none, BrokenRecord where it can't be read."""
    path = folder / "record.json"
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        content = json.loads(text)
        if content.get("schema") != SCHEMA:
            raise ValueError(f"schema is {content.get('schema')!r}, expected {SCHEMA}")
        known = {f.name for f in fields(Record)}
        unknown = sorted(set(content) - known)
        if unknown:
            raise ValueError(f"unknown fields {', '.join(unknown)}")
        return Record(**content)
    except (ValueError, TypeError, AttributeError) as problem:
        raise BrokenRecord(f"{path}: not a record ({problem})") from problem


def find(results: Path) -> Iterator[Record | BrokenRecord]:
    """Every record under a results folder, by cell id; a broken one is yielded as its BrokenRecord, not raised."""
    folder = cells_folder(results)
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*/record.json")):
        try:
            yield read(path.parent)
        except BrokenRecord as broken:
            yield broken


def set_aside(folder: Path) -> Path:
    """Move a broken record.json out of the way, keeping it; gives its new path."""
    path = folder / "record.json"
    for number in range(1, 1000):
        target = folder / f"record.broken-{number}.json"
        if not target.exists():
            path.rename(target)
            return target
    raise OSError(f"{folder}: over a thousand broken records set aside; remove them")
