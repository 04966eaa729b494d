"""One cell from data to record; failure to status."""

import time
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.config.budget import Budget
from bench.config.options import build, find
from bench.config.suite import Evaluation
from bench.datasets import load
from bench.datasets.base import Dataset
from bench.datasets.registry import load_upright
from bench.datasets.split import divide
from bench.records.cells import cells_folder, write
from bench.records.plan import Cell, Plan
from bench.records.record import Record
from bench.records.storage import write_text
from bench.runner.prepare import blank_record, inception, set_up
from bench.runtime import environment
from bench.runtime.clock import Clock
from bench.runtime.paths import cache_folder
from bench.scoring import classifier as neutral
from bench.scoring.cache import Cache
from bench.scoring.evidence import Cost, Evidence, MissingCapability
from bench.scoring.score import score
from bench.scoring.selection import choose
from bench.training.loop import Diverged, count_parameters
from bench.training.search import TRIALS, stacked
from bench.training.store import SharedPhases
from bench.training.trainer import Training, TrainingResult, initialised
from methods.base import AbstractMethod, Images, ImageSpec, TrainingData
from metrics.base import Unavailable


def run_cell(plan_path: Path, identity: str, launched: float | None = None) -> Record:
    """Train, gather, measure and record one cell. `launched`: time.time() when the launcher asked for it.

    Whatever a method raises becomes the record's status and error; only what keeps the record itself from being written is raised.
    """
    plan = Plan.read(plan_path)
    cell = plan.cell(identity)
    work = CellRun(plan, cell, time.time() if launched is None else launched)
    status = "ok"
    error: BaseException | None = None
    try:
        work.run()
    except Diverged as problem:
        status, error = "diverged", problem
    except (torch.OutOfMemoryError, MemoryError) as problem:
        status, error = "oom", problem
    except (Exception, SystemExit) as problem:  # noqa: BLE001  the one place where a failure of any kind becomes a status
        status, error = "error", problem
    if error is not None:
        traceback.print_exception(error)
    return work.finish(status, error)


