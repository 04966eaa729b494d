"""Evidence that is the data's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from bench.runtime.seeds import stream
from bench.scoring.evidence import evidence

if TYPE_CHECKING:
    from bench.config.suite import Evaluation
    from methods.base import Images, TrainingData


@evidence()
def x_test(test: Images) -> Tensor:
    return test.x.float() / 255


@evidence()
def y_test(test: Images) -> Tensor:
    return test.y


@evidence()
def y_train(data: TrainingData) -> Tensor:
    return data.train.y


@evidence()
def n_classes(data: TrainingData) -> int:
    return data.classes


@evidence()
def class_probabilities(data: TrainingData) -> Tensor:
    return data.class_frequencies()


@evidence()
def originals(test: Images, settings: Evaluation) -> Tensor:
    """Real test images, uint8, as many as there are samples, or all."""
    return test.x[: settings.samples]


@evidence()
def seed(cell_seed: int) -> int:
    return stream(cell_seed, "metrics")
