"""What the end-to-end tests share: tiny suites, the command in its own process or in this one, records read back."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROWS: dict[str, dict[str, Any]] = {"vae": {"hidden": 16, "latent": 4}}
CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens there


@dataclass(frozen=True)
class Outcome:
    """How the command ended."""

    code: Any
    out: str
    err: str

    def refusal(self) -> str:
        """The one line of a refusal. Fails where there is more or less on stderr, or another exit status than 2."""
        assert self.code == 2, f"exit status {self.code!r}\n{self.out}\n{self.err}"
        assert self.err.startswith("bench: "), self.err
        assert self.err.count("\n") == 1, f"more than one line: {self.err}"
        return self.err.strip()


def environment(**more: str) -> dict[str, str]:
    """The tests' own environment, without the user's settings for the bench."""
    foreign = ("BENCH_RESULTS", "BENCH_DATA_ROOT", "MLFLOW_TRACKING_URI", "http_proxy", "https_proxy")
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | more


def arguments(verb: str, *rest: object, results: Path | None = None) -> list[str]:
    """The command's arguments: runs go to the CPU and, unless they say where, not to MLflow."""
    words = [str(word) for word in rest]
    if verb == "run":
        words += ["--device", "cpu"] if "--device" not in words else []
        words += ["--tracking-uri", "none"] if "--tracking-uri" not in words else []
    return [verb, *words, *(["--results", str(results)] if results is not None else [])]


def bench(where: Path, verb: str, *rest: object, results: Path | None = None, **env: str) -> Outcome:
    """`python -m bench` in a process of its own, in the folder `where`."""
    command = [sys.executable, "-m", "bench", *arguments(verb, *rest, results=results)]
    done = subprocess.run(command, cwd=where, env=environment(**env), capture_output=True, text=True, timeout=240)
    return Outcome(done.returncode, done.stdout, done.stderr)


def start(where: Path, verb: str, *rest: object, results: Path, **env: str) -> "subprocess.Popen[str]":
    """The same, left running, with SIGINT as a terminal gives it: a background job of a script would ignore it."""
    command = [sys.executable, "-m", "bench", *arguments(verb, *rest, results=results)]
    return subprocess.Popen(
        command,
        cwd=where,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def here(verb: str, *rest: object, results: Path | None = None) -> Outcome:
    """The same command in this process: seconds of imports are spared, and its workers' server serves the next one too.

    What it registers from plug-ins is forgotten again. The server keeps the environment of its first run.
    """
    import torch

    import methods
    import metrics
    from bench.cli import app as cli
    from bench.datasets import registry as datasets
    from bench.runner.launchers import find as find_launcher
    from bench.runtime.registry import Registry
    from bench.scoring import evidence
    from methods.backbones import BACKBONES

    methods.load()
    metrics.load()
    datasets.names()
    evidence.registry.load()
    find_launcher("local")
    words, threads = arguments(verb, *rest, results=results), torch.get_num_threads()
    out, err = io.StringIO(), io.StringIO()
    code: Any = None
    with contextlib.ExitStack() as held:
        for one in (contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)):
            held.enter_context(one)
        held.enter_context(mock.patch("sys.argv", ["bench", *words]))
        every = (methods.base.registry, metrics.base.registry, datasets.registry, BACKBONES, *Registry.every)
        for registry in every:
            held.enter_context(mock.patch.dict(registry))
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            torch.set_num_threads(threads)
            for name in [name for name in sys.modules if name.startswith("bench_plugin_")]:
                del sys.modules[name]
    return Outcome(code, out.getvalue(), err.getvalue())


def write_suite(
    folder: Path,
    rows: dict[str, dict[str, Any]] | None = None,
    *,
    name: str = "tiny",
    budget: dict[str, Any] | None = None,
    evaluation: dict[str, Any] | None = None,
    **top: Any,
) -> Path:
    """A suite file on digits whose cells take well under a second. `top`: any field of the top level."""
    tables = {
        "budget": {"epochs": 1, **(budget or {})},
        "evaluation": {"metrics": ["reconstruction_bce", "cost"], "samples": 20, "samples_per_class": 2}
        | (evaluation or {}),
        **{f'methods."{label}"': options for label, options in (rows or ROWS).items()},
    }
    # JSON's numbers, strings, booleans and lists are TOML's.
    top = {"name": name, "title": f"tests: {name}", "dataset": "digits", "seeds": 1} | top
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    for table, content in tables.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in content.items())]
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def records(results: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """(label, seed) to the content of every record."""
    contents = [json.loads(path.read_text()) for path in sorted(results.glob("cells/*/record.json"))]
    return {(content["label"], content["seed"]): content for content in contents}


def statuses(results: Path) -> dict[str, str]:
    return {label: content["status"] for (label, _), content in records(results).items()}


def stamp(results: Path, label: str, seed: int = 0) -> tuple[int, bytes]:
    """When a record was written, and its bytes."""
    path = results / "cells" / records(results)[label, seed]["cell"] / "record.json"
    return path.stat().st_mtime_ns, path.read_bytes()


def wait_for(what: Callable[[], Any], why: str, seconds: float = 90) -> Any:
    """What the function gives once that is true. Fails past the seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:g} s for {why}")


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet has ended as well."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return state.is_file() and state.read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True
