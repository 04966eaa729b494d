"""What decorators fill: names to things of one kind. Standard library alone."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

T = TypeVar("T")


class Registry(dict[str, T]):
    """Things of one kind by name. `every` are all registries, so that a plug-in that fails can be taken back whole."""

    every: ClassVar[list[Registry[Any]]] = []

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.every.append(self)

    def add(self, name: str, thing: T) -> None:
        """Raises ValueError where the name is taken."""
        if name in self:
            raise ValueError(f"{self.kind} {name!r} is already registered: choose another name")
        self[name] = thing
