"""What runs the cells of a plan: a process here, or elsewhere."""

import importlib
import pkgutil

from bench.runner.launchers.base import Make, registry
from bench.runtime.errors import UsageError, load_entry_points, nearest


def find(name: str) -> Make:
    """The launcher of this name, of this folder, an entry point or a plug-in. Raises UsageError with the nearest name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    load_entry_points("bench.launchers")
    if name not in registry:
        raise UsageError("--launcher: " + nearest(name, registry, "launcher"))
    return registry[name]
