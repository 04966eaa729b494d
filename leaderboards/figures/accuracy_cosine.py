"""Figure 1 of 000_2852ba8d0aec7d1a.txt: accuracy against mean within-class cosine over Simple's grid, with the Pareto fronts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.records.cells import cells_folder
from bench.runtime.errors import UsageError
from leaderboards.figures import base
from leaderboards.figures.base import FAILS, HOLDS, UNTOLD, Request
from leaderboards.stats import paired

# Theta and n as methods/latent_generator.py has them, in the order of theta / sqrt(n), through which alone they act.
GRID = sorted(product([step / 10 for step in range(11)], (1, 2, 3, 5)), key=lambda at: (at[0] / math.sqrt(at[1]), *at))
SCORES = ["cosine", "accuracy"]
HIGH, NEARLY_ALL, LOW, MOST = 0.9, 0.99, 0.75, 0.95
Rows = Mapping[str, pd.DataFrame]
"""By label its scores: a line a seed, columns of SCORES, theta and n."""


@base.figure("accuracy-cosine", about="accuracy against cosine on Simple's grid (000_2852ba8d0aec7d1a.txt, Figure 1)")
def draw(request: Request) -> list[str]:
    """Pictures, their data, and the claims of section 4.3.1."""
    cells = base.cells_of(request, "latent-generator")
    options, dataset = dict(zip(cells.label, cells.options, strict=True)), cells.dataset.iloc[0]
    rows = {}
    for label in request.rows or chosen(options):
        own = cells[cells.label == label].itertuples()
        rows[label] = pd.DataFrame({cell.seed: grid_of(cell, cells_folder(request.results)) for cell in own}).T
    table = pd.concat([table_of(label, scores) for label, scores in rows.items()])
    about = ("aguilar-latent-generation", "Table 4", dataset)
    published = [one for one in request.published if (one.source, one.where, one.dataset) == about]
    paper = {(one.method, one.metric): one.value for one in published}
    seeds = base.seeds_said(" ".join(map(str, scores.index)) for scores in rows.values())
    caption = f"{dataset}; {seeds}\n{len(GRID)} points of theta and n a row, line along their Pareto front"
    title = "Simple generator: accuracy against within-class cosine"
    written = base.write(request, table, title, caption, lambda axes: paint(axes, rows, paper))
    head = f"claims of 000_2852ba8d0aec7d1a.txt, section 4.3.1, here on {dataset}, mean ± deviation over seeds:"
    near = [f"near 100 % accuracy above cosine {HIGH:g}, {label}: {near_all(scores)}" for label, scores in rows.items()]
    most = [f"> 95 % accuracy at cosine {LOW:g}, {label}: {above_most(scores)}" for label, scores in rows.items()]
    return [written, head, *near, *most, *no_difference(rows, options)]


def chosen(options: Mapping[str, Any]) -> list[str]:
    """Simple's rows of the most latents that rows of both VAEs have; where there are none, all of Simple's. Raises UsageError without."""
    rows = pd.DataFrame.from_dict(dict(options), orient="index")
    simple = rows[(rows.generator == "simple") & rows.theta.isna()]
    if simple.empty:
        raise UsageError("the suite has no row of generator simple that searches its theta: choose with --rows")
    both = simple.groupby("latent").vae.transform("nunique") > 1
    return list(simple[simple.latent == simple.latent[both].max()].index if both.any() else simple.index)


def grid_of(cell: Any, folder: Path) -> pd.Series:
    """A cell's scores over GRID. Raises UsageError where it has none or one is not there."""
    name, path = f"row {cell.label}, seed {cell.seed}", folder / cell.cell / "trials.csv"
    again = "run the suite again with --force, or choose others with --rows"
    if cell.options["theta"] is not None:
        raise UsageError(f"row {cell.label}: its theta is given, not searched: it has no grid; choose with --rows")
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
    return pd.concat([points[score].reindex(GRID) for score in SCORES], keys=SCORES)


def table_of(label: str, scores: pd.DataFrame) -> pd.DataFrame:
    """What is drawn of a row, as CSV has it."""
    table = pd.DataFrame(GRID, columns=["theta", "n"])
    table.insert(0, "row", label)
    table["theta_over_sqrt_n"] = table.theta / np.sqrt(table.n)
    for score in SCORES:
        table[f"{score}_mean"], table[f"{score}_sd"] = (f[score].to_numpy() for f in (scores.mean(), scores.std()))
    return table.assign(seeds=len(scores), on_front=np.where(front(scores), "true", "false"))


