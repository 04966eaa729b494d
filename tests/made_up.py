"""Made-up records and results folders for the tests of leaderboards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.records.cells import write
from bench.records.record import Record

DEFINITIONS = {
    "reconstruction_bce": {"unit": "nats/image", "better": "lower", "source": "", "family": "reconstruction"},
    "argmax_accuracy": {"unit": "", "better": "higher", "source": "", "family": "separability"},
    "neutral_accuracy": {"unit": "", "better": "higher", "source": "", "family": "generation"},
    "fid": {"unit": "", "better": "lower", "source": "", "family": "fidelity"},
    "train_seconds": {"unit": "s", "better": "lower", "source": "", "family": "cost"},
}
BUDGET = {"epochs": 3}


def record(label: str = "vae", seed: int = 0, status: str = "ok", **changes: Any) -> Record:
    """A record of suite `digits` on mnist, on a CPU; a failed one has no metrics. changes: any of Record's fields."""
    content: dict[str, Any] = {
        "cell": f"{label}-{seed}",
        "suite": "digits",
        "label": label,
        "method": label,
        "dataset": "mnist",
        "seed": seed,
        "options": {},
        "budget": BUDGET,
        "status": status,
        "labels": {"train": False, "test": False},
        "metrics": {"reconstruction_bce": 80.0 + seed} if status == "ok" else {},
        "definitions": DEFINITIONS,
        "timings": {"side_by_side": 1},
        "environment": {"device_type": "cpu", "device": "a CPU", "versions": {"python": "3.11.9", "torch": "2.9.0"}},
        "sources": {"methods/vae.py": "now"},
        "error": None if status == "ok" else {"message": "first line\nsecond line"},
    }
    return Record(**{**content, **changes})


def save(results: Path, records: Sequence[Record]) -> Path:
    for one in records:
        write(one, results)
    return results


def plan(results: Path, cells: Sequence[Record], **changes: Any) -> None:
    """Write the plan of suite `digits` that holds exactly these records' cells."""
    names = ("cell", "label", "method", "dataset", "seed", "options", "budget")
    content = {
        "suite": "digits",
        "title": "Digits",
        "cells": [{name: getattr(one, name) for name in names} for one in cells],
        "columns": [],
        "reference_rows": [],
        "sources": {"methods/vae.py": "now"},
    }
    folder = results / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "digits.json").write_text(json.dumps({**content, **changes}))
