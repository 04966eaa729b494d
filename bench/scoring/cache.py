"""Evidence that hangs on the data alone, kept in the user's cache for all rows and runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
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

    def rows(
        self,
        name: str,
        makers: Sequence[Callable[..., object]],
        wanted: Tensor,
        size: int,
        make: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Values (M,) float64 of the wanted rows, (M,), of a table (size,) that fills as they are asked for.

        make: gives those of rows that are not there. Of two writers at once one's rows are made again another time.
        """
        path = self.folder / f"{name}-{code_of(*makers)[:8]}.safetensors"
        table = (kept_tensors(path) or {}).get("rows")
        if table is None or table.shape != (size,):
            table = torch.full((size,), torch.nan, dtype=torch.float64)
        each = wanted.cpu().unique()
        missing = each[table[each].isnan()]
        if len(missing):
            table[missing] = make(missing.to(wanted.device)).cpu()
            keep_tensors(path, {"rows": table})
        return table[wanted.cpu()].to(wanted.device)


def code_of(*makers: Callable[..., object]) -> str:
    """Of their files and of what these import."""
    return sources.combined(sources.of(*makers))
