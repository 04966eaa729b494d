"""One cell from data to record: trained or taken as kept, then scored; failure to status."""

import shutil
import time
import traceback
from contextlib import suppress
from pathlib import Path

import torch

from bench.config.suite import Evaluation
from bench.datasets import load
from bench.datasets.base import Dataset
from bench.datasets.split import divide
from bench.records.cells import BrokenRecord, cells_folder, read, write
from bench.records.models import CURVES, TRIALS, TrainingRecord
from bench.records.plan import Cell, Plan
from bench.records.record import Record
from bench.records.storage import keep_tensors, kept_tensors
from bench.runner.prepare import blank_record, evidence_of, set_up
from bench.runner.train import SECTIONS, CellTraining
from bench.runtime import environment
from bench.runtime.clock import Clock
from bench.scoring.evidence import Evidence, Failed, MissingCapability
from bench.scoring.score import Scores, score
from bench.scoring.selection import choose
from bench.training.loop import Diverged
from methods.base import Images, TrainingData
from metrics.base import Unavailable

ITEMS = "items.safetensors"
"""Beside a record: of each score that is a mean of items their values, float32; the score's definition says what its items are."""
SCORED = ("metrics", "intervals", "by_class", "unavailable", "definitions")
"""Fields of a record that are by score."""


def run_cell(plan_path: Path, identity: str, launched: float | None = None, device: str | None = None) -> Record:
    """Train, gather, measure and record one cell. `launched`: time.time() when the launcher asked for it. device: one of the plan's, or
    None for its first.

    Whatever a method raises becomes the record's status and error; only what keeps the record itself from being written is raised.
    """
    plan = Plan.read(plan_path).on(device)
    cell = plan.cell(identity)
    work = CellRun(plan, cell, time.time() if launched is None else launched)
    error: BaseException | None = None
    try:
        work.run()
    except (Exception, SystemExit) as problem:  # noqa: BLE001  the one place where a failure of any kind becomes a status
        error = problem
        traceback.print_exception(error)
    return work.finish(error)


