"""Training a method stage by stage: its phases through the loop, shared ones once for all methods, its searches through Optuna."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.runtime.seeds import generator, seeded
from bench.training.loop import Curves, GraphedStep, Step, record_epoch, run_epoch, state_digest
from bench.training.search import Place, SearchResult, run_search
from methods.base import AbstractMethod, Images, Phase, TrainingData
from methods.parts import Search

if TYPE_CHECKING:
    from bench.config.budget import Budget
    from bench.runtime.clock import Clock
    from bench.training.store import SharedPhases

Watch = Callable[[str, int, int], None]
"""Told the stage's name, and how much of how much of it is done: epochs, or trials."""


@dataclass
class TrainingResult:
    """What training left beside the method itself.

    shared_seconds: what the shared phases took, here or in the cell that trained them; borrowed_seconds: the part of it that another
    cell spent, borrowed_beside how many cells shared the device there, borrowed_peak the bytes of memory that it took there.
    """

    curves: Curves = field(default_factory=Curves)
    searched: SearchResult = field(default_factory=SearchResult)
    shared_seconds: float = 0.0
    borrowed_seconds: float = 0.0
    borrowed_beside: set[int] = field(default_factory=set)
    borrowed_peak: int = 0


@dataclass
class Training:
    """One method's training: the data, the budget and the streams that all its stages draw from.

    Noise comes from the default generators, the order from its own. folder: the cell's, where searches are kept; None keeps them in
    memory. shared_phases: where they are kept; None shares nothing. decay: the learning rate falls in a straight line to 0 over a phase.
    """

    method: AbstractMethod
    data: TrainingData
    test: Images
    budget: Budget
    seed: int
    clock: Clock
    watch: Watch = lambda stage, done, of: None
    folder: Path | None = None
    shared_phases: SharedPhases | None = None
    side_by_side: int = 1
    decay: bool = False

    def run_seeded(self, trained: TrainingResult) -> None:
        """`run`, its noise from the seed's own stream."""
        with seeded(self.seed, "noise", self.data.train.x.device):
            self.run(trained)

    def run(self, trained: TrainingResult) -> None:
        """Train stage by stage, into `trained`. Raises Diverged where a term's epoch mean, on train or test, is not finite."""
        self.trained = trained
        self.order = generator(self.seed, "order")
        device = self.data.train.x.device
        self.method.attach(self.data)
        stages: Any = self.method.phases(self.data)
        answer: Any = None
        while True:
            try:
                with self.clock.measure("train"):  # code between the stages is part of training: PCA has nothing else
                    stage = next(stages) if answer is None else stages.send(answer)
            except StopIteration:
                return
            answer = None
            self.method.to(device)
            if isinstance(stage, Search):
                with self.clock.measure("train"):
                    model = state_digest(self.method.state_dict())
                    place = Place(self.folder, self.seed, device, model, self.side_by_side, self.watch)
                    answer = run_search(stage, place, trained.searched)
            elif stage.shared is not None and self.shared_phases is not None:
                self._share(stage, self.shared_phases)
            else:
                self._train(stage, trained.curves)

    def _share(self, phase: Phase, phases: SharedPhases) -> None:
        """Take the phase's result where it is kept, or train and keep it; others that need it meanwhile wait."""
        key = phases.key(self.method, phase, self.order)
        with self.clock.measure("setup"), phases.lock(phase, key):
            shared = phases.take(self.method, phase, key, self.order)
            if shared is None:
                curves, before = Curves(), self.clock.seconds["train"]
                try:
                    self._train(phase, curves)
                except BaseException:
                    self.trained.curves.rows += curves.rows  # what there is of a phase that fails is shown as well
                    raise
                seconds = self.clock.seconds["train"] - before
                shared = phases.put(self.method, phase, key, self.order, curves, seconds)
            else:
                self.trained.borrowed_seconds += shared.seconds
                self.trained.borrowed_beside.add(shared.side_by_side)
                self.trained.borrowed_peak = max(self.trained.borrowed_peak, shared.peak_memory_bytes)
        self.trained.shared_seconds += shared.seconds
        self.trained.curves.rows += shared.rows
        self.trained.curves.trained_images += shared.trained_images

    def _train(self, phase: Phase, curves: Curves) -> None:
        epochs = phase.epochs or max(1, round(self.budget.epochs * phase.share))
        budget = self.budget.model_copy(update={"epochs": epochs})
        train_images, test = self.data.train, self.test
        if phase.view is not None:
            with self.clock.measure("train"), torch.no_grad():
                self.method.eval()
                train_images, test = phase.view(train_images), phase.view(test)
        with self.clock.measure("setup"):
            device = train_images.x.device
            step = (GraphedStep if device.type == "cuda" else Step)(
                self.method, phase, train_images, budget, self.decay
            )
        for epoch in range(1, budget.epochs + 1):
            run_epoch(self.method, phase, step, self.data, self.order, self.clock, curves)
            record_epoch(step, phase, epoch, test, self.seed, self.clock, curves)
            self.watch(phase.name, epoch, budget.epochs)


def initialised(make: Callable[[], AbstractMethod], seed: int, device: torch.device) -> AbstractMethod:
    """A method on its device, its weights drawn on the CPU: the same on every device."""
    with seeded(seed, "weights", torch.device("cpu")):
        method = make()
    return method.to(device)


def train(
    method: AbstractMethod, data: TrainingData, test: Images, budget: Budget, seed: int, clock: Clock, **more: Any
) -> Curves:
    """Train every stage of a method; gives the curves. more: as Training's fields."""
    trained = TrainingResult()
    Training(method, data, test, budget, seed, clock, **more).run(trained)
    return trained.curves
