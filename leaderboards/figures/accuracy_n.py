"""Figure 4a of 001_9c71068f65ebe130.txt: neutral accuracy of generations against n, the number of images combined, a line a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.charts.style import GREY, blank, styled
from leaderboards.figures.base import Request, figure
from leaderboards.figures.parts.accuracy_n_lines import AFTER, BEFORE, STAGES, Line, lines
from leaderboards.figures.parts.cells import OverSeeds
from leaderboards.figures.parts.claims import FAILS, HOLDS, spread
from leaderboards.figures.parts.differences import UNKNOWN, pairing, steps, trend
from leaderboards.figures.parts.panels import (
    BELOW,
    LEFT,
    PLOT,
    RIGHT,
    above,
    band_said,
    columns_of,
    curve,
    heading,
    legend,
    seeds_said,
    ticks,
    write,
)
from leaderboards.published import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

PAPER = "gopalakrishnan-regene"
SOURCE = "001_9c71068f65ebe130.txt, section 5.1"
HIGH = '"all high (≥ 0.9)"'
MORE = '"more samples tend to provide [...] higher accuracy"'
TABLE = ("dataset", "line", "row", "n", "filter", "metric", "mean", "sd", "seeds", "suite")
TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 1)
TICK = 24
"""Pixels that a tick's number takes."""
FINEST = 1e-4
"""Errors below it are not drawn apart: one image in 10,000."""


@figure(
    "accuracy-n",
    about="neutral accuracy of ReGene's generations against n, the images combined, a line a data set "
    "(001_9c71068f65ebe130.txt, Figure 4a)",
)
def draw(request: Request) -> list[str]:
    """Write the pictures and their data; gives their names, what was left out, and what became of the paper's claims."""
    found, notes = lines(request)
    written = write(request, _drawn(request, found), table(request.suite, found))
    head = f"claims of {SOURCE}, accuracy under the neutral classifier, mean ± standard deviation over seeds:"
    return [written, *notes, head, *claims(found, request.published)]


def table(suite: str, found: Sequence[Line]) -> str:
    """What is drawn, as CSV: a line a point, after and before the filter; no sd with one seed."""
    lines: list[list[Any]] = []
    for line in found:
        for metric, stage in STAGES.items():
            for point in line.points:
                if metric in point.figures:
                    figure = point.figures[metric]
                    deviation = figure.deviation()
                    about = [line.dataset, line.name, point.label, point.n, stage, metric]
                    seeds = " ".join(map(str, figure.by_seed))
                    lines.append([*about, figure.mean(), "" if deviation is None else deviation, seeds, suite])
    return pd.DataFrame(lines, columns=list(TABLE)).to_csv(index=False)


def bound(dataset: str, published: Sequence[Published]) -> float | None:
    """The accuracy that the paper states as its least; None where it states none of this data set."""
    of = [one for one in published if (one.source, one.method, one.metric) == (PAPER, "regene", AFTER)]
    return next((one.value for one in of if one.dataset in (dataset, "all")), None)


def claims(found: Sequence[Line], published: Sequence[Published]) -> list[str]:
    """A line a claim, line and stage: the paper's words, what was measured, the verdict."""
    stages = [(line, stage, line.of(metric)) for line in found for metric, stage in STAGES.items()]
    high = [(line, stage, *_high(at, bound(line.dataset, published))) for line, stage, at in stages]
    more = [(line, stage, *_not_falling(at)) for line, stage, at in stages]
    return [f"{name}, {line.name}, {stage} the filter: {verdict}" for line, stage, name, verdict in [*high, *more]]


def _high(at: dict[int, OverSeeds], least: float | None) -> tuple[str, str]:
    name = f"at least {least:g} for every n ({HIGH})" if least is not None else f"high for every n ({HIGH})"
    if not at or least is None:
        return name, f"no {'bound of the paper' if at else 'figures'}: {UNKNOWN}"
    values = {n: list(figure.by_seed.values()) for n, figure in at.items()}
    measured = ", ".join(f"{spread(own)} at {n}" for n, own in values.items())
    below = [str(n) for n, figure in at.items() if figure.mean() < least]
    single = [f"{seed} at {n}" for n, figure in at.items() for seed, value in figure.by_seed.items() if value < least]
    if below:
        return name, f"{measured}: {FAILS} (below at {', '.join(below)})"
    return name, f"{measured}: {HOLDS}" + (f" (not of seed {', '.join(single)})" if single else "")


