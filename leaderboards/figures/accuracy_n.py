"""Figure 4a of 001_9c71068f65ebe130.txt: neutral accuracy of generations against n, the number of images combined, a line a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bench.charts.style import GREY
from leaderboards.figures import base
from leaderboards.figures.base import FAILS, HOLDS, UNMEASURED, Request
from leaderboards.frame import canonical

STAGES = {"neutral_accuracy": "after", "neutral_accuracy_unfiltered": "before"}
TABLE = ["dataset", "line", "row", "n", "filter", "metric", "mean", "sd", "seeds", "suite"]
TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1)


@base.figure("accuracy-n", about="accuracy of ReGene's generations against n (001_9c71068f65ebe130.txt, Figure 4a)")
def draw(request: Request) -> list[str]:
    """Pictures, their data, and the claims of section 5.1: `all high` and `more samples tend to provide [...] higher accuracy`."""
    cells, notes = rows_of(request)
    curves, tables, bounds = {}, [], {}
    for (line, dataset), own in cells.groupby(["line", "dataset"], sort=False):
        bounds[line] = bound(request, str(dataset))
        for metric, stage in STAGES.items():
            scores = base.with_scores(own, metric).dropna(subset="value")
            curve = curves[line, stage] = scores.pivot(index="seed", columns="n", values="value")
            points = scores.drop_duplicates("n").join(base.points_of(curve), on="n").sort_values("n")
            tables.append(points.assign(row=points.label, filter=stage, metric=metric))
    table = pd.concat(tables)[TABLE]
    caption = f"{', '.join(cells.dataset.unique())}: {base.seeds_said(table.seeds)}\ndashed: before the filter"
    title = "Accuracy of ReGene's generations against images combined"
    written = base.write(request, table, title, caption, lambda axes: paint(axes, curves, bounds.values()))
    head = "claims of 001_9c71068f65ebe130.txt, section 5.1, under the neutral classifier, mean ± deviation over seeds:"
    said = {f"{line}, {stage} the filter": (curve, bounds[line]) for (line, stage), curve in curves.items()}
    high = [f'"all high (≥ 0.9)", {name}: {is_high(*own)}' for name, own in said.items()]
    return [
        written,
        *notes,
        head,
        *high,
        *(f"not falling with n, {name}: {rises(own[0])}" for name, own in said.items()),
    ]


def rows_of(request: Request) -> tuple[pd.DataFrame, list[str]]:
    """Cells to draw with `n`, in lines of rows that differ in it alone, and what is left out. Raises UsageError where there is no line."""
    cells = base.cells_of(request, "regene", "n", all_data=True)
    cells = cells.iloc[pd.factorize(cells.label)[0].argsort(kind="stable")]
    kinds = [canonical([cell.dataset, {**cell.options, "n": None}]) for cell in cells.itertuples()]
    cells = cells.assign(kind=kinds, n=cells.options.map(lambda own: own["n"]))
    weighed = cells.options.map(lambda own: own.get("weights") is not None)
    without = dict.fromkeys(cells.name[weighed], "its weights are given, not 1/n")
    scores = base.with_scores(cells[~weighed], "neutral_accuracy")
    kept, notes = base.lines_of(scores, "kind", "n", request, without)
    lines = kept.groupby("kind", sort=False)[["dataset", "line"]].first()
    names = lines.dataset
    for more in (lines.line, kept.sort_values("n").groupby("kind").label.first()):
        names = names.where(~names.duplicated(keep=False), lines.dataset + ", " + more)
    before = base.with_scores(kept, "neutral_accuracy_unfiltered")
    unknown = before[before.value.isna() & kept.value.notna()].groupby("name", sort=False).seed
    said = [f"{name} of seed {', '.join(map(str, seeds))}" for name, seeds in unknown]
    notes += [f"nothing from before the filter: {'; '.join(said)}"] if said else []
    return kept.assign(line=kept.kind.map(names)), notes


def bound(request: Request, dataset: str) -> float | None:
    """The accuracy that the paper states as its least for this data set; None where it states none."""
    about = ("gopalakrishnan-regene", "regene", "neutral_accuracy")
    own = [one for one in request.published if (one.source, one.method, one.metric) == about]
    return next((one.value for one in own if one.dataset in (dataset, "all")), None)


def is_high(curve: pd.DataFrame, least: float | None) -> str:
    """Whether the mean is at least the bound at every n."""
    if curve.empty or least is None:
        return f"no {'scores' if curve.empty else 'bound of the paper'}: {UNMEASURED}"
    values = ", ".join(f"{base.spread(curve[n])} at {n}" for n in curve)
    below = [str(n) for n in curve if curve[n].mean() < least]
    return f"{values}: {FAILS} (below {least:g} at {', '.join(below)})" if below else f"{values}: {HOLDS}"


def rises(curve: pd.DataFrame) -> str:
    """Whether accuracy rises with n, or is at least not seen to fall."""
    if len(curve.columns) < 2:
        return f"fewer than two n: {UNMEASURED}"
    found = base.steps(curve)
    values = ", ".join(f"{one.text(4)} from {place}" for place, one in found.items())
    return f"{values} (paired t, 95 %): {base.trend(found, 1, strict=False)}"


def paint(axes: Any, curves: Mapping[Any, pd.DataFrame], bounds: Iterable[float | None]) -> None:
    """Errors by their magnitude, down to the smallest one, then straight to 1: a logarithm has no place for it."""
    from matplotlib.ticker import FixedLocator

    errors = 1 - pd.concat([curve.mean() for curve in curves.values()])
    finest = max(1e-4, errors[errors > 0].min())
    axes.set_yscale(
        "function", functions=(lambda at: np.arcsinh((at - 1) / finest), lambda to: 1 + finest * np.sinh(to))
    )
    for place, ((line, stage), curve) in enumerate(curves.items()):
        dashed = stage == "before"  # a legend passes over a name of "_"
        base.plot_curve(axes, curve, place // len(STAGES), "_" if dashed else line, dashed)
    for least in {*bounds} - {None}:
        axes.axhline(least, color=GREY, linewidth=1, zorder=0, label=f"the paper: at least {least:g}")
    axes.set_ylim(top=min(axes.get_ylim()[1], 1 + finest / 4))
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in TICKS if tick == 1 or 1 - tick > finest / 3]))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="n, images combined into one", ylabel="accuracy of generations (neutral classifier)")
