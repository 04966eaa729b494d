"""What decorators fill: names to things of one kind. Standard library alone."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, ClassVar, TypeVar

from bench.runtime.errors import load_entry_points

T = TypeVar("T")


class Registry(dict[str, T]):
    """Things of one kind by name: those of the modules of a package of ours, of an entry-point group, of plug-ins.

    `every` are all registries, so that a plug-in that fails can be taken back whole.
    """

    every: ClassVar[list[Registry[Any]]] = []

    def __init__(self, kind: str, package: str, group: str) -> None:
        super().__init__()
        self.kind, self.package, self.group = kind, package, group
        self.every.append(self)

    def add(self, name: str, thing: T) -> None:
        """Raises ValueError where the name is taken."""
        if name in self:
            raise ValueError(f"{self.kind} {name!r} is already registered: choose another name")
        self[name] = thing

    def load(self) -> None:
        """Import every module of the package and every entry point of the group. Raises UsageError for one that can't be imported."""
        self.load_ours()
        load_entry_points(self.group)

    def load_ours(self) -> None:
        """Import every module of the package."""
        for module in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
            importlib.import_module(f"{self.package}.{module.name}")
