"""Which files a file takes something from, read off its syntax tree: of this project, and of what is a plug-in's own.

Of this project's packages a name counts as the module that defines it. Of others, whose __init__.py may do anything, all counts that runs.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bench", "methods", "metrics", "leaderboards")
INSTALLED = ("site-packages", "dist-packages")
seen_loading: dict[Path, set[Path]] = {}
"""A plug-in's file to those of its own that Python imported while it was loaded, by whatever means."""


def syntax_of(path: Path) -> ast.Module:
    return parsed(path.read_bytes())


@cache
def parsed(content: bytes) -> ast.Module:
    """The syntax tree; of what this Python can't read, and so never runs, a tree that stands for the bytes themselves."""
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([ast.Return(ast.Constant(content))], [])


def imported(path: Path) -> set[Path]:
    """The files, of this project or a plug-in's own, from which it takes something where it runs."""
    if is_ours(path):
        return set(_ours(path, path.read_bytes()))
    found = {file for node in running(syntax_of(path)) for file in _foreign(node, path)}
    return (found | seen_loading.get(path, set())) - {path}


@cache
def is_ours(path: Path) -> bool:
    return path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in ROOMS


def is_installed(path: Path) -> bool:
    return any(part in INSTALLED for part in path.parts) or path.is_relative_to(Path(ast.__file__).resolve().parent)


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        checked = isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING"
        waiting += node.orelse if checked else ast.iter_child_nodes(node)  # type: ignore[attr-defined]


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _in_folder(base: Path, module: str) -> Path | None:
    """The file of a module by its dotted name below a folder, that of a package being its __init__.py."""
    stem = base.joinpath(*module.split(".")) if module else base
    for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
        try:
            if file.is_file():
                return file.resolve()
        except (OSError, ValueError):  # a name that no file can have
            return None
    return None


# This project's own.


@cache
def _ours(path: Path, content: bytes) -> frozenset[Path]:
    tree = parsed(content)
    found: set[Path] = set()
    for node in running(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                files = _module(alias.name)
                found |= _used(tree, alias.asname, alias.name) if alias.asname and files else files
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, path)
            for alias in node.names:
                files, package = _taken(module, alias.name), _module(f"{module}.{alias.name}")
                is_package = files == package and any(file.name == "__init__.py" for file in files)
                found |= _used(tree, alias.asname or alias.name, f"{module}.{alias.name}") if is_package else files
    return frozenset(found - {path})


def _module(name: str) -> set[Path]:
    file = _in_folder(ROOT, name) if name.partition(".")[0] in ROOMS else None
    return set() if file is None else {file}


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    """The dotted name of the module that a `from` statement in the file at `path` takes from."""
    package = path.parent.relative_to(ROOT).parts
    above = package[: len(package) - node.level + 1] if node.level else ()
    return ".".join([*above, *([node.module] if node.module else [])])


def _taken(module: str, name: str, followed: frozenset[tuple[str, str]] = frozenset()) -> set[Path]:
    """The files behind `from module import name`. followed: on the way here, as a package may take from itself."""
    files = _module(module)
    if not any(file.name == "__init__.py" for file in files):
        return files
    (package,) = files
    bindings = [node for node in running(syntax_of(package)) if name in _bound(node)]
    if not bindings or (module, name) in followed:
        return _module(f"{module}.{name}") or files
    if len(bindings) == 1 and isinstance(bindings[0], ast.ImportFrom) and bindings[0] in syntax_of(package).body:
        (original,) = [one.name for one in bindings[0].names if (one.asname or one.name) == name]
        return _taken(_absolute(bindings[0], package), original, followed | {(module, name)})
    return files  # defined in the package itself, or bound there more than once: all of it


