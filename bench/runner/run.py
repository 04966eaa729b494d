"""One run of a plan: what is left to do, launch, track, and what is kept of a process that died."""

import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from bench.records.cells import BrokenRecord, cells_folder, read, set_aside, write
from bench.records.models import is_kept
from bench.records.plan import Cell, Plan
from bench.records.record import Record
from bench.records.storage import Held, locked, write_text
from bench.runner.launchers.base import Ended, Launcher
from bench.runner.prepare import blank_record
from bench.runner.progress import watcher
from bench.runtime import environment
from bench.runtime.errors import UsageError
from bench.tracking import tracker as track

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


@contextmanager
def owned(results: Path) -> Iterator[None]:
    """Hold a results folder for one run. Raises UsageError where it can't be written or another run holds it."""
    lock = results / ".lock"
    with ExitStack() as held:
        try:
            (results / "plans").mkdir(parents=True, exist_ok=True)
            write_text(results / ".writable", "")
            held.enter_context(locked(lock, wait=False))
            lock.write_text(str(os.getpid()))
        except OSError as problem:
            raise UsageError(
                f"results folder {results}: cannot be written ({problem.strerror or problem}): give another with --results"
            ) from problem
        except Held:
            process = lock.read_text().strip() or "unknown"
            raise UsageError(
                f"results folder {results}: another run (process {process}) is writing to it: wait for it, or give another with --results"
            ) from None
        yield


def split_done(
    plan: Plan, retry_failed: bool, force: bool, set_broken_aside: bool = True
) -> tuple[list[Cell], list[Record]]:
    """Cells still to train or to score with today's code, and the records of the others. Broken records are named and set aside.

    What failed is done, unless its model is kept and the code of its scores is another today.
    """
    results = Path(plan.results)
    todo, done = [], []
    for content in plan.cells:
        cell = Cell(**content)
        folder = cells_folder(results) / cell.cell
        try:
            record = read(folder)
        except (FileNotFoundError, NotADirectoryError):
            record = None
        except BrokenRecord as broken:
            kept = f"; kept as {set_aside(folder).name}" if set_broken_aside else ""
            print(f"{broken}{kept}: the cell runs again", file=sys.stderr)
            record = None
        if record is None or force or (retry_failed and record.status != "ok") or _to_score(plan, cell, record):
            todo.append(cell)
        else:
            done.append(record)
    return todo, done


def _to_score(plan: Plan, cell: Cell, record: Record) -> bool:
    known = record.scored | record.failed
    stale = any(known.get(name) != digest for name, digest in plan.scoring.items())
    return stale and (record.status == "ok" or is_kept(Path(plan.results), cell.model))


def to_train(plan: Plan, todo: Sequence[Cell]) -> set[str]:
    """The models of these cells that are not kept yet."""
    return {cell.model for cell in todo if not is_kept(Path(plan.results), cell.model)}


class Run:
    """One run of a plan: its launcher, its watcher, its tracker, and the records that it saw end."""

    def __init__(self, plan: Plan, todo: list[Cell], launcher: Launcher, tracking_uri: str | None) -> None:
        self.plan, self.todo, self.launcher, self.uri = plan, todo, launcher, tracking_uri
        self.results = Path(plan.results)
        self.path = self.results / "plans" / f"{plan.suite}.json"
        self.watcher = watcher(todo, plan.suite, self.results)
        self.tracker: track.Tracker | None = None
        self.ended: list[Record] = []
        self.began: dict[str, float] = {}
        self.titles = {cell.cell: f"{cell.dataset.rsplit('/', 1)[-1]} {cell.label} seed {cell.seed}" for cell in todo}

    def run(self, done: list[Record]) -> list[Record]:
        """Run what is to do; gives all records of the plan. On KeyboardInterrupt running cells stop and finished ones are safe."""
        write_text(self.path, self.plan.json())
        outcome = "KILLED"
        try:
            problem = self.launcher.prepare(self.path, self.watcher.tick) if self.todo else None
            if problem:
                raise UsageError(f"preparing what the cells share failed: {problem}")
            self._track(done)
            self.launcher.run(
                self.path, [cell.cell for cell in self.todo], self._started, self._ended, self.watcher.tick
            )
            outcome = "FINISHED" if all(record.status == "ok" for record in [*done, *self.ended]) else "FAILED"
        finally:
            self.watcher.close()
            self._tell(lambda tracker: tracker.close(outcome))
        return [*done, *self.ended]

    def _track(self, done: list[Record]) -> None:
        """Open the store, and write what an earlier run, killed before its turn came, has left unwritten."""
        if self.uri is None:
            return
        content = {
            k: v for k, v in asdict(self.plan).items() if k not in ("cells", "columns", "reference_rows", "plugins")
        }
        content |= {
            "git": environment.git_state(),
            "version": environment.versions()["latentbench"],
            "command": shlex.join(sys.argv),
        }
        try:
            self.tracker = track.Tracker.open(self.uri, self.results, self.plan.suite, content)
            self.tracker.log_models = self.plan.log_models
        except track.TrackingError as problem:
            self.watcher.say(str(problem))
        for record in done:
            self._tell(lambda tracker, record=record: tracker.log(record, cells_folder(self.results) / record.cell))

    def _tell(self, write_to: object) -> None:
        """Do something with the tracker; a store that fails is told once and costs no result."""
        if self.tracker is None:
            return
        try:
            write_to(self.tracker)  # type: ignore[operator]
        except track.TrackingError as problem:
            self.watcher.say(str(problem))
            self.tracker = None

    def _started(self, cell: str) -> None:
        self.began[cell] = time.time()
        self.watcher.started(cell, self.titles[cell])

    def _ended(self, ended: Ended) -> None:
        folder = cells_folder(self.results) / ended.cell
        record = self._record_of(ended, folder)
        self.ended.append(record)
        self.watcher.ended(ended.cell, record)
        self._tell(lambda tracker: tracker.log(record, folder))

    def _record_of(self, ended: Ended, folder: Path) -> Record:
        """The cell's own record, or the one that the parent writes for a process that could not."""
        if ended.status is None:
            try:
                record = read(folder)
                if record.environment.get("started", 0.0) >= self.began[ended.cell]:
                    return record
            except (FileNotFoundError, BrokenRecord):
                pass  # told below: the process ended as if all were well
            ended = Ended(ended.cell, "error", "its process ended without writing a record: see log.txt")
        assert ended.status is not None
        record = blank_record(self.plan, self.plan.cell(ended.cell))
        record.status = ended.status
        record.error = {"type": ended.status, "message": ended.message, "traceback": _tail(folder / "log.txt")}
        record.environment = {"device_type": self.plan.device.split(":")[0], "started": time.time()}
        try:
            write(record, self.results)
        except OSError as problem:
            self.watcher.say(f"{folder}: the record could not be written ({problem}); the cell will run again")
        return record


def _tail(log: Path, characters: int = 4000) -> str:
    return log.read_text(errors="replace")[-characters:] if log.is_file() else ""
