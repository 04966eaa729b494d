"""Figure 5 of 002_250270577cfb522d.txt: reconstruction error against the total latent dimension, a line a method."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.runtime.errors import UsageError
from leaderboards.figures import base
from leaderboards.figures.base import FAILS, HOLDS, UNMEASURED, Request, figure
from leaderboards.stats import Difference, paired

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METRIC = "reconstruction_bce"
UNCODED = " none"
"""How the kind of a line ends whose pose has no prior."""
TABLE = [
    *("line", "row", "method", "total", "z", "u", "n", "mean", "sd", "pose_prior", "transform"),
    *("seeds", "metric", "unit", "suite", "dataset"),
]
BETTER = '"custom models achieve better reconstruction [...] mainly significant for the TPS-TVAE and the DTVAE"'
OPTIMUM = '"the optimal number of latent variables can be estimated to be around 25"'
CLAIMED = (("TPS-TVAE", "tvae tps ", 20), ("DTVAE", "dtvae ", 10))
"""Lines said to be better than the VAE's, how their kind begins, and the total from which Figure 5 tells them apart."""
AROUND = (20, 30)
"""Totals that count as around 25."""


@figure(
    "reconstruction-dimension",
    about="reconstruction error against dim(z) + dim(u), a line a method (002_250270577cfb522d.txt, Figure 5)",
)
def draw(request: Request) -> list[str]:
    """Pictures, their data, and the claims of section V.i.1."""
    cells, notes = cells_and_notes(request)
    by_line = cells.groupby("line", sort=False)
    curves = {str(line): own.pivot(index="seed", columns="total", values="value") for line, own in by_line}
    rows = cells[cells.lacks == ""].drop_duplicates("label").astype({"z": int, "u": int})
    kinds = dict(zip(rows.line, rows.kind, strict=True))
    points = pd.concat([base.points_of(curve).assign(line=line, n=curve.count()) for line, curve in curves.items()])
    table = points.rename_axis("total").reset_index().merge(rows, on=["line", "total"])
    table = table.assign(row=table.label, metric=METRIC, unit="nats/image", suite=request.suite)[TABLE]
    dataset = table.dataset[0]
    uncoded = any(kind.endswith(UNCODED) for kind in kinds.values())
    caption = f"{dataset}, {base.seeds_said(table.seeds)}{'; dashed: pose at no KL cost' if uncoded else ''}"
    title = "Reconstruction error against total latent dimension"
    written = base.write(request, table, title, caption, lambda axes: paint(axes, curves, kinds))
    head = f"claims of 002_250270577cfb522d.txt, section V.i.1, on {dataset}, nats/image, intervals of 95 % (paired t):"
    return [written, *notes, head, *claims(curves, kinds)]


def paint(axes: Axes, curves: Mapping[str, pd.DataFrame], kinds: Mapping[str, str]) -> None:
    """A line each, dashed where the pose is a function of the image."""
    for position, (line, curve) in enumerate(curves.items()):
        base.plot_curve(axes, curve, position, line, dashed=kinds[line].endswith(UNCODED))
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="total latent dimension, dim(z) + dim(u)", ylabel="reconstruction error (nats/image)")


def cells_and_notes(request: Request) -> tuple[pd.DataFrame, list[str]]:
    """Cells to draw with their sizes, and what is said of them and of others. Raises UsageError where there is nothing to draw."""
    cells = base.with_scores(base.cells_of(request, option="latent"), METRIC)
    cells = cells.join(pd.DataFrame(map(_sizes, cells.itertuples()), cells.index))
    cells["total"] = (cells.z + cells.u).groupby(cells.label).transform("first")
    cells["lacks"] = cells.lacks.mask(cells.lacks.eq("") & cells.total.isna(), "no latent dimension")
    cells, notes = base.lines_of(cells, "line", "total", request, {})
    for line, own in cells[cells.lacks == ""].groupby("line", sort=False):
        kinds = own.kind.unique()
        if len(kinds) > 1:
            raise UsageError(f"rows {line}-* are of several kinds ({', '.join(kinds)}): choose with --rows")
        options = pd.DataFrame(list(own.options)).drop(columns="latent", errors="ignore").astype(str)
        mixed = options.columns[options.nunique(dropna=False) > 1]
        notes += [f"{line}: its rows differ in more than latent: {', '.join(mixed)}"] if len(mixed) else []
        notes += [f"{line}: its pose is a function of the image, at no KL cost"] if kinds[0].endswith(UNCODED) else []
    return cells.astype({"total": int}), notes


