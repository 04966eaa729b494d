"""Figure 1 of 000_2852ba8d0aec7d1a.txt: accuracy against mean within-class cosine over Simple's grid, with the Pareto fronts."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.records.cells import cells_folder
from bench.runtime.errors import UsageError
from leaderboards.figures import base
from leaderboards.figures.base import COLOURS, FAILS, HOLDS, UNTOLD, Request
from leaderboards.stats import paired

# Theta and n as methods/latent_generator.py has them, in the order of theta / sqrt(n), through which alone they act.
GRID = sorted(product([step / 10 for step in range(11)], (1, 2, 3, 5)), key=lambda at: (at[0] / math.sqrt(at[1]), *at))
POINTS = pd.MultiIndex.from_tuples(GRID, names=["theta", "n"])
SCORES = ("cosine", "accuracy")
HIGH, NEARLY_ALL, LOW, MOST = 0.9, 0.99, 0.75, 0.95


class Row(NamedTuple):
    """A row's grid: cosine and accuracy, a line a seed and a column a point."""

    label: str
    options: dict[str, Any]
    cosine: pd.DataFrame
    accuracy: pd.DataFrame

    def front(self) -> Any:
        """Which points no other beats: as low a cosine and as high an accuracy, one of the two better."""
        cosine, accuracy = self.cosine.mean().to_numpy(), self.accuracy.mean().to_numpy()
        as_good = (cosine <= cosine[:, None]) & (accuracy >= accuracy[:, None])
        other = (cosine != cosine[:, None]) | (accuracy != accuracy[:, None])
        return ~(as_good & other).any(axis=1)

    def at(self, cosine: float) -> pd.Series:
        """Accuracy at a cosine by seed, straight between neighbours, points of one cosine as their mean; NaN out of range."""
        both = zip(self.accuracy.to_numpy(), self.cosine.to_numpy(), strict=True)
        curves = [pd.Series(accuracy).groupby(own).mean() for accuracy, own in both]
        out = {"left": math.nan, "right": math.nan}
        return pd.Series([np.interp(cosine, own.index, own, **out) for own in curves], self.cosine.index)


@base.figure("accuracy-cosine", about="accuracy against cosine on Simple's grid (000_2852ba8d0aec7d1a.txt, Figure 1)")
def draw(request: Request) -> list[str]:
    """Pictures, their data, and the claims of section 4.3.1."""
    cells = base.cells_of(request, "latent-generator")
    dataset = cells.dataset.iloc[0]
    rows = [row_of(cells[cells.label == label], request.results) for label in request.rows or chosen(cells)]
    seeds = base.seeds_said(" ".join(map(str, row.cosine.index)) for row in rows)
    caption = f"{dataset}; {seeds}\n{len(GRID)} points of theta and n a row, line along their Pareto front"
    title = "Simple generator: accuracy against within-class cosine"
    about = ("aguilar-latent-generation", "Table 4", dataset)
    own = [one for one in request.published if (one.source, one.where, one.dataset) == about]
    paper = {(one.method, one.metric): one.value for one in own}
    written = base.write(request, pd.concat(map(table, rows)), title, caption, lambda axes: paint(axes, rows, paper))
    head = f"claims of 000_2852ba8d0aec7d1a.txt, section 4.3.1, here on {dataset}, mean ± deviation over seeds:"
    near = [f"near 100 % accuracy above cosine {HIGH:g}, {row.label}: {near_all(row)}" for row in rows]
    most = [f"> 95 % accuracy at cosine {LOW:g}, {row.label}: {more_than_most(row)}" for row in rows]
    return [written, head, *near, *most, *no_difference(rows)]


def chosen(cells: pd.DataFrame) -> list[str]:
    """Simple's rows of the most latents that rows of both VAEs have; where there are none, all of Simple's. Raises UsageError without."""
    rows = pd.DataFrame(list(cells.options)).assign(label=list(cells.label)).drop_duplicates("label")
    simple = rows[(rows.generator == "simple") & rows.theta.isna()]
    if simple.empty:
        raise UsageError("the suite has no row of generator simple that searches its theta: choose with --rows")
    both = simple.groupby("latent").vae.transform("nunique") > 1
    return list((simple[simple.latent == simple.latent[both].max()] if both.any() else simple).label)


def row_of(cells: pd.DataFrame, results: Path) -> Row:
    """A row of all its seeds. Raises UsageError where one has no whole grid."""
    label, options = cells.label.iloc[0], cells.options.iloc[0]
    if options["theta"] is not None:
        raise UsageError(f"row {label}: its theta is given, not searched: it has no grid; choose others with --rows")
    grids = {cell.seed: grid_of(cell, cells_folder(results)) for cell in cells.itertuples()}
    cosine, accuracy = (pd.DataFrame({seed: grid[score] for seed, grid in grids.items()}).T for score in SCORES)
    return Row(label, options, cosine, accuracy)