def front(scores: pd.DataFrame) -> Any:
    """Which points no other beats, over seeds: as low a cosine and as high an accuracy, one of the two better."""
    cosine, accuracy = (scores.mean()[score].to_numpy() for score in SCORES)
    as_good = (cosine <= cosine[:, None]) & (accuracy >= accuracy[:, None])
    other = (cosine != cosine[:, None]) | (accuracy != accuracy[:, None])
    return ~(as_good & other).any(axis=1)


def accuracy_at(scores: pd.DataFrame, cosine: float) -> pd.Series:
    """By seed, straight between neighbouring cosines, points of one cosine as their mean; NaN out of range."""

    def of_seed(own: pd.Series) -> float:
        curve = own["accuracy"].groupby(own["cosine"].to_numpy()).mean()
        return float(np.interp(cosine, curve.index, curve, left=math.nan, right=math.nan))

    return scores.apply(of_seed, axis=1)


def near_all(scores: pd.DataFrame) -> str:
    """Whether no point above HIGH is less accurate than NEARLY_ALL; a curve that ends above it can break the claim, not keep it."""
    accuracy: Any = scores["accuracy"].loc[:, scores["cosine"].mean() > HIGH]
    if accuracy.empty:
        return f"no point of the grid is above it: {UNTOLD}"
    lowest = accuracy.mean().idxmin()
    kept = HOLDS if accuracy_at(scores, HIGH).notna().all() else f"{UNTOLD} ({HIGH:g} is not reached by every seed)"
    verdict = FAILS if accuracy[lowest].mean() < NEARLY_ALL else kept
    return f"lowest {base.spread(accuracy[lowest])} (theta {lowest[0]:g}, n {lowest[1]:g}), {NEARLY_ALL:g} is needed: {verdict}"


def above_most(scores: pd.DataFrame) -> str:
    """Whether the mean at LOW is above MOST."""
    reached = accuracy_at(scores, LOW)
    if reached.isna().any():
        return f"not reached by seed {', '.join(map(str, reached.index[reached.isna()]))}: {UNTOLD}"
    return f"{base.spread(reached)}: {HOLDS if reached.mean() > MOST else FAILS}"


def no_difference(rows: Rows, options: Mapping[str, Any]) -> list[str]:
    """What is said of each pair of ELBO and MMD rows of as many latents."""
    said, claim = [], "no difference between ELBO and MMD"
    for elbo, mmd in product(rows, rows):
        vaes = (options[elbo]["vae"], options[mmd]["vae"])
        if vaes == ("elbo", "mmd") and options[elbo]["latent"] == options[mmd]["latent"]:
            said.append(f"{claim}, {elbo} - {mmd}: {same(rows[elbo], rows[mmd])}")
    return said or [f"{claim}: no rows of both with as many latents: {UNTOLD}"]


def same(elbo: pd.DataFrame, mmd: pd.DataFrame) -> str:
    """Whether the intervals of the common seeds' differences hold 0, at LOW and at HIGH."""
    common = elbo.index.intersection(mmd.index)
    pairs = {at: (accuracy_at(elbo, at) - accuracy_at(mmd, at))[common] for at in (LOW, HIGH)}
    known = {at: paired(own, own.mean()) for at, own in pairs.items() if own.notna().all() and len(own) > 1}
    said = [f"{known[at].text(4)} at {at:g}" if at in known else f"not known at {at:g}" for at in pairs]
    told = HOLDS if len(known) == len(pairs) else UNTOLD
    return f"{', '.join(said)} (paired t, 95 %): {FAILS if any(one.sign for one in known.values()) else told}"


def paint(axes: Any, rows: Rows, paper: Mapping[tuple[str, str], float]) -> None:
    """A row's points faint, its front as a line; the paper's points of rows that are called as its own."""
    for place, (label, scores) in enumerate(rows.items()):
        cosine, accuracy = (scores.mean()[score].to_numpy() for score in SCORES)
        sd, style = scores.std()["accuracy"].to_numpy(), base.look(place)
        axes.fill_between(cosine, accuracy - sd, accuracy + sd, color=style["color"], alpha=0.16, linewidth=0)
        axes.plot(cosine, accuracy, linestyle="", alpha=0.4, **style)
        line = pd.Series(accuracy, cosine)[front(scores)].sort_index()
        axes.plot(line.index, line, markevery=[], label=f"{label} (seeds: {len(scores)})", **style)
        cross = [paper.get((label, metric)) for metric in ("within_class_cosine", "generation_accuracy")]
        if None not in cross:
            big = {"color": style["color"], "marker": "x", "markersize": 11, "markeredgewidth": 2.5}
            axes.plot(*cross, linestyle="", label=f"{label} in the paper, Table 4", **big)
    axes.set(xlabel="mean within-class cosine (lower is more diverse)", ylabel="accuracy of generations")
