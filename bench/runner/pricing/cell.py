"""What a cell takes that nothing is known of: start, training, scoring and pictures, measured on parts of its data."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from bench.config.budget import Budget
from bench.config.options import build, find
from bench.config.suite import Evaluation
from bench.datasets import load
from bench.datasets.base import Dataset
from bench.datasets.registry import load_upright
from bench.datasets.split import divide
from bench.records.models import models_folder
from bench.records.plan import Cell, Plan
from bench.runner.prepare import evidence_of
from bench.runner.pricing.part import Part
from bench.runner.pricing.scoring import (
    Known,
    NoCache,
    Peek,
    Priced,
    Times,
    picture_seconds,
    score_parts,
    shares,
    strided,
)
from bench.runner.pricing.training import TrainingPrices, Walk, Walked, Whole
from bench.runner.train import shared_setting
from bench.runtime import environment
from bench.runtime.now import now
from bench.scoring import classifier as neutral
from bench.scoring.evidence import Evidence
from bench.scoring.recipe import NETWORKS, Classification, recipe
from bench.scoring.selection import choose, wanted
from bench.training.models import kept_in, loaded
from bench.training.phases import attach
from bench.training.store import SharedPhases
from bench.training.trainer import initialised
from methods.base import AbstractMethod, Images, ImageSpec, Proposes, TrainingData

TRAIN_IMAGES, TEST_IMAGES = 4096, 500
"""Of which trainings are gone through."""
UNFILTERED = "samples as if its filter let all pass"


def some(images: Images, share: float, least: int) -> Images:
    rows = strided(len(images), min(1.0, share), least).to(images.x.device)
    return Images(images.x[rows], images.y[rows])


def share_of(data: TrainingData, share: float, least: int) -> TrainingData:
    held_out = some(data.held_out, share, 0) if len(data.held_out) else data.held_out
    return replace(data, train=some(data.train, share, least), held_out=held_out)


def scaled(evaluation: Evaluation, share: float) -> Evaluation:
    """Counts of images, with what metrics need at the least; no floor, as the classifier may be untrained."""
    least = {"samples": 20, "samples_per_class": 10, "importance_images": 2, "novelty_images": 4, "svm_images": 100}
    counts = {name: getattr(evaluation, name) for name in least}
    some = {name: min(own, max(least[name], round(own * share))) for name, own in counts.items() if own is not None}
    return evaluation.model_copy(update={**some, "neutral_floor": 0.0})


@dataclass
class OfDataset:
    """Prices of cells on one data set. fresh: as if nothing was kept."""

    plan: Plan
    name: str
    fresh: bool
    trainings: TrainingPrices = field(default_factory=TrainingPrices)
    known: Known = field(default_factory=Known)

    @cached_property
    def dataset(self) -> Dataset:
        return load(self.name, Path(self.plan.data_root), download=False)

    @property
    def device(self) -> torch.device:
        return torch.device(self.plan.device)

    @cached_property
    def start_seconds(self) -> float:
        """Of reading the data and looking at the machine, as every worker does."""
        began = now(self.device)
        load(self.name, Path(self.plan.data_root), download=False)
        environment.describe(self.device)
        return now(self.device) - began

    def divided(self, seed: int) -> tuple[TrainingData, Images]:
        whole, plan = self.dataset, self.plan
        splits = Images(whole.x_train, whole.y_train), Images(whole.x_test, whole.y_test)
        return divide(*splits, whole.classes, plan.held_out, seed, plan.score_on, self.device)

    def priced(self, cell: Cell, kept: bool) -> tuple[list[Part], str]:
        """The parts of a cell's price, and what has to be known of it. kept: its model is, and training costs nothing."""
        data, test = self.divided(cell.seed)
        spec = ImageSpec(*self.dataset.shape, self.dataset.n_classes)
        make = partial(build, cell.label, find(cell.method), spec, cell.options)
        if kept:
            training, state = kept_in(models_folder(Path(self.plan.results)) / cell.model)
            walked = Walked(loaded(make, state, training.facts, data))
        else:
            share = max(TRAIN_IMAGES, 4 * cell.budget["batch"]) / len(data.train)
            whole = Whole(len(data.train), len(test), Budget(**cell.budget), cell.seed, self.fresh)
            shared = SharedPhases(Path(self.plan.results), shared_setting(self.plan, cell, self.device), 1)
            some_test = some(test, TEST_IMAGES / len(test), 0)
            walked = self.trainings.of(
                lambda: initialised(make, cell.seed, self.device),
                share_of(data, share, 0),
                some_test,
                whole,
                shared,
            )
        notes = [walked.note] if walked.note else []
        if isinstance(walked.method, Proposes) and not kept:
            notes.append(UNFILTERED)
            _unfilter(walked.method, data.classes)
        phases = [part.name for part in walked.parts if not part.name.startswith(("after", "search"))]
        scored = self._scored(cell, walked.method, data, test, phases)
        return [Part("start", self.start_seconds), *walked.parts, *scored], "; ".join(notes)

    def _scored(
        self, cell: Cell, method: AbstractMethod, data: TrainingData, test: Images, phases: list[str]
    ) -> list[Part]:
        method.eval()
        dataset, times, pictures = self.dataset.without_images(), Times(self.known.curves), 0.0
        whole = evidence_of(self.plan, cell, method, dataset, data, test, COST)
        handed = {one.name: getattr(whole, one.name) for one in fields(Evidence)}
        handed |= {"load_neutral": lambda: self._neutral}
        handed |= {"load_upright": (lambda: self._upright) if dataset.upright else None}
        peeking = Evidence(**handed | {"cache": Peek(whole.cache.folder), "protocol": {}, "kept": {}})
        handed["cache"] = NoCache(whole.cache.folder)
        chosen = choose(whole.settings.metrics)
        for share in shares(len(data.train)):
            part = share_of(data, share, 0)
            attach(method, part)
            fresh: dict[str, Any] = {
                "data": part,
                "test": some(test, share, 20),
                "protocol": self.known.protocols[share],
                "kept": {},
            }
            fresh["settings"] = scaled(whole.settings, share)
            evidence = Priced(share, times, self.known, **handed | fresh)
            for metric in chosen:
                evidence.metric(metric)
            pictures = pictures or picture_seconds(evidence, phases, dataset.classes, self.known)
        times.keep()
        return [*score_parts(times, peeking), Part("pictures", pictures)]

    def _network(self, dataset: Dataset) -> neutral.Neutral:
        """The neutral classifier, untrained where there is none yet."""
        evaluation = Evaluation(**self.plan.evaluation)
        chosen = recipe(dataset, evaluation.neutral, evaluation.neutral_epochs)
        if neutral.cache_path(dataset, chosen).is_file():
            return neutral.get(dataset, self.device, evaluation.neutral, evaluation.neutral_epochs)
        classifier = NETWORKS[chosen.network].cls(dataset.shape, dataset.n_classes).to(self.device).eval()
        return neutral.Neutral(classifier, "untrained", 1.0, chosen.network, chosen.epochs)

    @cached_property
    def _neutral(self) -> neutral.Neutral:
        return self._network(self.dataset)

    @cached_property
    def _upright(self) -> neutral.Neutral:
        return self._network(load_upright(self.dataset, Path(self.plan.data_root)))

    def prepared(self) -> list[Part]:
        """What the cells share, made before them: neutral classifiers that are not there yet."""
        evaluation = Evaluation(**self.plan.evaluation)
        needed = wanted(evaluation.metrics, evaluation.mixing)
        sets = [self.dataset] if "neutral" in needed else []
        if "upright_neutral" in needed and self.dataset.upright:
            sets.append(load_upright(self.dataset, Path(self.plan.data_root)))
        parts = []
        for dataset in sets:
            chosen = recipe(dataset, evaluation.neutral, evaluation.neutral_epochs)
            if neutral.cache_path(dataset, chosen).is_file():
                continue
            device = self.device
            train = Images(dataset.x_train.to(device), dataset.y_train.to(device))
            test = Images(dataset.x_test.to(device), dataset.y_test.to(device))
            network = NETWORKS[chosen.network].cls(dataset.shape, dataset.n_classes)
            method = Classification(network, chosen.flips_and_shifts).to(device)
            data = TrainingData(
                some(train, TRAIN_IMAGES / len(train), 0), Images(train.x[:0], train.y[:0]), dataset.n_classes
            )
            whole = Whole(len(train), len(test), neutral.budget_of(chosen), 0)
            shared = SharedPhases(Path(self.plan.results), {}, 1)
            walked = Walk(method, data, some(test, TEST_IMAGES / len(test), 0), whole, shared, {}).all(0)
            seconds = sum(part.seconds for part in walked.parts)
            parts.append(Part(f"neutral classifier of {dataset.name}", seconds))
        return parts


COST = {
    "train_seconds": 1.0,
    "trained_images": 1,
    "peak_memory_bytes": 1,
    "parameters": 1,
    "shared_seconds": 1.0,
    "trials": 1,
    "beside": [1],
}
"""A training's, for the metrics that tell it."""


def _unfilter(method: Any, classes: int) -> None:
    """Samples without the filter: what is barely trained would let nothing pass."""
    method.sample = lambda y: method.propose(y).images
    method.sample_any = lambda n: method.sample(torch.randint(classes, (n,), device=method.optimiser_steps.device))
