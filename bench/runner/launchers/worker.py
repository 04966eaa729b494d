"""What runs inside a worker process, and what the fork server imports once for all of them."""

import ctypes
import os
import signal
import sys
import threading
from multiprocessing import connection, parent_process
from pathlib import Path

import matplotlib.figure  # noqa: F401
import sklearn.svm  # noqa: F401  imported once in the fork server, so that a worker starts in milliseconds
import torch
import torch_fidelity  # noqa: F401
import torchmetrics.functional.image  # noqa: F401
import torchvision.datasets  # noqa: F401

import methods
import metrics
from bench.runner.cell import run_cell
from bench.runner.launchers.base import EXIT_NOT_OK
from bench.runner.prepare import prepare
from bench.scoring.selection import code_of_score
from metrics.base import registry

methods.load()
metrics.load()
for metric in registry.values():  # parses the code behind evidence that is kept by its digest: once for all workers
    code_of_score(metric)
# The first optimiser of a process imports a second's worth of modules; this one starts no thread and runs no step.
torch.optim.Adam([torch.zeros(1, requires_grad=True)], fused=True)


def start(plan: str, identity: str | None, log: str, launched: float) -> None:
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
    record = run_cell(Path(plan), identity, launched)
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
