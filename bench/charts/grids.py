"""Grids of images, in PNG; same input, same bytes. Pillow is imported at the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.charts.style import INK, WIDTH, Array, on_host

TITLE_HEIGHT = 26


def sample_grid(
    images: Array, path: Path, columns: int, row_names: Sequence[str] | None = None, title: str = ""
) -> None:
    """A tight grid of samples, filled row by row; with `row_names` a name stands left of each row (one row a class).

    images: uint8 (N, C, H, W), C 1 or 3.

    Raises:
        ValueError: for other shapes or types, or where names and rows don't match in number.
    """
    pixels = _pixels(images, "images")
    if columns < 1:
        raise ValueError(f"columns is {columns}; it must be 1 or more")
    rows = [pixels[start : start + columns] for start in range(0, len(pixels), columns)]
    if row_names is not None and len(row_names) != len(rows):
        raise ValueError(f"{len(row_names)} row names for {len(rows)} rows of {columns} images")
    _write_grid(rows, path, row_names, title=title)


def reconstruction_grid(originals: Array, reconstructions: Array, path: Path, columns: int = 10) -> None:
    """Pairs of rows: originals above, what the method makes of them below.

    Raises:
        ValueError: where the two differ in shape, or are not uint8 (n, C, H, W).
    """
    stacked_grid({"original": originals, "reconstructed": reconstructions}, path, columns)


def stacked_grid(sides: Mapping[str, Array], path: Path, columns: int = 10) -> None:
    """Rows that belong together, each side's name left of its row: the first images of every side, then the next ones.

    Raises:
        ValueError: where sides differ in shape, or are not uint8 (n, C, H, W).
    """
    pixels = {name: _pixels(images, name) for name, images in sides.items()}
    (first, shown), *others = pixels.items()
    for name, images in others:
        if images.shape != shown.shape:
            raise ValueError(f"{first} is {shown.shape}, {name} {images.shape}; they must be of one shape")
    starts = range(0, len(shown), columns)
    rows = [images[start : start + columns] for start in starts for images in pixels.values()]
    _write_grid(rows, path, list(pixels) * len(starts), together=len(pixels))


def _pixels(images: Array, name: str) -> NDArray[np.uint8]:
    """As uint8 (N, C, H, W). Raises ValueError for anything else."""
    pixels = on_host(images)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] not in (1, 3) or not pixels.size:
        raise ValueError(
            f"{name} are {pixels.dtype} {pixels.shape}; expected uint8 (N, C, H, W), C 1 or 3, N at least 1"
        )
    return pixels


def _write_grid(
    rows: Sequence[NDArray[np.uint8]],
    path: Path,
    names: Sequence[str] | None,
    together: int | None = None,
    title: str = "",
) -> None:
    """Rows of images on white, enlarged by a whole number so that pixels stay square; above them a title, where there is one.

    A wider gap stands after every `together` rows.
    """
    from PIL import Image, ImageDraw

    _, channels, height, width = rows[0].shape
    columns = max(len(row) for row in rows)
    margin = 0 if names is None else _text_width(names) + 12
    scale = max(1, round((WIDTH - margin) / (columns * width)))
    gap = 2
    across, down = width * scale + gap, height * scale + gap
    breaks = [3 * gap * (row // together) if together else 0 for row in range(len(rows))]
    head = TITLE_HEIGHT if title else 0
    size = (margin + columns * across - gap, head + len(rows) * down - gap + breaks[-1])
    canvas = Image.new("L" if channels == 1 else "RGB", size, "white")
    if title:
        ImageDraw.Draw(canvas).text((margin, head // 2), title, fill=INK, font=_font(), anchor="lm")
    for row, images in enumerate(rows):
        top = head + row * down + breaks[row]
        for column, pixels in enumerate(images.repeat(scale, axis=2).repeat(scale, axis=3)):
            tile = pixels[0] if channels == 1 else pixels.transpose(1, 2, 0)
            canvas.paste(Image.fromarray(np.ascontiguousarray(tile)), (margin + column * across, top))
        if names is not None:
            middle = (margin - 10, top + (down - gap) // 2)
            ImageDraw.Draw(canvas).text(middle, names[row], fill=INK, font=_font(), anchor="rm")
    canvas.save(path, format="PNG")


def _font() -> Any:
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", 16)


def _text_width(names: Sequence[str]) -> int:
    font = _font()
    return int(max(font.getlength(name) for name in names)) + 1