def grid_of(cell: Any, folder: Path) -> Any:
    """A cell's scores at POINTS. Raises UsageError where one is not there."""
    name, path = f"row {cell.label}, seed {cell.seed}", folder / cell.cell / "trials.csv"
    again = "run the suite again with --force, or choose others with --rows"
    if cell.status != "ok":
        raise UsageError(f"{name}: its record is {cell.status}: {again}")
    try:
        trials = pd.read_csv(path, float_precision="round_trip")
        trials = trials[(trials["study"] == "simple") & (trials["state"] == "complete")]
        trials = trials[["theta", "n", *SCORES]].astype(float).round({"theta": 9})
    except (OSError, KeyError, ValueError) as problem:
        raise UsageError(f"{name}: {path} is not a search's table ({problem!r}): {again}") from None
    points = trials[np.isfinite(trials).all(axis=1)].groupby(["theta", "n"]).last()
    found = points.index.isin(GRID).sum()
    if found < len(GRID):
        raise UsageError(f"{name}: {path} has {found} complete points of Simple's {len(GRID)}: {again}")
    return points.reindex(POINTS)


def table(row: Row) -> pd.DataFrame:
    """What is drawn of a row, as CSV has it."""
    points = POINTS.to_frame(index=False).assign(row=row.label, seeds=len(row.cosine))
    points["theta_over_sqrt_n"] = points.theta / np.sqrt(points.n)
    for name, scores in zip(SCORES, (row.cosine, row.accuracy), strict=True):
        points[f"{name}_mean"], points[f"{name}_sd"] = scores.mean().to_numpy(), scores.std().to_numpy()
    points["on_front"] = np.where(row.front(), "true", "false")
    figures = ["cosine_mean", "cosine_sd", "accuracy_mean", "accuracy_sd"]
    return points[["row", "theta", "n", "theta_over_sqrt_n", *figures, "seeds", "on_front"]]


def near_all(row: Row) -> str:
    """Whether no point above HIGH is less accurate than NEARLY_ALL; a curve that ends above it can break the claim, not keep it."""
    accuracy = row.accuracy.loc[:, row.cosine.mean() > HIGH]
    if accuracy.empty:
        return f"no point of the grid is above it: {UNTOLD}"
    lowest: Any = accuracy.mean().idxmin()
    verdict = HOLDS if row.at(HIGH).notna().all() else UNTOLD
    verdict = FAILS if accuracy[lowest].mean() < NEARLY_ALL else verdict
    least = f"lowest {base.spread(accuracy[lowest])} (theta {lowest[0]:g}, n {lowest[1]:g})"
    return f"{least}, {NEARLY_ALL:g} is needed: {verdict}"


def more_than_most(row: Row) -> str:
    """Whether the mean at LOW is above MOST."""
    reached = row.at(LOW)
    if reached.isna().any():
        return f"not reached by seed {', '.join(map(str, reached.index[reached.isna()]))}: {UNTOLD}"
    return f"{base.spread(reached)}: {HOLDS if reached.mean() > MOST else FAILS}"


def no_difference(rows: list[Row]) -> list[str]:
    """Whether ELBO and MMD of as many latents differ at LOW or HIGH."""
    said, name = [], "no difference between ELBO and MMD"
    for elbo, mmd in product(rows, rows):
        kinds = (elbo.options["vae"], mmd.options["vae"], elbo.options["latent"] - mmd.options["latent"])
        if kinds == ("elbo", "mmd", 0):
            said.append(f"{name}, {elbo.label} - {mmd.label}: {same(elbo, mmd)}")
    return said or [f"{name}: no rows of both with as many latents: {UNTOLD}"]


def same(elbo: Row, mmd: Row) -> str:
    """Whether the paired differences' intervals hold 0."""
    common = elbo.cosine.index.intersection(mmd.cosine.index)
    found, said = [], []
    for at in (LOW, HIGH):
        difference = (elbo.at(at) - mmd.at(at))[common]
        known = difference.notna().all() and len(common) > 1
        one = paired(difference, difference.mean())
        found.append((HOLDS if one.sign == 0 else FAILS) if known else UNTOLD)
        said.append(f"{one.text(4)} at {at:g}" if known else f"not reached at {at:g} by two common seeds or more")
    verdict = next((one for one in (FAILS, UNTOLD) if one in found), HOLDS)
    return f"{', '.join(said)} (paired t, 95 %): {verdict}"


def paint(axes: Any, rows: list[Row], paper: dict[tuple[str, str], float]) -> None:
    """A row's points faint, its front as a line; the paper's points of rows that are called as its own."""
    for place, row in enumerate(rows):
        cosine, accuracy, sd = row.cosine.mean(), row.accuracy.mean(), row.accuracy.std()
        style = {"color": COLOURS[place % len(COLOURS)], "marker": base.MARKERS[place % len(base.MARKERS)]}
        axes.fill_between(cosine, accuracy - sd, accuracy + sd, color=style["color"], alpha=0.16, linewidth=0)
        axes.plot(cosine, accuracy, linestyle="", alpha=0.4, **style)
        front = pd.Series(accuracy.to_numpy(), cosine.to_numpy())[row.front()].sort_index()
        axes.plot(front.index, front, markevery=[], label=f"{row.label} (seeds: {len(row.cosine)})", **style)
        cross = [paper.get((row.label, metric)) for metric in ("within_class_cosine", "generation_accuracy")]
        if None not in cross:
            cross_style = {"color": style["color"], "marker": "x", "markersize": 11, "markeredgewidth": 2.5}
            axes.plot(*cross, linestyle="", label=f"{row.label} in the paper, Table 4", **cross_style)
    axes.ticklabel_format(useOffset=False)
    axes.set(xlabel="mean within-class cosine (lower is more diverse)", ylabel="accuracy of generations")
