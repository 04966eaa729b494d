"""What a run of a suite is, cell by cell: RESULTS/plans/<suite>.json. Standard library alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from bench.records.record import BERNOULLI
from bench.runtime.errors import UsageError

KeepModels = Literal["all", "none"]
ScoreOn = Literal["test", "held_out"]
"""The images that a cell is scored on: the test split, or, where settings are chosen by the score, the held-out part of training."""


@dataclass(frozen=True)
class Cell:
    """One (row, dataset, seed) with its full options and budget; `cell` is its id.

    model: the id of its training, of everything that can change it; the cell's own id is of that and of how it is scored.
    sources: file to digest of the code that trains. training: the digest of it all. settled: what the method found here by itself,
    such as weights that lie there.
    """

    cell: str
    dataset: str
    label: str
    method: str
    seed: int
    options: dict[str, Any]
    budget: dict[str, Any]
    data_digest: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    training: str = ""
    settled: dict[str, Any] = field(default_factory=dict)
    model: str = ""


@dataclass(frozen=True)
class Plan:
    """What an invocation runs; all that a worker needs to run any of its cells.

    cells: as dicts of `Cell`'s fields. devices: all of one type; side_by_side: cells on one of them at most. scoring: a score's name to the
    digest of the code that gives it. only: scores that are computed, whatever is there; where empty, those that the code of today has not
    given. train: whether what is not kept is trained. keep_models: whether weights stay on the disk; log_models: whether they go to MLflow.
    """

    suite: str
    title: str = ""
    cells: list[dict[str, Any]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    reference_rows: list[str] = field(default_factory=list)
    comparison: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    held_out: int = 0
    data_root: str = ""
    results: str = ""
    devices: list[str] = field(default_factory=list)
    threads: int = 1
    side_by_side: int = 1
    plugins: list[str] = field(default_factory=list)
    inception: dict[str, str] = field(default_factory=dict)
    score_on: ScoreOn = "test"
    likelihood: str = BERNOULLI
    scoring: dict[str, str] = field(default_factory=dict)
    only: list[str] = field(default_factory=list)
    train: bool = True
    keep_models: KeepModels = "all"
    log_models: bool = False

    @staticmethod
    def read(path: Path) -> Plan:
        """A plan of this version or another: what is not known here is passed over. Raises UsageError where the file is not one."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            shared = {"sources": content.get("sources", {})}  # older plans state the code once for all cells
            cells = [asdict(Cell(**_known(Cell, shared | cell))) for cell in content["cells"]]
            devices = content["devices"] if "devices" in content else [content.get("device", "")]
            return Plan(**{**_known(Plan, content), "cells": cells, "devices": devices})
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as problem:
            raise UsageError(
                f"plan {path}: not a plan ({type(problem).__name__}: {problem}): run the suite again"
            ) from problem

    @property
    def device(self) -> str:
        """The first of them: in a worker the one that its cell runs on."""
        return self.devices[0] if self.devices else ""

    def on(self, device: str | None) -> Plan:
        """The plan of a worker that has this device; None leaves the first. Raises UsageError for one that the plan has not."""
        if device is not None and device not in self.devices:
            raise UsageError(f"--device {device}: the plan has {', '.join(self.devices)}: give one of them")
        return replace(self, devices=[device or self.device])

    def narrowed(self, cells: int) -> Plan:
        """With no more places than so many cells take."""
        return replace(self, side_by_side=max(1, min(self.side_by_side, -(-cells // len(self.devices)))))

    @property
    def places(self) -> int:
        """Cells that run at once, on all devices."""
        return self.side_by_side * len(self.devices)

    def json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    def cell(self, identity: str) -> Cell:
        """Raises KeyError for an id that the plan has not."""
        for cell in self.cells:
            if cell["cell"] == identity:
                return Cell(**cell)
        raise KeyError(identity)


def _known(kind: type, content: Mapping[str, Any]) -> dict[str, Any]:
    return {one.name: content[one.name] for one in fields(kind) if one.name in content}


def named(dataset: str, what: str, seed: int, content: Mapping[str, Any]) -> str:
    """The id of a cell or a training: a readable name and a hash of `content`, everything that can change it."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    slug = "".join(c if c.isalnum() or c in "-_" else "-" for c in f"{dataset.rsplit('/', 1)[-1]}-{what}")
    return f"{slug}-s{seed}-{digest[:12]}"
