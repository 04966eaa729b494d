"""What runs inside a worker process."""

import ctypes
import os
import signal
import sys
import threading
from multiprocessing import connection, parent_process
from pathlib import Path

from bench.runner.cell import run_cell
from bench.runner.launchers.base import EXIT_NOT_OK
from bench.runner.prepare import prepare


def start(plan: str, identity: str | None, device: str, log: str, launched: float) -> None:
    """Entry of a worker: a process group of its own, output to the cell's log; `identity` None prepares what cells share."""
    os.setsid()
    _end_with_parent()
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(output, 1)
    os.dup2(output, 2)
    if identity is None:
        prepare(Path(plan))
        return
    record = run_cell(Path(plan), identity, launched, device)
    sys.exit(0 if record.status == "ok" else EXIT_NOT_OK)


def _end_with_parent() -> None:
    """Die with the parent, also when it is killed: a worker that lived on would write into a results folder no longer its own."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)  # the fork server ends with the parent, and so do we


def _watch(sentinel: int) -> None:
    connection.wait([sentinel])
    os.killpg(os.getpid(), signal.SIGKILL)
