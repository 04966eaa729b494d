"""Arrays that took long to make, kept in the user's cache, whole or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.storage import replacing
from bench.runtime.paths import cache_folder

if TYPE_CHECKING:
    import numpy as np


def kept(what: str, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array kept for `what` under `key`, made and kept now where there is none; older keys of `what` are dropped.

    What is kept is mapped, not read: processes side by side share its pages, and what one writes to the array stays its own.
    A copy that cannot be read is made again. A cache that cannot be written costs a warning, not the array.
    """
    import numpy as np

    path = cache_folder() / "arrays" / f"{what}-{key}.npy"
    try:
        return _mapped(path)
    except (OSError, ValueError, EOFError):
        array = make()
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, array)
        for old in path.parent.glob(f"{what}-*.npy"):
            if old != path:
                old.unlink(missing_ok=True)
    except OSError as problem:
        warnings.warn(
            f"{path.parent}: cannot keep decoded images there ({problem.strerror}); set BENCH_CACHE", stacklevel=2
        )
        return array
    del array  # before the copy on the disk is mapped: the two are not held together
    return _mapped(path)


def _mapped(path: Path) -> np.ndarray:
    """The array in a file, its pages read as they are asked for; writable, but never through to the file."""
    import numpy as np

    return np.load(path, mmap_mode="c", allow_pickle=False)