def status_of(problem: BaseException) -> str:
    if isinstance(problem, Diverged):
        return "diverged"
    return "oom" if isinstance(problem, torch.OutOfMemoryError | MemoryError) else "error"


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
        self.training = CellTraining(plan, cell, self.clock, self.folder)
        self.trained = TrainingRecord(cell.model)
        self.failed: dict[str, Failed] = {}

    def run(self) -> None:
        """Data, method, evidence, metrics, pictures."""
        evaluation = Evaluation(**self.plan.evaluation)
        with self.clock.measure("setup"):
            set_up(self.plan)
            self.record.environment |= environment.describe(self.device)
            dataset, data, test = self._data()
        self.trained, method = self.training.model(dataset, data, test)
        self.record.facts = method.facts
        only, drawn = set(self.plan.only), {"pictures", "mixtures"} & self.plan.scoring.keys()
        with self.clock.measure("evaluate"):
            before = self._before()
            drawing = not only and not drawn <= before.scored.keys()
            wanted = [metric for metric in choose(evaluation.metrics) if not only or only & metric.scores.keys()]
            evidence = evidence_of(self.plan, self.cell, method, dataset, data, test, self.trained.cost)
            found = score(evidence, [one for one in wanted if not one.scores.keys() <= before.scored.keys()])
            if evaluation.mixing and drawing:
                # kept with the evidence: said where the file would be written
                with suppress(MissingCapability, Unavailable):
                    _ = evidence.mixtures
        with self.clock.measure("log"):
            self._keep(found, before, evidence, dataset)
            self._take_curves()
            if drawing:
                from bench.pictures.draw import draw  # matplotlib: only when something is drawn

                made, self.record.events = draw(self.folder, evidence, dataset.classes)
                self.record.artifacts = [CURVES, *made]
                self.record.scored |= {name: self.plan.scoring[name] for name in drawn}
        self.failed = found.failed
        for problem in {id(one.__cause__): one.__cause__ for one in found.failed.values()}.values():
            traceback.print_exception(problem)

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

    def _before(self) -> Record:
        """What an earlier process scored of this very model with today's code, or with code that today does not ask for."""
        blank = blank_record(self.plan, self.cell)
        try:
            before = read(self.folder)
        except (FileNotFoundError, BrokenRecord):
            return blank
        if self.training.began is not None or before.model != self.cell.model:
            return blank
        now = self.plan.scoring
        for part in ("scored", "failed"):
            known = {name: digest for name, digest in getattr(before, part).items() if now.get(name, digest) == digest}
            setattr(before, part, {name: digest for name, digest in known.items() if name not in self.plan.only})
        return before

    def _keep(self, found: Scores, before: Record, evidence: Evidence, dataset: Dataset) -> None:
        """The scores of now beside those of before, in the metrics' order."""
        record, now = self.record, self.plan.scoring
        failed = {name: digest for name, digest in before.failed.items() if name not in found.definitions}
        known = before.scored | failed
        names = [*now, *(name for name in known if name not in now)]
        for part in SCORED:
            own = getattr(found, part)
            of_before = {name: value for name, value in getattr(before, part).items() if name in known}
            both = of_before | own
            setattr(record, part, {name: both[name] for name in names if name in both})
        path = self.folder / ITEMS
        items = {name: values for name, values in (kept_tensors(path) or {}).items() if name in known}
        keep_tensors(path, items | found.items)
        record.failed = failed | {name: now[name] for name in found.failed}
        record.error = before.error if failed else None
        computed = {name: now[name] for name in found.definitions if name not in found.failed}
        record.scored = before.scored | computed
        counts = {
            "train": len(evidence.data.train),
            "held_out": len(evidence.data.held_out),
            "test": len(evidence.test),
        }
        counts |= {"samples": evidence.settings.samples, "originals": len(evidence.originals)}
        protocol = before.protocol | evidence.protocol
        record.protocol = {**protocol, "classes": list(dataset.classes), "counts": counts}
        record.artifacts, record.events = before.artifacts, before.events

    def _take_curves(self) -> None:
        """Curves and trials, from beside the model to beside the record."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / CURVES).write_text(self.training.trained.curves.csv())
        for name in (CURVES, TRIALS):
            if (self.training.place / name).is_file():
                shutil.copyfile(self.training.place / name, self.folder / name)

    def finish(self, error: BaseException | None) -> Record:
        """Write curves, the trials of searches, and the record."""
        training, stays = self.training, error is not None and self._earlier_stays()
        record, broken = self.record, next(iter(self.failed.values()), None)
        if error is not None:
            record.status, record.error = status_of(error), described(error)
        elif broken is not None and broken.__cause__ is not None:
            record.status, record.error = status_of(broken.__cause__), described(broken.__cause__)
            record.error["message"] = f"{', '.join(self.failed)}: {broken}"
        elif record.failed:
            record.status = "error"
        with self.clock.measure("log"):
            if training.began is not None and not training.done:
                training.failed(record.status, record.error or {})
            if not stays:
                self._take_curves()
        if (self.folder / TRIALS).is_file() and TRIALS not in record.artifacts:
            record.artifacts.append(TRIALS)
        record.events = list(dict.fromkeys([*training.events, *record.events]))
        if not stays:
            self._time()
        record.environment["worker_peak_mib"] = environment.peak_memory(torch.device("cpu")) / 2**20
        write(record, Path(self.plan.results))
        return record

    def _earlier_stays(self) -> bool:
        """Where nothing was trained and nothing scored, go on with the record of before: what it holds is as good as ever."""
        if self.training.began is not None or self.record.scored or self.record.failed:
            return False
        try:
            before = read(self.folder)
        except (FileNotFoundError, BrokenRecord):
            return False
        if before.model != self.cell.model or not before.scored:
            return False
        self.record = before
        before.environment["started"] = self.launched
        return True

    def _time(self) -> None:
        """What training took, here or in the process that trained, and what scoring took."""
        training, total = self.training, self.clock.total()
        own = {f"{name}_seconds": self.clock.seconds[name] for name in SECTIONS} | {"total_seconds": total}
        taken = training.took() if training.began is not None and not training.done else dict(self.trained.timings)
        if training.began is None and training.done:
            self.record.environment = {
                **self.trained.environment,
                "started": self.launched,
                "scored": environment.describe(self.device),
            }
            self.record.timings = taken | {name: taken[name] + seconds for name, seconds in own.items()}
            self.record.timings["score_seconds"] = total
        else:
            self.record.timings = {"side_by_side": self.plan.side_by_side} | taken | own
            self.record.timings["score_seconds"] = total - taken.get("total_seconds", total)


def described(problem: BaseException) -> dict[str, str]:
    message = f"sys.exit({problem}) was called" if isinstance(problem, SystemExit) else str(problem) or repr(problem)
    trace = "".join(traceback.format_exception(problem))
    return {"type": type(problem).__name__, "message": message, "traceback": trace}
