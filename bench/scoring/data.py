"""Evidence that is the data's own, and of what training took."""

from typing import TypeVar

from bench.runtime.seeds import stream
from bench.scoring.evidence import Cost, MissingCapability, evidence, simply
from metrics.base import Unavailable

T = TypeVar("T", int, float)

simply(
    x_test=lambda test: test.x.float() / 255,
    y_test=lambda test: test.y,
    y_train=lambda data: data.train.y,
    n_classes=lambda data: data.classes,
    class_probabilities=lambda data: data.class_frequencies(),
    originals=lambda test, settings: test.x[: settings.samples],  # real, uint8, as many as there are samples, or all
    seed=lambda cell_seed: stream(cell_seed, "metrics"),
)


def _or_missing(value: T, capability: str) -> T:
    if not value:
        raise MissingCapability(capability)
    return value


@evidence
def timed_alike(costs: Cost) -> Cost:
    """The costs, where all of them were measured beside as many cells."""
    if len(costs.beside) > 1:
        counts = " and ".join(map(str, sorted(costs.beside)))
        raise Unavailable(f"parts of it were timed apart: {counts} cells side by side")
    return costs


@evidence
def images_per_second(trained_images: int, timed_alike: Cost) -> float:
    return trained_images / (timed_alike.train_seconds - timed_alike.search_seconds - timed_alike.confirm_seconds)


simply(
    trained_images=lambda costs: _or_missing(costs.trained_images, "training by gradient steps"),
    trials=lambda costs: _or_missing(costs.trials, "a search"),
    shared_seconds=lambda costs: _or_missing(costs.shared_seconds, "phases that are shared"),
    train_seconds=lambda timed_alike: timed_alike.train_seconds,
    shared_train_seconds=lambda shared_seconds, timed_alike: shared_seconds,
    seconds_per_100_trials=lambda trials, timed_alike: 100 * timed_alike.search_seconds / trials,
    peak_memory_bytes=lambda costs: costs.peak_memory_bytes,
    parameters=lambda costs: costs.parameters,
)
