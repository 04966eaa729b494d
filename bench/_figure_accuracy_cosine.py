"""Figure 1 of 000_2852ba8d0aec7d1a.txt: accuracy against mean within-class cosine over Simple's grid, with the Pareto fronts."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from bench import _figure_claims as claims
from bench._charts import FAINT, GREY, INK, _figure, _style
from bench._figure_grid import GRID, Row
from bench._figure_grid import rows as read_rows
from bench.figures import Published, Request, save
from bench.record import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCE = "aguilar-latent-generation"
WIDE, HEIGHT = 900, 620
COLOURS = ("#4c78a8", "#e45756", "#54a24b", "#b279a2", "#f58518", "#439894", "#9d755d", "#79706e")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
TABLE = (
    *("row", "theta", "n", "theta_over_sqrt_n", "cosine_mean", "cosine_sd", "accuracy_mean", "accuracy_sd"),
    *("seeds", "on_front"),
)


class Cross(NamedTuple):
    """A point of the paper's Table 4, and which of our rows it is of."""

    row: int
    cosine: float
    accuracy: float


def draw(request: Request) -> list[str]:
    """Write the pictures and their data; gives their names and what became of the paper's claims."""
    rows = read_rows(request)
    crosses = table_4(rows, request.published)
    with _style():
        drawing = _figure(HEIGHT)
        axes = drawing.add_axes((0.095, 0.1, 0.875, 0.775))
        for position, row in enumerate(rows):
            _curve(axes, row, position)
        _crosses(axes, crosses, rows)
        _dress(axes)
        _legend(axes, bool(crosses))
        drawing.text(0.095, 0.955, "Accuracy against diversity of Simple's generations", fontsize=15, va="center")
        drawing.text(0.095, 0.913, _caption(request.suite, rows), fontsize=11, color=GREY, va="center")
        written = save(drawing, request.out)
    data = request.out.with_suffix(".csv")
    write_atomically(data, table(rows))
    head = f"claims of {claims.SOURCE}, here on {rows[0].dataset}, mean ± standard deviation over seeds:"
    return [f"written: {', '.join(map(str, [*written, data]))}", head, *claims.lines(rows)]


def table(rows: Sequence[Row]) -> str:
    """What is drawn, as CSV: a line a row and point, in the order of theta / sqrt(n). No deviation with one seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TABLE)
    for row in rows:
        means, deviations, front = row.means(), row.deviations(), row.front()
        for i, (theta, n) in enumerate(GRID):
            figures = [
                part
                for k in (0, 1)
                for part in (float(means[k][i]), float(deviations[k][i]) if deviations is not None else "")
            ]
            on_front = "true" if front[i] else "false"
            writer.writerow([row.label, theta, n, theta / math.sqrt(n), *figures, len(row.seeds), on_front])
    return text.getvalue()


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


def _curve(axes: Axes, row: Row, position: int) -> None:
    """Band below, points faint, front above. Its legend's entry is the front's with the points' marker."""
    colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
    (cosine, accuracy), deviations, front = row.means(), row.deviations(), row.front()
    if deviations is not None:
        low, high = accuracy - deviations[1], accuracy + deviations[1]
        axes.fill_between(cosine, low, high, color=colour, alpha=0.16, linewidth=0, zorder=1)
    axes.plot(
        cosine,
        accuracy,
        linestyle="",
        marker=marker,
        color=colour,
        markersize=6,
        alpha=0.45,
        markeredgewidth=0,
        zorder=2,
    )
    of_front = sorted(zip(cosine[front].tolist(), accuracy[front].tolist(), strict=True))
    seeds = f"{len(row.seeds)} seed{'s' if len(row.seeds) > 1 else ''}"
    axes.plot(
        *zip(*of_front, strict=True),
        color=colour,
        linewidth=1.8,
        drawstyle="steps-post",
        marker=marker,
        markersize=6,
        markeredgewidth=0,
        markevery=[],
        zorder=3,
        label=f"{row.label} ({seeds})",
    )


def _crosses(axes: Axes, crosses: Sequence[Cross], rows: Sequence[Row]) -> None:
    """The paper's points, each named above the curves, where nothing else is drawn, at the end of a thin line."""
    low, high = axes.get_xlim()
    for level, cross in enumerate(sorted(crosses, key=lambda one: one.cosine)):
        colour = COLOURS[cross.row % len(COLOURS)]
        at = (cross.cosine, cross.accuracy)
        axes.plot(*at, marker="x", markersize=11, markeredgewidth=2.6, color=INK, zorder=4)
        axes.plot(*at, marker="x", markersize=9, markeredgewidth=1.6, color=colour, zorder=5)
        side, shift = ("left", -3) if cross.cosine - low < 0.3 * (high - low) else ("right", 3)
        axes.annotate(
            rows[cross.row].label,
            at,
            xytext=(shift, 20 + 20 * level),
            textcoords="offset points",
            ha=side,
            fontsize=11,
            color=colour,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 6},
        )


def _dress(axes: Axes) -> None:
    axes.margins(x=0.02, y=0.04)
    axes.set_xlabel("mean within-class cosine (lower is more diverse)")
    axes.set_ylabel("accuracy of generations (classifier of reconstructions)")


def _legend(axes: Axes, crosses: bool) -> None:
    axes.legend(loc="lower right")


def _caption(suite: str, rows: Sequence[Row]) -> str:
    several = [len(row.seeds) > 1 for row in rows]
    band = "band: ± one standard deviation over seeds" if any(several) else "one seed: no band"
    band += "" if all(several) or not any(several) else ", none with one seed"
    return f"{rows[0].dataset}, suite {suite} · {len(GRID)} points of theta and n a row, line: Pareto front · {band}"
