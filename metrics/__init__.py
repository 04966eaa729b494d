"""The metrics: pure functions of evidence, a family a file, found by their decorator."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points


def load() -> None:
    """Import every module of this package and every entry point of group `bench.metrics`, so that the registry is full.

    Raises what a module that cannot be imported raises: a metric that silently went missing would look like a dash.
    """
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    for plugin in entry_points(group="bench.metrics"):
        plugin.load()
