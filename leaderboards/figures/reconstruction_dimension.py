"""Figure 5 of 002_250270577cfb522d.txt: reconstruction error against the total latent dimension, a line a method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench.charts.style import blank, styled
from leaderboards.figures.base import Request, figure
from leaderboards.figures.parts import dimension_claims as claims
from leaderboards.figures.parts.dimension_lines import METRIC, Line, lines
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

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

TABLE = (
    *("line", "row", "method", "total", "z", "u", "n", "mean", "sd", "pose_prior", "transform"),
    *("seeds", "metric", "unit", "suite", "dataset"),
)


@figure(
    "reconstruction-dimension",
    about="reconstruction error against dim(z) + dim(u), a line a method (002_250270577cfb522d.txt, Figure 5)",
)
def draw(request: Request) -> list[str]:
    """Write the pictures and their data; gives their names, what was left out, and what became of the paper's claims."""
    found, notes = lines(request)
    written = write(request, _drawn(request, found), table(request.suite, found))
    of = f"claims of {claims.SOURCE}, here on {found[0].rows[0].dataset}"
    head = f"{of}, differences of {METRIC} at equal dim(z) + dim(u), nats/image, below 0 where better than the VAE:"
    return [written, *notes, head, *claims.lines(found)]


def table(suite: str, found: Sequence[Line]) -> str:
    """What is drawn, as CSV: a line a row, by line and total. mean and sd in nats/image over n seeds; no sd with one seed."""
    lines: list[list[Any]] = []
    for line in found:
        for row in line.rows:
            deviation = row.deviation()
            figures = [row.mean(), "" if deviation is None else deviation, row.pose_prior, row.transform]
            seeds = " ".join(map(str, row.by_seed))
            sizes = [row.total, row.z, row.u, len(row.by_seed)]
            last = [seeds, METRIC, "nats/image", suite, row.dataset]
            lines.append([line.name, row.label, row.method, *sizes, *figures, *last])
    return pd.DataFrame(lines, columns=list(TABLE)).to_csv(index=False)


def _drawn(request: Request, found: Sequence[Line]) -> Drawing:
    names = [_name(line) for line in found]
    columns = columns_of(names)
    caption = _caption(request.suite, found)
    height = above(caption, len(found), columns) + PLOT + BELOW
    with styled():
        drawing = blank(height)
        axes = drawing.add_axes((LEFT, BELOW / height, RIGHT - LEFT, PLOT / height))
        for position, (line, name) in enumerate(zip(found, names, strict=True)):
            curve(axes, {row.total: row for row in line.rows}, position, name, dashed=line.uncoded)
        axes.ticklabel_format(useOffset=False)
        axes.tick_params(labelsize=11)
        ticks(axes, Counter(row.total for line in found for row in line.rows))
        axes.set_xlabel("total latent dimension, dim(z) + dim(u)")
        axes.set_ylabel("reconstruction error (nats/image, lower is better)")
        legend(axes, columns)
        heading(drawing, height, "Reconstruction error against total latent dimension", caption)
    return drawing


def _name(line: Line) -> str:
    """`tvae-tps (18 of pose, no KL cost)`."""
    cost = ", no KL cost" if line.uncoded else ""
    return f"{line.name} ({line.pose} of pose{cost})" if line.pose else line.name


def _caption(suite: str, found: Sequence[Line]) -> list[str]:
    rows = [row for line in found for row in line.rows]
    counts = [len(row.by_seed) for row in rows]
    said = [f"{rows[0].dataset}, suite {suite}: {seeds_said(counts)}", band_said(counts)]
    if any(line.uncoded for line in found):
        said.append("dashed, hollow: the pose u is a function of the image, its numbers carried at no KL cost")
    return said
