"""Training curves: a panel for each term."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bench.charts.style import GREY, SPLITS, blank, styled, write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point: TypeAlias = tuple[int, str, str, str, float]
"""Epoch, phase, split, term, value."""


def curves(points: Iterable[Point], path: Path, most_columns: int = 3, note: str = "") -> bool:
    """Small multiples: each term of each phase by epoch, train and test. False, and no file, where there are no points.

    note: what is to be said of the points, beside their unit.
    """
    panels: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        _, phase, _, term, value = point
        if np.isfinite(value):
            panels.setdefault((phase, term), []).append(point)
    if not panels:
        return False
    several = len({phase for phase, _ in panels}) > 1
    columns = min(most_columns, len(panels))
    rows = -(-len(panels) // columns)
    height = 60 + 250 * rows
    with styled():
        figure = blank(height)
        grid = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes, ((phase, term), lines) in zip(grid, panels.items(), strict=False):
            _curve_panel(axes, lines, f"{phase}: {term}" if several else term)
        for axes in grid[len(panels) :]:
            axes.remove()
        figure.subplots_adjust(left=0.085, right=0.985, bottom=56 / height, top=1 - 70 / height, hspace=0.42)
        headings = [
            *((split, colour, "bold") for split, colour in SPLITS.items()),
            ("; ".join(filter(None, ["nats per image", note])), GREY, "normal"),
        ]
        for position, (heading, colour, weight) in enumerate(headings):
            figure.text(0.085 + 0.08 * position, 1 - 22 / height, heading, color=colour, weight=weight, va="center")
        write_png(figure, path)
    return True


def _curve_panel(axes: Axes, lines: Sequence[Point], title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for split, colour in SPLITS.items():
        ours = sorted((epoch, value) for epoch, _, of, _, value in lines if of == split)
        if ours:
            axes.plot(*zip(*ours, strict=True), color=colour, linewidth=1.8, marker="o" if len(ours) == 1 else "")
    axes.set_title(title, fontsize=12, loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.margins(x=0.02)
    axes.tick_params(labelsize=10)
    axes.set_xlabel("epoch", fontsize=10)
