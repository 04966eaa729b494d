"""How evidence is gathered: each thing once, without gradients, from a noise stream of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

import torch
from torch import Tensor

from bench.runtime.seeds import seeded
from metrics.base import Unavailable

T = TypeVar("T")


class MissingCapability(Exception):
    """The method has not the capability that the evidence comes from: its metrics are shown as a dash."""


class gathered(Generic[T]):
    """A property gathered once, without gradients and from a noise stream of its own; a failure is kept as well."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function, self.name, self.__doc__ = function, function.__name__, function.__doc__

    @overload
    def __get__(self, evidence: None, owner: type) -> gathered[T]: ...
    @overload
    def __get__(self, evidence: object, owner: type) -> T: ...
    def __get__(self, evidence: Any, owner: type) -> T | gathered[T]:
        if evidence is None:
            return self  # the class's own attribute, as hasattr asks for it
        kept = evidence.kept
        if self.name not in kept:
            try:
                with torch.no_grad(), seeded(evidence.seed_of_cell, f"evidence/{self.name}", evidence.device):
                    kept[self.name] = self.function(evidence)
            except (MissingCapability, Unavailable) as reason:
                kept[self.name] = reason
        if isinstance(kept[self.name], (MissingCapability, Unavailable)):
            raise kept[self.name]
        return kept[self.name]


def joined(parts: Iterator[Tensor], count: int) -> Tensor:
    """torch.cat of parts with `count` rows in all, put in place as they come: the cat itself would hold every row twice."""
    first = next(parts)
    whole = first.new_empty(count, *first.shape[1:])
    done = 0
    for part in itertools.chain([first], parts):
        whole[done : done + len(part)] = part
        done += len(part)
    assert done == count
    return whole


@dataclass
class Cost:
    """What training took: measured by the cell, read by the cost metrics.

    train_seconds: all of it, also what another cell spent on phases that this one shares. shared_seconds, search_seconds (of
    trials), confirm_seconds (of measuring a search's best again): parts of it.
    beside: how many cells shared the device while it was measured; more than one number where parts were measured apart.
    """

    train_seconds: float
    trained_images: int
    peak_memory_bytes: int
    parameters: int
    shared_seconds: float = 0.0
    search_seconds: float = 0.0
    confirm_seconds: float = 0.0
    trials: int = 0
    beside: set[int] = field(default_factory=set)
