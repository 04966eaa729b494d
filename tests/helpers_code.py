"""The digests of all methods' and metrics' code, and plug-ins to try them on."""

from collections.abc import Callable
from typing import Any

import methods
import metrics
from bench.config.budget import Budget
from bench.config.options import resolve
from bench.records import sources
from bench.runner.plan import described
from bench.scoring.selection import code_of_score
from methods.base import ImageSpec
from methods.base import registry as known_methods
from metrics.base import registry as known_metrics

methods.load()
metrics.load()
Edit = Callable[[str, str], None]
"""Lets a file have more text than it has on the disk."""
Plugin = Callable[..., Any]
"""Loads a plug-in of a name and a statement, with other files beside it; gives its method's entry."""

HELPED = '''
from methods.base import method
from methods.vae import VAE
{statement}

@method("{name}", source="a test")
class Own(VAE):
    """Own."""
'''


def code(entry: Any, optimiser: str = "adam", **options: Any) -> dict[str, str]:
    spec = ImageSpec(1, 28, 28, 10)
    budget = Budget(epochs=1, optimiser=optimiser)
    return described(entry.name, entry, spec, resolve(entry.name, entry, options), budget)[1]


def training() -> dict[str, str]:
    """Method to the digest of the code that trains it, on the dense backbone and by Adam; some on others."""
    own = {name: entry for name, entry in known_methods.items() if entry.cls.__module__.startswith("methods.")}
    found = {name: code(entry) for name, entry in own.items()}
    found["vae on conv32"] = code(own["vae"], backbone="conv32")
    found["vae by adadelta"] = code(own["vae"], "adadelta")
    return {name: sources.combined(one) for name, one in found.items()}


def scoring() -> dict[str, str]:
    own = [one for one in known_metrics.values() if one.function.__module__.startswith("metrics.")]
    return {one.name: sources.combined(code_of_score(one)) for one in own}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}
