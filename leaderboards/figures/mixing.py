"""Figure 7, right, of 001_9c71068f65ebe130.txt: accuracy and Fréchet distance against the share of the reconstruction in mixtures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.records.cells import cells_folder
from bench.runtime.errors import UsageError
from leaderboards.figures import base
from leaderboards.figures.base import Request, figure
from leaderboards.frame import groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILE = "mixing.csv"
ACCURACY, FD, FID = "neutral_accuracy", "fd_neutral", "fid"
COLUMNS = ["alpha", ACCURACY, FD, FID]
ALPHAS = [step / 10 for step in range(11)]
"""Shares of the reconstruction."""
TABLE = ["row", "metric", "alpha", "mean", "sd", "seeds", "suite", "dataset"]
NAMES = {ACCURACY: "accuracy (neutral classifier)", FD: "Fréchet distance", FID: "FID"}
WORSE = '"deterioration in the image quality, which decreases the accuracy"'
FARTHER = '"and conversely increases FID"'


@figure("mixing", about="accuracy and Fréchet distance against alpha in mixtures (001_9c71068f65ebe130.txt, Figure 7)")
def draw(request: Request) -> list[str]:
    """Pictures, their data, and the claims of section 5.4. The distance is FID where every row has it."""
    mixtures, notes = mixtures_of(request)
    lack = mixtures.row[mixtures[FID].isna()].unique()
    metrics = (ACCURACY, FD if len(lack) else FID)
    notes += [f"no FID of {', '.join(lack)}: the distance is of the neutral classifier's features"] if len(lack) else []
    by_row = mixtures.groupby("row", sort=False)
    pairs = [(str(row), metric, own) for row, own in by_row for metric in metrics]
    curves = {(row, metric): own.pivot(index="seed", columns="alpha", values=metric) for row, metric, own in pairs}
    points = pd.concat({about: base.points_of(curve) for about, curve in curves.items()}, names=TABLE[:3])
    dataset = mixtures.dataset.iloc[0]
    table = points.reset_index().assign(suite=request.suite, dataset=dataset)

    def paint(*panels: Axes) -> None:
        for axes, metric in zip(panels, metrics, strict=True):
            for position, row in enumerate(mixtures.row.unique()):
                base.plot_curve(axes, curves[row, metric], position, row)
            axes.set_ylabel(NAMES[metric])
        panels[-1].set_xlabel("α: each image is (1 − α) · original + α · reconstruction")

    caption = f"{dataset}, {base.seeds_said(table.seeds)}"
    title = "Accuracy and distance of mixtures of originals and reconstructions"
    written = base.write(request, table[TABLE], title, caption, paint, panels=2)
    head = f"claims of 001_9c71068f65ebe130.txt, section 5.4, on {dataset}, intervals of 95 % (paired t):"
    return [written, *notes, head, *(claim(row, metric, curve) for (row, metric), curve in curves.items())]


def claim(row: str, metric: str, curve: pd.DataFrame) -> str:
    """What the paper says of accuracy, or of FID, what was measured, and the verdict."""
    words, sign, digits = (WORSE, -1, 4) if metric == ACCURACY else (FARTHER, 1, 2)
    ends = ", ".join(f"{base.spread(curve[alpha], digits)} at {alpha:g}" for alpha in (0.0, 0.5, 1.0))
    found = base.steps(curve)
    whole = list(found.values())[-1].text(digits)
    return f"{words}, {row}: {NAMES[metric]} {ends}, {whole} from 0 to 1, with each step of 0.1: {base.trend(found, sign, strict=True)}"


def mixtures_of(request: Request) -> tuple[pd.DataFrame, list[str]]:
    """Metrics by row, seed and alpha, and what is said of rows left out. Raises UsageError where a file is broken or nothing is there.

    Unasked, reference rows are left out, as a floor would flatten the others, and rows of the same values are drawn once.
    """
    cells = base.cells_of(request)
    files = {cell: cells_folder(request.results) / cell / FILE for cell in cells.cell[cells.status == "ok"]}
    there = [cell for cell, file in files.items() if file.is_file()]
    cells["lacks"] = cells.status.replace("ok", f"no {FILE}").mask(cells.cell.isin(there), "")
    cells, without = base.measured(cells)
    if cells.empty or (request.rows and without):
        ask = "set evaluation.mixing = true in the suite and run it again, or choose others with --rows"
        raise UsageError(f"suite {request.suite!r}: nothing to draw: {base.left_out(without)[0]}: {ask}")
    if request.rows is None and not cells.reference.all():
        without |= dict.fromkeys(cells.label[cells.reference], "a reference row")
        cells = cells[~cells.reference]
    scored = cells[cells.lacks == ""]
    mixtures = pd.concat([read(files[cell.cell], cell) for cell in scored.itertuples()])
    by_row = mixtures.groupby("row", sort=False)
    same = groups([(str(row), own.drop(columns="row").to_csv(index=False)) for row, own in by_row])
    notes = [*base.left_out(without), *(f"the same values: {', '.join(rows)}" for rows in same.values() if rows[1:])]
    if request.rows is None:
        mixtures = mixtures[mixtures.row.isin([rows[0] for rows in same.values()])]
    return mixtures, [*notes, *base.lacking(cells[cells.label.isin(mixtures.row)])]


def read(file: Path, cell: Any) -> pd.DataFrame:
    """A cell's metrics by alpha; FID is NaN where the file has none. Raises UsageError where it is no whole table of mixtures."""
    try:
        text = pd.read_csv(file, dtype=str, keep_default_na=False)
        if list(text) != COLUMNS:
            raise ValueError(f"its header is {','.join(text.columns)}, not {','.join(COLUMNS)}")
        table = text.drop(columns=[FID] if text[FID].eq("").all() else []).astype(float)
        if table.alpha.round(6).to_list() != ALPHAS:
            raise ValueError("alpha is not 0, 0.1 ... 1")
        if not np.isfinite(table).all(axis=None) or not table[ACCURACY].between(0, 1).all():
            raise ValueError("a value is not finite, or an accuracy is not from 0 to 1")
    except ValueError as problem:
        name, why = f"row {cell.label}, seed {cell.seed}", " ".join(str(problem).split())
        again = "run the suite again with --force, or choose others with --rows"
        raise UsageError(f"{name}: {file} is not a table of mixtures ({why}): {again}") from None
    about = {"row": cell.label, "seed": cell.seed, "dataset": cell.dataset}
    return table.reindex(columns=COLUMNS).assign(alpha=ALPHAS, **about)