def _not_falling(at: dict[int, OverSeeds]) -> tuple[str, str]:
    name = f"not falling with n ({MORE})"
    if len(at) < 2:
        return name, f"fewer than two n: {UNKNOWN}"
    found = steps(at)
    measured = ", ".join(f"{one.said(4)} from {place}" for place, one in found.items())
    return name, f"{measured} ({pairing(found)}): {trend(found, 'rises', strict=False, digits=4)}"


def _drawn(request: Request, found: Sequence[Line]) -> Drawing:
    least = sorted({one for one in (bound(line.dataset, request.published) for line in found) if one is not None})
    columns = columns_of([line.name for line in found])
    caption = _caption(request.suite, found)
    height = above(caption, len(found) + len(least), columns) + PLOT + BELOW
    with styled():
        drawing = blank(height)
        axes = drawing.add_axes((LEFT, BELOW / height, RIGHT - LEFT, PLOT / height))
        for position, line in enumerate(found):
            for metric in (BEFORE, AFTER):
                name = line.name if metric == AFTER else "_"  # matplotlib's legend passes over names of this kind
                curve(axes, line.of(metric), position, name, dashed=metric == BEFORE)
        _scale(axes, found, least)
        ticks(axes, Counter(point.n for line in found for point in line.points))
        axes.tick_params(labelsize=11)
        axes.set_xlabel("n, images combined into one")
        axes.set_ylabel("accuracy of generations (neutral classifier)")
        legend(axes, columns)
        heading(drawing, height, "Accuracy of ReGene's generations against images combined", caption)
    return drawing


def _scale(axes: Axes, found: Sequence[Line], least: Sequence[float]) -> None:
    """The axis of accuracy, with the paper's bound on it: by the error's magnitude down to the smallest one drawn, then straight to 1."""
    figures = [figure for line in found for point in line.points for figure in point.figures.values()]
    spreads = np.nan_to_num([figure.spread() for figure in figures])
    means = np.array([figure.mean() for figure in figures])
    errors = 1 - means[means < 1]
    to, back = _stretched(max(FINEST, errors.min()) if len(errors) else FINEST)
    axes.set_yscale("function", functions=(to, back))
    low, high = to(np.array([min([*(means - spreads), *least]), min(1.0, max([*(means + spreads), *least]))]))
    room = 0.05 * (high - low)
    low, high = low - room, high + room
    axes.set_ylim(*back(np.array([low, high])))
    pixels = dict(zip(TICKS, (to(np.array(TICKS)) - low) / (high - low) * PLOT, strict=True))
    kept: list[float] = []
    for tick in reversed([tick for tick, place in pixels.items() if 0 <= place <= PLOT]):
        if all(abs(pixels[tick] - pixels[one]) >= TICK for one in kept):
            kept.append(tick)
    axes.set_yticks(kept, [f"{tick:g}" for tick in kept])
    for one in least:
        axes.axhline(one, color=GREY, linewidth=1, zorder=0, label=f"the paper: at least {one:g}")


def _stretched(finest: float) -> tuple[Callable[[Any], NDArray[np.float64]], Callable[[Any], NDArray[np.float64]]]:
    """A scale of accuracies, and its inverse. It has a place for 1, which a logarithm of the error has not."""
    return lambda at: np.arcsinh((at - 1) / finest), lambda to: 1 + finest * np.sinh(to)


def _caption(suite: str, found: Sequence[Line]) -> list[str]:
    figures = [figure for line in found for point in line.points for figure in point.figures.values()]
    counts = [len(figure.by_seed) for figure in figures]
    datasets = {line.dataset for line in found}
    of = found[0].dataset if len(datasets) == 1 else f"{len(datasets)} data sets"
    before = any(BEFORE in point.figures for line in found for point in line.points)
    stages = "filled: after the filter" + ("; dashed, hollow: before it" if before else "")
    return [
        f"{of}, suite {suite}: {seeds_said(counts)}",
        band_said(counts),
        f"{stages}; axis stretched towards 1",
    ]