def _bound(node: ast.AST) -> set[str]:
    """Names that a node gives a meaning to."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    return {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()


def _used(tree: ast.Module, name: str, package: str) -> set[Path]:
    """Of a package bound to a name, the files behind what is read of it: `parts.ssim`. The whole package where it is used otherwise."""
    nodes = list(ast.walk(tree))
    read = [one.attr for one in nodes if isinstance(one, ast.Attribute) and _is_name(one.value, name)]
    if not read or len(read) != sum(_is_name(one, name) for one in nodes):
        return _module(package)
    return {file for attribute in read for file in _taken(package, attribute)}


# A plug-in's own.


def _foreign(node: ast.AST, path: Path) -> set[Path]:
    """The files behind one node of a file that is not this project's."""
    if isinstance(node, ast.Import):
        return {file for alias in node.names for file in _chain(alias.name, path)}
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" if node.module else alias.name for alias in node.names]
        whole = [*([node.module] if node.module else []), *names]
        if node.level:
            base = path.parents[node.level - 1]
            own = {file for name in whole for file in _run_by(base, name)}
            return own | {file for file in [_in_folder(base, "")] if file is not None}
        if node.module and node.module.partition(".")[0] in ROOMS:
            return {file for alias in node.names for file in _taken(node.module, alias.name)}
        return {file for name in whole for file in _chain(name, path)}
    return _by_text(node, path) if isinstance(node, ast.Call) else set()


def _chain(module: str, path: Path) -> set[Path]:
    """The files that run where the file at `path` imports a module: its own, and those of the packages that it lies in."""
    if module.partition(".")[0] in ROOMS:
        return _module(module)
    base = _base(module.partition(".")[0], path)
    return set() if base is None else _run_by(base, module)


def _run_by(base: Path, module: str) -> set[Path]:
    parts = module.split(".")
    files = [_in_folder(base, ".".join(parts[: at + 1])) for at in range(len(parts))]
    return {file for file in files if file is not None}


def _base(top: str, path: Path) -> Path | None:
    """The folder in which the file at `path` finds a module of this name, where that is its own and not installed: as Python finds it."""
    found = _finds(top)
    if found is None:
        return next((base for base in (path.parent, _top(path)) if _lies_in(base, top)), None)
    if is_installed(found) and not (is_installed(path) and found in path.parents):
        return None
    return found.parent


def _finds(top: str) -> Path | None:
    """The file or folder of a top-level module that is loaded, or that the import path leads to first."""
    if top in sys.stdlib_module_names:
        return Path(ast.__file__).resolve()
    spec = getattr(sys.modules.get(top), "__spec__", None) or PathFinder.find_spec(top)
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin]
    return Path(places[0]).resolve() if places and places[0] else None


def _lies_in(base: Path, top: str) -> Path | None:
    folder = base / top
    return _in_folder(base, top) or (folder if folder.is_dir() and any(folder.glob("*.py")) else None)


def _top(path: Path) -> Path:
    """The folder that the package of a file lies in."""
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _by_text(call: ast.Call, path: Path) -> set[Path]:
    """A module that a call names by a text: importlib.import_module("name"), or the name of a file beside the plug-in."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    found: set[Path] = set()
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            text = value.value
            if text.endswith(".py"):
                file = _in_folder(path.parent, text.removesuffix(".py")) if "/" not in text else None
                found |= {file} if file is not None else set()
            elif ast.unparse(call.func).rpartition(".")[2] in ("import_module", "__import__"):
                found |= _chain(text, path)
    return found


def mistaken(path: Path, files: list[Path]) -> tuple[Path, Path] | None:
    """A module beside a plug-in that one of its files asks for by name, and another of that name, no installed one, which it would get."""
    for file in files:
        for node in running(syntax_of(file)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for top in {name.partition(".")[0] for name in names} - set(ROOMS):
                beside, found = _lies_in(path.parent, top), _finds(top)
                if beside is None or found is None or beside == path or is_installed(found):
                    continue
                beside, found = (one.parent if one.name == "__init__.py" else one for one in (beside, found))
                if beside != found and not _alike(beside, found):
                    return beside, found
    return None


def _alike(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()
