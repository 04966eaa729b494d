"""The neutral classifier of a data set: trained once on the official training split, cached by hash, its test accuracy stated."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.config.budget import Budget
from bench.config.choices import OPTIMISERS
from bench.datasets.base import Dataset
from bench.records import sources
from bench.records.storage import keep_tensors, kept_tensors, locked, write_text
from bench.runtime.clock import Clock
from bench.runtime.paths import cache_folder
from bench.scoring.recipe import NETWORKS, Recipe, recipe, trained
from metrics.features import Classifier


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


def code() -> dict[str, str]:
    """File to digest of what its weights hang on beside data and recipe."""
    optimiser = OPTIMISERS[Budget(epochs=1).optimiser].make
    return sources.of(trained) | sources.of_definition(_trained_and_kept, Budget.make_optimiser, optimiser)


def cache_path(dataset: Dataset, chosen: Recipe) -> Path:
    """Where the weights lie: named by network and epochs, and by a digest of data, recipe and code."""
    hashed = f"{dataset.digest} {chosen} {sources.combined(code())}"
    digest = hashlib.sha256(hashed.encode()).hexdigest()[:24]
    return cache_folder() / "neutral" / f"{chosen.network}-{chosen.epochs}-epochs-{digest}.safetensors"


def get(dataset: Dataset, device: torch.device, network: str = "auto", epochs: int | None = None) -> Neutral:
    """The cached classifier, or a new one. One process trains; others that ask meanwhile wait for it."""
    chosen = recipe(dataset, network, epochs)
    path = cache_path(dataset, chosen)
    with locked(path.with_suffix(".lock")):
        state = kept_tensors(path)
        if state is None:
            state = _trained_and_kept(dataset, device, chosen, path)
    classifier = NETWORKS[chosen.network].cls(dataset.shape, dataset.n_classes)
    classifier.load_state_dict(state)
    accuracy = json.loads(path.with_suffix(".json").read_text())["test_accuracy"]
    return Neutral(classifier.to(device).eval(), classifier.hash(), accuracy, chosen.network, chosen.epochs)


def _trained_and_kept(dataset: Dataset, device: torch.device, chosen: Recipe, path: Path) -> dict[str, torch.Tensor]:
    budget = budget_of(chosen)
    with torch.enable_grad():  # also where evidence asks for it, which is gathered without
        classifier, accuracy = trained(dataset, device, chosen, budget, Clock(device), partial(_say, dataset.name))
    stated = {"test_accuracy": accuracy, "dataset": dataset.name, "digest": dataset.digest, **asdict(chosen)}
    write_text(path.with_suffix(".json"), json.dumps(stated))
    keep_tensors(path, classifier.state_dict())
    return classifier.state_dict()


def budget_of(chosen: Recipe) -> Budget:
    return Budget(epochs=chosen.epochs, batch=chosen.batch, learning_rate=chosen.learning_rate)


def _say(dataset: str, phase: str, epoch: int, epochs: int) -> None:
    """For the log: ResNet-56 may take hours on a CPU."""
    print(f"neutral classifier of {dataset}: epoch {epoch} of {epochs}", flush=True)
