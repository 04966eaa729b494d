"""The neutral classifier of a data set: trained once on the official training split, cached by hash, its test accuracy stated.

Two networks: a small CNN, and ResNet-56, which colour needs.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.config.budget import Budget
from bench.datasets.base import Dataset
from bench.records.sources import ROOT
from bench.records.storage import keep_tensors, kept_tensors, locked, write_text
from bench.runtime.clock import Clock
from bench.runtime.paths import cache_folder
from bench.runtime.seeds import seeded
from bench.training.trainer import train
from methods.base import AbstractMethod, Images, Terms, TrainingData
from metrics.features import Classifier, NeutralClassifier, predict
from metrics.features.resnet import ResNet56

SEED = 0
BATCH = 128
SHIFT = 4
"""Pixels that an image is shifted by at most: He et al. 2016, section 4.2; an eighth of the side where that is less."""


@dataclass(frozen=True)
class Network:
    """A network that can be the neutral classifier, and how it is trained.

    code: the file that says what it is. steps: at least so many optimiser steps, and at least so many epochs, of grey images or of colour:
    small data sets take more epochs.
    """

    cls: Callable[[tuple[int, int, int], int], Classifier]
    code: str
    steps: int
    grey_epochs: int
    colour_epochs: int
    flips_and_shifts: bool

    def epochs(self, images: int, colour: bool) -> int:
        return max(self.colour_epochs if colour else self.grey_epochs, -(-self.steps * BATCH // max(images, BATCH)))


NETWORKS = {
    "small-cnn": Network(NeutralClassifier, "metrics/features/networks.py", 1000, 2, 2, False),
    # A third of the paper's 182 epochs on CIFAR-10, as Adam with a falling rate needs no plateaus; grey images are read well after ten.
    "resnet-56": Network(ResNet56, "metrics/features/resnet.py", 2000, 10, 60, True),
}


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how: all that the file's .json states of it beside the data. flips_and_shifts: colour images at random."""

    network: str
    epochs: int
    flips_and_shifts: bool
    seed: int = SEED
    batch: int = BATCH
    learning_rate: float = 2e-3

    @property
    def budget(self) -> Budget:
        return Budget(epochs=self.epochs, batch=self.batch, learning_rate=self.learning_rate)


def recipe(dataset: Dataset, network: str = "auto", epochs: int | None = None) -> Recipe:
    """Of a data set: `auto` is ResNet-56 for colour and the small CNN for grey; epochs None is the network's own number."""
    colour = dataset.shape[0] > 1
    name = ("resnet-56" if colour else "small-cnn") if network == "auto" else network
    chosen = NETWORKS[name]
    augmented = chosen.flips_and_shifts and colour
    return Recipe(name, chosen.epochs(len(dataset.x_train), colour) if epochs is None else epochs, augmented)


@dataclass(frozen=True)
class Neutral:
    """A trained neutral classifier in eval mode, the hash of its weights, and its accuracy on the whole test split."""

    classifier: Classifier
    hash: str
    test_accuracy: float
    network: str = "small-cnn"
    epochs: int | None = None

    def stated(self, prefix: str = "") -> dict[str, Any]:
        """What a record's protocol says of it."""
        return {
            f"{prefix}neutral_network": self.network,
            f"{prefix}neutral_epochs": self.epochs,
            f"{prefix}neutral_test_accuracy": self.test_accuracy,
            f"{prefix}neutral_hash": self.hash,
        }


class _Classification(AbstractMethod):
    """The classifier as the loop takes it: cross-entropy in nats."""

    def __init__(self, classifier: Classifier, flips_and_shifts: bool) -> None:
        super().__init__()
        self.classifier, self.flips_and_shifts = classifier, flips_and_shifts

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        if self.training and self.flips_and_shifts:
            x = flipped_and_shifted(x)
        return {"cross_entropy": F.cross_entropy(self.classifier(x), y, reduction="none")}


