"""Files and packages that add methods, metrics, data sets and what else is found by its decorator."""

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import methods
import metrics
from bench.config.suite import Suite
from bench.runtime.errors import UsageError


def load_plugin(path: str) -> None:
    """Import a file that registers methods, metrics or data sets. Raises UsageError where it cannot be imported."""
    file = Path(path)
    name = f"bench_plugin_{file.stem}_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]}"
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(file):
        return
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise UsageError(f"plug-in {path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        del sys.modules[name]
        first = (str(problem).strip().splitlines() or ["no message"])[0]
        raise UsageError(f"plug-in {path}: {type(problem).__name__}: {first}: mend that file") from problem


def register(suite: Suite, plugins: Sequence[str]) -> list[str]:
    """Load every method and metric, those of plug-ins as well; gives the plug-ins' paths. Raises UsageError."""
    methods.load()
    metrics.load()
    paths = [*suite.plugins, *(str(Path(plugin).resolve()) for plugin in plugins)]
    for path in paths:
        load_plugin(path)
    return paths
