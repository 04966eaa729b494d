"""What the user watches: cells and epochs with the time left in a terminal, plain lines where there is none."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bench.records.cells import cells_folder
from bench.records.record import Record


class Watcher(Protocol):
    """Told of every start and end, and asked now and then to look at the running cells' progress files."""

    def started(self, cell: str, title: str) -> None: ...
    def ended(self, cell: str, record: Record) -> None: ...
    def tick(self) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


def clock(seconds: float) -> str:
    """`45 s`, `3:20`, `1:02:05`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def summary(record: Record) -> str:
    """One line on how a cell ended."""
    if record.status != "ok":
        first = (record.error or {}).get("message", "").split("\n")[0]
        return f"{record.status}: {first}"
    told = ("reconstruction_bce", "reconstruction_nll", "svm_test_accuracy", "neutral_accuracy")
    shown = [name for name in told if name in record.metrics]
    scores = "  ".join(f"{name} {record.metrics[name]:.4g}" for name in shown)
    return f"ok in {clock(record.timings.get('total_seconds', 0))}  {scores}".rstrip()


def epochs_done(folder: Path) -> tuple[str, int, int]:
    """The last line of a cell's progress file: phase, epoch, epochs; ("", 0, 0) before the first."""
    try:
        lines = (folder / "progress").read_text().splitlines()
    except FileNotFoundError:
        return "", 0, 0
    parts = lines[-1].split() if lines else []
    return (parts[0], int(parts[1]), int(parts[2])) if len(parts) == 3 else ("", 0, 0)


class TimeLeft:
    """Seconds left, from the cells done since the start and the epochs of those that run."""

    def __init__(self, cells: int) -> None:
        self.cells, self.done, self.began = cells, 0.0, 0.0

    def start(self) -> None:
        """Count from the first cell, not from what is prepared before it."""
        self.began = self.began or time.monotonic()

    def estimate(self, running: float) -> float | None:
        share = (self.done + running) / max(1, self.cells)
        return (time.monotonic() - self.began) * (1 - share) / share if share > 0.01 else None


class PlainWatcher:
    """A line for every start and end, for logs and pipes."""

    def __init__(self, cells: int) -> None:
        self.left, self.titles = TimeLeft(cells), dict[str, str]()

    def started(self, cell: str, title: str) -> None:
        self.titles[cell] = title
        self.left.start()

    def ended(self, cell: str, record: Record) -> None:
        self.left.done += 1
        left = self.left.estimate(0)
        rest = f"  (about {clock(left)} left)" if left and self.left.done < self.left.cells else ""
        print(
            f"[{self.left.done:.0f}/{self.left.cells}] {self.titles.get(cell, cell)}  {summary(record)}{rest}",
            flush=True,
        )

    def tick(self) -> None:
        pass

    def say(self, line: str) -> None:
        print(line, flush=True)

    def close(self) -> None:
        pass


class RichWatcher:
    """A bar for the suite with the time left, and one for each running cell with its epochs."""

    def __init__(self, cells: int, title: str, results: Path, console: Console) -> None:
        self.results, self.left = results, TimeLeft(cells)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
        )
        self.whole = self.progress.add_task(f"[bold]{title}", total=cells, note="")
        self.rows: dict[str, tuple[TaskID, str]] = {}
        self.progress.start()

    def started(self, cell: str, title: str) -> None:
        self.left.start()
        self.rows[cell] = (self.progress.add_task(f"  {title}", total=None, note="starting"), title)

    def ended(self, cell: str, record: Record) -> None:
        task, title = self.rows.pop(cell)
        self.progress.remove_task(task)
        self.left.done += 1
        self.progress.advance(self.whole)
        mark = "[green]✓[/]" if record.status == "ok" else "[red]✗[/]"
        self.progress.console.print(f"{mark} {title}", summary(record), highlight=False)

    def tick(self) -> None:
        running = 0.0
        for cell, (task, _) in self.rows.items():
            phase, epoch, epochs = epochs_done(cells_folder(self.results) / cell)
            if epochs:
                running += 0.9 * epoch / epochs  # the rest is evaluation
                note = phase if epoch < epochs else f"after {phase}"
                self.progress.update(task, completed=epoch, total=epochs, note=note)
        left = self.left.estimate(running)
        self.progress.update(self.whole, note=f"about {clock(left)} left" if left else "")

    def say(self, line: str) -> None:
        self.progress.console.print(line, highlight=False, soft_wrap=True, markup=False)

    def close(self) -> None:
        self.progress.stop()


def watcher(cells: Sequence[Any], title: str, results: Path) -> Watcher:
    console = Console()
    if console.is_terminal and sys.stdout.isatty():
        return RichWatcher(len(cells), title, results, console)
    return PlainWatcher(len(cells))
