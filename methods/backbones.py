"""The backbones that a suite may choose: declared here once, and read by suites, the command line and perf. Imports nothing heavy."""

import importlib
from typing import Any

BACKBONES = {
    "mlp": "methods.parts.mlp:MLP",
    "mlp-256": "methods.parts.mlp:SmallMLP",
    "mlp-softplus": "methods.parts.mlp:SoftplusMLP",
    "conv32": "methods.parts.conv32:Conv32",
}
"""Name to the place of its class, `module:class`; those of plug-ins are added by `methods.parts.backbone`."""


handed_out: set[str] = set()
"""Names that were asked for: what a method is built on, whether an option says so or it does by itself."""


def find(name: str) -> type[Any]:
    """The class of a backbone. Raises KeyError for a name that there is not."""
    module, _, cls = BACKBONES[name].partition(":")
    handed_out.add(name)
    return getattr(importlib.import_module(module), cls)
