"""Evidence of briefly trained methods, for what reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import methods
from bench.config.budget import Budget
from bench.config.options import build, find
from bench.config.suite import Evaluation
from bench.runtime.clock import Clock
from bench.runtime.seeds import seeded
from bench.scoring.cache import Cache
from bench.scoring.classifier import Neutral
from bench.scoring.evidence import Evidence
from bench.scoring.gathering import Costs
from bench.training.trainer import train
from methods.base import Images, ImageSpec, TrainingData
from metrics.base import Unavailable
from metrics.features import NeutralClassifier

methods.load()
CPU = torch.device("cpu")

Make = Callable[..., Evidence]


@pytest.fixture
def make(spec: ImageSpec, data: TrainingData, test_images: Images, tmp_path: Path) -> Make:
    """Evidence of a method by name, briefly trained, with a neutral classifier of the given accuracy."""
    torch.manual_seed(0)
    classifier = NeutralClassifier((spec.channels, spec.height, spec.width), spec.classes).eval()

    def made(
        name: str = "lambda-hot", accuracy: float = 0.9, seed: int = 0, costs: Costs | None = None, **options: Any
    ) -> Evidence:
        torch.manual_seed(0)
        method = build(name, find(name), spec, options)
        with seeded(0, "noise", CPU):
            curves = train(method, data, test_images, Budget(epochs=1, batch=16), 0, Clock(CPU))
        settings = Evaluation(
            samples=30, samples_per_class=3, importance_samples=6, importance_images=7, neutral_floor=0.8
        )
        return Evidence(
            method.eval(),
            data,
            test_images,
            settings,
            seed,
            costs or Costs(2.0, curves.trained_images, 3 * 2**20, 11),
            neutral=lambda: Neutral(classifier, "hash of it", accuracy),
            inception=lambda: _refuse("no weights here"),
            originals_name="tiny",
            train_name="tiny-train",
            cache=Cache(tmp_path),
        )

    return made


def _refuse(reason: str) -> Any:
    raise Unavailable(reason)
