"""A trained method as tensors, and back: loaded into one freshly made, which has to say what the trained one said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.records.models import STATE, BrokenModel, NotKept, TrainingRecord, read
from bench.records.storage import kept_tensors
from bench.runtime.seeds import seeded
from bench.training.loop import state_digest
from bench.training.phases import attach
from methods.base import AbstractMethod, Encodes, Reconstructs, Samples, SamplesClasses, TrainingData

COMPARED = 100
"""Images that a trained method and its loaded copy are asked about."""


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, copied to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}


def loaded(
    make: Callable[[], AbstractMethod], state: Mapping[str, Tensor], facts: Mapping[str, Any], data: TrainingData
) -> AbstractMethod:
    """A method on the data's device with this state and these facts, attached to the data, in eval mode.

    Raises RuntimeError for a state of other names than the method's.
    """
    with torch.random.fork_rng([]):
        method = make()
    load_into(method, state)
    method.to(data.train.x.device)
    method.facts = dict(facts)
    attach(method, data)
    return method.eval()


def kept_in(folder: Path) -> tuple[TrainingRecord, dict[str, Tensor]]:
    """A model of the store, and its state. Raises FileNotFoundError where there is none, BrokenModel where it can't be used, saying why."""
    record = read(folder)
    if record.status != "ok":
        message = (record.error or {}).get("message", "").partition("\n")[0]
        raise NotKept(f"{folder}: its training ended with {record.status} ({message}): there is no model")
    if not record.state:
        raise NotKept(f"{folder}: its weights were not kept")
    state = kept_tensors(folder / STATE)
    if state is None or state_digest(state) != record.state:
        raise BrokenModel(f"{folder / STATE}: cut short, or of another training")
    return record, state


def load_into(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state, parameters and buffers taking the shapes that they are loaded with. Raises RuntimeError for one of other names."""
    for name, value in state.items():
        place, _, own = name.rpartition(".")
        holder = module.get_submodule(place)
        current = getattr(holder, own, None)
        if current is not None and current.shape == value.shape:
            continue
        if isinstance(current, nn.Parameter):
            setattr(holder, own, nn.Parameter(value.to(current.device), current.requires_grad))
        else:
            holder.register_buffer(own, torch.empty_like(value, device=None if current is None else current.device))
    module.load_state_dict(dict(state))


def check_loaded(trained: AbstractMethod, copy: AbstractMethod, data: TrainingData, seed: int) -> None:
    """Raise ValueError, naming what differs, where the copy encodes, reconstructs or samples otherwise than the trained method."""
    facts = dict(copy.facts)
    theirs, ours = _said_by(trained, data, seed), _said_by(copy, data, seed)
    copy.facts = facts  # sampling may have added to them
    other = [name for name in theirs if not _same(theirs[name], ours[name])]
    if other:
        names = [
            f"{place}.{name}".lstrip(".")
            for (place, one), (_, copied) in zip(trained.named_modules(), copy.named_modules(), strict=False)
            for name in vars(one)
            if not name.startswith("_") and name != "training" and not _same(vars(one)[name], vars(copied).get(name))
        ]
        raise ValueError(
            f"{type(trained).__name__} does not {other[0]} as it did before its state was loaded afresh; what training left otherwise: "
            f"{', '.join(names) or 'its draws'}: register what training changes as a buffer, and take data in attach(data)"
        )


@torch.no_grad()
def _said_by(method: AbstractMethod, data: TrainingData, seed: int) -> dict[str, Any]:
    x, y = next(data.train.batches(COMPARED))
    asked: dict[str, Callable[[], Tensor]] = {}
    if isinstance(method, Encodes):
        asked["encode"] = lambda: method.encode(x, y)
    if isinstance(method, Reconstructs):
        asked["reconstruct"] = lambda: method.reconstruct(x, y)
    if isinstance(method, Samples):
        asked["sample"] = lambda: method.sample_any(len(x))
    if isinstance(method, SamplesClasses):
        asked["sample classes"] = lambda: method.sample(y)
    said: dict[str, Any] = {}
    for name, ask in asked.items():
        with seeded(seed, f"loaded/{name}", x.device):
            try:
                said[name] = ask()
            except Exception as problem:  # noqa: BLE001  what the trained one refuses, the copy has to refuse as well
                said[name] = repr(problem)
    return said


def _same(one: Any, other: Any) -> bool:
    """Whether two values say the same, tensors in them included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        holes = one.isnan()
        alike = one.shape == other.shape and torch.equal(holes, other.isnan())
        return alike and torch.equal(one[~holes], other[~holes])
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, nn.Module) or callable(one):
        return True
    return _same(vars(one), vars(other)) if hasattr(one, "__dict__") else bool(one == other)
