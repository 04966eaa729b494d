"""The optimisers that a suite may choose, declared once: suites, the command line and perf read them here. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch.optim import Optimizer

Precision = Literal["fp32", "bf16"]
"""Of the layers' products; sums of exponentials are fp32 in both."""

# torch chooses how: all tensors at once on a GPU, one by one on a CPU, where all at once took twice as long.


def _adam(parameters: Any, learning_rate: Any, capturable: bool) -> Optimizer:
    import torch

    return torch.optim.Adam(parameters, lr=learning_rate, capturable=capturable, fused=True)


def _adadelta(parameters: Any, learning_rate: Any, capturable: bool) -> Optimizer:
    """With the settings of Lasagne's `lasagne.updates.adadelta`, which 002_250270577cfb522d.txt trains with: torch's own rho is 0.9."""
    import torch

    return torch.optim.Adadelta(parameters, lr=learning_rate, capturable=capturable, rho=0.95, eps=1e-6)


@dataclass(frozen=True)
class Optimiser:
    """learning_rate: used where none is stated; the default of torch, and for Adadelta of Lasagne as well."""

    learning_rate: float
    make: Callable[[Any, Any, bool], Optimizer]


OPTIMISERS = {"adam": Optimiser(1e-3, _adam), "adadelta": Optimiser(1.0, _adadelta)}
