"""What the user can mend, told in one line instead of a traceback. Standard library alone."""

import difflib
import errno
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoints, entry_points

MENDABLE = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EPERM)
"""Errors of a disk or folder that can't be written."""


class UsageError(ValueError):
    """What was asked for cannot be: one line that names the thing, what is wrong and what to do. Exit status 2."""


def is_usage(problem: BaseException) -> bool:
    """Whether an error is the user's to mend, by its type: a library's own ValueError is not."""
    return isinstance(problem, UsageError) or (isinstance(problem, OSError) and problem.errno in MENDABLE)


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """`unknown method 'vea': did you mean 'vae'? known: ...`"""
    known = sorted(known)
    close = [one for text in (name, name.lower()) for one in difflib.get_close_matches(text, known, n=1, cutoff=0.4)]
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {what} {name!r}: {guess}known: {', '.join(known)}"


def load_entry_points(group: str) -> None:
    """Import what other packages register under a group. Raises UsageError where one can't be imported or its name is taken."""
    for point in _entry_points(group, tuple(sys.path)):
        try:
            point.load()
        except (ImportError, AttributeError, SyntaxError, ValueError) as problem:
            raise UsageError(
                f"entry point {point.name} = {point.value} of {group}: cannot be imported ({problem}): mend or uninstall that package"
            ) from problem


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> EntryPoints:
    """Looked for once in each path: it reads a file of every package that is installed."""
    return entry_points(group=group)
