"""What MLflow is told of one record: names made legal, values flattened, all within MLflow's limits."""

import hashlib
import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from bench.records import models
from bench.records.cells import curves
from bench.records.models import is_kept
from bench.records.record import Record

NAME_LENGTH, PARAM_LENGTH, TAG_LENGTH, DIGEST_LENGTH = 250, 6_000, 8_000, 36
RUN_STATUS = {"ok": "FINISHED", "killed": "KILLED", "timeout": "KILLED"}  # all others: FAILED
DIGEST_TAG = "record_sha256"


class Point(NamedTuple):
    """One value of a metric at a step, its name as the harness spells it."""

    name: str
    value: float
    step: int


def legal_names(names: Iterable[str]) -> dict[str, str]:
    """Each name to one that MLflow takes (`kl[0]` to `kl_0`); two that would meet stay apart by a number."""
    legal: dict[str, str] = {}
    for name in names:
        if name in legal:
            continue
        # A part of only dots or of nothing reads as a path that leads elsewhere, which MLflow refuses.
        parts = (re.sub(r"[^\w.\- ]+", "_", part).strip("_. ") or "_" for part in name.split("/"))
        wanted = "/".join(parts)[:NAME_LENGTH].rstrip("/")
        taken, number, chosen = set(legal.values()), 1, wanted
        while chosen in taken:
            number += 1
            chosen = f"{wanted[: NAME_LENGTH - 8]}_{number}"
        legal[name] = chosen
    return legal


def digest(record: Record) -> str:
    """sha256 of all that a record says, the same whether it was just made or read from disk."""
    return hashlib.sha256(json.dumps(asdict(record), sort_keys=True).encode()).hexdigest()


def points(record: Record, folder: Path) -> list[Point]:
    """Metrics, interval bounds, timings and curves; a value that isn't finite is NaN (MLflow stores inf as 1.8e308)."""
    values = dict(record.metrics)
    for name, (low, high) in record.intervals.items():
        values |= {f"interval_low/{name}": low, f"interval_high/{name}": high}
    values |= {f"timing/{name}": value for name, value in record.timings.items() if _number(value)}
    points = [Point(name, value, 0) for name, value in values.items()]
    for epoch, *parts, value in curves(folder / "curves.csv"):
        # A slash inside a phase or term would move it to another place in MLflow's tree of charts.
        points.append(Point("/".join(["curve", *(str(part).replace("/", "_") for part in parts)]), value, epoch))
    return [point._replace(value=float(point.value) if math.isfinite(point.value) else math.nan) for point in points]


def params(record: Record) -> dict[str, str]:
    """Options and budget, flattened: `options.latent_size`, `budget.epochs`."""
    return flatten({"options": record.options, "budget": record.budget})


def flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as dotted names to text, cut at MLflow's limit; a list stays one value."""
    flat: dict[str, str] = {}
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = text(value)[:PARAM_LENGTH]
    return flat


def tags(record: Record) -> dict[str, str]:
    """What runs are searched and grouped by; `fact.*` is what the method settled on by itself: its pose, its restarts."""
    environment = record.environment
    tags: dict[str, Any] = {
        "cell": record.cell,
        "suite": record.suite,
        "method": record.method,
        "label": record.label,
        "dataset": record.dataset,
        "likelihood": record.likelihood,
        "data_digest": record.data_digest,
        "seed": record.seed,
        "status": record.status,
        "device": environment.get("device", ""),
        "git": commit(environment.get("git")),
        **flatten({"fact": _plain(record.facts)}),
    }
    if record.error:
        tags["error"] = ": ".join(record.error[name] for name in ("type", "message") if record.error.get(name))
    return {name: text(value)[:TAG_LENGTH] for name, value in tags.items()}


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and texts among the facts, and caveats: what a search found has a table of its own, and tags are few."""
    kept: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping) and name != "search":
            kept[name] = _plain(value)
        elif isinstance(value, str | int | float) or name == "caveats":
            kept[name] = value
    return kept


def dataset_input(record: Record) -> dict[str, str]:
    """The data set that the cell was trained on, as MLflow's Dataset takes it; empty where the cell failed before it was read.

    `source` is JSON that MLflow's own class for `source_type` reads.
    """
    if not record.data_digest:
        return {}
    path = record.dataset.partition(":")[2]
    tags = {"mlflow.source.name": f"latentbench dataset {record.dataset}"}
    return {
        "name": record.dataset[:500],
        "digest": record.data_digest[:DIGEST_LENGTH],
        "source_type": "local" if path else "code",
        "source": json.dumps({"uri": path} if path else {"tags": tags}),
    }


def span(record: Record, folder: Path) -> tuple[int, int]:
    """Start and end of the cell in milliseconds since 1970; what the record doesn't say, its file's time does."""
    path = folder / "record.json"
    written = path.stat().st_mtime if path.is_file() else time.time()
    total, started = record.timings.get("total_seconds"), record.environment.get("started")
    if started is None:
        started = written - (total or 0.0)
    end = max(written, started) if total is None else started + total
    return int(started * 1000), int(end * 1000)


def model_tags(record: Record, folder: Path) -> dict[str, str]:
    """Where the cell's trained method lies, and the digest of its state; empty where it is not kept."""
    place = folder.parents[1] / "models" / record.model
    if not record.model or not is_kept(folder.parents[1], record.model):
        return {}
    return {"model_path": text(str(place.resolve()))[:TAG_LENGTH], "model_digest": models.read(place).state}


def model_file(record: Record, folder: Path) -> list[Path]:
    """The trained method's weights, where they are kept."""
    path = folder.parents[1] / "models" / record.model / models.STATE
    return [path] if record.model and path.is_file() else []


def artifacts(folder: Path) -> list[Path]:
    """The files that go with the run: pictures, the table of a search's trials, and the record itself."""
    files = (*sorted(folder.glob("*.png")), folder / "trials.csv", folder / "record.json")
    return [path for path in files if path.is_file()]


def commit(git: Any) -> str:
    """The commit of `{"commit", "changed"}`, marked where files differed from it; empty outside a checkout."""
    if isinstance(git, Mapping):
        return f"{git.get('commit', '')}{'-changed' if git.get('changed') else ''}"
    return str(git or "")


def text(value: Any) -> str:
    """A value in words: text as it is, numbers and None as Python writes them, all else as compact JSON."""
    if isinstance(value, str | int | float) or value is None:
        return str(value)
    return json.dumps(value, separators=(",", ":"), default=str)


def without_password(line: str) -> str:
    """The line with every `user:password@` of an address masked: it is printed and stored."""
    return re.sub(r"://[^/\s]+@", "://***@", line)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
