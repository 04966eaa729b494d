"""How the project's charts look, and how they are written: on matplotlib's Agg canvas, headless, the same bytes each time.

Without pyplot, and so without its global state and choice of a window; matplotlib is imported at the first chart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

Array: TypeAlias = Union["torch.Tensor", NDArray[Any]]

WIDTH = 900  # pixels of a chart, and about that of a grid
PICTURES = (".png", ".svg")
INK, GREY, FAINT = "#222222", "#666666", "#999999"
SPLITS = {"train": "#4c78a8", "test": "#e45756"}
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib's own: the same bytes on every machine
    "font.size": 12,
    "text.color": INK,
    "text.parse_math": False,  # a class may be named $1
    "axes.edgecolor": FAINT,
    "axes.formatter.useoffset": False,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}


def on_host(array: Array) -> NDArray[Any]:
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()


def styled() -> Any:
    """A context in which charts are drawn in this style."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def blank(height: int) -> Figure:
    """An empty chart of the common width. height: pixels."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH / 100, height / 100), dpi=100)


def write_png(figure: Figure, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).print_png(str(path), metadata={"Software": None})


def write_png_and_svg(figure: Figure, out: Path) -> list[Path]:
    """Both beside each other, under the name of `out`; gives their paths."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    png, svg = (out.with_suffix(ending) for ending in PICTURES)
    # Ids come from a random salt, unless one is set; letters are drawn as paths, and so the same where the font is not there.
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": "latentbench", "svg.fonttype": "path"}):
        write_png(figure, png)
        FigureCanvasSVG(figure).print_svg(str(svg), metadata={"Date": None, "Creator": None})
    return [png, svg]
