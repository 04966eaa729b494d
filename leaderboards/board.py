"""What a leaderboard is: columns, rows and the scores where they meet; in no format yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.records.record import BERNOULLI, STATUSES
from leaderboards.notes import MARK, caveats_of
from leaderboards.stats import Summary, printed, summarise

TIMING_UNITS = ("s", "images/s")
HOLE = "–"
UNAVAILABLE = "n/a"


@dataclass(frozen=True)
class Column:
    """One metric; a timing also says how many cells shared the device (`side_by_side`), so that kinds never mix."""

    metric: str
    unit: str = ""
    better: str = "none"
    side_by_side: int | None = None

    @property
    def key(self) -> str:
        return f"{self.metric} {self.shared}".strip()

    @property
    def shared(self) -> str:
        """`(2 side by side)` for a timing of cells that shared the device, else empty."""
        return f"({self.side_by_side} side by side)" if self.side_by_side not in (None, 1) else ""

    @property
    def hint(self) -> str:
        """Arrow of the better direction and the unit, where it is short and the name does not say it already."""
        arrow = {"lower": "↓", "higher": "↑"}.get(self.better, "")
        unit = self.unit.lower()
        named = self.metric.rsplit("_", 1)[-1].lower().startswith(unit) or (
            "/" in unit and unit.replace("/", "_per_") in self.metric
        )
        return f"{arrow} {self.unit if len(self.unit) <= 10 and not named else ''}".strip()


@dataclass
class Row:
    """All seeds of one (label, options). A row that is not whole (some seed was not scored) has no scores at all.

    cells: the frame's lines, by seed. scores: column key to its summary. unavailable: keys that could not be measured here.
    best: keys where it leads or ties.
    """

    name: str
    cells: list[Any]
    reference: bool = False
    scores: dict[str, Summary] = field(default_factory=dict)
    unavailable: set[str] = field(default_factory=set)
    best: set[str] = field(default_factory=set)

    @property
    def label(self) -> str:
        return str(self.cells[0].label)

    @property
    def method(self) -> str:
        return str(self.cells[0].method)

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.cells[0].options)

    @property
    def whole(self) -> bool:
        return all(cell.whole for cell in self.cells)

    @property
    def status(self) -> str:
        counts = Counter(cell.status for cell in self.cells)
        if len(self.cells) == 1 or set(counts) == {"ok"}:
            return str(self.cells[0].status)
        return ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])

    @property
    def seeds(self) -> str:
        """Number of seeds; where not all are ok, as `2/3`."""
        good = sum(cell.status == "ok" for cell in self.cells)
        return str(good) if self.whole else f"{good}/{len(self.cells)}"

    @property
    def caveats(self) -> list[str]:
        return caveats_of(self.cells)

    @property
    def title(self) -> str:
        """The row's name, marked where there are caveats."""
        return f"{self.name} {MARK}" if self.caveats else self.name

    @property
    def labels(self) -> str:
        """Where labels were used: none, train, test, train+test; a dash where no record says."""
        known = [cell.labels for cell in self.cells if cell.labels]
        used = [where for where in ("train", "test") if any(labels.get(where) for labels in known)]
        return ("+".join(used) or "none") if known else HOLE

    def entry(self, column: Column) -> str:
        """The score as text, a dash for a hole, n/a for what can't be measured here."""
        score = self.scores.get(column.key)
        if score is None:
            return UNAVAILABLE if column.key in self.unavailable else HOLE
        return printed(score, digits=3 if column.unit in TIMING_UNITS else 4)

    def fill(self, column: Column) -> None:
        # Seeds timed under different loads have no common mean: the row then has no score in any timing column.
        shared = {cell.side_by_side for cell in self.cells}
        if not self.whole or (column.side_by_side is not None and shared != {column.side_by_side}):
            return
        name = column.metric
        if any(name in cell.unavailable for cell in self.cells):
            self.unavailable.add(column.key)
            return
        score = summarise([cell.metrics.get(name) for cell in self.cells], self.cells[0].intervals.get(name))
        if score is not None:
            self.scores[column.key] = score


@dataclass
class Leaderboard:
    """One table: a suite on a dataset in one setting (budget, device type and likelihood). Best rows first, reference rows last."""

    suite: str
    dataset: str
    title: str
    budget: dict[str, Any]
    device_type: str
    columns: list[Column]
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    likelihood: str = BERNOULLI

    @property
    def setting(self) -> str:
        """Budget, device type, and the likelihood where it is not Bernoulli."""
        stated = self.budget | ({} if self.likelihood == BERNOULLI else {"likelihood": self.likelihood})
        return ", ".join([*(f"{name}={value}" for name, value in stated.items()), self.device_type]).strip(", ")

    @property
    def heading(self) -> str:
        return " · ".join(part for part in (self.title or self.suite, self.dataset, self.setting) if part)
