"""What runs the cells of a plan: a process here, or elsewhere."""

from bench.runner.launchers.base import Make, registry
from bench.runtime.errors import UsageError, nearest


def find(name: str) -> Make:
    """The launcher of this name, of this folder, an entry point or a plug-in. Raises UsageError with the nearest name."""
    registry.load()
    if name not in registry:
        raise UsageError("--launcher: " + nearest(name, registry, "launcher"))
    return registry[name]
