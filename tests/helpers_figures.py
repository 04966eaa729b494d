"""Results folders made by hand for figures, and where a drawing's words are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers_e2e import Outcome, here

from bench.records.cells import write
from bench.records.plan import Plan
from bench.records.record import Record
from leaderboards.figures.base import Request
from leaderboards.published import read

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


class Made:
    """A results folder of one suite, `s`, made by hand for one figure."""

    def __init__(self, folder: Path, figure: str) -> None:
        self.folder, self.name, self.cells = folder, figure, list[dict[str, Any]]()
        self.references: list[str] = []

    def cell(
        self,
        label: str,
        seed: int,
        metrics: Mapping[str, float],
        dataset: str = "mnist",
        method: str = "regene",
        status: str = "ok",
        facts: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Path:
        """A cell of the plan with its record; gives its folder."""
        about: dict[str, Any] = {
            "cell": f"{dataset}-{label}-s{seed}",
            "label": label,
            "method": method,
            "dataset": dataset,
            "seed": seed,
            "options": options,
            "budget": {"epochs": 1},
        }
        scores = dict(metrics) if status == "ok" else {}
        folder = write(Record(suite="s", status=status, metrics=scores, facts=dict(facts or {}), **about), self.folder)
        self.cells.append({**about, "data_digest": "", "sources": {}})
        self.planned()
        return folder

    def planned(self) -> None:
        plan = Plan("s", "", self.cells, [], self.references, {}, {}, 0, "", "", "cpu", 1, 1, [], {})
        path = self.folder / "plans" / "s.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(plan.json())

    def spoil(self, cell: str, status: str) -> None:
        """Give a record that status; `missing` is without a record."""
        about = next(one for one in self.cells if one["cell"] == cell)
        about = {name: value for name, value in about.items() if name not in ("data_digest", "sources")}
        if status == "missing":
            (self.folder / "cells" / cell / "record.json").unlink()
        else:
            write(Record(suite="s", status=status, **about), self.folder)

    def request(self, *rows: str, dataset: str | None = None) -> Request:
        return Request("s", self.folder, Path("x.png"), list(rows) or None, dataset, read())

    def draw(self, *words: object, out: str = "a.png") -> Outcome:
        return here("figure", self.name, "--suite", "s", "--out", self.folder / out, *words, results=self.folder)


def check_words(drawing: Drawing) -> None:
    """Every word is inside the picture and upon no other, on all axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    texts = [*drawing.texts]
    boxes = []
    for axes in drawing.axes:
        legend = axes.get_legend()
        texts += [*axes.texts, *(legend.get_texts() if legend is not None else ()), axes.xaxis.label, axes.yaxis.label]
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            labels = axis.get_ticklabels()  # none on the panels but the last of a shared axis
            ticks = zip(axis.get_majorticklocs(), labels, strict=True) if labels else []
            boxes += [label.get_window_extent() for at, label in ticks if limits[0] <= at <= limits[1]]
    boxes += [text.get_window_extent(canvas.get_renderer()) for text in texts if text.get_text()]
    assert len(boxes) > 8
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= drawing.bbox.width
        assert box.y1 <= drawing.bbox.height
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other), (one, other)


def check_bytes(made: Made, *words: object) -> None:
    """The same files whatever the ending asked for, and each time."""
    assert made.draw(*words).code == 0
    assert made.draw(*words, out="b.svg").code == 0
    assert b"<dc:date>" not in (made.folder / "a.svg").read_bytes()
    for ending in ("png", "svg", "csv"):
        one, other = ((made.folder / f"{stem}.{ending}").read_bytes() for stem in "ab")
        assert one == other
        assert len(one) > 300
