"""Training a method stage by stage: its phases through the loop, shared ones once for all methods, its searches through Optuna."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from bench.runtime.seeds import generator, seeded
from bench.training.loop import Curves, record_epoch, run_epoch, state_digest, tested
from bench.training.phases import Reached, attach, begin_anew, epochs_of, stream_of
from bench.training.search import Place, SearchResult, run_search
from bench.training.step import GraphedStep, Step
from methods.base import AbstractMethod, Images, Phase, TrainingData
from methods.parts import Search

if TYPE_CHECKING:
    from bench.config.budget import Budget
    from bench.runtime.clock import Clock
    from bench.training.checkpoint import Checkpoint
    from bench.training.store import SharedPhases

Watch = Callable[[str, int, int], None]
"""Told the stage's name, and how much of how much of it is done: epochs, or trials."""


@dataclass
class TrainingResult:
    """What training left beside the method itself.

    shared_seconds: what the shared phases took, here or in the cell that trained them; borrowed_seconds: what other processes spent, cells
    that trained a shared phase, or this one before it was killed; borrowed_beside how many cells shared the device there, borrowed_peak the
    bytes of memory that it took there.
    """

    curves: Curves = field(default_factory=Curves)
    searched: SearchResult = field(default_factory=SearchResult)
    shared_seconds: float = 0.0
    borrowed_seconds: float = 0.0
    borrowed_beside: set[int] = field(default_factory=set)
    borrowed_peak: int = 0

    def borrow(self, reached: Reached) -> None:
        """Count what another process spent."""
        self.borrowed_seconds += reached.seconds
        self.borrowed_beside.add(reached.side_by_side)
        self.borrowed_peak = max(self.borrowed_peak, reached.peak_memory_bytes)