class CellRun:
    """The parts of one cell's work, and what they leave for its record."""

    def __init__(self, plan: Plan, cell: Cell, launched: float) -> None:
        self.plan, self.cell, self.launched = plan, cell, launched
        self.device = torch.device(plan.device)
        lag = max(0.0, time.time() - launched)
        self.clock = Clock(self.device, started=time.perf_counter() - lag)
        self.clock.seconds["setup"] += lag
        self.folder = cells_folder(Path(plan.results)) / cell.cell
        self.record = blank_record(plan, cell)
        self.record.environment = {"started": launched}
        self.trained = TrainingResult()

    def run(self) -> None:
        """Data, method, training, evidence, metrics, pictures."""
        evaluation = Evaluation(**self.plan.evaluation)
        with self.clock.measure("setup"):
            set_up(self.plan)
            self.record.environment |= environment.describe(self.device)
            dataset, data, test = self._data()
            method = self._method(dataset)
        self.record.timings["start_to_training_seconds"] = self.clock.total()
        self._train(method, data, test, Budget(**self.cell.budget))
        with self.clock.measure("evaluate"):
            evidence = self._evidence(method, dataset, data, test, evaluation)
            found = score(evidence, choose(evaluation.metrics))
            if evaluation.mixing:
                # kept with the evidence: said where the file would be written
                with suppress(MissingCapability, Unavailable):
                    _ = evidence.mixtures
        self._keep(found, evidence, dataset)
        with self.clock.measure("log"):
            from bench.pictures.draw import draw  # matplotlib: only when something is drawn

            self._write_curves()
            made, self.record.events = draw(self.folder, evidence, dataset.classes)
            self.record.artifacts = ["curves.csv", *made]

    def _data(self) -> tuple[Dataset, TrainingData, Images]:
        dataset = load(self.cell.dataset, Path(self.plan.data_root), download=False)
        if dataset.digest != self.cell.data_digest:
            raise ValueError(
                f"data set {self.cell.dataset} changed since the plan: expected digest {self.cell.data_digest[:12]}, found "
                f"{dataset.digest[:12]}: run the suite again"
            )
        splits = Images(dataset.x_train, dataset.y_train), Images(dataset.x_test, dataset.y_test)
        plan = self.plan
        data, test = divide(*splits, dataset.classes, plan.held_out, self.cell.seed, plan.score_on, self.device)
        return dataset.without_images(), data, test

    def _neutral(self, described: Dataset, recipe: tuple[str, int | None]) -> neutral.Neutral:
        """Trained before the first cell as a rule; where it is gone, the images are read again."""
        if neutral.cache_path(described, neutral.recipe(described, *recipe)).is_file():
            return neutral.get(described, self.device, *recipe)
        return neutral.get(load(described.name, Path(self.plan.data_root), download=False), self.device, *recipe)

    def _method(self, dataset: Dataset) -> AbstractMethod:
        entry = find(self.cell.method)
        spec = ImageSpec(*dataset.shape, dataset.n_classes)
        make = partial(build, self.cell.label, entry, spec, self.cell.options)
        return initialised(make, self.cell.seed, self.device)

    def _train(self, method: AbstractMethod, data: TrainingData, test: Images, budget: Budget) -> None:
        progress = self.folder / "progress"
        self.folder.mkdir(parents=True, exist_ok=True)
        progress.write_text("")
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

        def on_epoch(phase: str, epoch: int, epochs: int) -> None:
            with self.clock.measure("log"), progress.open("a") as file:
                file.write(f"{phase} {epoch} {epochs}\n")

        shared = SharedPhases(Path(self.plan.results) / "shared", self._shared_setting(), self.plan.side_by_side)
        beside = self.plan.side_by_side
        training = Training(
            method, data, test, budget, self.cell.seed, self.clock, on_epoch, self.folder, shared, beside
        )
        training.run_seeded(self.trained)
        method.eval()
        self.record.facts = method.facts

    def _shared_setting(self) -> dict[str, Any]:
        """What decides how a shared phase turns out, beside the method and its state: data, split, budget, code, arithmetic."""
        arithmetic = {"device": environment.describe(self.device)["device"], "threads": self.plan.threads}
        return {
            "data": self.cell.data_digest,
            "seed": self.cell.seed,
            "held_out": self.plan.held_out,
            "score_on": self.plan.score_on,
            "budget": self.cell.budget,
            "code": self.cell.training,
            "torch": torch.__version__,
            **arithmetic,
        }

    def _evidence(
        self, method: AbstractMethod, dataset: Dataset, data: TrainingData, test: Images, evaluation: Evaluation
    ) -> Evidence:
        trained, searched = self.trained, self.trained.searched
        costs = Cost(
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
        originals = f"{dataset.digest[:16]}-{min(evaluation.samples, len(test))}"
        train = f"{dataset.digest[:16]}-train"
        if self.plan.held_out:
            train += f"-{self.plan.held_out}-s{self.cell.seed}"
        if self.plan.score_on != "test":  # features of other images than the test split's, by seed
            originals += f"-{self.plan.score_on}-{self.plan.held_out}-s{self.cell.seed}"
        root, recipe = Path(self.plan.data_root), (evaluation.neutral, evaluation.neutral_epochs)
        return Evidence(
            method,
            data,
            test,
            evaluation,
            self.cell.seed,
            costs,
            load_neutral=lambda: self._neutral(dataset, recipe),
            load_inception=lambda: inception(self.plan),
            originals_name=originals,
            train_name=train,
            cache=Cache(cache_folder() / "features"),
            load_upright=(lambda: neutral.get(load_upright(dataset, root), self.device, *recipe))
            if dataset.upright
            else None,
        )

    def _keep(self, found: Any, evidence: Evidence, dataset: Dataset) -> None:
        record = self.record
        for name in ("metrics", "intervals", "by_class", "unavailable", "definitions"):
            setattr(record, name, getattr(found, name))
        counts = {
            "train": len(evidence.data.train),
            "held_out": len(evidence.data.held_out),
            "test": len(evidence.test),
        }
        counts |= {"samples": evidence.settings.samples, "originals": len(evidence.originals)}
        record.protocol = {**evidence.protocol, "classes": list(dataset.classes), "counts": counts}

    def _write_curves(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "curves.csv").write_text(self.trained.curves.csv())

    def finish(self, status: str, error: BaseException | None) -> Record:
        """Write curves, the trials of searches, and the record."""
        record = self.record
        with self.clock.measure("log"):
            self._write_curves()
            if self.trained.searched.tables:
                write_text(self.folder / TRIALS, stacked(self.trained.searched.tables))
                record.artifacts.append(TRIALS)
        record.status = status
        if error is not None:
            record.error = {
                "type": type(error).__name__,
                "message": f"sys.exit({error}) was called"
                if isinstance(error, SystemExit)
                else str(error) or repr(error),
                "traceback": "".join(traceback.format_exception(error)),
            }
        seconds = {f"{name}_seconds": self.clock.seconds[name] for name in ("setup", "train", "evaluate", "log")}
        record.timings |= {**seconds, "total_seconds": self.clock.total(), "side_by_side": self.plan.side_by_side}
        if self.trained.borrowed_seconds:
            record.timings["borrowed_seconds"] = self.trained.borrowed_seconds
        record.environment["worker_peak_mib"] = environment.peak_memory(torch.device("cpu")) / 2**20
        write(record, Path(self.plan.results))
        return record
