"""Figures of the papers, drawn from records: `draw` one by name, or list them."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from bench.runtime.errors import UsageError, load_entry_points, nearest

if TYPE_CHECKING:
    from leaderboards.figures.base import Figure


def built_in() -> list[str]:
    """The names of the figures in this folder, a file each: none is imported."""
    files = {module.name for module in pkgutil.iter_modules(__path__)} - {"base"}
    return sorted(name.replace("_", "-") for name in files)


def load() -> dict[str, Figure]:
    """Every figure by name: of this folder, and of entry points of the group `bench.figures`."""
    from leaderboards.figures.base import registry

    for name in built_in():
        importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    load_entry_points("bench.figures")
    return registry


def listing() -> str:
    """A line for each figure."""
    figures = load()
    width = max(map(len, figures))
    return "\n".join(f"{name.ljust(width)}  {figure.about}" for name, figure in sorted(figures.items()))


def draw(
    name: str, suite: str | None, results: Path, out: str | None, rows: str | None = None, dataset: str | None = None
) -> str:
    """Write a figure's files; gives what is to be printed. Raises UsageError for whatever was asked wrongly."""
    from leaderboards.figures.base import Request
    from leaderboards.published import read

    figures = load()
    if name not in figures:
        raise UsageError(nearest(name, figures, "figure"))
    if suite is None or out is None:
        raise UsageError(f"figure {name}: say --suite S, whose records are drawn, and --out FILE.png or FILE.svg")
    labels = None if rows is None else list(dict.fromkeys(row.strip() for row in rows.split(",") if row.strip()))
    if labels == []:
        raise UsageError("--rows: name at least one row")
    return "\n".join(figures[name].draw(Request(suite, results, _checked(out), labels, dataset, read())))


def _checked(out: str) -> Path:
    """Raises UsageError unless the pictures and the data beside them can be written there."""
    from bench.charts.style import PICTURES

    path = Path(out).expanduser()
    if path.suffix not in PICTURES:
        raise UsageError(f"--out {out}: a figure is written as .png and .svg: give FILE.png or FILE.svg")
    if not path.parent.is_dir():
        raise UsageError(f"--out {out}: no folder {path.parent}: make it first")
    for ending in (*PICTURES, ".csv"):
        if path.with_suffix(ending).is_dir():
            raise UsageError(f"--out {out}: {path.with_suffix(ending)} is a folder: give another name")
    return path
