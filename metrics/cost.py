"""What a cell costs: time by CUDA events on a GPU and by perf_counter on a CPU, warm-up left out; memory; size."""

from __future__ import annotations

from metrics.base import metric

MEBIBYTE = 2**20


@metric(
    unit="s",
    better="lower",
    source="harness clock: training alone, searches included; no set-up, no evaluation, no logging",
)
def train_seconds(train_seconds: float) -> float:
    """Seconds of training."""
    return float(train_seconds)


@metric(
    unit="s",
    better="none",
    source="harness clock: the part of train_seconds that phases take which rows of a seed share; trained once, counted in each row",
)
def shared_train_seconds(shared_train_seconds: float) -> float:
    """Seconds of the shared phases."""
    return float(shared_train_seconds)


@metric(
    unit="s",
    better="none",
    source="harness clock: seconds for 100 trials of the method's searches, pruned trials included",
)
def seconds_per_100_trials(seconds_per_100_trials: float) -> float:
    """Seconds for 100 trials."""
    return float(seconds_per_100_trials)


@metric(
    unit="images/s", better="higher", source="harness clock: training images by training seconds, searches left out"
)
def images_per_second(images_per_second: float) -> float:
    """Training images a second."""
    return float(images_per_second)


@metric(unit="s", better="lower", source="harness clock: seconds for 10,000 samples")
def sample_seconds(sample_seconds: float) -> float:
    """Seconds for 10,000 samples."""
    return float(sample_seconds)


@metric(unit="MiB", better="lower", source="the device allocator's peak on a GPU, the process's peak on a CPU")
def peak_memory_mib(peak_memory_bytes: int) -> float:
    """Peak memory in MiB."""
    return peak_memory_bytes / MEBIBYTE


@metric(unit="parameters", better="none", source="trainable numbers of the method")
def parameters(parameters: int) -> float:
    """How many numbers the method trains."""
    return float(parameters)
