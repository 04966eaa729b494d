"""Phases that rows of a seed share: trained once, the same figures as trained apart, told apart by all that they hang on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench.config.budget import Budget
from bench.runtime.clock import Clock
from bench.scoring.evidence import Cost
from bench.training.loop import state_digest
from bench.training.store import SharedPhases
from bench.training.trainer import Training, TrainingResult
from methods.base import AbstractMethod, Images, Phase, Phases, TrainingData
from metrics.base import Unavailable

CPU = torch.device("cpu")
BUDGET = Budget(epochs=2, batch=16)


class Two(AbstractMethod):
    """A shared stage, then one of its own; both draw noise, so that the streams after the first one show."""

    def __init__(self, own: float, shared: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(3, 1), nn.Linear(3, 1)
        self.own, self.shared = own, shared
        self.steps_of_first = 0

    def phases(self, data: TrainingData) -> Phases:
        yield Phase("first", self.first, self.first_terms, shared={"scale": self.shared})
        yield Phase("second", self.second, self.second_terms, epochs=1)

    def first_terms(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        self.steps_of_first += self.training
        return {"a": self.shared * (self.first(torch.randn(len(x), 3)).squeeze(1) - x.mean((1, 2, 3))) ** 2}

    def second_terms(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"b": self.own * (self.second(torch.randn(len(x), 3)).squeeze(1) - x.amax((1, 2, 3))) ** 2}


def run(
    data: TrainingData, test: Images, method: Two, phases: SharedPhases | None, seed: int = 0, budget: Budget = BUDGET
) -> TrainingResult:
    trained = TrainingResult()
    torch.manual_seed(seed)
    Training(method, data, test, budget, seed, Clock(CPU), shared_phases=phases).run(trained)
    return trained


def phases_in(folder: Path, side_by_side: int = 1, **setting: Any) -> SharedPhases:
    return SharedPhases(folder / "shared", {"data": "digest", **setting}, side_by_side)


def test_a_shared_phase_is_trained_once_and_nothing_else_changes(
    tmp_path: Path, data: TrainingData, test_images: Images
) -> None:
    apart, one, two = Two(own=2.0), Two(own=1.0), Two(own=2.0)
    expected = run(data, test_images, apart, None)
    first = run(data, test_images, one, phases_in(tmp_path))
    second = run(data, test_images, two, phases_in(tmp_path))
    assert apart.steps_of_first == one.steps_of_first > 0 == two.steps_of_first
    assert state_digest(apart.state_dict()) == state_digest(two.state_dict()), (
        "also what was drawn after the shared phase"
    )
    assert second.curves.rows == expected.curves.rows
    assert second.curves.trained_images == expected.curves.trained_images
    assert first.borrowed_seconds == 0 < first.shared_seconds == second.shared_seconds == second.borrowed_seconds


def test_what_a_phase_hangs_on_tells_it_apart(tmp_path: Path, data: TrainingData, test_images: Images) -> None:
    run(data, test_images, Two(own=1.0), phases_in(tmp_path))
    changed = Two(own=1.0)
    with torch.no_grad():
        changed.first.bias.add_(1)
    for method, phases, seed in (
        (Two(own=1.0, shared=2.0), phases_in(tmp_path), 0),
        (Two(own=1.0), phases_in(tmp_path, budget="other"), 0),
        (Two(own=1.0), phases_in(tmp_path), 1),
        (changed, phases_in(tmp_path), 0),
    ):
        assert run(data, test_images, method, phases, seed).borrowed_seconds == 0
        assert method.steps_of_first > 0


def test_a_phase_left_half_written_is_trained_again(tmp_path: Path, data: TrainingData, test_images: Images) -> None:
    run(data, test_images, Two(own=1.0), phases_in(tmp_path))
    for path in (tmp_path / "shared").glob("*.json"):
        path.unlink()  # written last
    again = Two(own=1.0)
    assert run(data, test_images, again, phases_in(tmp_path)).borrowed_seconds == 0
    assert again.steps_of_first > 0


def test_a_cell_that_borrows_counts_the_shared_time_and_says_which(make: Any) -> None:
    costs = Cost(10.0, 100, 1, 1, shared_seconds=6.0, search_seconds=2.0, trials=50, beside={2})
    evidence = make(costs=costs)
    assert evidence.train_seconds == 10
    assert evidence.shared_train_seconds == 6
    assert evidence.images_per_second == pytest.approx(100 / 8)
    assert evidence.seconds_per_100_trials == pytest.approx(4)
    apart = make(costs=replace(costs, beside={1, 2}))
    with pytest.raises(Unavailable, match="timed apart: 1 and 2 cells side by side"):
        _ = apart.train_seconds