def _sizes(cell: Any) -> dict[str, Any]:
    """How many latents are of content (z; None where unknown) and of pose (u), and the method with its pose's kind."""
    latent, pose = cell.options.get("latent"), cell.facts.get("pose", {})
    sizes = cell.facts.get("dimensions") or {"z": latent if isinstance(latent, int) else None, "u": 0}
    transform, prior = pose.get("transform", ""), pose.get("prior", "")
    kind = " ".join(filter(None, (cell.method, transform, prior)))
    return {"z": sizes["z"], "u": sizes["u"], "transform": transform, "pose_prior": prior, "kind": kind}


def claims(curves: Mapping[str, pd.DataFrame], kinds: Mapping[str, str]) -> list[str]:
    """A line a claim and pair of lines, then one a VAE: the paper's words, differences in nats an image, the verdict."""
    vaes = [line for line, kind in kinds.items() if kind == "vae"]
    said = []
    for name, start, least in CLAIMED:
        claim = f"{name} reconstructs better than the VAE at totals >= {least} ({BETTER})"
        pairs = list(product([line for line, kind in kinds.items() if f"{kind} ".startswith(start)], vaes))
        said += [f"{claim}, {one} - {vae}: {better(curves[one], curves[vae], least)}" for one, vae in pairs]
        said += [] if pairs else [f"{claim}: no lines of both: {UNMEASURED}"]
    claim = f"the VAE's error is lowest around 25 ({OPTIMUM})"
    said += [f"{claim}, {vae}: {optimum(curves[vae])}" for vae in vaes]
    return said if vaes else [*said, f"{claim}: no line of a VAE: {UNMEASURED}"]


def better(curve: pd.DataFrame, vae: pd.DataFrame, least: int) -> str:
    """Whether a line is below the VAE's at every total from `least` on that both reach."""
    totals = [total for total in curve.columns.to_numpy(int).tolist() if total >= least]
    gaps = {total: gap(curve, vae, total) for total in totals if vae.columns.min() <= total <= vae.columns.max()}
    said = [f"{one.text(2)} at {total}{'' if total in vae else ' (interpolated)'}" for total, one in gaps.items()]
    said += [f"the VAE is not measured as far as {total}" for total in totals if total not in gaps]
    verdict = HOLDS if all(one.sign < 0 for one in gaps.values()) else FAILS
    return f"{', '.join(said) or 'no such total'}: {verdict if gaps else UNMEASURED}"


def gap(curve: pd.DataFrame, vae: pd.DataFrame, total: int) -> Difference:
    """A line's error less the VAE's, straight between the VAE's neighbouring totals."""
    error_at = partial(np.interp, total, vae.columns)
    return paired(curve[total] - vae.apply(error_at, axis=1), curve[total].mean() - error_at(vae.mean()))


def optimum(vae: pd.DataFrame) -> str:
    """Whether the lowest mean is around 25, with points on both sides: the error may fall on beyond the last."""
    lowest: Any = vae.mean().idxmin()
    others = {total: paired(vae[total] - vae[lowest], 0.0) for total in vae if total != lowest}
    alike = [str(total) for total, one in others.items() if one.interval and one.sign <= 0]
    said = f"at {lowest}, {base.spread(vae[lowest], 2)} nats{', not told apart from ' * bool(alike)}{', '.join(alike)}"
    around = vae.columns.to_series().between(*AROUND)
    if not around.any():
        return f"{said}; no total around 25: {UNMEASURED}"
    if not around[lowest]:
        return f"{said}: {FAILS}"
    return f"{said}: {UNMEASURED if lowest in (vae.columns.min(), vae.columns.max()) else HOLDS}"
