"""The code that a result depends on, by digest: followed from file to file by its imports, never listed. Standard library alone.

A digest is of a file's syntax tree, so that comments, docstrings and layout change none, and is the same on every Python. A name taken from
a package counts as the module that defines it. What is imported for type checkers alone does not count.
"""

import ast
import hashlib
import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.records.imports import INSTALLED, ROOT, imported, is_installed, is_ours, parsed, syntax_of

IGNORED = ("ctx", "kind", "type_comment", "type_ignores")
"""Fields of the syntax tree that say nothing of what the code does."""


def file_of(thing: Any) -> Path:
    """Where a module, class or function is written, under whatever decorates it; of another object, the module that holds its class."""
    inner = inspect.unwrap(thing) if callable(thing) else thing
    written = inspect.ismodule(inner) or inspect.isclass(inner) or inspect.isfunction(inner)
    return Path(inspect.getfile(inner if written else sys.modules[inner.__module__])).resolve()


def of(*things: Any, without: Collection[Path] = ()) -> dict[str, str]:
    """File to digest: of the files of these modules, classes and functions, and of whatever they import of this project or beside them.

    Files of this project are named from its root, others by their path. without: files that are neither counted nor followed.
    """
    return of_files(*map(file_of, things), without=without)


def of_entry(plugin: str, *things: Any) -> dict[str, str]:
    """`of` what a registry holds, and of the plug-in's file that put it there, where one did."""
    return of(*things) | of_files(*([Path(plugin)] if plugin else []))


def of_files(*files: Path, without: Collection[Path] = ()) -> dict[str, str]:
    """As `of`."""
    found: dict[str, str] = {}
    waiting = list(files)
    while waiting:
        path = waiting.pop()
        if path not in without and _name(path) not in found:
            found[_name(path)] = _digest(path.read_bytes())
            waiting += sorted(imported(path))
    return dict(sorted(found.items()))


def of_definition(*functions: Callable[..., Any]) -> dict[str, str]:
    """`file:name` to the digest of a function or method alone, as where a registry holds several in a file."""
    found = {}
    for function in functions:
        path = file_of(function)
        node: Any = syntax_of(path)
        for name in function.__qualname__.split("."):
            (node,) = [one for one in node.body if getattr(one, "name", "") == name]
        found[f"{_name(path)}:{function.__qualname__}"] = _short(_as_text(node))
    return found


def combined(digests: Mapping[str, str]) -> str:
    """One digest of several. Where a plug-in's files lie does not count, but how they lie to each other."""
    foreign = [Path(name) for name in digests if Path(name).is_absolute() and not is_installed(Path(name))]
    common = os.path.commonpath([path.parent for path in foreign]) if foreign else ""
    return _short("\n".join(sorted(f"{_place(name, common)} {digest}" for name, digest in digests.items())))


@cache
def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if is_ours(path) else str(path)


def _place(name: str, common: str) -> str:
    """A file's name without the place where it lies: below site-packages, or below the folder of all that is a plug-in's."""
    for installed in INSTALLED:
        name = name.rpartition(f"/{installed}/")[2]
    return os.path.relpath(name, common) if Path(name).is_absolute() else name


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


# What a file says.


@cache
def _digest(content: bytes) -> str:
    try:
        return _short(_as_text(parsed(content)))
    except (RecursionError, ValueError):  # nested beyond what Python walks, a number of thousands of digits
        return hashlib.sha256(content).hexdigest()[:16]


def _as_text(value: Any) -> str:
    """A syntax tree as text. Fields that are empty are left out: newer versions of Python have more of them."""
    if isinstance(value, list):
        return f"[{', '.join(_as_text(one) for one in value if not _is_docstring(one))}]"
    if not isinstance(value, ast.AST):
        return ascii(value)
    if isinstance(value, ast.JoinedStr):
        return f"JoinedStr({', '.join(map(_as_text, _joined(value)))})"
    fields = [(name, getattr(value, name, None)) for name in value._fields if name not in IGNORED]
    stated = [f"{name}={_as_text(inner)}" for name, inner in fields if not _is_empty(name, inner)]
    return f"{type(value).__name__}({', '.join(stated)})"


def _is_docstring(node: Any) -> bool:
    """A string that stands alone, at the head of a definition or below an assignment."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_empty(name: str, value: Any) -> bool:
    nothing = isinstance(value, list) and all(map(_is_docstring, value))
    return value is None or nothing or (name == "format_spec" and not _joined(value))


def _joined(node: ast.JoinedStr) -> list[ast.expr | str]:
    """An f-string's parts, neighbouring texts as one: versions of Python cut them differently."""
    parts: list[ast.expr | str] = []
    for part in node.values:
        if not isinstance(part, ast.Constant):
            parts.append(part)
        elif parts and isinstance(parts[-1], str):
            parts[-1] += str(part.value)
        elif part.value:
            parts.append(str(part.value))
    return parts
