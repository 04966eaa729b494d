"""Phases one by one: how far one came, and with what one that rows share begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from bench.runtime.seeds import seeded
from bench.training.loop import Curves
from methods.base import AbstractMethod, Phase, TrainingData
from methods.parts.restarts import reset_parts

if TYPE_CHECKING:
    from bench.config.budget import Budget

Row = tuple[int, str, str, str, float]


@dataclass
class Reached:
    """How far a phase came, what that took, and its curves. optimiser_steps: of this phase."""

    epoch: int
    seconds: float
    side_by_side: int
    peak_memory_bytes: int
    trained_images: int
    optimiser_steps: int
    rows: list[Row] = field(default_factory=list)

    def add_to(self, curves: Curves) -> None:
        curves.rows += self.rows
        curves.trained_images += self.trained_images


def epochs_of(phase: Phase, budget: Budget) -> int:
    return phase.epochs or max(1, round(budget.epochs * phase.share))


def attach(method: AbstractMethod, data: TrainingData) -> None:
    """Give a method its data, after the methods that are parts of it."""
    for one in reversed([inner for inner in method.modules() if isinstance(inner, AbstractMethod)]):
        one.attach(data)


def stream_of(purpose: str, module: nn.Module) -> str:
    """The stream that a shared phase draws from: a method's are those of a row by itself, which all rows have; a part's bear its name."""
    return purpose if isinstance(module, AbstractMethod) else f"{purpose}/{type(module).__name__}"


def begin_anew(module: nn.Module, seed: int) -> None:
    """Weights drawn on the CPU from the module's own stream: the same on every device, whatever was built before it."""
    device = next((value.device for value in module.state_dict().values()), torch.device("cpu"))
    module.to("cpu")
    with seeded(seed, stream_of("weights", module), torch.device("cpu")):
        reset_parts(module)
    module.to(device)
