"""A map of latents: points in two dimensions, coloured by class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.charts.style import GREY, Array, blank, on_host, styled, write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS, MOST_TSNE = 10_000, 2_000


def latent_map(
    latents: Array, labels: Array, classes: Sequence[str], path: Path, title: str = "", method: str = "pca"
) -> None:
    """Latents (N, D) as points in two dimensions, coloured by class.

    method: `pca` shows two latents as they are, and the two first principal axes of more; `tsne` embeds at most 2,000
        of them, chosen with a fixed seed (seconds to a minute).

    Raises:
        ValueError: for an unknown method, shapes that don't fit, labels without a class, under three finite rows.
    """
    z, y = np.asarray(on_host(latents), dtype=np.float64), np.asarray(on_host(labels)).astype(np.int64)
    if z.ndim != 2 or y.shape != z.shape[:1]:
        raise ValueError(f"latents are {z.shape} and labels {y.shape}; expected (N, D) and (N,)")
    if len(y) and not 0 <= y.min() <= y.max() < len(classes):
        raise ValueError(f"labels run from {y.min()} to {y.max()}; there are {len(classes)} classes")
    finite = np.isfinite(z).all(axis=1)
    if finite.sum() < 3:
        raise ValueError(f"{finite.sum()} of {len(z)} latents are finite; three are needed to draw them")
    view = _view(z[finite], y[finite], method)
    left_out = "" if finite.all() else f"; {(~finite).sum():,} not finite, left out"
    drawn = min(len(view.points), MOST_POINTS)
    count = f"{drawn:,} points" if drawn == len(z) else f"{drawn:,} of {len(z):,} points"
    with styled():
        figure = blank(height=760)
        axes = figure.add_axes((0.1, 0.08, 0.69, 0.82))
        _scatter(axes, view, classes)
        figure.text(0.1, 0.955, title, fontsize=15, va="center")
        figure.text(0.1, 0.92, f"{count}, {view.note}{left_out}", fontsize=11, color=GREY, va="center")
        write_png(figure, path)


class _View(NamedTuple):
    """Latents in two dimensions; an axis without a name is one whose numbers mean nothing."""

    points: NDArray[np.float64]
    labels: NDArray[np.int64]
    axes: tuple[str, str]
    note: str


def _view(z: NDArray[np.float64], y: NDArray[np.int64], method: str) -> _View:
    size = z.shape[1]
    if method == "tsne":
        return _tsne(z, y)
    if method != "pca":
        raise ValueError(f"method is {method!r}; it must be 'pca' or 'tsne'")
    if size == 1:
        spread = (np.arange(len(z)) * 0.618034) % 1 * 0.8 - 0.4  # even, and the same each time
        points = np.stack([z[:, 0], y + spread], axis=1)
        return _View(points, y, ("latent 1", ""), "the one latent as it is, a band for each class")
    if size == 2:
        return _View(z, y, ("latent 1", "latent 2"), "the two latents as they are")
    return _principal_axes(z, y)


def _principal_axes(z: NDArray[np.float64], y: NDArray[np.int64]) -> _View:
    centred = z - z.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    variances, directions = variances[::-1].clip(min=0), directions[:, ::-1][:, :2]
    # An eigenvector is known but for its sign: its largest part is made positive.
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), [0, 1]])
    shares = variances[:2] / max(variances.sum(), np.finfo(float).tiny)
    first, second = (f"principal axis {k + 1} ({share:.0%} of the variance)" for k, share in enumerate(shares))
    note = f"two principal axes of {z.shape[1]} latents, {shares.sum():.0%} of their variance"
    return _View(centred @ directions, y, (first, second), note)


def _tsne(z: NDArray[np.float64], y: NDArray[np.int64]) -> _View:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    some = np.sort(np.random.default_rng(0).permutation(len(z))[:MOST_TSNE])
    perplexity = min(30.0, (len(some) - 1) / 3)
    start = "pca" if z.shape[1] > 1 else "random"
    # One thread: the same sums in the same order each time, and on a busy machine several wait for each other.
    with threadpool_limits(1):
        points = TSNE(2, perplexity=perplexity, init=start, random_state=0).fit_transform(z[some])
    return _View(points, y[some], ("", ""), f"t-SNE of {z.shape[1]} latents, perplexity {perplexity:.0f}")


def _scatter(axes: Axes, view: _View, classes: Sequence[str]) -> None:
    import matplotlib
    from matplotlib.lines import Line2D

    count = len(classes)
    palette = matplotlib.colormaps["tab10" if count <= 10 else "tab20" if count <= 20 else "turbo"]
    colours = palette(np.arange(count) if count <= 20 else np.linspace(0, 1, count))
    # In mixed order, or the last class would cover the others.
    order = np.random.default_rng(0).permutation(len(view.points))[:MOST_POINTS]
    x, y = view.points[order].T
    size = float(np.clip(40_000 / len(order), 6, 40))
    axes.scatter(x, y, s=size, c=colours[view.labels[order]], alpha=0.65, linewidths=0)
    if bool(view.axes[0]) == bool(view.axes[1]):
        axes.set_aspect("equal", adjustable="datalim")
    axes.locator_params(nbins=6)
    axes.set(xlabel=view.axes[0], ylabel=view.axes[1])
    for axis, name in zip((axes.xaxis, axes.yaxis), view.axes, strict=True):
        if not name:
            axis.set_ticks([])
    if count <= 20:
        marks = [Line2D([], [], marker="o", linestyle="", markersize=8, color=colour) for colour in colours]
        axes.legend(marks, classes, loc="upper left", bbox_to_anchor=(1.01, 1.0), handletextpad=0.2, borderaxespad=0)
