"""The charts of a tuning: its course, which options matter, and the front of two metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.charts.style import FAINT, GREY, SPLITS, blank, styled, write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED = SPLITS.values()
LEFT, RIGHT = 0.1, 0.97


def history(
    path: Path,
    numbers: Sequence[int],
    values: Mapping[str, Sequence[float]],
    better: Mapping[str, str],
    default: Mapping[str, float],
    title: str,
) -> None:
    """A panel a metric: every trial's figure by its number, the best so far as a line, the default's dashed."""
    height = 90 + 300 * len(values)
    with styled():
        figure = blank(height)
        for axes, (metric, figures) in zip(_panels(figure, len(values), height), values.items(), strict=True):
            _course(axes, numbers, figures, better[metric])
            axes.set_ylabel(f"{metric} ({better[metric]} is better)", fontsize=11)
            if metric in default:
                axes.axhline(default[metric], color=GREY, linewidth=1.2, linestyle="--", zorder=1)
        axes.set_xlabel("trial", fontsize=11)
        marks = [("a trial", BLUE), ("best so far", RED)] + ([("- - default", GREY)] if default else [])
        _head(figure, height, title, marks)
        write_png(figure, path)


def importance(path: Path, shares: Mapping[str, Mapping[str, float]], note: str) -> None:
    """A panel a metric: a bar an option, the most important on top."""
    rows = max(len(each) for each in shares.values())
    height = 90 + (80 + 34 * rows) * len(shares)
    with styled():
        figure = blank(height)
        for axes, (metric, each) in zip(_panels(figure, len(shares), height), shares.items(), strict=True):
            names, sizes = list(each)[::-1], list(each.values())[::-1]
            bars = axes.barh(names, sizes, color=BLUE, height=0.6)
            axes.bar_label(bars, [f"{size:.0%}" for size in sizes], padding=4, fontsize=10)
            axes.set_xlim(0, 1.08)
            axes.set_xticks([])
            axes.spines["bottom"].set_visible(False)
            axes.tick_params(axis="y", length=0)
            axes.set_title(metric, fontsize=12, loc="left")
        figure.subplots_adjust(left=0.2)
        _head(figure, height, "what the figure hangs on", [(note, GREY)], left=0.03)
        write_png(figure, path)


def pareto(
    path: Path,
    values: Mapping[str, Sequence[float]],
    front: Sequence[Sequence[float]],
    default: Mapping[str, float],
    better: Mapping[str, str],
    title: str,
) -> None:
    """Two metrics against each other: the trials, and those that no other beats in both, by the number of their row."""
    (first, across), (second, up) = values.items()
    height = 640
    with styled():
        figure = blank(height)
        (axes,) = _panels(figure, 1, height)
        axes.scatter(across, up, s=26, color=FAINT, linewidths=0)
        x, y = [point[0] for point in front], [point[1] for point in front]
        axes.plot(x, y, color=RED, linewidth=1.4, marker="o", markersize=6)
        for number, point in enumerate(front, 1):
            axes.annotate(str(number), (point[0], point[1]), (5, 5), textcoords="offset points", fontsize=10)
        if default:
            axes.scatter([default[first]], [default[second]], s=90, facecolors="none", edgecolors=BLUE, linewidths=1.8)
        axes.set_xlabel(f"{first} ({better[first]} is better)", fontsize=11)
        axes.set_ylabel(f"{second} ({better[second]} is better)", fontsize=11)
        axes.margins(0.06)
        _plain(axes)
        marks = [("a trial", GREY), ("front, by tuned row", RED)] + ([("default", BLUE)] if default else [])
        _head(figure, height, title, marks)
        write_png(figure, path)


def _course(axes: Axes, numbers: Sequence[int], figures: Sequence[float], better: str) -> None:
    from matplotlib.ticker import MaxNLocator

    pick = min if better == "lower" else max
    best = [pick(figures[: k + 1]) for k in range(len(figures))]
    axes.scatter(numbers, figures, s=26, color=BLUE, linewidths=0, zorder=2)
    axes.plot(numbers, best, color=RED, linewidth=1.8, drawstyle="steps-post", zorder=3)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.tick_params(labelsize=10)


def _panels(figure: Figure, count: int, height: int) -> list[Axes]:
    figure.subplots_adjust(left=LEFT, right=RIGHT, bottom=56 / height, top=1 - 90 / height, hspace=0.3)
    return [figure.add_subplot(count, 1, row + 1) for row in range(count)]


def _head(figure: Figure, height: int, title: str, marks: Sequence[tuple[str, str]], left: float = LEFT) -> None:
    """The title, and under it what the colours mean, in them."""
    figure.text(left, 1 - 24 / height, title, fontsize=14, va="center")
    for mark, colour in marks:
        figure.text(left, 1 - 50 / height, mark, color=colour, fontsize=11, va="center")
        left += 0.03 + 0.0095 * len(mark)  # about a letter's share of the width