def flipped_and_shifted(x: Tensor) -> Tensor:
    """Each image (N,C,H,W) mirrored or not, and shifted by up to SHIFT pixels each way, zeros coming in at the edges.

    Drawn on the images' own device, by index: no sync, and a captured step draws anew at every replay.
    """
    n, _, height, width = x.shape
    most = min(SHIFT, height // 8, width // 8)
    down, right = torch.randint(2 * most + 1, (2, n, 1), device=x.device)
    flip = torch.rand(n, 1, device=x.device) < 0.5
    rows = torch.arange(height, device=x.device) + down
    columns = torch.arange(width, device=x.device)
    columns = torch.where(flip, width - 1 - columns, columns) + right
    image = torch.arange(n, device=x.device)[:, None, None]
    padded = F.pad(x, (most, most, most, most)).permute(0, 2, 3, 1)
    return padded[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cache_path(dataset: Dataset, chosen: Recipe) -> Path:
    """Where the weights lie: named by network and epochs, and by a hash of data, recipe and code."""
    files = (
        "metrics/features/networks.py",
        "bench/scoring/classifier.py",
        "bench/training/loop.py",
        "bench/training/trainer.py",
        NETWORKS[chosen.network].code,
    )
    code = b"".join((ROOT / name).read_bytes() for name in dict.fromkeys(files))
    digest = hashlib.sha256(f"{dataset.digest} {chosen} {chosen.budget}".encode() + code).hexdigest()[:24]
    return cache_folder() / "neutral" / f"{chosen.network}-{chosen.epochs}-epochs-{digest}.safetensors"


def get(dataset: Dataset, device: torch.device, network: str = "auto", epochs: int | None = None) -> Neutral:
    """The cached classifier, or a new one. One process trains; others that ask meanwhile wait for it."""
    chosen = recipe(dataset, network, epochs)
    path = cache_path(dataset, chosen)
    with locked(path.with_suffix(".lock")):
        state = kept_tensors(path)
        if state is None:
            state = _train_and_save(dataset, device, chosen, path)
    classifier = NETWORKS[chosen.network].cls(dataset.shape, dataset.n_classes)
    classifier.load_state_dict(state)
    accuracy = json.loads(path.with_suffix(".json").read_text())["test_accuracy"]
    return Neutral(classifier.to(device).eval(), classifier.hash(), accuracy, chosen.network, chosen.epochs)


def _say(dataset: str, phase: str, epoch: int, epochs: int) -> None:
    """For the log: ResNet-56 may take hours on a CPU."""
    print(f"neutral classifier of {dataset}: epoch {epoch} of {epochs}", flush=True)


def _train_and_save(dataset: Dataset, device: torch.device, chosen: Recipe, path: Path) -> dict[str, Tensor]:
    images = Images(dataset.x_train.to(device), dataset.y_train.to(device))
    test = Images(dataset.x_test.to(device), dataset.y_test.to(device))
    with seeded(chosen.seed, "neutral weights", torch.device("cpu")):
        classifier = NETWORKS[chosen.network].cls(dataset.shape, dataset.n_classes)
    held_out = Images(images.x[:0], images.y[:0])
    with seeded(chosen.seed, "neutral noise", device):
        method = _Classification(classifier, chosen.flips_and_shifts).to(device)
        data = TrainingData(images, held_out, dataset.n_classes)
        watch = partial(_say, dataset.name)
        # Without the decay, two epochs of MNIST end at 98.6 % test accuracy instead of 99.2 %.
        train(method, data, test, chosen.budget, chosen.seed, Clock(device), watch=watch, decay=True)
    classifier.eval()
    predictions, _ = predict(classifier, test.x)
    accuracy = (predictions == test.y).double().mean().item()
    stated = {"test_accuracy": accuracy, "dataset": dataset.name, "digest": dataset.digest, **asdict(chosen)}
    write_text(path.with_suffix(".json"), json.dumps(stated))
    keep_tensors(path, classifier.state_dict())
    return classifier.state_dict()
