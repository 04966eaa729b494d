"""What a leaderboard is: columns, rows and the figures where they meet; filled from records, in no format yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.records.record import BERNOULLI, STATUSES, Record
from leaderboards.facts import worded_caveats
from leaderboards.stats import Summary, printed, summarise, ties

TIMING_UNITS = ("s", "images/s")
HOLE = "–"
MARK = "†"
UNAVAILABLE = "n/a"


@dataclass(frozen=True)
class Column:
    """One metric; a timing also says how many cells shared the device (`side_by_side`), so that kinds never mix."""

    metric: str
    unit: str = ""
    better: str = "none"
    family: str = ""
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
        said = self.metric.rsplit("_", 1)[-1].lower().startswith(unit) or (
            "/" in unit and unit.replace("/", "_per_") in self.metric
        )
        return f"{arrow} {self.unit if len(self.unit) <= 10 and not said else ''}".strip()


@dataclass
class Row:
    """All seeds of one (label, options). A row that is not whole (some seed not ok) has no figures at all.

    figures: column key to its summary. unavailable: keys that could not be measured here.
    best: keys where it leads or ties.
    """

    name: str
    label: str
    method: str
    options: dict[str, Any]
    records: list[Record]
    reference: bool = False
    figures: dict[str, Summary] = field(default_factory=dict)
    unavailable: set[str] = field(default_factory=set)
    best: set[str] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        return all(record.status == "ok" for record in self.records)

    @property
    def status(self) -> str:
        counts = Counter(record.status for record in self.records)
        if len(self.records) == 1 or set(counts) == {"ok"}:
            return self.records[0].status
        return ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])

    @property
    def seeds(self) -> str:
        """Number of seeds; where not all are ok, as `2/3`."""
        good = sum(record.status == "ok" for record in self.records)
        return str(good) if self.whole else f"{good}/{len(self.records)}"

    @property
    def caveats(self) -> list[str]:
        """What is to be known before this row is read beside others: figures below their metric's floor, what records say themselves."""
        seeds: dict[str, list[int]] = {}
        for record in self.records:
            for line in caveats_of(record):
                seeds.setdefault(line, []).append(record.seed)
        return [f"{line} (seed{'s' * (len(of) > 1)} {', '.join(map(str, of))})" for line, of in seeds.items()]

    @property
    def title(self) -> str:
        """The row's name, marked where there are caveats."""
        return f"{self.name} {MARK}" if self.caveats else self.name

    @property
    def labels(self) -> str:
        """Where labels were used: none, train, test, train+test; a dash where no record says."""
        said = [record.labels for record in self.records if record.labels]
        if not said:
            return HOLE
        used = [where for where in ("train", "test") if any(labels.get(where) for labels in said)]
        return "+".join(used) or "none"

    @property
    def sharing(self) -> set[int]:
        """The numbers of cells that shared the device while this row's seeds were timed."""
        return {sharing(record) for record in self.records}

    def entry(self, column: Column) -> str:
        """The figure as text, a dash for a hole, n/a for what can't be measured here."""
        figure = self.figures.get(column.key)
        if figure is None:
            return UNAVAILABLE if column.key in self.unavailable else HOLE
        return printed(figure, digits=3 if column.unit in TIMING_UNITS else 4)


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


def caveats_of(record: Record) -> list[str]:
    """Figures of a record below their metric's floor, and what it says itself."""
    floors = {name: definition["floor"] for name, definition in record.definitions.items() if "floor" in definition}
    below = {name: value for name, value in record.metrics.items() if name in floors and value < floors[name]}
    said = [f"{name} {value:.4f} is below {floors[name]:g}" for name, value in below.items()]
    return [*said, *worded_caveats(record.facts)]


def sharing(record: Record) -> int:
    """Number of cells that shared the device; 1 is alone."""
    return int(record.timings.get("side_by_side", 1))


def columns_of(rows: Sequence[Row], first: Sequence[str]) -> list[Column]:
    """Columns for all that the rows' records measured or tried to: `first` in order, then as they appear, cost last."""
    records = [record for row in rows for record in row.records if record.status == "ok"]
    seen = dict.fromkeys(name for record in records for name in (*record.metrics, *record.unavailable))
    columns = []
    for name in dict.fromkeys([*(name for name in first if name in seen), *seen]):
        definition = next((record.definitions[name] for record in records if name in record.definitions), {})
        texts = {part: str(definition.get(part, "")) for part in ("unit", "better", "family")}
        columns.append(Column(name, texts["unit"], texts["better"] or "none", texts["family"]))
    columns.sort(key=lambda column: column.family == "cost")
    return [split for column in columns for split in _by_sharing(column, rows)]


def _by_sharing(column: Column, rows: Sequence[Row]) -> list[Column]:
    """A timing column for each number of cells that shared the device; any other column as it is."""
    if column.unit not in TIMING_UNITS:
        return [column]
    kinds = {count for row in rows if row.whole and len(row.sharing) == 1 for count in row.sharing} or {1}
    return [Column(column.metric, column.unit, column.better, column.family, kind) for kind in sorted(kinds)]


def fill(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    """Give each whole row its figures, then mark the best of each column and what ties with it among ranked rows."""
    for column in columns:
        for row in rows:
            _fill_one(row, column)
        ranked = {
            number: row.figures[column.key]
            for number, row in enumerate(rows)
            if column.key in row.figures and not row.reference
        }
        for number in ties(ranked, column.better):
            rows[number].best.add(column.key)


def _fill_one(row: Row, column: Column) -> None:
    # Seeds timed under different loads have no common mean: the row then has no figure in any timing column.
    if not row.whole or (column.side_by_side is not None and row.sharing != {column.side_by_side}):
        return
    name = column.metric
    if any(name in record.unavailable for record in row.records):
        row.unavailable.add(column.key)
        return
    bootstrap = row.records[0].intervals.get(name)
    figure = summarise([record.metrics.get(name) for record in row.records], bootstrap)
    if figure is not None:
        row.figures[column.key] = figure
