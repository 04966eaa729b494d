"""What the figures of papers share in drawing: places, colours, the words above a plot, a line with its band."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.charts.style import GREY, WIDTH, write_png_and_svg
from leaderboards.figures.base import Request
from leaderboards.figures.parts.cells import OverSeeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

LEFT, RIGHT, PLOT, BELOW = 0.115, 0.98, 444, 56
"""The plot's left and right edge as shares of the width; its height, and what is below it, in pixels."""
DIGIT = 10
"""How many pixels a digit of a tick is wide."""
COLOURS = ("#4c78a8", "#e45756", "#54a24b", "#b279a2", "#f58518", "#439894", "#9d755d", "#79706e")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: dict[str, Any] = {"linestyle": (0, (4, 1.6)), "markerfacecolor": "white"}
"""A line to be told apart from a whole one of its colour: dashed, with hollow markers."""


def look(position: int) -> tuple[str, str]:
    """Colour and marker of a line."""
    return COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]


def columns_of(names: Sequence[str]) -> int:
    """Columns of a legend of these names."""
    longest = max(map(len, names))
    return 3 if longest <= 16 else 2 if longest <= 38 else 1


def above(caption: Sequence[str], entries: int, columns: int) -> int:
    """Pixels above a plot: its title, caption and legend."""
    return 46 + 20 * len(caption) + 22 * -(-entries // columns)


def heading(drawing: Drawing, height: int, title: str, caption: Sequence[str]) -> None:
    """The title, and the caption's lines below it."""
    drawing.text(LEFT, 1 - 26 / height, title, fontsize=15, va="center")
    for position, said in enumerate(caption):
        drawing.text(LEFT, 1 - (51 + 20 * position) / height, said, fontsize=11, color=GREY, va="center")


def legend(axes: Axes, columns: int, handle: float = 2.6) -> None:
    """A legend between the plot and the caption."""
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3, "borderpad": 0}
    axes.legend(ncols=columns, fontsize=11, handlelength=handle, **place)


def curve(axes: Axes, points: Mapping[Any, OverSeeds], position: int, name: str, dashed: bool = False) -> None:
    """Band of ± a deviation below, means above; a gap in the band where there is no deviation."""
    colour, marker = look(position)
    at = np.array(list(points), dtype=float)
    centre, half = (np.array([of(one) for one in points.values()]) for of in (OverSeeds.mean, OverSeeds.spread))
    known = np.pad(np.isfinite(half), 1)
    alone = known[1:-1] & ~(known[:-2] | known[2:])  # between two gaps a band would have no width
    band: dict[str, Any] = {"color": colour, "alpha": 0.16, "zorder": 1}
    if known.any():
        axes.fill_between(at, centre - half, centre + half, linewidth=0, **band)
        axes.vlines(at[alone], (centre - half)[alone], (centre + half)[alone], linewidth=6, **band)
    marks: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 6, "markeredgewidth": 1.4}
    marks |= DASHES if dashed else {}
    axes.plot(at, centre, linewidth=1.8, zorder=2 + position / 100, label=name, **marks)


def ticks(axes: Axes, count: Counter[int]) -> None:
    """A tick a number measured, with its digits where there is room: first for those of most lines."""
    axes.margins(x=0.025)
    low, high = axes.get_xlim()
    pixels = (RIGHT - LEFT) * WIDTH / (high - low)
    numbered: list[int] = []
    for number in sorted(count, key=lambda one: (-count[one], one)):
        digits = {other: (len(str(number)) + len(str(other))) / 2 for other in numbered}
        if all(abs(number - other) * pixels >= (digits[other] + 1) * DIGIT for other in numbered):
            numbered.append(number)
    axes.set_xticks(sorted(numbered))
    axes.set_xticks(sorted(set(count) - set(numbered)), minor=True)


def seeds_said(counts: Sequence[int]) -> str:
    """`means over 3 seeds a point`, of how many seeds each point has."""
    few, most = min(counts), max(counts)
    return f"means over {few if few == most else f'{few} to {most}'} seed{'s' if most > 1 else ''} a point"


def band_said(counts: Sequence[int]) -> str:
    """What the band is, of how many seeds each point has."""
    if max(counts) == 1:
        return "one seed: no band"
    return "band: ± one standard deviation over seeds" + ("; none at points of one seed" if min(counts) == 1 else "")


def write(request: Request, drawing: Drawing, table: str) -> str:
    """Write both pictures, and what is drawn as CSV beside them; gives a line that names them."""
    data = request.out.with_suffix(".csv")
    files = [*write_png_and_svg(drawing, request.out), data]
    data.write_text(table, encoding="utf-8")
    return f"written: {', '.join(map(str, files))}"
