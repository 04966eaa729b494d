"""The time on a device. Apart from the clock, on which no score hangs."""

import time

import torch


def now(device: torch.device) -> float:
    """Seconds by perf_counter, when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
