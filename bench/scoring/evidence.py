"""Evidence: what a trained method says, by name. A name is a function whose arguments name what it is gathered from.

An argument is another evidence's name, or a field of `Evidence`: what the cell hands over. One with a default is taken where there is
none. `method` may be annotated with the capability that is needed. New evidence is a function decorated with `@evidence` in a file of
this folder, in a plug-in, or in a package with an entry point `bench.evidence`.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from bench.runtime.errors import nearest
from bench.runtime.registry import Registry
from bench.runtime.seeds import seeded
from metrics.base import Unavailable, read_by

if TYPE_CHECKING:
    from bench.config.suite import Evaluation
    from bench.scoring.cache import Cache
    from bench.scoring.classifier import Neutral
    from methods.base import AbstractMethod, Images, TrainingData
    from metrics.features import Extractor

_Function = TypeVar("_Function", bound=Callable[..., Any])


class MissingCapability(Exception):
    """The method has not the capability that the evidence comes from: its metrics are shown as a dash."""


class Failed(Unavailable):
    """Evidence or a metric raised what it should not: it costs the scores that read it, and the cell its status."""

    def __init__(self, name: str, cause: Exception) -> None:
        super().__init__(f"{name}: {type(cause).__name__}: {' '.join(str(cause).split()) or 'no message'}")
        self.__cause__ = cause


@dataclass(frozen=True)
class Definition:
    """How a name is gathered. reads: argument to the name that it takes; where there is no function, alternatives in order."""

    name: str
    function: Callable[..., Any] | None
    reads: Mapping[str, str]
    stream: str = ""
    plugin: str = ""
    """The plug-in's file that registers it."""

    capability: Any = None
    """What the method has to be, as `isinstance` takes it, where the argument `method` says so."""


registry: Registry[Definition] = Registry("evidence", "bench.scoring", "bench.evidence")


def evidence(
    function: _Function | None = None, *, stream: str = "", name: str = "", reads: Mapping[str, str] | None = None
) -> Any:
    """Register a function as evidence, under its own name or `name`: `@evidence`, or with these arguments.

    Its draws come from the noise stream of that name, or of `stream`. reads: arguments that take evidence of another name than their own.
    Raises ValueError where the name is taken, or `method` is annotated with what no method can be held against.
    """

    def register(function: _Function) -> _Function:
        own = name or function.__name__
        if own in HANDED:
            raise ValueError(f"evidence {own!r}: a cell hands over something of this name: choose another name")
        needs = read_by(function) | dict(reads or {})
        registry.add(own, Definition(own, function, needs, stream or own, capability=_capability(function)))
        return function

    return register if function is None else register(function)


def _capability(function: Callable[..., Any]) -> Any:
    """The annotation of `method`, resolved; None where there is none, or any will do."""
    stated = function.__annotations__.get("method")
    try:
        found = eval(stated, function.__globals__) if isinstance(stated, str) else stated
        if found in (None, Any):
            return None
        isinstance(None, found)
    except (NameError, TypeError) as problem:
        raise ValueError(
            f"evidence {function.__name__!r}: `method` is annotated {stated!r} ({problem}): name a class, or a runtime_checkable protocol, "
            "that is imported when the file runs"
        ) from problem
    return found


def simply(**functions: Callable[..., Any]) -> None:
    """Register evidence that is read off other evidence in one expression."""
    for name, function in functions.items():
        evidence(name=name)(function)


def either(name: str, *alternatives: str) -> None:
    """Register evidence that is the first of these that the method has the capability for."""
    registry.add(name, Definition(name, None, {one: one for one in alternatives}))


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


@dataclass
class Evidence:
    """A trained method's evidence: `evidence.samples` gathers it, once, without gradients; a failure, of any kind, is kept as well.

    cell_seed: noise comes from its streams. costs: what training took. originals_name, train_name: name the images in the cache.
    load_*: give a network, or raise Unavailable. protocol: what a record states of how it was measured, as gathering finds it.
    """

    method: AbstractMethod
    data: TrainingData
    test: Images
    settings: Evaluation
    cell_seed: int
    costs: Cost
    _: KW_ONLY
    originals_name: str
    train_name: str
    cache: Cache
    load_neutral: Callable[[], Neutral]
    load_inception: Callable[[], Extractor]
    load_upright: Callable[[], Neutral] | None = None
    protocol: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return self.test.x.device

    def __getattr__(self, name: str) -> Any:
        """Raises MissingCapability, Unavailable or Failed where it can't be gathered, AttributeError where there is no such evidence."""
        if name.startswith("__") or name not in registry:
            raise AttributeError(nearest(name, registry, "evidence"))
        if name not in self.kept:
            try:
                self.kept[name] = self._gathered(registry[name])
            except (MissingCapability, Unavailable) as reason:
                self.kept[name] = reason
            except Exception as problem:  # noqa: BLE001  whatever it is: scores that don't read it are as good as ever
                self.kept[name] = Failed(name, problem)
        value = self.kept[name]
        if isinstance(value, (MissingCapability, Unavailable)):
            raise value.with_traceback(None)
        return value

    def _gathered(self, one: Definition) -> Any:
        if one.function is None:
            return self._first(one.reads)
        if one.capability is not None and not isinstance(self.method, one.capability):
            raise MissingCapability(getattr(one.capability, "__name__", str(one.capability)))
        arguments = self.arguments(one.function, one.reads)
        with torch.no_grad(), seeded(self.cell_seed, f"evidence/{one.stream}", self.device):
            return one.function(**arguments)

    def _first(self, alternatives: Iterable[str]) -> Any:
        reasons = []
        for name in alternatives:
            try:
                return getattr(self, name)
            except MissingCapability as reason:
                reasons.append(reason)
        raise reasons[0]

    def arguments(self, function: Callable[..., Any], reads: Mapping[str, str]) -> dict[str, Any]:
        """What a function reads. Raises MissingCapability where the method lacks any of it, else Unavailable where any is refused."""
        found: dict[str, Any] = {}
        refused: Unavailable | None = None
        for argument, name in reads.items():
            default = inspect.signature(function).parameters[argument].default
            try:
                found[argument] = getattr(self, name)
            except (MissingCapability, Unavailable) as reason:
                if default is not inspect.Parameter.empty and not isinstance(reason, Failed):
                    found[argument] = default
                elif isinstance(reason, MissingCapability):
                    raise
                else:
                    refused = refused or reason
        if refused is not None:
            raise refused
        return found


HANDED = {one.name for one in fields(Evidence)} | {"device"}
"""What a cell hands over: names that evidence may read, and metrics may not."""


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


def over(images: Images, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """What a function of images and labels gives of all images, a batch at a time."""
    return joined((function(x, y) for x, y in images.batches()), len(images))
