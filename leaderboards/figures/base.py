"""What a figure of a paper is: drawn from the records of a results folder, never from trained models.

A new one is a function from Request to lines, decorated with `@figure`, in a file of this folder or in a package with an entry point
`bench.figures`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaderboards.published import Published


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


Draw = Callable[[Request], list[str]]


@dataclass(frozen=True)
class Figure:
    """A figure that can be asked for. draw: writes its files and gives the lines to print."""

    about: str
    draw: Draw


registry: dict[str, Figure] = {}


def figure(name: str, *, about: str) -> Callable[[Draw], Draw]:
    """Register a function as a figure. about: a line on what it shows and whose it is. Raises ValueError where the name is taken."""

    def register(draw: Draw) -> Draw:
        if name in registry:
            raise ValueError(f"figure {name!r} is already registered: choose another name")
        registry[name] = Figure(about, draw)
        return draw

    return register
