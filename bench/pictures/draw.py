"""The pictures of a cell: samples, reconstructions, a view of the latents and walks through them, from its evidence."""

from collections.abc import Sequence
from pathlib import Path

import torch

from bench.charts.curves import curves
from bench.charts.grids import reconstruction_grid, sample_grid
from bench.charts.latents import latent_map
from bench.pictures.closest import closest
from bench.pictures.pose import plane, pose_removed, poses
from bench.records.cells import curves as read_curves
from bench.runtime.seeds import seeded
from bench.scoring.evidence import Evidence, MissingCapability
from bench.training.loop import tested
from methods.base import AbstractVAE, Decodes, HasCategories, HasPose, SamplesClasses
from methods.parts import one_hot
from metrics.base import Unavailable
from metrics.features import to_uint8

COLUMNS = 10
ROWS_AT_MOST = 20
CATEGORIES_AT_MOST = 100
DIMENSIONS_AT_MOST = 10
POINTS = 5000
BETWEEN = 9
"""Steps between two images: their codes in shares of 0.1 to 0.9."""


def draw(folder: Path, evidence: Evidence, classes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Draw what the method can give: the names of the files made, and a line for each picture that could not be drawn.

    A picture that fails costs no score: latents of a method that gives NaN, say.
    """
    made, problems = [], []
    shown, there = len(tested(evidence.test)), len(evidence.test)
    note = f"test: {shown:,} of {there:,} images, evenly spaced" if shown < there else ""
    if curves(read_curves(folder / "curves.csv"), folder / "curves.png", note=note):
        made.append("curves.png")
    for name, picture in (
        ("samples.png", _samples),
        ("reconstructions.png", _reconstructions),
        ("latents.png", _latents),
        ("categories.png", _categories),
        ("traversals.png", _traversals),
        ("interpolations.png", _interpolations),
        ("plane.png", plane),
        ("poses.png", poses),
        ("pose_removed.png", pose_removed),
        ("closest.png", closest),
    ):
        try:
            picture(folder / name, evidence, classes)
        except (MissingCapability, Unavailable):
            continue
        except ValueError as problem:
            problems.append(f"{name} not drawn: {problem}")
            continue
        made.append(name)
    if evidence.settings.mixing:
        try:
            (folder / "mixing.csv").write_text(_mixing(evidence))
            made.append("mixing.csv")
        except MissingCapability:
            pass  # a method that does not reconstruct has no mixtures
        except Unavailable as reason:
            problems.append(f"mixing.csv not written: {reason}")
    return made, problems


def _mixing(evidence: Evidence) -> str:
    """A line an alpha, the share of the reconstruction in an image; the last field empty where there is no Inception."""
    lines = [",".join("" if value is None else repr(value) for value in row) for row in evidence.mixtures]
    return "\n".join(["alpha,neutral_accuracy,fd_neutral,fid", *lines, ""])


def _samples(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """A row a class where the method takes a class, a row a cluster where it has clusters, else as they come."""
    method = evidence.method
    if isinstance(method, SamplesClasses):
        rows, columns = min(evidence.n_classes, ROWS_AT_MOST), min(COLUMNS, evidence.settings.samples_per_class)
        chosen = torch.cat([(evidence.class_sample_labels == k).nonzero().flatten()[:columns] for k in range(rows)])
        sample_grid(evidence.class_samples[chosen].cpu(), path, columns, [str(name) for name in classes[:rows]])
    elif isinstance(method, AbstractVAE) and len(method.log_components) > 1:
        rows = min(len(method.log_components), ROWS_AT_MOST)
        components = torch.arange(rows, device=evidence.device).repeat_interleave(COLUMNS)
        with torch.no_grad(), seeded(evidence.cell_seed, "pictures", evidence.device):
            images = to_uint8(method.sample_component(components))
        sample_grid(images.cpu(), path, COLUMNS, [f"cluster {k}" for k in range(rows)])
    else:
        sample_grid(evidence.samples[: COLUMNS * COLUMNS].cpu(), path, COLUMNS, title=method.drawn_pose)


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


@torch.no_grad()
def _categories(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """A row a category and a column a draw of z, the same draws in every row: what the category says, and what z does."""
    method, rows = evidence.vae, min(evidence.n_categories, CATEGORIES_AT_MOST)
    c = torch.arange(rows, device=evidence.device).repeat_interleave(COLUMNS)
    with seeded(evidence.cell_seed, "pictures", evidence.device):
        z = method.prior(c[:COLUMNS]).sample()[:, : -evidence.n_categories]
    images = method.likelihood(torch.cat([z.repeat(rows, 1), one_hot(c, evidence.n_categories)], 1), c).mean
    named = method.categories_are_classes
    names = [classes[k] if named else f"category {k}" for k in range(rows)]
    sample_grid(to_uint8(images).cpu(), path, COLUMNS, names)


@torch.no_grad()
def _traversals(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """A row a latent dimension, those that vary most first: the first test image as that one goes through where images lie.

    From the 1st to the 99th of a hundred parts of the test images' posterior means; the others, and a category or a pose, stay.
    """
    method, means = evidence.vae, evidence.posterior_means_test
    if not means.isfinite().all():
        raise ValueError("latents hold values that are not finite")
    shown = means.var(0, correction=0).argsort(descending=True, stable=True)[:DIMENSIONS_AT_MOST].tolist()
    code = evidence.codes_test[0].clone()
    if isinstance(method, HasCategories):
        code[means.shape[1] :] = one_hot(code[means.shape[1] :].argmax()[None], evidence.n_categories)[0]
    codes, names = code.repeat(len(shown), COLUMNS, 1), []
    for row, d in enumerate(shown):
        low, high = torch.quantile(means[:, d], torch.tensor([0.01, 0.99], device=means.device)).tolist()
        codes[row, :, d] = torch.linspace(low, high, COLUMNS, device=means.device)
        names.append(f"z{d}: {low:.1f} to {high:.1f}")
    y = evidence.y_test[:1].expand(codes.shape[0] * COLUMNS)
    title = "in the pose of that image" if isinstance(method, HasPose) else ""
    sample_grid(to_uint8(method.likelihood(codes.flatten(0, 1), y).mean).cpu(), path, COLUMNS, names, title)


@torch.no_grad()
def _interpolations(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """A row a class: two test images of it, and between them what lies between their codes (001_9c71068f65ebe130.txt, Figure 5)."""
    test, method = evidence.test, evidence.method
    of_class = [(test.y == k).nonzero().flatten()[:2] for k in range(min(evidence.n_classes, ROWS_AT_MOST))]
    pairs = [rows for rows in of_class if len(rows) == 2]
    if not pairs:
        raise MissingCapability("two test images of a class")
    first, last = torch.stack(pairs).unbind(1)
    codes, y = evidence.codes_test, test.y[first]
    share = torch.linspace(0, 1, BETWEEN + 2, device=evidence.device)[1:-1, None]
    z = torch.cat([torch.lerp(codes[a], codes[b], share) for a, b in zip(first, last, strict=True)])
    images = (
        method.decode(z)
        if isinstance(method, Decodes)
        else evidence.vae.likelihood(z, y.repeat_interleave(BETWEEN)).mean
    )
    between = to_uint8(images).unflatten(0, (len(pairs), BETWEEN))
    shown = torch.cat([test.x[first][:, None], between, test.x[last][:, None]], 1)
    title = "test image, shares of 0.1 to 0.9 between the two codes, test image"
    sample_grid(shown.flatten(0, 1).cpu(), path, BETWEEN + 2, [str(classes[int(k)]) for k in y], title)
