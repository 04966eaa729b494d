"""`figure`: figures of the papers, drawn from the records of a results folder. Never from trained models.

A new figure is a function from Request to lines, and an entry of FIGURES. The command line's help reads this file: nothing heavy here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

PICTURES = (".png", ".svg")


class Published(Protocol):
    """A published figure, as leaderboards read it: bench may not, so the command line hands it over."""

    @property
    def source(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def value(self) -> float: ...


@dataclass(frozen=True)
class Request:
    """What a figure is drawn from and written to.

    out: FILE.png or FILE.svg, checked; both are written, and FILE.csv with what was drawn. rows: labels; where None the figure chooses.
    dataset: which one, of a suite with several; where None, figures of one data set refuse to choose.
    """

    suite: str
    results: Path
    out: Path
    rows: list[str] | None = None
    dataset: str | None = None
    published: Sequence[Published] = ()


@dataclass(frozen=True)
class Figure:
    """A figure that can be asked for. draw: writes its files and gives the lines to print."""

    about: str
    draw: Callable[[Request], list[str]]


def _accuracy_cosine(request: Request) -> list[str]:
    from bench import _figure_accuracy_cosine

    return _figure_accuracy_cosine.draw(request)


def _reconstruction_dimension(request: Request) -> list[str]:
    from bench import _figure_dimension

    return _figure_dimension.draw(request)


def _accuracy_n(request: Request) -> list[str]:
    from bench import _figure_accuracy_n

    return _figure_accuracy_n.draw(request)


def _mixing(request: Request) -> list[str]:
    from bench import _figure_mixing

    return _figure_mixing.draw(request)


FIGURES = {
    "accuracy-cosine": Figure(
        "accuracy against mean within-class cosine on Simple's grid, a curve a row (000_2852ba8d0aec7d1a.txt, Figure 1)",
        _accuracy_cosine,
    ),
    "reconstruction-dimension": Figure(
        "reconstruction error against dim(z) + dim(u), a line a method (002_250270577cfb522d.txt, Figure 5)",
        _reconstruction_dimension,
    ),
    "accuracy-n": Figure(
        "neutral accuracy of ReGene's generations against n, the images combined, a line a data set "
        "(001_9c71068f65ebe130.txt, Figure 4a)",
        _accuracy_n,
    ),
    "mixing": Figure(
        "accuracy and Fréchet distance against the share of the reconstruction in mixtures with originals, a line a row "
        "(001_9c71068f65ebe130.txt, Figure 7)",
        _mixing,
    ),
}


def listing() -> str:
    """A line for each figure."""
    width = max(map(len, FIGURES))
    return "\n".join(f"{name.ljust(width)}  {figure.about}" for name, figure in FIGURES.items())


def draw(
    name: str,
    suite: str | None,
    results: Path,
    out: str | None,
    rows: str | None = None,
    dataset: str | None = None,
    published: Sequence[Published] = (),
) -> str:
    """Draw the figure of this name and write its files; gives what is to be printed. Raises UsageError for whatever was asked wrongly."""
    from bench.runtime.errors import UsageError, nearest
    from bench.suite import load_suite

    if name not in FIGURES:
        raise UsageError(nearest(name, FIGURES, "figure"))
    if suite is None:
        raise UsageError(f"figure {name}: say --suite S, the suite whose records are to be drawn")
    if out is None:
        raise UsageError(f"figure {name}: say --out FILE.png or FILE.svg")
    picked = None if rows is None else list(dict.fromkeys(row.strip() for row in rows.split(",") if row.strip()))
    if picked == []:
        raise UsageError("--rows: name at least one row")
    called = load_suite(suite).name if suite.endswith(".toml") else suite
    return "\n".join(FIGURES[name].draw(Request(called, results, _checked(out), picked, dataset, published)))


def _checked(out: str) -> Path:
    """Raises UsageError unless the pictures and the data beside them can be written there."""
    from bench.runtime.errors import UsageError

    path = Path(out).expanduser()
    if path.suffix not in PICTURES:
        raise UsageError(f"--out {out}: a figure is written as .png and .svg: give FILE.png or FILE.svg")
    if not path.parent.is_dir():
        raise UsageError(f"--out {out}: no folder {path.parent}: make it first")
    for ending in (*PICTURES, ".csv"):
        if path.with_suffix(ending).is_dir():
            raise UsageError(f"--out {out}: {path.with_suffix(ending)} is a folder: give another name")
    return path


def save(drawing: Drawing, out: Path) -> list[Path]:
    """Write a drawing as PNG and SVG, the same bytes each time."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    from bench._charts import STYLE, _save

    png, svg = (out.with_suffix(ending) for ending in PICTURES)
    # Ids come from a random salt, unless one is set; letters are drawn as paths, and so the same where the font is not there.
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": "latentbench", "svg.fonttype": "path"}):
        _save(drawing, png)
        FigureCanvasSVG(drawing).print_svg(str(svg), metadata={"Date": None, "Creator": None})
    return [png, svg]
