"""Files and packages that add methods, metrics, data sets and what else is found by its decorator."""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import methods.base
import metrics.base
from bench.config.options import check_backbone
from bench.config.suite import Suite
from bench.records import imports, sources
from bench.runtime.errors import UsageError
from bench.runtime.registry import Registry


def load_plugin(path: str) -> None:
    """Import a file that registers methods, metrics or whatever else has a decorator; it may import modules that lie beside it.

    Raises UsageError where it cannot be imported, or where it would get another plug-in's module of a name beside it. Nothing stays then.
    """
    file = Path(path).resolve()
    name = f"bench_plugin_{file.stem}_{hashlib.sha256(os.fsencode(file)).hexdigest()[:8]}"
    if getattr(sys.modules.get(name), "__file__", None) == str(file):
        return
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise UsageError(f"plug-in {path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    for kind in Registry.every:  # ours first: they are no part of the plug-in, and their names are taken
        kind.load_ours()
    try:
        with _whole_or_not_at_all():
            before = set(sys.modules)
            held = [(registry, set(registry)) for registry in _registries()]
            sys.modules[name] = module
            if str(file.parent) not in sys.path:
                sys.path.append(str(file.parent))
            spec.loader.exec_module(module)
            _check_helpers(file, before)
            for registry, known in held:
                for one in registry.keys() - known:
                    if hasattr(registry[one], "plugin"):
                        registry[one] = replace(registry[one], plugin=str(file))
    except UsageError as problem:
        raise UsageError(f"plug-in {path}: {problem}") from problem
    except (Exception, SystemExit) as problem:
        first = (str(problem).strip().splitlines() or ["no message"])[0]
        raise UsageError(f"plug-in {path}: {type(problem).__name__}: {first}: mend that file") from problem


def _registries() -> list[dict[str, Any]]:
    return [methods.base.registry, metrics.base.registry, *Registry.every]


@contextmanager
def _whole_or_not_at_all() -> Iterator[None]:
    """What fails inside leaves no module of a plug-in's own, no folder on the path, nothing registered."""
    modules, folders = set(sys.modules), list(sys.path)
    registries = [(registry, dict(registry)) for registry in _registries()]
    try:
        yield
    except BaseException:
        for name in set(sys.modules) - modules:
            if name.startswith("bench_plugin_") or _own_file(name):
                sys.modules.pop(name, None)
        sys.path[:] = folders
        for registry, content in registries:
            registry.clear()
            registry.update(content)
        raise


def _check_helpers(file: Path, before: set[str]) -> None:
    """Note a plug-in's own modules among those that came with it. Raises UsageError where it would get another plug-in's instead."""
    gained = map(_own_file, set(sys.modules) - before)
    imports.seen_loading[file] = {one for one in gained if one is not None} - {file}
    own = [Path(name) for name in sources.of_files(file) if Path(name).is_absolute()]
    other = imports.mistaken(file, [one for one in own if not imports.is_installed(one)])
    if other is not None:
        raise UsageError(f"{other[0]} has the name of {other[1]}, which would be taken for it: rename one of them")


def _own_file(module: str) -> Path | None:
    """The file of a loaded module that is neither this project's nor installed."""
    name = getattr(sys.modules.get(module), "__file__", None)
    file = Path(name).resolve() if name and name.endswith(".py") else None
    return None if file is None or imports.is_ours(file) or imports.is_installed(file) else file


def register(suite: Suite, plugins: Sequence[str]) -> list[str]:
    """Load every method and metric, those of plug-ins as well; gives the plug-ins' paths.

    Raises UsageError, also where the suite's backbone is neither ours nor theirs.
    """
    methods.load()
    metrics.load()
    paths = [*suite.plugins, *(str(Path(plugin).resolve()) for plugin in plugins)]
    for path in paths:
        load_plugin(path)
    try:
        check_backbone(suite.backbone)
    except ValueError as problem:
        raise UsageError(f"suite {suite.name}: backbone: {problem}") from problem
    return paths
