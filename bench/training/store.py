"""Shared phases: a module that several rows of a seed train alike is trained once, and kept among the models by what decides the result."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.records import cells, models, sources
from bench.records.models import CURVES, SHARED, STATE, BrokenModel, TrainingRecord
from bench.records.storage import keep_tensors, locked
from bench.runtime import environment
from bench.training.loop import Curves, state_digest
from bench.training.models import kept_in, load_into, state_of
from bench.training.phases import Reached
from methods.base import AbstractMethod, Phase

LIBRARIES = ("torch", "torchvision")
"""Whose modules are told apart by name and version, not by their files."""


@dataclass
class SharedPhases:
    """Trained phases in a results folder. setting: what decides how one turns out beside method and phase, `dataset` and `seed` among it.

    used: ids of the entries that a training took or made. events: what a reader of the record is to know.
    """

    results: Path
    setting: dict[str, Any]
    side_by_side: int
    used: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def identified(self, method: AbstractMethod, phase: Phase, epochs: int) -> TrainingRecord:
        """The entry of a phase that is about to begin, by a digest of everything that its result depends on."""
        content = self.setting | {"phase": _described(method, phase) | {"epochs": epochs}}
        text = json.dumps(content, sort_keys=True, default=str)
        name = f"{content['dataset'].rsplit('/', 1)[-1]}{SHARED}{type(phase.module).__name__}-s{content['seed']}"
        slug = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
        return TrainingRecord(f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:12]}", setting=json.loads(text))

    def lock(self, entry: TrainingRecord) -> AbstractContextManager[None]:
        """Hold the phase; another process that wants it waits, and goes on where the holder is killed."""
        return locked(models.models_folder(self.results) / f".{entry.model}.lock")

    def work_folder(self, entry: TrainingRecord) -> Path:
        """Where a training of the phase keeps what it would go on from."""
        return models.work_folder(self.results, entry.model)

    def take(self, entry: TrainingRecord, phase: Phase) -> Reached | None:
        """Load what the phase left into its module; None where it was not trained yet, or what is kept of it can't be used."""
        folder = models.models_folder(self.results) / entry.model
        self.used.append(entry.model)
        try:
            kept, state = kept_in(folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except BrokenModel as problem:
            self.events.append(f"{problem}: the phase has to be trained again")
            return None
        load_into(phase.module, state)
        rows = [(one.epoch, phase.name, one.split, one.term, one.value) for one in cells.curves(folder / CURVES)]
        return Reached(**kept.cost, rows=rows)

    def put(self, entry: TrainingRecord, phase: Phase, reached: Reached, device: torch.device) -> None:
        """Keep what the phase left. A disk that is full keeps nothing: what rows share is then trained for each."""
        state = state_of(phase.module)
        reached.peak_memory_bytes = max(reached.peak_memory_bytes, environment.peak_memory(device))
        entry.cost = {name: value for name, value in vars(reached).items() if name != "rows"}
        entry.environment, entry.state = environment.describe(device), state_digest(state)

        def fill(folder: Path) -> None:
            (folder / CURVES).write_text(Curves(reached.rows).csv())
            keep_tensors(folder / STATE, state)

        try:
            models.keep(self.results, entry, fill)
        except OSError as problem:
            self.events.append(
                f"phase {phase.name!r}, which rows share, could not be kept ({problem.strerror or problem})"
            )


def _described(method: AbstractMethod, phase: Phase) -> dict[str, Any]:
    """What of method and phase decides a result: the module as it begins, the states that are read, and the code."""
    module = phase.module
    called = [_bare(one) for one in (phase.terms, phase.view, phase.each_epoch) if one is not None]
    owners = [owner for _, owner in called]
    others = phase.reads or () if phase.reads is not None or all(owner is module for owner in owners) else (method,)
    classes = [type(inner) for one in (module, *others) for inner in one.modules()]
    classes += [type(owner) for owner in owners if owner is not None]
    own = [one for one in dict.fromkeys(classes) if one.__module__.partition(".")[0] not in LIBRARIES]
    code = sources.of(*own, *(function for function, _ in called))
    weights = module.weights if isinstance(module, AbstractMethod) else {}
    return {
        "module": list(_structure(module)),
        "states": [state_digest(one.state_dict()) for one in (module, *others)],
        "trained": [name for name, value in module.named_parameters() if value.requires_grad],
        "weights": {name: _weight(weight) for name, weight in weights.items()},
        "shared": phase.shared,
        "code": sources.combined(code),
    }


def _bare(function: Callable[..., Any]) -> tuple[Callable[..., Any], Any]:
    """The function itself, and whose it is: the object that it is bound to, or what a partial one is given."""
    given: list[Any] = []
    while isinstance(function, partial):
        given += [one for one in (*function.args, *function.keywords.values()) if isinstance(one, nn.Module)]
        function = function.func
    return function, getattr(function, "__self__", given[0] if len(given) == 1 else None)


def _weight(weight: Any) -> Any:
    return [weight.func.__qualname__, *weight.args] if isinstance(weight, partial) else weight


def _structure(module: nn.Module) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of every module inside its place, its class, and its attributes that are plain values: layers of one shape may do other things."""
    for place, inner in module.named_modules():
        own = {name: value for name, value in vars(inner).items() if not name.startswith("_") and _is_plain(value)}
        yield place, type(inner).__qualname__, own | {"training": None}


def _is_plain(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, bool | int | float | str)
        or (isinstance(value, list | tuple) and all(map(_is_plain, value)))
    )
