"""Figure 1 of 000_2852ba8d0aec7d1a.txt: accuracy against mean within-class cosine over Simple's grid, with the Pareto fronts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from bench.charts.style import FAINT, GREY, blank, styled
from leaderboards.figures.base import Request, figure
from leaderboards.figures.parts import claims
from leaderboards.figures.parts.grid import GRID, Row
from leaderboards.figures.parts.grid import rows as read_rows
from leaderboards.figures.parts.panels import BELOW, LEFT, PLOT, RIGHT, above, heading, legend, look, write
from leaderboards.published import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

SOURCE = "aguilar-latent-generation"
TABLE = (
    *("row", "theta", "n", "theta_over_sqrt_n", "cosine_mean", "cosine_sd", "accuracy_mean", "accuracy_sd"),
    *("seeds", "on_front"),
)


class Cross(NamedTuple):
    """A point of the paper's Table 4, and which of our rows it is of."""

    row: int
    cosine: float
    accuracy: float


@figure(
    "accuracy-cosine",
    about="accuracy against mean within-class cosine on Simple's grid, a curve a row (000_2852ba8d0aec7d1a.txt, Figure 1)",
)
def draw(request: Request) -> list[str]:
    """Write the pictures and their data; gives their names and what became of the paper's claims."""
    rows = read_rows(request)
    written = write(request, _drawn(request, rows), table(rows))
    head = f"claims of {claims.SOURCE}, here on {rows[0].dataset}, mean ± standard deviation over seeds:"
    return [written, head, *claims.lines(rows)]


def table(rows: Sequence[Row]) -> str:
    """What is drawn, as CSV: a line a row and point, in the order of theta / sqrt(n). No deviation with one seed."""
    lines: list[list[Any]] = []
    for row in rows:
        none = [""] * len(GRID)
        (cosine, accuracy), front = (part.tolist() for part in row.means()), row.front().tolist()
        spreads = row.deviations()
        cosine_sd, accuracy_sd = (part.tolist() for part in spreads) if spreads is not None else (none, none)
        columns = zip(GRID, cosine, cosine_sd, accuracy, accuracy_sd, front, strict=True)
        for (theta, n), *figures, on_front in columns:
            said = "true" if on_front else "false"
            lines.append([row.label, theta, n, theta / math.sqrt(n), *figures, len(row.seeds), said])
    return pd.DataFrame(lines, columns=list(TABLE)).to_csv(index=False)


def table_4(rows: Sequence[Row], published: Sequence[Published]) -> list[Cross]:
    """The paper's points for rows that are called as its own, of the same data set."""
    known = {
        (one.method, one.metric): one.value
        for one in published
        if (one.source, one.where, one.dataset) == (SOURCE, "Table 4", rows[0].dataset)
    }
    points = [[known.get((row.label, name)) for name in ("within_class_cosine", "generation_accuracy")] for row in rows]
    return [
        Cross(position, cosine, accuracy)
        for position, (cosine, accuracy) in enumerate(points)
        if cosine is not None and accuracy is not None
    ]


def _drawn(request: Request, rows: Sequence[Row]) -> Drawing:
    crosses = table_4(rows, request.published)
    entries = len(rows) + bool(crosses)
    longest = max(len(row.label) for row in rows)
    columns = 3 if longest <= 16 else 2 if longest <= 32 else 1
    caption = _caption(request.suite, rows)
    height = above(caption, entries, columns) + PLOT + BELOW
    with styled():
        drawing = blank(height)
        axes = drawing.add_axes((LEFT, BELOW / height, RIGHT - LEFT, PLOT / height))
        for position, row in enumerate(rows):
            _curve(axes, row, position)
        _crosses(axes, crosses, rows)
        axes.ticklabel_format(useOffset=False)
        axes.tick_params(labelsize=11)
        axes.set_xlabel("mean within-class cosine (lower is more diverse)")
        axes.set_ylabel("accuracy of generations (classifier of reconstructions)")
        legend(axes, columns, handle=1.6)
        heading(drawing, height, "Simple generator: accuracy against within-class cosine", caption)
    return drawing


def _curve(axes: Axes, row: Row, position: int) -> None:
    """Band below, points faint, the front above as a line. The last is its legend's entry, with the points' marker."""
    colour, marker = look(position)
    (cosine, accuracy), deviations, front = row.means(), row.deviations(), row.front()
    if deviations is not None:
        low, high = accuracy - deviations[1], accuracy + deviations[1]
        axes.fill_between(cosine, low, high, color=colour, alpha=0.16, linewidth=0, zorder=1)
    points: dict[str, Any] = {"marker": marker, "markersize": 6, "markeredgewidth": 0, "color": colour}
    axes.plot(cosine, accuracy, linestyle="", alpha=0.4, zorder=3, **points)
    of_front = sorted(zip(cosine[front].tolist(), accuracy[front].tolist(), strict=True))
    seeds = f"{len(row.seeds)} seed{'s' if len(row.seeds) > 1 else ''}"
    width = max(1.4, 2.6 - 0.6 * position)  # each thinner than the one it may lie upon
    name = f"{row.label} ({seeds})"
    axes.plot(
        *zip(*of_front, strict=True), linewidth=width, markevery=[], zorder=2 + position / 100, label=name, **points
    )


def _crosses(axes: Axes, crosses: Sequence[Cross], rows: Sequence[Row]) -> None:
    """The paper's points, each named in a strip of its own above all that is drawn, at the end of a thin line."""
    for cross in crosses:
        at = (cross.cosine, cross.accuracy)
        axes.plot(*at, marker="x", markersize=13, markeredgewidth=4.5, color="white", zorder=5)
        axes.plot(*at, marker="x", markersize=11, markeredgewidth=2.2, color=look(cross.row)[0], zorder=6)
    axes.margins(x=0.02, y=0.04)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= min(high, 1 + 1e-9)]
    if not crosses:
        return
    axes.plot([], [], linestyle="", marker="x", markersize=9, markeredgewidth=2, color=GREY, label="the paper, Table 4")
    step = (high - low) / PLOT * 22
    for level, cross in enumerate(sorted(crosses, key=lambda one: one.cosine)):
        y = high + (level + 0.6) * step
        side, shift = ("left", 5) if cross.cosine - left < 0.3 * (right - left) else ("right", -5)
        axes.vlines(cross.cosine, cross.accuracy, y + 0.3 * step, colors=FAINT, linewidth=0.8, zorder=4)
        said: dict[str, Any] = {"ha": side, "va": "center", "fontsize": 11, "color": look(cross.row)[0]}
        axes.annotate(rows[cross.row].label, (cross.cosine, y), (shift, 0), textcoords="offset points", **said)
    axes.set_yticks(ticks)
    axes.set(xlim=(left, right), ylim=(low, high + (len(crosses) + 0.3) * step))


def _caption(suite: str, rows: Sequence[Row]) -> tuple[str, str]:
    several = [len(row.seeds) > 1 for row in rows]
    band = "band: ± one standard deviation over seeds" if any(several) else "one seed: no band"
    band += "" if all(several) or not any(several) else "; none around a row of one seed"
    return (
        f"{rows[0].dataset}, suite {suite}: {len(GRID)} points of theta and n a row, line along their Pareto front",
        band,
    )
