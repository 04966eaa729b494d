"""Cells planned on a data set in memory, and plans written to disk."""

from pathlib import Path
from typing import Any

import torch

from bench.config.suite import Suite
from bench.datasets.base import Dataset
from bench.records.plan import Cell, Plan
from bench.runner.plan import RunSettings, cells_of, make_plan

ROWS: dict[str, dict[str, Any]] = {"vae": {}, "hot": {"method": "lambda-hot"}, "pca": {"latent": 3}}


def tiny(side: int = 8) -> Dataset:
    x, y = torch.zeros(20, 1, side, side, dtype=torch.uint8), torch.arange(20) % 2
    return Dataset(x, y, x[:6], y[:6], ("a", "b"), name="tiny")


def suite_of(rows: dict[str, dict[str, Any]] = ROWS, **changes: Any) -> Suite:
    """With one metric, as the code that all hang on takes a second to be read."""
    content = {"name": "mine", "title": "", "dataset": "tiny", "seeds": 1, "budget": {"epochs": 1}, "methods": rows}
    return Suite(**{**content, "evaluation": {"metrics": ["cost"]}, **changes})


def planned(suite: Suite, dataset: Dataset | None = None, **here: Any) -> list[Cell]:
    """Cells of the tiny data set where no other is given. here: fields of the plan, such as threads."""
    known = {"held_out": suite.held_out, "evaluation": suite.evaluation.model_dump(), "likelihood": suite.likelihood}
    header = Plan(suite.name, **{"devices": ["cpu"], "inception": {"reason": "none"}, **known, **here})
    return list(cells_of(suite, dataset or tiny(), header))


def written(folder: Path, suite: Suite) -> Path:
    """A suite's plan on the CPU, in a file: its data and results lie in the folder too."""
    path = folder / "plan.json"
    path.write_text(
        make_plan(suite, RunSettings(results=str(folder / "results"), data=str(folder), device="cpu")).json()
    )
    return path
