"""Going on inside a phase: what a killed process left at the end of an epoch, from which another goes on to the same bits."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.records.storage import keep_tensors, kept_tensors, kept_text
from bench.runtime.environment import peak_memory
from bench.training.phases import Reached

if TYPE_CHECKING:
    from bench.training.step import Step

EVERY_SECONDS = 120.0
"""Between two checkpoints of a phase: a shorter phase leaves none."""
STATE, OPTIMISER, ORDER, NOISE, DEVICE_NOISE, RATE = "state/", "optimiser/", "order", "noise", "device noise", "rate"


class Checkpoint:
    """A phase's file: its holder's state, the optimiser's, the generators'. When the phase is done it holds what the phase left.

    holder: whose state the phase changes. order: the generator of the batches' order.
    """

    def __init__(self, path: Path, holder: nn.Module, order: torch.Generator) -> None:
        self.path, self.holder, self.order = path, holder, order
        self.written = time.monotonic()

    def due(self, done: bool) -> bool:
        """Whether one is to be written now. done: whether the phase is."""
        return time.monotonic() - self.written >= EVERY_SECONDS or (done and self.path.is_file())

    def write(self, reached: Reached, step: Step) -> None:
        self.written = time.monotonic()
        tensors = {f"{STATE}{name}": value for name, value in self.holder.state_dict().items()}
        for number, values in step.optimizer.state_dict()["state"].items():
            tensors |= {f"{OPTIMISER}{number}/{name}": value for name, value in values.items()}
        tensors |= {ORDER: self.order.get_state(), NOISE: torch.get_rng_state()}
        if step.device.type == "cuda":
            tensors[DEVICE_NOISE] = torch.cuda.get_rng_state(step.device)
        if step.rate is not None:
            tensors[RATE] = step.rate
        reached.peak_memory_bytes = max(reached.peak_memory_bytes, peak_memory(step.device))
        keep_tensors(self.path, tensors, json.dumps(asdict(reached)))

    def read(self) -> tuple[Reached, dict[str, Tensor]] | None:
        """How far an earlier process came, and its tensors; None where there is no file or a broken one."""
        tensors = kept_tensors(self.path)
        if tensors is None:
            return None
        content = json.loads(kept_text(self.path))
        return Reached(**{**content, "rows": [tuple(row) for row in content["rows"]]}), tensors

    def restore(self, tensors: dict[str, Tensor], device: torch.device, step: Step | None = None) -> None:
        """The holder and the generators as they were, and the step's optimiser, where the phase goes on."""
        self.holder.load_state_dict(_below(STATE, tensors))
        self.order.set_state(tensors[ORDER])
        torch.set_rng_state(tensors[NOISE])
        if DEVICE_NOISE in tensors:
            torch.cuda.set_rng_state(tensors[DEVICE_NOISE], device)
        if step is None:
            return
        state: dict[int, dict[str, Tensor]] = {}
        for place, value in _below(OPTIMISER, tensors).items():
            number, _, name = place.partition("/")
            parameter = step.optimised[int(number)]
            # in the parameter's own order of memory, as if it had been made beside it
            alike = torch.empty_like(parameter, dtype=value.dtype) if value.shape == parameter.shape else value
            state.setdefault(int(number), {})[name] = alike if alike is value else alike.copy_(value)
        groups = step.optimizer.state_dict()["param_groups"]
        step.optimizer.load_state_dict({"state": state, "param_groups": groups})
        if step.rate is not None:
            step.rate.copy_(tensors[RATE])
            for group in step.optimizer.param_groups:
                group["lr"] = step.rate  # loading left a copy, which would not fall


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
