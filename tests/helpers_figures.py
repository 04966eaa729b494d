"""Results folders made by hand for figures, and what is drawn and said of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from helpers_e2e import Outcome, here

from bench.records.cells import write
from bench.records.plan import Plan
from bench.records.record import Record


class Made:
    """A results folder of one suite, `s`, made by hand for one figure."""

    def __init__(self, folder: Path, figure: str) -> None:
        self.folder, self.name, self.cells = folder, figure, list[dict[str, Any]]()
        self.references: list[str] = []
        self.drawn: tuple[tuple[object, ...], str] | None = None

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
        self.drawn = None
        plan = Plan("s", "", self.cells, [], self.references, {}, {}, 0, "", "", "cpu", 1, 1, [], {})
        path = self.folder / "plans" / "s.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(plan.json())

    def spoil(self, cell: str, status: str) -> None:
        """Give a record that status; `missing` is without a record."""
        self.drawn = None
        about = next(one for one in self.cells if one["cell"] == cell)
        about = {name: value for name, value in about.items() if name not in ("data_digest", "sources")}
        if status == "missing":
            (self.folder / "cells" / cell / "record.json").unlink()
        else:
            write(Record(suite="s", status=status, **about), self.folder)

    def draw(self, *words: object, out: str = "a.png") -> Outcome:
        self.drawn = None
        return here("figure", self.name, "--suite", "s", "--out", self.folder / out, *words, results=self.folder)

    def told(self, *words: object) -> str:
        """What is printed of a figure whose data alone are written: laying a picture out takes most of the time."""
        with mock.patch("leaderboards.figures.base.write_png_and_svg", lambda drawing, path: [path]):
            found = self.draw(*words)
        assert found.code == 0, found.err
        return found.out

    def said(self, *words: object) -> str:
        """The same, once until a cell is added or other words are asked for."""
        if self.drawn is None or self.drawn[0] != words:
            self.drawn = words, self.told(*words)
        return self.drawn[1]

    def table(self, *words: object) -> list[dict[str, str]]:
        """The lines of the data beside the figure."""
        self.said(*words)
        with (self.folder / "a.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def verdicts(self, *words: object) -> list[str]:
        """The verdict of each claim, in order."""
        _, _, claims = self.said(*words).partition("\nclaims of ")
        return [line.rpartition(": ")[2].partition(" (")[0] for line in claims.splitlines()[1:]]


def check_bytes(made: Made, *words: object) -> None:
    """The same files whatever the ending asked for, and each time."""
    assert made.draw(*words).code == 0
    assert made.draw(*words, out="b.svg").code == 0
    assert b"<dc:date>" not in (made.folder / "a.svg").read_bytes()
    for ending in ("png", "svg", "csv"):
        one, other = ((made.folder / f"{stem}.{ending}").read_bytes() for stem in "ab")
        assert one == other
        assert len(one) > 300
