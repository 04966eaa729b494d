"""The training images nearest to generations, by each measure that the scores were taken with."""

from collections.abc import Sequence
from pathlib import Path

import torch

from bench.charts.grids import sample_grid
from bench.scoring.evidence import Evidence, MissingCapability
from metrics.base import Neighbours

COLUMNS = 10
RANKS = ("nearest", "2nd", "3rd")


def closest(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """A column a generation, above the training images nearest to it (001_9c71068f65ebe130.txt, Figure 6).

    Drawn from what the scores were taken from: a search costs seconds, and is not made for a picture alone.
    """
    measures = {"MSE": "near_mse", "SSIM": "near_ssim", "features": "near_neutral"}
    searched = {title: evidence.kept.get(name) for title, name in measures.items()}
    found = {title: near for title, near in searched.items() if isinstance(near, Neighbours)}
    if not found:
        raise MissingCapability("a search for the training images nearest to generations")
    images = evidence.samples[: min(COLUMNS, *(len(near.indices) for near in found.values()))]
    rows, names = [images], ["generation"]
    for title, near in found.items():
        rows += [evidence.data.train.x[index] for index in near.indices[: len(images)].T]
        names += [f"{RANKS[rank]} by {title}" for rank in range(near.indices.shape[1])]
    title = "generations above their nearest training images"
    if "SSIM" in found:
        title += f"; SSIM's are of the {evidence.protocol['novelty']['ssim_candidates']:,} nearest by MSE"
    sample_grid(torch.cat(rows).cpu(), path, len(images), names, title)
