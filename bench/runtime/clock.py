"""Where the time goes: sections that never overlap, so that they add up to the total."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Clock:
    """Seconds by section. Entering an inner section pauses the outer one.

    On a GPU the device is brought to rest at every boundary and sections are measured between CUDA events, on a CPU by perf_counter.
    Boundaries lie between epochs and around evaluation, never within a training step.
    """

    def __init__(self, device: torch.device, started: float | None = None) -> None:
        """`started`: the perf_counter reading from which the total counts; now, where none is given."""
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)
        self.started = time.perf_counter() if started is None else started
        self._stack: list[str] = []
        self._since: float | torch.cuda.Event | None = None

    @contextmanager
    def measure(self, section: str) -> Iterator[None]:
        self._book()
        self._stack.append(section)
        self._mark()
        try:
            yield
        finally:
            self._book()
            self._stack.pop()
            self._mark()

    def _mark(self) -> None:
        if self.device.type == "cuda":
            self._since = torch.cuda.Event(enable_timing=True)
            self._since.record()
        else:
            self._since = time.perf_counter()

    def _book(self) -> None:
        if not self._stack:
            return
        assert self._since is not None
        if isinstance(self._since, float):
            elapsed = time.perf_counter() - self._since
        else:
            end = torch.cuda.Event(enable_timing=True)
            end.record()
            torch.cuda.synchronize(self.device)
            elapsed = self._since.elapsed_time(end) / 1000
        self.seconds[self._stack[-1]] += elapsed

    def total(self) -> float:
        return time.perf_counter() - self.started
