"""What runs the cells of a plan: a process here, or elsewhere."""

from bench.records.plan import Plan
from bench.runner.launchers.base import Make, registry
from bench.runtime.errors import UsageError, nearest


def find(name: str) -> Make:
    """The launcher of this name, of this folder, an entry point or a plug-in. Raises UsageError with the nearest name."""
    registry.load()
    if name not in registry:
        raise UsageError("--launcher: " + nearest(name, registry, "launcher"))
    return registry[name]


def check_devices(plan: Plan, name: str) -> None:
    """Raises UsageError where the plan has several devices and this launcher does not spread cells over them."""
    if len(plan.devices) > 1 and not getattr(find(name), "several_devices", False):
        raise UsageError(
            f"--device {','.join(plan.devices)}: --launcher {name} takes one device: give one, or --launcher local"
        )
