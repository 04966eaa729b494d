"""Figure 7, right, of 001_9c71068f65ebe130.txt: accuracy and Fréchet distance against the share of the reconstruction in mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.charts.style import blank, styled
from leaderboards.figures.base import Request, figure
from leaderboards.figures.parts.claims import spread
from leaderboards.figures.parts.differences import Way, pairing, steps, trend
from leaderboards.figures.parts.mixing_rows import ACCURACY, ALPHAS, FD, FID, Row, distance, rows
from leaderboards.figures.parts.panels import (
    BELOW,
    LEFT,
    RIGHT,
    above,
    band_said,
    columns_of,
    curve,
    heading,
    legend,
    seeds_said,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

SOURCE = "001_9c71068f65ebe130.txt, section 5.4"
WORSE = '"gradual deterioration in the image quality, which decreases the accuracy"'
FARTHER = '"and conversely increases FID"'
TABLE = ("row", "metric", "alpha", "mean", "sd", "seeds", "suite", "dataset")
SAID = (0.0, 0.5, 1.0)
"""Shares whose figures are printed."""
PANEL, GAP = 260, 22
"""Pixels of a panel's height, and between the two."""
NARROWEST = 0.002
"""The least that the axis of accuracy spans: less would show how single images come out."""
NAMES = {ACCURACY: "accuracy", FID: "FID", FD: "Fréchet distance"}
AXES = {
    ACCURACY: "accuracy (neutral classifier)",
    FID: "FID (lower is better)",
    FD: "Fréchet distance, neutral features",
}
DIGITS = {ACCURACY: 4, FID: 2, FD: 2}


@figure(
    "mixing",
    about="accuracy and Fréchet distance against the share of the reconstruction in mixtures with originals, a line a row "
    "(001_9c71068f65ebe130.txt, Figure 7)",
)
def draw(request: Request) -> list[str]:
    """Write the pictures and their data; gives their names, what was left out, figures of three shares, and what became of the claims."""
    found, notes = rows(request)
    other, why = distance(found)
    written = write(request, _drawn(request, found, other), table(request.suite, found, other))
    head = f"claims of {SOURCE}, here on {found[0].dataset}, mean ± standard deviation over seeds:"
    return [written, *notes, *why, head, *claims(found, other)]


def table(suite: str, found: Sequence[Row], other: str) -> str:
    """What is drawn, as CSV: a line a row, panel and alpha; no sd with one seed. other: the metric of distance."""
    lines: list[list[Any]] = []
    for row in found:
        for metric in (ACCURACY, other):
            for alpha, point in row.of(metric).items():
                deviation = point.deviation()
                figures = [point.mean(), "" if deviation is None else deviation, " ".join(map(str, point.by_seed))]
                lines.append([row.label, metric, alpha, *figures, suite, row.dataset])
    return pd.DataFrame(lines, columns=list(TABLE)).to_csv(index=False)


def claims(found: Sequence[Row], other: str) -> list[str]:
    """A line a row with its figures at SAID, then a line a claim and row: the paper's words, what was measured, the verdict."""
    said = [f"{row.label}: {'; '.join(_figures(row, metric) for metric in (ACCURACY, other))}" for row in found]
    said += [f"accuracy falls with alpha ({WORSE}), {row.label}: {_trend(row, ACCURACY, 'falls')}" for row in found]
    name = f"{NAMES[other]} rises with alpha ({FARTHER})"
    return [*said, *(f"{name}, {row.label}: {_trend(row, other, 'rises')}" for row in found)]


def _figures(row: Row, metric: str) -> str:
    at = row.of(metric)
    values = [f"{spread(list(at[alpha].by_seed.values()), DIGITS[metric])} at {alpha:g}" for alpha in SAID]
    return f"{NAMES[metric]} {', '.join(values)}"


def _trend(row: Row, metric: str, way: Way) -> str:
    found, digits = steps(row.of(metric)), DIGITS[metric]
    ends, whole = list(found.items())[-1]
    measured = f"{whole.said(digits)} from {ends} ({pairing({ends: whole})})"
    return f"{measured}, each step of 0.1 looked at: {trend(found, way, strict=True, digits=digits)}"


def _drawn(request: Request, found: Sequence[Row], other: str) -> Drawing:
    columns = columns_of([row.label for row in found])
    caption = _caption(request.suite, found, other)
    height = above(caption, len(found), columns) + 2 * PANEL + GAP + BELOW
    with styled():
        drawing = blank(height)
        lower = drawing.add_axes((LEFT, BELOW / height, RIGHT - LEFT, PANEL / height))
        place = (LEFT, (BELOW + PANEL + GAP) / height, RIGHT - LEFT, PANEL / height)
        upper = drawing.add_axes(place, sharex=lower)
        for axes, metric in ((upper, ACCURACY), (lower, other)):
            _panel(axes, found, metric)
        upper.tick_params(labelbottom=False)
        lower.set_xticks(ALPHAS, [f"{alpha:g}" for alpha in ALPHAS])
        lower.set_xlabel("α: each image is (1 − α) · original + α · reconstruction")
        legend(upper, columns)
        heading(drawing, height, "Accuracy and distance of mixtures of originals and reconstructions", caption)
    return drawing


def _panel(axes: Axes, found: Sequence[Row], metric: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for position, row in enumerate(found):
        curve(axes, row.of(metric), position, row.label)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.margins(x=0.025, y=0.06)
    low, high = axes.get_ylim()
    if metric == ACCURACY and high - low < NARROWEST:
        axes.set_ylim((low + high - NARROWEST) / 2, (low + high + NARROWEST) / 2)
    axes.tick_params(labelsize=11)
    axes.set_ylabel(AXES[metric], fontsize=11)
    axes.yaxis.set_label_coords(-0.09, 0.5)  # one place for both panels, however wide their ticks


def _caption(suite: str, found: Sequence[Row], other: str) -> list[str]:
    counts = [len(row.by_seed) for row in found]
    features = {FID: "of Inception", FD: "of the neutral classifier, which is no FID"}[other]
    return [
        f"{found[0].dataset}, suite {suite}, test images: {seeds_said(counts)}",
        band_said(counts),
        f"distance: Fréchet, in features {features}",
    ]
