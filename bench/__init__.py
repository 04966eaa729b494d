"""latentbench from Python: run a suite, read its records, load what was trained, score it again.

Nothing heavy is imported before it is asked for. What can be mended is a `bench.runtime.errors.UsageError` of one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

    from methods.base import AbstractMethod

__all__ = ["frame", "load_model", "run", "score"]


def run(suite: str = "digits", **options: Any) -> DataFrame:
    """`python -m bench run` in a process of its own; gives the suite's `frame`.

    options: those of the command line, as in methods=["vae"], seeds=2, set={"vae.latent": 8}, force=True. Raises UsageError.
    """
    return _called("run", suite, options)


def score(suite: str | None = None, **options: Any) -> DataFrame:
    """`python -m bench score`: kept models scored again, as in metrics=["fidelity"]. Gives the `frame`. Raises UsageError."""
    return _called("score", suite, options)


def frame(results: str | Path | None = None, suite: str | None = None) -> DataFrame:
    """A row for each cell: what it is of, its status, and a column for each score, NaN where it has none.

    Cells of the suite's latest run, or every suite's; `status` tells stale, missing and broken ones apart. Raises UsageError.
    """
    from bench.runtime.paths import results_folder
    from leaderboards.frame import by_cell

    return by_cell(results_folder(None if results is None else str(results)), suite)


def load_model(
    results: str | Path,
    name: str,
    *,
    suite: str | None = None,
    seed: int = 0,
    dataset: str | None = None,
    device: str = "cpu",
    data_root: str | None = None,
) -> AbstractMethod:
    """The trained method of a row, or of a cell by its id: in eval mode, attached to its data, on the device. Raises UsageError."""
    from bench.runner import load

    return load.load_model(Path(results), name, suite, seed, dataset, device, data_root)


def _called(verb: str, suite: str | None, options: dict[str, Any]) -> DataFrame:
    """Run a verb of the command line, its lines printed as they come: a script needs no main guard, a notebook no terminal."""
    import os
    import signal
    import subprocess
    import sys

    from bench.runtime.errors import UsageError

    words = [] if suite is None else ["--suite", str(suite)]
    for name, value in options.items():
        words += _words(f"--{name.replace('_', '-')}", value)
    root = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    # -P: a folder of the user's own named `bench`, say, would hide ours
    command = [sys.executable, "-P", "-m", "bench", verb, *words]
    last = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"PYTHONPATH": paths}
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                last = line.strip() or last
                print(line, end="")
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            raise
    if process.returncode not in (0, 1):
        raise UsageError(last.removeprefix("bench: "))
    if suite is not None and suite.endswith(".toml"):
        from bench.config.suite import load_suite

        suite = load_suite(suite).name
    return frame(options.get("results"), suite)


def _words(option: str, value: Any) -> list[str]:
    """An option of the command line: a flag, one value, several with commas between, or one for each of a dict."""
    if value is None or value is False:
        return []
    if value is True:
        return [option]
    if isinstance(value, dict):
        return [word for name, one in value.items() for word in (option, f"{name}={one}")]
    if isinstance(value, Iterable) and not isinstance(value, str | Path):
        several = [str(one) for one in value]
        return (
            [word for one in several for word in (option, one)] if option == "--plugin" else [option, ",".join(several)]
        )
    return [option, str(value)]
