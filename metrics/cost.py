"""What a cell costs: time by CUDA events on a GPU and by perf_counter on a CPU, warm-up left out; memory; size."""

from __future__ import annotations

from metrics.base import Better, metric

MEBIBYTE = 2**20
ONCE = "measured once a cell"


def _register(name: str, unit: str, better: Better, source: str) -> None:
    """A cost as the harness measured it."""

    @metric(name=name, unit=unit, better=better, source=source, no_interval=ONCE, reads={"measured": name})
    def cost(measured: float) -> float:
        """As the harness measured it."""
        return float(measured)


CLOCK = "harness clock:"
SHARED = "which rows of a seed share; trained once, counted in each row"
_register(
    "train_seconds", "s", "lower", f"{CLOCK} training alone, searches included; no set-up, no evaluation, no logging"
)
_register("shared_train_seconds", "s", "none", f"{CLOCK} the part of train_seconds that phases take {SHARED}")
_register(
    "seconds_per_100_trials",
    "s",
    "none",
    f"{CLOCK} seconds for 100 trials of the method's searches, pruned trials included",
)
_register("images_per_second", "images/s", "higher", f"{CLOCK} training images by training seconds, searches left out")
_register("sample_seconds", "s", "lower", f"{CLOCK} seconds for 10,000 samples")


@metric(
    unit="MiB",
    better="lower",
    source="the device allocator's peak on a GPU, the process's peak on a CPU",
    no_interval=ONCE,
)
def peak_memory_mib(peak_memory_bytes: int) -> float:
    """Peak memory in MiB."""
    return peak_memory_bytes / MEBIBYTE


_register("parameters", "parameters", "none", "trainable numbers of the method")
