"""The neutral classifier of a data set: trained once on the official training split, cached by hash, its test accuracy stated."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench.clock import Clock
from bench.datasets.base import Dataset
from bench.loop import Budget
from bench.paths import cache_folder
from bench.seeds import seeded
from bench.sources import ROOT
from bench.training import train
from methods.base import AbstractMethod, Images, Terms, TrainingData
from metrics.features import NeutralClassifier, predict

SEED = 0
STEPS = 1000
"""At least so many optimiser steps, and at least two epochs: small data sets take more epochs."""


@dataclass(frozen=True)
class Neutral:
    """A trained neutral classifier in eval mode, the hash of its weights, and its accuracy on the whole test split."""

    classifier: NeutralClassifier
    hash: str
    test_accuracy: float


class _Classification(AbstractMethod):
    """The classifier as the loop takes it: cross-entropy in nats."""

    def __init__(self, classifier: NeutralClassifier) -> None:
        super().__init__()
        self.classifier = classifier

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        return {"cross_entropy": F.cross_entropy(self.classifier(x), y, reduction="none")}


def budget(images: int) -> Budget:
    """Two epochs at least. Without the decay, two epochs of MNIST end at 98.6 % test accuracy instead of 99.2 %."""
    return Budget(epochs=max(2, -(-STEPS * 128 // images)), batch=128, learning_rate=2e-3, decay=True)


def cache_path(dataset: Dataset) -> Path:
    """Where the weights lie: named by data, recipe and code."""
    code = b"".join(
        (ROOT / name).read_bytes()
        for name in ("metrics/features.py", "bench/neutral.py", "bench/loop.py", "bench/training.py")
    )
    recipe = f"{dataset.digest} {budget(len(dataset.x_train))} {SEED}".encode()
    return cache_folder() / "neutral" / f"{hashlib.sha256(recipe + code).hexdigest()[:24]}.safetensors"


def get(dataset: Dataset, device: torch.device) -> Neutral:
    """The cached classifier, or a new one. One process trains; others that ask meanwhile wait for it."""
    path = cache_path(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock")):
        if not path.is_file():
            _train_and_save(dataset, device, path)
    classifier = NeutralClassifier(dataset.shape, dataset.n_classes)
    classifier.load_state_dict(load_file(path))
    stated = json.loads(path.with_suffix(".json").read_text())
    return Neutral(classifier.to(device).eval(), classifier.hash(), stated["test_accuracy"])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _train_and_save(dataset: Dataset, device: torch.device, path: Path) -> None:
    images = Images(dataset.x_train.to(device), dataset.y_train.to(device))
    test = Images(dataset.x_test.to(device), dataset.y_test.to(device))
    with seeded(SEED, "neutral weights", torch.device("cpu")):
        classifier = NeutralClassifier(dataset.shape, dataset.n_classes)
    held_out = Images(images.x[:0], images.y[:0])
    with seeded(SEED, "neutral noise", device):
        method = _Classification(classifier).to(device)
        train(method, TrainingData(images, held_out, dataset.n_classes), test, budget(len(images)), SEED, Clock(device))
    classifier.eval()
    predictions, _ = predict(classifier, test.x)
    accuracy = (predictions == test.y).double().mean().item()
    path.with_suffix(".json").write_text(
        json.dumps({"test_accuracy": accuracy, "dataset": dataset.name, "digest": dataset.digest})
    )
    temporary = path.with_suffix(f".{os.getpid()}")
    save_file({name: value.cpu().contiguous() for name, value in classifier.state_dict().items()}, temporary)
    os.replace(temporary, path)
