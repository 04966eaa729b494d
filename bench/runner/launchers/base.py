"""What a launcher is: it runs cells of a plan, each in a process of its own, and says how each process ended.

A new one is a file in this folder, or a package with an entry point `bench.launchers`, that has a class decorated with `@launcher`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from bench.runtime.registry import Registry

EXIT_NOT_OK = 3
"""Exit status of a cell's process that has written its record, where its status is not ok."""


@dataclass(frozen=True)
class Ended:
    """How a cell's process ended. status: None where the process wrote its own record, else what to record for it."""

    cell: str
    status: str | None
    message: str = ""


class Slots:
    """Places for cells, `jobs` on each of the devices."""

    def __init__(self, devices: Sequence[str], jobs: int) -> None:
        self.free = dict.fromkeys(devices, jobs)

    def take(self) -> str | None:
        """A place on the device that has the most left, the first of several; None where all are taken."""
        device = max(self.free, key=lambda one: self.free[one])
        if not self.free[device]:
            return None
        self.free[device] -= 1
        return device

    def give_back(self, device: str) -> None:
        self.free[device] += 1


OnStart = Callable[[str], None]
OnEnd = Callable[[Ended], None]
OnTick = Callable[[], None]


class Launcher(Protocol):
    """All launchers run `python -m bench cell PLAN ID --device DEVICE`, or what it runs, and speak through files.

    One whose class has a true `several_devices` spreads the cells over `devices` of the plan; without it a plan has one device.
    """

    def prepare(self, plan: Path, on_tick: OnTick) -> str | None:
        """Make what the plan's cells share, before them; why that failed, or None."""

    def run(self, plan: Path, cells: Iterable[str], on_start: OnStart, on_end: OnEnd, on_tick: OnTick) -> None:
        """Run the cells; call back in the parent's thread. A cell that dies takes no other with it."""


Make = Callable[[Path, int, float | None], Launcher]
"""A launcher of a results folder, cells side by side on one device, and the seconds that a cell may take (None: any)."""
_Make = TypeVar("_Make", bound=Make)
registry: Registry[Make] = Registry("launcher", "bench.runner.launchers", "bench.launchers")


def launcher(name: str) -> Callable[[_Make], _Make]:
    """Register what makes a launcher under the name that `--launcher` takes. Raises ValueError where it is taken."""

    def register(make: _Make) -> _Make:
        registry.add(name, make)
        return make

    return register
