"""Shared phases: trained once for all rows of a seed that come to them in the same state, kept in the results folder by digest."""

import hashlib
import json
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from bench.records.storage import keep_tensors, kept_tensors, locked, write_text
from bench.runtime.environment import peak_memory
from bench.training.loop import Curves, state_digest
from methods.base import AbstractMethod, Phase

NOISE = "state of the generators: "


@dataclass(frozen=True)
class SharedPhase:
    """What a shared phase took where it was trained, and its curves."""

    seconds: float
    side_by_side: int
    peak_memory_bytes: int
    trained_images: int
    rows: list[tuple[int, str, str, str, float]]


@dataclass(frozen=True)
class SharedPhases:
    """A folder of trained phases. setting: all that decides a phase's result beside the method's state, the same for a whole cell."""

    folder: Path
    setting: dict[str, Any]
    side_by_side: int

    def key(self, method: AbstractMethod, phase: Phase, order: torch.Generator) -> str:
        """A digest of everything that the phase's result depends on."""
        content: dict[str, Any] = {name: getattr(phase, name) for name in ("epochs", "share", "shared")}
        content |= {"phase": phase.name, "setting": self.setting}
        state = state_digest({**method.state_dict(), **_generators(method, order)})
        return hashlib.sha256((state + json.dumps(content, sort_keys=True, default=str)).encode()).hexdigest()[:24]

    def lock(self, phase: Phase, key: str) -> AbstractContextManager[None]:
        """Hold the phase; another process that wants it waits, and goes on where the holder is killed."""
        return locked(self.folder / f"{phase.name}-{key}.lock")

    def take(self, method: AbstractMethod, phase: Phase, key: str, order: torch.Generator) -> SharedPhase | None:
        """Load the state that the phase left, generators included, into the method; None where it was not trained yet."""
        path = self.folder / f"{phase.name}-{key}"
        state = kept_tensors(path.with_suffix(".safetensors"))
        if state is None or not path.with_suffix(".json").is_file():  # written last
            return None
        method.load_state_dict({name: value for name, value in state.items() if not name.startswith(NOISE)})
        order.set_state(state[f"{NOISE}order"])
        torch.set_rng_state(state[f"{NOISE}cpu"])
        if f"{NOISE}cuda" in state:
            torch.cuda.set_rng_state(state[f"{NOISE}cuda"], _device(method))
        content = json.loads(path.with_suffix(".json").read_text())
        return SharedPhase(**{**content, "rows": [tuple(row) for row in content["rows"]]})

    def put(
        self, method: AbstractMethod, phase: Phase, key: str, order: torch.Generator, curves: Curves, seconds: float
    ) -> SharedPhase:
        """Keep what the phase left."""
        path = self.folder / f"{phase.name}-{key}"
        peak = peak_memory(_device(method))
        shared = SharedPhase(seconds, self.side_by_side, peak, curves.trained_images, curves.rows)
        keep_tensors(path.with_suffix(".safetensors"), {**method.state_dict(), **_generators(method, order)})
        write_text(path.with_suffix(".json"), json.dumps(asdict(shared)))
        return shared


def _device(method: AbstractMethod) -> torch.device:
    return method.optimiser_steps.device


def _generators(method: AbstractMethod, order: torch.Generator) -> dict[str, torch.Tensor]:
    states = {f"{NOISE}order": order.get_state(), f"{NOISE}cpu": torch.get_rng_state()}
    if _device(method).type == "cuda":
        states[f"{NOISE}cuda"] = torch.cuda.get_rng_state(_device(method))
    return states
