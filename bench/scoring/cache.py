"""Evidence that hangs on the data alone, kept in the user's cache for all rows and runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from bench.records import sources
from bench.records.storage import keep_tensors, kept_tensors

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Cache:
    """A folder of tensors by name."""

    folder: Path

    def get(
        self,
        name: str,
        makers: Sequence[Callable[..., object]],
        make: Callable[[], Tensors],
        fits: Callable[[Tensors], bool] = lambda kept: True,
    ) -> Tensors:
        """What is kept under this name; made, and kept, where there is none, it is broken or does not fit.

        makers: what makes it, and the classes of the networks that it asks, whose code counts to the name.
        """
        path = self.folder / f"{name}-{code_of(*makers)[:8]}.safetensors"
        kept = kept_tensors(path)
        if kept is None or not fits(kept):
            kept = make()
            keep_tensors(path, kept)
        return kept


def code_of(*makers: Callable[..., object]) -> str:
    """Of their files and of what these import."""
    return sources.combined(sources.of(*makers))
