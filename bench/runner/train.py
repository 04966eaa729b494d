"""The first half of a cell: its trained method, taken from where it is kept or trained and kept, always loaded afresh."""

import json
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.config.budget import Budget
from bench.config.options import build, find
from bench.datasets.base import Dataset
from bench.records import sources
from bench.records.models import (
    CURVES,
    STATE,
    TRIALS,
    BrokenModel,
    NotKept,
    TrainingRecord,
    keep,
    models_folder,
    work_folder,
)
from bench.records.plan import Cell, Plan
from bench.records.storage import keep_tensors, locked
from bench.runner.plan import code_of_loop, trained_by
from bench.runtime import environment
from bench.runtime.clock import Clock
from bench.scoring.evidence import Cost
from bench.training.checkpoint import Checkpoint
from bench.training.loop import count_parameters, state_digest
from bench.training.models import check_loaded, kept_in, loaded, state_of
from bench.training.search import stacked
from bench.training.store import SharedPhases
from bench.training.trainer import Training, TrainingResult, initialised
from methods.base import AbstractMethod, Images, ImageSpec, TrainingData

SECTIONS = ("setup", "train", "evaluate", "log")


class CellTraining:
    """What trains a cell's method, or finds it kept. events: what a reader of the record is to know of it."""

    def __init__(self, plan: Plan, cell: Cell, clock: Clock, folder: Path) -> None:
        self.plan, self.cell, self.clock, self.folder = plan, cell, clock, folder
        self.results, self.device = Path(plan.results), clock.device
        self.place = models_folder(self.results) / cell.model
        self.trained = TrainingResult()
        self.began: float | None = None
        """Seconds from the cell's start to that of its training; None where it was kept."""
        self.done = False
        self.events: list[str] = []
        self.shared: list[str] = []

    def model(self, dataset: Dataset, data: TrainingData, test: Images) -> tuple[TrainingRecord, AbstractMethod]:
        """What training took, and a freshly loaded method. Raises whatever the method raises while it is trained."""
        spec = ImageSpec(*dataset.shape, dataset.n_classes)
        build_it = partial(build, self.cell.label, find(self.cell.method), spec, self.cell.options)
        with self.clock.measure("setup"), locked(models_folder(self.results) / f".{self.cell.model}.lock"):
            kept = self._kept()
            if kept is None and not self.plan.train:
                raise BrokenModel("; ".join(self.events) or f"{self.place}: no such model: `run` trains it")
            if kept is None:
                trained = initialised(build_it, self.cell.seed, self.device)
                kept = self._trained(trained, data, test)
                record, state = kept
                method = loaded(build_it, state, record.facts, data)
                check_loaded(trained, method, data, self.cell.seed)
            else:
                record, state = kept
                method = loaded(build_it, state, record.facts, data)
        self.done = True
        return record, method

    def _kept(self) -> tuple[TrainingRecord, dict[str, Tensor]] | None:
        """What is kept of this very training; None, and an event where there is something, where it can't be used."""
        try:
            record, state = kept_in(self.place)
        except (FileNotFoundError, NotKept):
            return None
        except BrokenModel as problem:
            self.events.append(f"{problem}: it has to be trained again")
            return None
        if record.setting["torch"] != torch.__version__:
            self.events.append(f"trained with torch {record.setting['torch']}, scored with {torch.__version__}")
        return record, state

    def _trained(
        self, method: AbstractMethod, data: TrainingData, test: Images
    ) -> tuple[TrainingRecord, dict[str, Tensor]]:
        self.began = self.clock.total()
        progress = self.folder / "progress"
        self.folder.mkdir(parents=True, exist_ok=True)
        progress.write_text("")
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

        def on_epoch(phase: str, epoch: int, epochs: int) -> None:
            with self.clock.measure("log"), progress.open("a") as file:
                file.write(f"{phase} {epoch} {epochs}\n")

        beside, work = self.plan.side_by_side, work_folder(self.results, self.cell.model)
        shared = SharedPhases(
            self.results, shared_setting(self.plan, self.cell, self.device), beside, self.shared, self.events
        )
        budget = Budget(**self.cell.budget)
        how = (budget, self.cell.seed, self.clock, on_epoch, work, shared, Checkpoint, beside)
        Training(method, data, test, *how).run_seeded(self.trained)
        method.eval()
        with self.clock.measure("log"):
            cost, facts = self._cost(method), json.loads(json.dumps(method.facts))
            state = state_of(method)
            stays = self.plan.keep_models == "all"
            record = self._record("ok", cost, facts, state_digest(state) if stays else "")
            try:
                keep(self.results, record, partial(self._fill, state if stays else None))
            except OSError as problem:
                self.events.append(f"the model could not be kept ({problem.strerror or problem}): scored from memory")
        return record, state

    def took(self) -> dict[str, float]:
        """Seconds by section so far, and what else is to be known of them."""
        timings = {f"{name}_seconds": self.clock.seconds[name] for name in SECTIONS}
        timings |= {"total_seconds": self.clock.total(), "side_by_side": self.plan.side_by_side}
        timings |= {"start_to_training_seconds": self.began} if self.began is not None else {}
        return timings | ({"borrowed_seconds": self.trained.borrowed_seconds} if self.trained.borrowed_seconds else {})

    def _record(self, status: str, cost: dict[str, Any], facts: dict[str, Any], digest: str) -> TrainingRecord:
        setting, where = trained_by(self.plan, self.cell), environment.describe(self.device)
        took, shared = self.took(), list(self.shared)
        return TrainingRecord(self.cell.model, status, setting, cost, facts, took, where, state=digest, shared=shared)

    def _fill(self, state: dict[str, Tensor] | None, folder: Path) -> None:
        """Curves and trials, and the state where there is one."""
        (folder / CURVES).write_text(self.trained.curves.csv())
        if self.trained.searched.tables:
            (folder / TRIALS).write_text(stacked(self.trained.searched.tables))
        if state is not None:
            keep_tensors(folder / STATE, state)

    def failed(self, status: str, error: dict[str, str]) -> None:
        """Keep what there is of a training that failed: its curves, and why. A disk that is full keeps nothing."""
        record = self._record(status, {}, {}, "")
        record.error = error
        with suppress(OSError):
            keep(self.results, record, partial(self._fill, None))

    def _cost(self, method: AbstractMethod) -> dict[str, Any]:
        trained, searched = self.trained, self.trained.searched
        cost = Cost(
            self.clock.seconds["train"] + trained.borrowed_seconds + searched.before_seconds,
            trained.curves.trained_images,
            max(environment.peak_memory(self.device), trained.borrowed_peak),
            count_parameters(method),
            trained.shared_seconds,
            searched.seconds,
            searched.confirm_seconds,
            searched.trials,
            {self.plan.side_by_side, *trained.borrowed_beside, *searched.beside},
        )
        return asdict(cost) | {"beside": sorted(cost.beside)}


def shared_setting(plan: Plan, cell: Cell, device: torch.device) -> dict[str, Any]:
    """What decides how a shared phase turns out, beside method and phase: data, split, budget, the loop's code, arithmetic."""
    setting = trained_by(plan, cell) | {"dataset": cell.dataset}
    for own in ("method", "options", "settled"):
        del setting[own]
    loop = sources.combined(code_of_loop(cell.budget["optimiser"]))
    return setting | {"code": loop, "device": environment.device_name(device)}
