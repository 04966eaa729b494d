"""What tests of methods share."""

from typing import Any

import torch

from bench.config.budget import Budget
from bench.runtime.clock import Clock
from bench.training.loop import Curves
from bench.training.trainer import train
from methods.base import AbstractMethod, Images, TrainingData


def fit(method: AbstractMethod, data: TrainingData, test: Images | None = None, **budget: Any) -> Curves:
    """Train a method on a CPU: one epoch in batches of 16, where a budget says nothing else. test: the held-out images if None."""
    shown = data.held_out if test is None else test
    return train(method, data, shown, Budget(**{"epochs": 1, "batch": 16} | budget), 0, Clock(torch.device("cpu")))
