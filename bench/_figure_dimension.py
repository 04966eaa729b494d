"""Figure 5 of 002_250270577cfb522d.txt: reconstruction error against the total latent dimension, a line a method."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import _figure_dimension_claims as claims
from bench._charts import GREY, WIDTH, _figure, _style
from bench._figure_accuracy_cosine import LEFT, PLOT, _look
from bench._figure_dimension_lines import METRIC, Line, lines
from bench.figures import Request, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

RIGHT, DIGIT = 0.98, 10
"""The plot's right edge as a share of the width; how many pixels a digit of a tick is wide."""
TABLE = (
    *("line", "row", "method", "total", "z", "u", "n", "mean", "sd", "pose_prior", "transform"),
    *("seeds", "metric", "unit", "suite", "dataset"),
)


def draw(request: Request) -> list[str]:
    """Write the pictures and their data; gives their names, what was left out, and what became of the paper's claims."""
    found, notes = lines(request)
    written = save(_drawn(request, found), request.out)
    data = request.out.with_suffix(".csv")
    data.write_text(table(request.suite, found), encoding="utf-8")
    of = f"claims of {claims.SOURCE}, here on {found[0].rows[0].dataset}"
    head = f"{of}, differences of {METRIC} at equal dim(z) + dim(u), nats/image, below 0 where better than the VAE:"
    return [f"written: {', '.join(map(str, [*written, data]))}", *notes, head, *claims.lines(found)]


def table(suite: str, found: Sequence[Line]) -> str:
    """What is drawn, as CSV: a line a row, by line and total. mean and sd in nats/image over n seeds; no sd with one seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(TABLE)
    for line in found:
        for row in line.rows:
            deviation = row.deviation()
            figures = [row.mean(), "" if deviation is None else deviation, row.pose_prior, row.transform]
            seeds = " ".join(map(str, row.by_seed))
            sizes = [row.total, row.z, row.u, len(row.by_seed)]
            last = [seeds, METRIC, "nats/image", suite, row.dataset]
            writer.writerow([line.name, row.label, row.method, *sizes, *figures, *last])
    return text.getvalue()


def _drawn(request: Request, found: Sequence[Line]) -> Drawing:
    names = [_name(line) for line in found]
    longest = max(map(len, names))
    columns = 3 if longest <= 16 else 2 if longest <= 38 else 1
    caption = _caption(request.suite, found)
    top = 46 + 20 * len(caption) + 22 * -(-len(found) // columns)
    height = top + PLOT + 56
    with _style():
        drawing = _figure(height)
        axes = drawing.add_axes((LEFT, 56 / height, RIGHT - LEFT, PLOT / height))
        for position, (line, name) in enumerate(zip(found, names, strict=True)):
            _curve(axes, line, position, name)
        axes.ticklabel_format(useOffset=False)
        axes.tick_params(labelsize=11)
        _ticks(axes, found)
        axes.set_xlabel("total latent dimension, dim(z) + dim(u)")
        axes.set_ylabel("reconstruction error (nats/image, lower is better)")
        place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3, "borderpad": 0}
        axes.legend(ncols=columns, fontsize=11, handlelength=2.6, **place)
        title = "Reconstruction error against total latent dimension"
        drawing.text(LEFT, 1 - 26 / height, title, fontsize=15, va="center")
        for position, said in enumerate(caption):
            drawing.text(LEFT, 1 - (51 + 20 * position) / height, said, fontsize=11, color=GREY, va="center")
    return drawing


def _name(line: Line) -> str:
    """`tvae-tps (18 of pose, no KL cost)`."""
    cost = ", no KL cost" if line.uncoded else ""
    return f"{line.name} ({line.pose} of pose{cost})" if line.pose else line.name


def _curve(axes: Axes, line: Line, position: int, name: str) -> None:
    """Band below, means above; dashes and hollow markers where the pose costs no KL."""
    colour, marker = _look(position)
    total = np.array([row.total for row in line.rows], dtype=float)
    mean = np.array([row.mean() for row in line.rows])
    spread = np.array([row.deviation() for row in line.rows], dtype=float)  # NaN with one seed: a gap
    known = np.pad(np.isfinite(spread), 1)
    alone = known[1:-1] & ~(known[:-2] | known[2:])  # between two gaps a band would have no width
    band: dict[str, Any] = {"color": colour, "alpha": 0.16, "zorder": 1}
    if known.any():
        axes.fill_between(total, mean - spread, mean + spread, linewidth=0, **band)
        axes.vlines(total[alone], (mean - spread)[alone], (mean + spread)[alone], linewidth=6, **band)
    look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 6, "markeredgewidth": 1.4}
    if line.uncoded:
        look |= {"linestyle": (0, (4, 1.6)), "markerfacecolor": "white"}
    axes.plot(total, mean, linewidth=1.8, zorder=2 + position / 100, label=name, **look)


def _ticks(axes: Axes, found: Sequence[Line]) -> None:
    """A tick a total measured, with its number where there is room: first for those of most lines."""
    axes.margins(x=0.025)
    low, high = axes.get_xlim()
    pixels = (RIGHT - LEFT) * WIDTH / (high - low)
    count = Counter(row.total for line in found for row in line.rows)
    numbered: list[int] = []
    for total in sorted(count, key=lambda one: (-count[one], one)):
        digits = {other: (len(str(total)) + len(str(other))) / 2 for other in numbered}
        if all(abs(total - other) * pixels >= (digits[other] + 1) * DIGIT for other in numbered):
            numbered.append(total)
    axes.set_xticks(sorted(numbered))
    axes.set_xticks(sorted(set(count) - set(numbered)), minor=True)


def _caption(suite: str, found: Sequence[Line]) -> list[str]:
    rows = [row for line in found for row in line.rows]
    counts = sorted({len(row.by_seed) for row in rows})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    said = [f"{rows[0].dataset}, suite {suite}: means over {seeds} seed{'s' if counts[-1] > 1 else ''} a point"]
    band = "band: ± one standard deviation over seeds" + ("; none at points of one seed" if counts[0] == 1 else "")
    said.append(band if counts[-1] > 1 else "one seed: no band")
    if any(line.uncoded for line in found):
        said.append("dashed, hollow: the pose u is a function of the image, its numbers carried at no KL cost")
    return said