@dataclass
class Training:
    """One method's training: the data, the budget and the streams that its stages draw from, those that rows share apart.

    Noise comes from the default generators, the order from its own. folder: the training's, where searches and checkpoints are kept; None
    keeps them in memory. shared_phases: where they are kept; None trains them for this method alone. checkpoint: makes a phase's; None
    leaves none. decay: the learning rate falls in a straight line to 0 over a phase.
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
    checkpoint: type[Checkpoint] | None = None
    side_by_side: int = 1
    decay: bool = False

    def run_seeded(self, trained: TrainingResult) -> None:
        """`run`, its noise from the seed's own stream."""
        with seeded(self.seed, "noise", self.device):
            self.run(trained)

    def run(self, trained: TrainingResult) -> None:
        """Train stage by stage, into `trained`. Raises Diverged where a term's epoch mean, on train or test, is not finite."""
        self.trained = trained
        order = generator(self.seed, "order")
        attach(self.method, self.data)
        stages: Any = self.method.phases(self.data)
        answer: Any = None
        for number in count():
            try:
                with self.clock.measure("train"):  # code between the stages is part of training: PCA has nothing else
                    stage = next(stages) if answer is None else stages.send(answer)
            except StopIteration:
                return
            answer = None
            self.method.to(self.device)
            if isinstance(stage, Search):
                with self.clock.measure("train"):
                    model = state_digest(self.method.state_dict())
                    place = Place(self.folder, self.seed, self.device, model, self.side_by_side, self.watch)
                    answer = run_search(stage, place, trained.searched)
            elif stage.shared is not None:
                self._share(stage)
            else:
                checkpoint = self._checkpoint(self.folder, number, self.method, order)
                self._train(stage, trained.curves, order, checkpoint, stage.name)

    def _checkpoint(
        self, folder: Path | None, number: int, holder: nn.Module, order: torch.Generator
    ) -> Checkpoint | None:
        if folder is None or self.checkpoint is None:
            return None
        return self.checkpoint(folder / f"phase-{number}.safetensors", holder, order)

    @property
    def device(self) -> torch.device:
        return self.data.train.x.device

    def _share(self, phase: Phase) -> None:
        """Take the phase's result where it is kept, or train and keep it; others that need it meanwhile wait."""
        begin_anew(phase.module, self.seed)
        phases = self.shared_phases
        if phases is None:
            self._add(phase, self._train_shared(phase, None))
            return
        with self.clock.measure("setup"):
            entry = phases.identified(self.method, phase, epochs_of(phase, self.budget))
            with phases.lock(entry):
                reached = phases.take(entry, phase)
                if reached is None:
                    reached = self._train_shared(phase, phases.work_folder(entry))
                    phases.put(entry, phase, reached, self.device)
                else:
                    self.trained.borrow(reached)
                    if phase.module is not self.method:
                        self.method.optimiser_steps.add_(reached.optimiser_steps)
        self._add(phase, reached)

    def _add(self, phase: Phase, reached: Reached) -> None:
        self.trained.shared_seconds += reached.seconds
        reached.add_to(self.trained.curves)

    def _train_shared(self, phase: Phase, folder: Path | None) -> Reached:
        """Train the phase from streams of its own."""
        curves = Curves()
        order = generator(self.seed, stream_of("order", phase.module))
        checkpoint = self._checkpoint(folder, 0, phase.module, order)
        with seeded(self.seed, stream_of("noise", phase.module), self.device):
            try:
                return self._train(phase, curves, order, checkpoint, type(phase.module).__name__)
            except BaseException:
                self.trained.curves.rows += curves.rows  # what there is of a phase that fails is shown as well
                raise

    def _train(
        self, phase: Phase, curves: Curves, order: torch.Generator, checkpoint: Checkpoint | None, name: str
    ) -> Reached:
        """Train the phase, from where an earlier process left it. name: of the stream that the test images' noise is drawn from."""
        budget = self.budget.model_copy(update={"epochs": epochs_of(phase, self.budget)})
        before, rows, images = self.clock.seconds["train"], len(curves.rows), curves.trained_images
        steps, kept = int(self.method.optimiser_steps), checkpoint.read() if checkpoint is not None else None
        spent = 0.0 if kept is None else kept[0].seconds

        def reached(epoch: int) -> Reached:
            taken = int(self.method.optimiser_steps) - steps
            seconds, new = self.clock.seconds["train"] - before + spent, curves.rows[rows:]
            return Reached(
                epoch,
                seconds,
                self.side_by_side,
                self.trained.borrowed_peak,
                curves.trained_images - images,
                taken,
                new,
            )

        step = None
        if kept is None or kept[0].epoch < budget.epochs:
            step, test = self._step(phase, budget)
        if checkpoint is not None and kept is not None:
            checkpoint.restore(kept[1], self.device, step)
            kept[0].add_to(curves)
            self.trained.borrow(kept[0])
            if checkpoint.holder is not self.method:
                self.method.optimiser_steps.add_(kept[0].optimiser_steps)
        if step is None:
            return reached(budget.epochs)
        for epoch in range(1 if kept is None else kept[0].epoch + 1, budget.epochs + 1):
            run_epoch(self.method, phase, step, self.data, order, self.clock, curves)
            record_epoch(step, phase, epoch, test, self.seed, self.clock, curves, name)
            if checkpoint is not None and checkpoint.due(epoch == budget.epochs):
                # only time is lost without it: a full disk stops no training
                with self.clock.measure("log"), suppress(OSError):
                    checkpoint.write(reached(epoch), step)
            self.watch(phase.name, epoch, budget.epochs)
        return reached(budget.epochs)

    def _step(self, phase: Phase, budget: Budget) -> tuple[Step, Images]:
        """The phase's step, on the images that it trains on, and the test images as it sees them."""
        train_images, test = self.data.train, tested(self.test)
        if phase.view is not None:
            with self.clock.measure("train"), torch.no_grad():
                self.method.eval()
                train_images, test = phase.view(train_images), phase.view(test)
        with self.clock.measure("setup"):
            kind = GraphedStep if self.device.type == "cuda" else Step
            return kind(self.method, phase, train_images, budget, self.decay), test


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
