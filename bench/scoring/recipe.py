"""How the neutral classifiers are trained: two networks, a small CNN, and ResNet-56, which colour needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.runtime.seeds import seeded
from bench.training.trainer import Watch, train
from methods.base import AbstractMethod, Images, Terms, TrainingData
from metrics.features import Classifier, NeutralClassifier, ResNet56, predict

if TYPE_CHECKING:
    from bench.config.budget import Budget
    from bench.datasets.base import Dataset
    from bench.runtime.clock import Clock

SEED = 0
BATCH = 128
SHIFT = 4
"""Pixels that an image is shifted by at most: He et al. 2016, section 4.2; an eighth of the side where that is less."""


@dataclass(frozen=True)
class Network:
    """A network that can be the neutral classifier, and how it is trained.

    steps: at least so many optimiser steps, and at least so many epochs, of grey images or of colour:
    small data sets take more epochs.
    """

    cls: Callable[[tuple[int, int, int], int], Classifier]
    steps: int
    grey_epochs: int
    colour_epochs: int
    flips_and_shifts: bool

    def epochs(self, images: int, colour: bool) -> int:
        return max(self.colour_epochs if colour else self.grey_epochs, -(-self.steps * BATCH // max(images, BATCH)))


NETWORKS = {
    "small-cnn": Network(NeutralClassifier, 1000, 2, 2, False),
    # A third of the paper's 182 epochs on CIFAR-10, as Adam with a falling rate needs no plateaus; grey images are read well after ten.
    "resnet-56": Network(ResNet56, 2000, 10, 60, True),
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


def recipe(dataset: Dataset, network: str = "auto", epochs: int | None = None) -> Recipe:
    """Of a data set: `auto` is ResNet-56 for colour and the small CNN for grey; epochs None is the network's own number."""
    colour = dataset.shape[0] > 1
    name = ("resnet-56" if colour else "small-cnn") if network == "auto" else network
    chosen = NETWORKS[name]
    augmented = chosen.flips_and_shifts and colour
    return Recipe(name, chosen.epochs(len(dataset.x_train), colour) if epochs is None else epochs, augmented)


class Classification(AbstractMethod):
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


def trained(
    dataset: Dataset, device: torch.device, chosen: Recipe, budget: Budget, clock: Clock, watch: Watch
) -> tuple[Classifier, float]:
    """A new classifier of the training split, in eval mode, and its accuracy on the whole test split."""
    images = Images(dataset.x_train.to(device), dataset.y_train.to(device))
    test = Images(dataset.x_test.to(device), dataset.y_test.to(device))
    with seeded(chosen.seed, "neutral weights", torch.device("cpu")):
        classifier = NETWORKS[chosen.network].cls(dataset.shape, dataset.n_classes)
    held_out = Images(images.x[:0], images.y[:0])
    with seeded(chosen.seed, "neutral noise", device):
        method = Classification(classifier, chosen.flips_and_shifts).to(device)
        data = TrainingData(images, held_out, dataset.n_classes)
        # Without the decay, two epochs of MNIST end at 98.6 % test accuracy instead of 99.2 %.
        train(method, data, test, budget, chosen.seed, clock, watch=watch, decay=True)
    classifier.eval()
    predictions, _ = predict(classifier, test.x)
    return classifier, (predictions == test.y).double().mean().item()
