"""The registry of data sets: built in, from other packages by entry point, the user's own by path. Free of torch."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from bench.datasets.base import DataError, Dataset
from bench.runtime.errors import nearest
from bench.runtime.registry import Registry

GROUP = "bench.datasets"

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry:
    """A registered data set. With `by_path` it is asked for as NAME:PATH and its function takes that path alone."""

    name: str
    function: Callable[..., Dataset]
    source: str
    licence: str
    about: str
    by_path: bool = False
    upright: str = ""

    @property
    def shown(self) -> str:
        """The name as a user writes it."""
        return f"{self.name}:PATH" if self.by_path else self.name


registry: Registry[Entry] = Registry("data set", "bench.datasets", GROUP)


def dataset(
    name: str, *, source: str, licence: str, about: str, by_path: bool = False, upright: str = ""
) -> Callable[[_Function], _Function]:
    """Register a function that gives a `Dataset`: `function(root, *, download)`, or `function(path)` with `by_path`.

    source: where the images come from. licence: under what terms. about: one line for `list datasets`. upright: the name of
    the data set in which the same classes stand upright, where in this one they don't.
    Raises ValueError where the name is taken by another function or holds a colon.
    """
    if not name or ":" in name:
        raise ValueError(f"data set name {name!r}: give a name without a colon, which sets a path apart")

    def register(function: _Function) -> _Function:
        taken = registry.get(name)
        if taken is not None and _origin(taken.function) != _origin(function):
            raise ValueError(
                f"data set {name!r} is already registered by {_origin(taken.function)}; choose another name"
            )
        registry[name] = Entry(name, function, source, licence, about, by_path, upright)
        return function

    return register


def _origin(function: Callable[..., Any]) -> str:
    """Where a function was written; a module that is imported anew gives the same."""
    return f"{function.__module__}.{function.__qualname__}"


def _plug_ins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def names() -> list[str]:
    """Every data set's name as a user writes it, sorted; those read from a path come last. Imports no plug-in."""
    registry.load_ours()
    plain = {entry.shown for entry in registry.values() if not entry.by_path}
    by_path = {entry.shown for entry in registry.values() if entry.by_path}
    return [*sorted(plain | (_plug_ins().keys() - registry.keys())), *sorted(by_path)]


def _load_plug_in(point: EntryPoint) -> None:
    """Import a plug-in, which registers itself. Raises DataError where it can't be imported or gives something else."""
    origin = f"data set {point.name!r} of entry point {point.value}"
    try:
        point.load()
    except (ImportError, AttributeError, SyntaxError) as problem:
        raise DataError(f"{origin}: cannot be imported ({problem}); mend or uninstall that package") from problem
    if point.name not in registry:
        raise DataError(f"{origin}: registers no such name; decorate its function with @dataset({point.name!r}, ...)")


def _unknown(name: str) -> DataError:
    return DataError(nearest(name, names(), "data set"))


def describe(name: str) -> Entry:
    """Source, licence and a line about a data set; `folder` and `folder:PATH` name the same. DataError if unknown."""
    registry.load_ours()
    key, _, _ = name.partition(":")
    if key not in registry:
        point = _plug_ins().get(key)
        if point is None:
            raise _unknown(name)
        _load_plug_in(point)
    entry = registry[key]
    if ":" in name and not entry.by_path:
        raise _unknown(name)
    return entry


def load(name: str, root: Path, *, download: bool = True) -> Dataset:
    """The data set of that name, read from `root`, and downloaded into it where absent and `download` allows.

    `NAME:PATH` data sets are read from their own path. Raises DataError, one line, for whatever is wrong with the data.
    """
    entry = describe(name)
    if not entry.by_path:
        loaded = entry.function(Path(root), download=download)
    else:
        path = name.partition(":")[2]
        if not path:
            raise DataError(f"data set {name!r}: has no path; write {entry.shown} with a path of your own")
        loaded = entry.function(Path(path).expanduser())
    if not isinstance(loaded, Dataset):
        raise DataError(f"data set {name!r}: its function gives {type(loaded).__name__}; make it return a Dataset")
    return dataclasses.replace(loaded, name=name, source=entry.source, licence=entry.licence, upright=entry.upright)


def load_upright(dataset: Dataset, root: Path) -> Dataset:
    """The data set in which the classes of `dataset`, which names one, stand upright; from files that are there.

    Raises DataError as `load` does, and where its images have another shape or its classes other names.
    """
    upright = load(dataset.upright, root, download=False)
    if (upright.shape, upright.classes) != (dataset.shape, dataset.classes):
        raise DataError(
            f"data set {dataset.name!r}: its upright data set {dataset.upright!r} has images of {upright.shape} in "
            f"{upright.n_classes} classes, it has {dataset.shape} in {dataset.n_classes}; make shapes and classes the same"
        )
    return upright
