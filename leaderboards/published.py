"""Published scores beside measured ones, with a badge: measured in the paper's set-up, or how it differs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from leaderboards.board import BERNOULLI, HOLE, Column, Leaderboard, Row
from leaderboards.formats import Entry, Head, Sheet
from leaderboards.stats import Summary, printed

SAME = "same set-up"
OTHER_SUITE = "differs: this suite is not the paper's"
LINE = (
    *("suite", "dataset", "row", "metric", "mean", "sd", "n", "published", "published_sd", "bound", "difference"),
    *("difference_percent", "difference_sd", "verdict", "badge", "source", "where", "note", "status", "setting"),
)


@dataclass(frozen=True)
class Published:
    """One line of published.csv; `text` is the value as printed there. `bound`: the paper says only >= value."""

    source: str
    where: str
    dataset: str
    method: str
    metric: str
    value: float
    text: str
    std: float | None
    note: str

    @property
    def bound(self) -> bool:
        return "a lower bound" in self.note

    @property
    def printed(self) -> str:
        spread = f" ± {self.std:g}" if self.std is not None else ""
        return f"{'≥ ' if self.bound else ''}{self.text}{spread}"


@dataclass(frozen=True)
class Comparison:
    """A published score and ours; `ours` is None where we have none, `badge` then a dash.

    status: the row's, empty where there is none.
    difference: ours - published, in the metric's unit. percent: of the published value, None at zero.
    deviations: the difference in our standard deviations over seeds, None with one seed or no spread.
    """

    row: str
    column: Column
    published: Published
    ours: Summary | None = None
    badge: str = HOLE
    status: str = ""

    @property
    def difference(self) -> float | None:
        return None if self.ours is None else self.ours.mean - self.published.value

    @property
    def percent(self) -> float | None:
        if self.difference is None or not self.published.value:
            return None
        return 100 * self.difference / abs(self.published.value)

    @property
    def deviations(self) -> float | None:
        if self.ours is None or self.difference is None or not self.ours.sd:
            return None
        return self.difference / self.ours.sd

    @property
    def verdict(self) -> str:
        """`↓ better`: ours is lower, and lower is better. Against a bound: met, or not."""
        if self.difference is None:
            return HOLE
        if self.published.bound:
            return "bound met" if self.difference >= 0 else "bound not met"
        if not self.difference:
            return "="
        arrow = "↑" if self.difference > 0 else "↓"
        if self.column.better not in ("lower", "higher"):
            return arrow
        return f"{arrow} {'better' if (arrow == '↑') == (self.column.better == 'higher') else 'worse'}"


def read() -> list[Published]:
    """All published scores that this package knows, in the file's order."""
    content = resources.files("leaderboards").joinpath("published.csv").read_text(encoding="utf-8")
    return [
        Published(
            source=line["source"],
            where=line["where"],
            dataset=line["dataset"],
            method=line["method"],
            metric=line["metric"],
            value=float(line["value"]),
            text=line["value"],
            std=float(line["std"]) if line["std"] else None,
            note=line["note"] or "",
        )
        for line in csv.DictReader(content.splitlines())
    ]


def against(board: Leaderboard, published: Sequence[Published] | None = None) -> list[Comparison]:
    """Comparisons for the board's dataset: each published score with each row of its method that we measured.

    A row matches by its label; where no label does, by its method, but not where another paper's score would meet several rows of a
    method, as of a sweep. Scores of the board's own source without a measured counterpart are listed too; those of other sources are
    left out. published: as `read` gives them.
    """
    published = read() if published is None else published
    own = {str(record.comparison.get("source", "")) for row in board.rows for record in row.cells} - {""}
    here = {one.source for one in published if one.dataset == board.dataset}
    columns = {column.metric: column for column in board.columns if column.side_by_side in (None, 1)}
    result = []
    for score in published:
        if score.dataset != board.dataset and not (score.dataset == "all" and score.source in here):
            continue
        column = columns.get(score.metric)
        measured = column is not None and any(column.key in row.scores for row in board.rows)
        rows = _matching(board, score, score.source in own) if measured else []
        if column is not None and rows:
            result += [_compare(row, column, score) for row in rows]
        elif score.source in own:
            result.append(Comparison(score.method, column or Column(score.metric), score))
    return result


def _matching(board: Leaderboard, score: Published, own: bool) -> list[Row]:
    labelled = [row for row in board.rows if row.label == score.method]
    of_method = [row for row in board.rows if row.method == score.method]
    return labelled or (of_method if own or len(of_method) == 1 else [])


def _compare(row: Row, column: Column, score: Published) -> Comparison:
    ours = row.scores.get(column.key)
    return Comparison(row.name, column, score, ours, _badge(row, score) if ours is not None else HOLE, row.status)


def _badge(row: Row, score: Published) -> str:
    """The worst that any seed's record says: one of another set-up is enough to differ."""
    for record in row.cells:
        if record.comparison.get("source") != score.source:
            return OTHER_SUITE
        if record.likelihood != BERNOULLI:
            return f"differs: likelihood {record.likelihood}, the paper's is {BERNOULLI}"
        if record.comparison.get("same") is not True:
            return f"differs: {record.comparison.get('why') or 'the record does not say how'}"
    return SAME


def to_sheet(board: Leaderboard, found: Sequence[Comparison]) -> Sheet:
    """The comparisons as text cells, one line each; a note instead where there are none."""
    words = [Head("method", right=False), Head("metric", right=False)]
    numbers = [Head(name) for name in ("ours", "published", "difference", "%", "in our sd")]
    last = [Head(name, right=False) for name in ("verdict", "badge", "source")]
    several = any(one.ours is not None and one.ours.n > 1 for one in found)
    notes = ["ours: mean ± standard deviation over seeds; difference: ours − published"] if several else []
    notes += [] if found else [f"no published score of {board.dataset} was measured here"]
    heading = f"{board.heading} · against published scores"
    return Sheet(heading, [*words, *numbers, *last], [_entries(one) for one in found], notes=notes, repeat=2)


def _entries(one: Comparison) -> list[Entry]:
    ours = printed(one.ours) if one.ours is not None else HOLE
    failed = one.ours is None and one.status not in ("ok", "")
    difference = HOLE if one.difference is None else _signed(printed(Summary(one.difference, None, 1), digits=3))
    numbers = [ours, one.published.printed, difference, _rounded(one.percent), _rounded(one.deviations)]
    words = [one.verdict, one.status if failed else one.badge, f"{one.published.source}, {one.published.where}"]
    metric = f"{one.column.metric} {one.column.hint}".strip()
    return [Entry(said) for said in (one.row, metric, *numbers, *words)]


def _signed(said: str) -> str:
    return said if said.startswith("-") else f"+{said}"


def _rounded(value: float | None) -> str:
    return HOLE if value is None else f"{value:+.1f}"


def lines(board: Leaderboard, found: Sequence[Comparison]) -> list[dict[str, Any]]:
    """One dict a comparison, keys LINE, values unrounded; None where there is nothing measured."""
    result = []
    for one in found:
        ours, theirs = one.ours, one.published
        values = [ours.mean, ours.sd, ours.n] if ours is not None else [None, None, 0]
        named = [board.suite, board.dataset, one.row, one.column.metric]
        differences = [one.difference, one.percent, one.deviations]
        said = [None if word == HOLE else word for word in (one.verdict, one.badge)]
        about = [*said, theirs.source, theirs.where, theirs.note, one.status, board.setting]
        line = [*named, *values, theirs.value, theirs.std, theirs.bound, *differences, *about]
        result.append(dict(zip(LINE, line, strict=True)))
    return result
