"""Evidence of what training took."""

from typing import TypeVar

from bench.scoring.evidence import Cost, MissingCapability, evidence
from metrics.base import Unavailable

T = TypeVar("T", int, float)


def _or_missing(value: T, capability: str) -> T:
    if not value:
        raise MissingCapability(capability)
    return value


@evidence()
def trained_images(costs: Cost) -> int:
    return _or_missing(costs.trained_images, "training by gradient steps")


@evidence()
def trials(costs: Cost) -> int:
    return _or_missing(costs.trials, "a search")


@evidence()
def shared_seconds(costs: Cost) -> float:
    return _or_missing(costs.shared_seconds, "phases that are shared")


@evidence()
def timed_alike(costs: Cost) -> Cost:
    """The costs, where all of them were measured beside as many cells."""
    if len(costs.beside) > 1:
        counts = " and ".join(map(str, sorted(costs.beside)))
        raise Unavailable(f"parts of it were timed apart: {counts} cells side by side")
    return costs


@evidence()
def train_seconds(timed_alike: Cost) -> float:
    return timed_alike.train_seconds


@evidence()
def images_per_second(trained_images: int, timed_alike: Cost) -> float:
    return trained_images / (timed_alike.train_seconds - timed_alike.search_seconds - timed_alike.confirm_seconds)


@evidence()
def shared_train_seconds(shared_seconds: float, timed_alike: Cost) -> float:
    assert shared_seconds == timed_alike.shared_seconds
    return shared_seconds


@evidence()
def seconds_per_100_trials(trials: int, timed_alike: Cost) -> float:
    return 100 * timed_alike.search_seconds / trials


@evidence()
def peak_memory_bytes(costs: Cost) -> int:
    return costs.peak_memory_bytes


@evidence()
def parameters(costs: Cost) -> int:
    return costs.parameters
