"""Data sets: `load(name, root)`, `names()`, `describe(name)`; a new one is a function decorated with `@dataset`.

Importing this package, and listing names, imports no torch; `bench.datasets.base` has `Dataset`.
"""

from bench.datasets.base import DataError, Dataset
from bench.datasets.registry import Entry, dataset, describe, load, names

__all__ = ["DataError", "Dataset", "Entry", "dataset", "describe", "load", "names"]
