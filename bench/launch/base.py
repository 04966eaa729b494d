"""What a back end is: it runs cells of a plan, each in a process of its own, and says how each process ended."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Ended:
    """How a cell's process ended. status: None where the process wrote its own record, else what to record for it."""

    cell: str
    status: str | None
    message: str = ""


class Launcher(Protocol):
    """All back ends run `python -m bench cell PLAN ID`, or what it runs, and speak through files."""

    def prepare(self, plan: Path, on_tick: Callable[[], None]) -> str | None:
        """Make what the plan's cells share, before them; why that failed, or None."""

    def run(
        self,
        plan: Path,
        cells: Iterable[str],
        on_start: Callable[[str], None],
        on_end: Callable[[Ended], None],
        on_tick: Callable[[], None],
    ) -> None:
        """Run the cells; call back in the parent's thread. A cell that dies takes no other with it."""
