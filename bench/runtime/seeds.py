"""Seeds and determinism. Every purpose (split, weights, order, noise, each evidence) has a stream of its own, so that adding a draw in
one does not move another."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def stream(seed: int, purpose: str) -> int:
    """The 63-bit seed of one purpose under a run's seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:8], "big") >> 1


def generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator of one purpose: the same order on every device."""
    return torch.Generator().manual_seed(stream(seed, purpose))


@contextmanager
def seeded(seed: int, purpose: str, device: torch.device) -> Iterator[None]:
    """Draws inside come from the purpose's stream; the default generators are as before afterwards."""
    if device.type == "cuda":
        with torch.random.fork_rng([device]):
            torch.manual_seed(stream(seed, purpose))
            yield
        return
    # torch.manual_seed notes the whole call stack for a GPU that may come: a hundred times the seeding's own time
    ours = torch.default_generator
    state = ours.get_state()
    ours.manual_seed(stream(seed, purpose))
    try:
        yield
    finally:
        ours.set_state(state)


def deterministic() -> None:
    """Same seed, same machine, same scores: deterministic algorithms on, nothing chosen by timing."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory guards only against code that reads what it never wrote, and costs time in every step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set through its module's class
    torch.backends.cudnn.benchmark = False
