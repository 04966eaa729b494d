"""Every test of a method starts from the same noise; a batch of the tiny data set."""

import pytest
import torch
from torch import Tensor

from methods.base import TrainingData


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def batch(data: TrainingData) -> tuple[Tensor, Tensor]:
    return next(data.train.batches())
