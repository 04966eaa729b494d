"""`--dry-run`: the cells of a plan and how long they may take, from records of the same rows or a few measured steps."""

import time
from pathlib import Path

import torch

from bench.config.budget import Budget
from bench.config.options import build, find
from bench.datasets import load
from bench.records.cells import find as find_records
from bench.records.plan import Cell, Plan
from bench.records.record import Record
from bench.training.step import GraphedStep, Step
from methods.base import Images, ImageSpec, Phase, TrainingData

STEPS = 20


def seconds_by_cell(plan: Plan, todo: list[Cell]) -> dict[str, tuple[float, str]]:
    """Cell to (seconds, where they come from). Evaluation is counted only where a record says what it took."""
    torch.set_num_threads(plan.threads)
    records = [
        record for record in find_records(Path(plan.results)) if isinstance(record, Record) and record.status == "ok"
    ]
    estimates: dict[str, tuple[float, str]] = {}
    measured: dict[tuple[str, str], float] = {}
    for cell in todo:
        known = [r for r in records if (r.label, r.dataset, r.options) == (cell.label, cell.dataset, cell.options)]
        if known:
            last = known[-1]
            scale = cell.budget["epochs"] / last.budget["epochs"]
            estimates[cell.cell] = (
                last.timings["total_seconds"] + last.timings["train_seconds"] * (scale - 1),
                "from a record",
            )
            continue
        key = (cell.dataset, cell.label)
        if key not in measured:
            measured[key] = seconds_per_epoch(plan, cell)
        estimates[cell.cell] = (measured[key] * cell.budget["epochs"], f"from {STEPS} steps, training alone")
    return estimates


def seconds_per_epoch(plan: Plan, cell: Cell) -> float:
    """Time a few steps of a fresh method; 0 for one that is not trained by steps."""
    dataset = load(cell.dataset, Path(plan.data_root), download=False)
    device, budget = torch.device(plan.device), Budget(**cell.budget)
    method = build(cell.label, find(cell.method), ImageSpec(*dataset.shape, dataset.n_classes), cell.options).to(device)
    images = Images(dataset.x_train.to(device), dataset.y_train.to(device))
    phase = next(iter(method.phases(TrainingData(images, images, dataset.n_classes))), None)
    if not isinstance(phase, Phase):
        return 0.0
    if phase.each_epoch is not None:
        with torch.no_grad():
            phase.each_epoch(TrainingData(images, images, dataset.n_classes))
    step = (GraphedStep if device.type == "cuda" else Step)(method, phase, images, budget)
    order = torch.randperm(len(images)).to(device).split(budget.batch)
    steps = [order[i % len(order)] for i in range(STEPS + 3)]
    for index in steps[:3]:
        step(index)
    began = time.perf_counter()
    for index in steps[3:]:
        step(index)
    step.means(STEPS)  # brings the device to rest
    return (time.perf_counter() - began) / STEPS * len(order)


def model_bytes(plan: Plan, cell: Cell) -> int:
    """Of a cell's parameters and buffers, as they are before training."""
    dataset = load(cell.dataset, Path(plan.data_root), download=False)
    with torch.device("meta"):
        method = build(cell.label, find(cell.method), ImageSpec(*dataset.shape, dataset.n_classes), cell.options)
    return sum(value.nbytes for value in method.state_dict().values())
