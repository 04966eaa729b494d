"""The default back end: a process for each cell, forked from a server that has torch imported and nothing trained."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bench.records.cells import cells_folder
from bench.records.plan import Plan
from bench.runner.launchers import forkserver as server
from bench.runner.launchers.base import EXIT_NOT_OK, Ended, OnEnd, OnStart, OnTick, Slots, launcher
from bench.runner.launchers.worker import start

TICK_SECONDS = 0.2


@dataclass
class Running:
    cell: str
    device: str
    process: ForkServerProcess
    deadline: float


@launcher("local")
class LocalLauncher:
    """Up to `jobs` cells side by side on each of the plan's devices. time_limit: seconds a cell; past it, its process group is killed."""

    several_devices = True

    def __init__(self, results: Path, jobs: int, time_limit: float | None) -> None:
        self.results, self.jobs, self.time_limit = results, jobs, time_limit
        self.context = multiprocessing.get_context("forkserver")
        server.start()
        self.running: list[Running] = []

    def prepare(self, plan: Path, on_tick: OnTick) -> str | None:
        """Make what the cells share, in a worker of its own; the end of its log where that failed."""
        log = self.results / "logs" / f"{plan.stem}-prepare.txt"
        one = self._start(plan, None, Plan.read(plan).device, log)
        try:
            while one.process.is_alive():
                connection.wait([one.process.sentinel], timeout=TICK_SECONDS)
                on_tick()
        finally:
            self.stop()
        if one.process.exitcode == 0:
            return None
        lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
        return lines[-1] if lines else f"it ended with exit code {one.process.exitcode}"

    def run(self, plan: Path, cells: Iterable[str], on_start: OnStart, on_end: OnEnd, on_tick: OnTick) -> None:
        waiting, slots = list(cells)[::-1], Slots(Plan.read(plan).devices, self.jobs)
        try:
            while waiting or self.running:
                while waiting and (device := slots.take()) is not None:
                    cell = waiting.pop()
                    on_start(cell)
                    self._start(plan, cell, device, cells_folder(self.results) / cell / "log.txt")
                connection.wait([one.process.sentinel for one in self.running], timeout=TICK_SECONDS)
                for device, ended in self._reap():
                    slots.give_back(device)
                    on_end(ended)
                on_tick()
        finally:
            self.stop()

    def stop(self) -> None:
        """Kill whatever runs."""
        for one in self.running:
            _kill(one.process)
        self.running.clear()

    def _start(self, plan: Path, cell: str | None, device: str, log: Path) -> Running:
        process = self.context.Process(target=start, args=(str(plan), cell, device, str(log), time.time()))
        process.start()
        limit = self.time_limit if cell is not None else None
        one = Running(cell or "", device, process, time.monotonic() + limit if limit else float("inf"))
        self.running.append(one)
        return one

    def _reap(self) -> list[tuple[str, Ended]]:
        """The device that each has left, and how it ended."""
        ended = []
        for one in list(self.running):
            late = time.monotonic() > one.deadline
            if one.process.is_alive() and not late:
                continue
            if one.process.is_alive():
                _kill(one.process)
                verdict = Ended(one.cell, "timeout", f"stopped after the time limit of {self.time_limit:g} s")
            else:
                verdict = _verdict(one)
            ended.append((one.device, verdict))
            self.running.remove(one)
        return ended


def _verdict(one: Running) -> Ended:
    code = one.process.exitcode
    _kill(one.process)  # children that the cell may have left in its group
    if code in (0, EXIT_NOT_OK):
        return Ended(one.cell, None)
    if code is not None and code < 0:
        hint = ": often the system running out of memory" if code == -signal.SIGKILL else ""
        return Ended(one.cell, "killed", f"ended by {signal.Signals(-code).name}{hint}")
    return Ended(one.cell, "error", f"its process ended with exit code {code} and no record: see log.txt")


def _kill(process: ForkServerProcess) -> None:
    if process.pid is None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        if process.is_alive():  # not yet in a group of its own
            process.kill()
    except PermissionError:  # macOS: the group is gone but for a zombie
        pass
    process.join()
