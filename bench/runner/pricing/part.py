"""What a price is made of, and the clock that it is measured by."""

import time
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Part:
    """Seconds of one piece of a cell's work.

    once: names what the first cell that needs it pays for all; empty where each cell pays. by_seed: for those of its seed.
    """

    name: str
    seconds: float
    once: str = ""
    by_seed: bool = True


def now(device: torch.device) -> float:
    """Seconds, when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
