"""The pictures of a cell: samples, reconstructions and a view of the latents, from its evidence."""

from collections.abc import Sequence
from pathlib import Path

import torch

from bench.evidence import Evidence
from bench.gathering import NotGiven
from bench.pictures import curves, latent_map, reconstruction_grid, sample_grid
from bench.seeds import seeded
from methods.base import AbstractVAE
from metrics.base import Unavailable
from metrics.features import to_uint8

COLUMNS = 10
ROWS_AT_MOST = 20
POINTS = 5000


def draw(folder: Path, evidence: Evidence, classes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Draw what the method can give: the names of the files made, and a line for each picture that could not be drawn.

    A picture that fails costs no figure: latents of a method that gives NaN, say.
    """
    made, problems = [], []
    if curves(folder / "curves.csv", folder / "curves.png"):
        made.append("curves.png")
    for name, picture in (
        ("samples.png", _samples),
        ("reconstructions.png", _reconstructions),
        ("latents.png", _latents),
    ):
        try:
            picture(folder / name, evidence, classes)
        except (NotGiven, Unavailable):
            continue
        except ValueError as problem:
            problems.append(f"{name} not drawn: {problem}")
            continue
        made.append(name)
    return made, problems


def _samples(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """A row a class where the method takes a class, a row a cluster where it has clusters, else as they come."""
    method = evidence.method
    if hasattr(method, "sample"):
        rows, columns = min(evidence.n_classes, ROWS_AT_MOST), min(COLUMNS, evidence.settings.samples_per_class)
        chosen = torch.cat([(evidence.class_sample_labels == k).nonzero().flatten()[:columns] for k in range(rows)])
        sample_grid(evidence.class_samples[chosen].cpu(), path, columns, [str(name) for name in classes[:rows]])
    elif isinstance(method, AbstractVAE) and len(method.log_components) > 1:
        rows = min(len(method.log_components), ROWS_AT_MOST)
        components = torch.arange(rows, device=evidence.device).repeat_interleave(COLUMNS)
        with torch.no_grad(), seeded(evidence.seed_of_cell, "pictures", evidence.device):
            images = to_uint8(method.sample_component(components))
        sample_grid(images.cpu(), path, COLUMNS, [f"cluster {k}" for k in range(rows)])
    else:
        sample_grid(evidence.samples[: COLUMNS * COLUMNS].cpu(), path, COLUMNS, None)


def _reconstructions(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    shown = slice(0, 2 * COLUMNS)
    reconstruction_grid(evidence.test.x[shown].cpu(), to_uint8(evidence.reconstructions[shown]).cpu(), path)


def _latents(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    latent_map(
        evidence.latents_test[:POINTS].cpu(),
        evidence.y_test[:POINTS].cpu(),
        list(classes),
        path,
        "latent means of test images",
    )
