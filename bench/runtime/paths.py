"""Where things lie on this machine: cache, data, results. Standard library alone, so that `--help` stays fast."""

import os
import sys
from pathlib import Path


def _from_environment(name: str) -> Path | None:
    """The folder an environment variable names, with ~ expanded, or None where it is unset or empty."""
    value = os.environ.get(name, "").strip()
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """The user's cache: $BENCH_CACHE, else $XDG_CACHE_HOME/latentbench, else the platform's own. Not created here."""
    own = _from_environment("BENCH_CACHE")
    if own is not None:
        return own
    shared = _from_environment("XDG_CACHE_HOME")
    if shared is not None:
        return shared / "latentbench"
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / caches / "latentbench"


def data_root(argument: str | None = None) -> Path:
    """The data sets' folder: the argument, else $BENCH_DATA_ROOT, else data/ in the cache folder."""
    if argument:
        return Path(argument).expanduser()
    return _from_environment("BENCH_DATA_ROOT") or cache_folder() / "data"


def results_folder(argument: str | None = None) -> Path:
    """The folder records are written to: the argument, else $BENCH_RESULTS, else ./results."""
    if argument:
        return Path(argument).expanduser()
    return _from_environment("BENCH_RESULTS") or Path("results")
