"""The fork server, started early: it imports torch while the parent still reads the suite. Standard library alone."""

import multiprocessing
import os
from multiprocessing import forkserver
from pathlib import Path

PRELOAD = ["bench.runner.preload"]
ROOT = str(Path(__file__).resolve().parents[3])


def start() -> None:
    """Start the server unless it runs; gives at once.

    Its path begins with this project and leaves out the current folder, where a folder named `metrics`, say, would hide ours.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOAD)
    kept = {name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
    os.environ |= {"PYTHONPATH": os.pathsep.join(filter(None, [ROOT, kept["PYTHONPATH"]])), "PYTHONSAFEPATH": "1"}
    try:
        forkserver.ensure_running()
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
