"""Every method of the papers, one file each. `load()` fills the registry with these and with other packages' entry points."""

import importlib
import pkgutil
from importlib.metadata import entry_points


def load() -> None:
    """Import every module of this package and every entry point of the group `bench.methods`."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    for point in entry_points(group="bench.methods"):
        point.load()
