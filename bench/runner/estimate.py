"""`--dry-run`: what the cells of a plan may take, from records of the same rows, from what is kept, or measured on parts of the data."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from bench.config.options import build, find
from bench.datasets import load
from bench.records.cells import find as find_records
from bench.records.models import is_kept
from bench.records.plan import Cell, Plan
from bench.records.record import Record
from bench.runner.prepare import set_up
from bench.runner.pricing.cell import OfDataset
from bench.runner.pricing.part import Part
from methods.base import ImageSpec


@dataclass
class Price:
    """Of one cell. source: where it comes from, and what has to be known of it."""

    cell: str
    parts: list[Part]
    source: str

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)


@dataclass
class Estimate:
    """prepared: before the cells. cells: by id, in the order in which they run, what is shared with the first that needs it."""

    prepared: list[Part] = field(default_factory=list)
    cells: dict[str, Price] = field(default_factory=dict)

    def wall_seconds(self, places: int) -> float:
        """Until the last cell ends, each beginning in the place that is free first."""
        free = [0.0] * places
        for price in self.cells.values():
            heapq.heapreplace(free, free[0] + price.seconds)
        return sum(part.seconds for part in self.prepared) + max(free)


def estimate(plan: Plan, todo: list[Cell], force: bool = False) -> Estimate:
    """Prices of the cells. force: as if nothing was kept."""
    import bench.runner.preload  # noqa: F401  what a worker has imported before its cell begins

    set_up(plan)
    found, paid = Estimate(), set[str]()
    records = [one for one in find_records(Path(plan.results)) if isinstance(one, Record) and one.status == "ok"]
    of_dataset = {cell.dataset: OfDataset(plan, cell.dataset, force) for cell in todo}
    rows: dict[tuple[str, str, bool], tuple[list[Part], str]] = {}
    for cell in todo:
        kept = not force and is_kept(Path(plan.results), cell.model)
        parts, source = _from_record(plan, cell, kept, records)
        if not parts:
            row = cell.dataset, cell.label, kept
            if row not in rows:
                parts, note = of_dataset[cell.dataset].priced(cell, kept)
                rows[row] = parts, "; ".join(filter(None, ["measured", note]))
            parts, source = rows[row]
        found.cells[cell.cell] = Price(cell.cell, list(_unpaid(parts, cell.seed, paid)), source)
    for one in of_dataset.values():
        found.prepared += one.prepared()
    return found


def _unpaid(parts: Iterable[Part], seed: int, paid: set[str]) -> Iterable[Part]:
    """Those that this cell pays; of others the name alone."""
    for part in parts:
        once = part.once and f"{part.once} {seed if part.by_seed else ''}"
        yield replace(part, seconds=0.0) if once in paid else part
        paid |= {once} if once else set()


def _from_record(plan: Plan, cell: Cell, kept: bool, records: list[Record]) -> tuple[list[Part], str]:
    """From the last record of the same row on such a device; nothing where there is none. Training goes by the number of epochs."""
    known = [
        one
        for one in records
        if (one.label, one.dataset, one.options) == (cell.label, cell.dataset, cell.options)
        and one.environment.get("device_type") == plan.device.split(":")[0]
        and "score_seconds" in one.timings
    ]
    if not known:
        return [], ""
    record = max(known, key=lambda one: one.environment.get("started", 0.0))
    last = record.timings
    scoring = Part("score", last["score_seconds"])
    if kept:
        return [scoring], "from a record"
    epochs = cell.budget["epochs"] / record.budget["epochs"]
    setup = last.get("setup_seconds", 0.0)
    training = Part("train", max(0.0, last["total_seconds"] - last["score_seconds"] - setup) * epochs)
    return [Part("start", setup), training, scoring], "from a record"


def in_words(parts: Iterable[Part]) -> str:
    """What takes longest first; scores together, and what takes no tenth of a second left out."""
    sums: dict[str, float] = {}
    for part in parts:
        name = "score" if part.name.startswith("score ") else part.name
        sums[name] = sums.get(name, 0.0) + part.seconds
    told = sorted(((seconds, name) for name, seconds in sums.items() if seconds >= 0.1), reverse=True)
    return ", ".join(f"{name} {seconds:.1f} s" for seconds, name in told)


def model_bytes(plan: Plan, cell: Cell) -> int:
    """Of a cell's parameters and buffers, as they are before training."""
    dataset = load(cell.dataset, Path(plan.data_root), download=False)
    with torch.device("meta"):
        method = build(cell.label, find(cell.method), ImageSpec(*dataset.shape, dataset.n_classes), cell.options)
    return sum(value.nbytes for value in method.state_dict().values())
