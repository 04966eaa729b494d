"""Training loops that `perf` sets side by side: ours, the one that a tutorial writes, and how they take turns."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.config.budget import Budget
from bench.config.choices import Precision
from bench.config.options import SHARED, build, declared, find, on_shared, resolve
from bench.records.record import BERNOULLI
from bench.runtime.clock import Clock
from bench.runtime.errors import UsageError
from bench.runtime.now import now
from bench.runtime.seeds import generator
from bench.training.loop import Curves, begin_epoch, in_batches, run_epoch
from bench.training.step import GraphedStep, Step
from methods.base import AbstractMethod, ImageSpec, Phase, TrainingData

VAE = "vae"
"""The method that others are set beside."""
SLICE = 32
"""Steps of one loop before the next one has its turn."""


@dataclass
class Timed:
    """Seconds of each timed epoch of a loop, and its mean training loss in the last one."""

    name: str
    seconds: list[float]
    loss: float

    @property
    def median(self) -> float:
        return median(self.seconds)


@dataclass(frozen=True)
class Setting:
    """A module to train and what to train it on. options: those of the method that are not to have their defaults."""

    method: str
    data: TrainingData
    spec: ImageSpec
    device: torch.device
    batch: int
    backbone: str = "mlp"
    options: dict[str, Any] = field(default_factory=dict)
    likelihood: str = BERNOULLI

    def resolved(self) -> dict[str, Any]:
        """All options of the method. Raises UsageError where one given doesn't fit."""
        entry = find(self.method)
        options = on_shared(self.method, entry, self.options, self.backbone, self.likelihood)
        return resolve(self.method, entry, options)

    def module(self) -> AbstractMethod:
        """The same weights each time. Raises UsageError where the images don't fit the backbone."""
        torch.manual_seed(0)
        return build(self.method, find(self.method), self.spec, self.resolved())

    def of_vae(self) -> "Setting":
        """The same with the VAE, of the method's size: options that both have are the method's. On the mlp where it has its own network."""
        mine = self.resolved()
        shared = {name: mine[name] for name in declared(find(VAE).cls) if name in mine and name not in SHARED}
        return replace(self, method=VAE, backbone=self.backbone or "mlp", options=shared)

    def fresh(self) -> tuple[AbstractMethod, Phase]:
        """The module on its device, and its phase. Raises UsageError where it has none."""
        module = self.module().to(self.device)
        phase = next(iter(module.phases(self.data)), None)
        if not isinstance(phase, Phase):
            raise UsageError(f"perf: {self.method} has no training phase; only methods of one phase can be compared")
        return module, phase

    def check(self) -> None:
        """Raises UsageError unless the method is trained in one phase. The same one again, a restart, is no other."""
        self.fresh()
        stages = iter(self.module().to(self.device).phases(self.data))
        first, another = next(stages), True
        with suppress(ValueError):  # what lies between stages may ask for what an untrained one has not
            second = next(stages, None)
            another = second is not None and not (
                isinstance(first, Phase)
                and isinstance(second, Phase)
                and (first.module, first.terms) == (second.module, second.terms)
            )
        if another:
            raise UsageError(
                f"perf: {self.method} has several training phases; only methods of one phase can be compared"
            )


Slices = Iterator[tuple[float, float | None]]
"""A training loop that pauses after some steps: seconds of the slice, and the epoch's mean loss in its last slice."""


def ours(setting: Setting, precision: Precision) -> Slices:
    """Our loop's steps. The first epoch is one slice: warm-up and, on a GPU, capture lie in it."""
    module, phase = setting.fresh()
    images = setting.data.train
    budget = Budget(epochs=1, batch=setting.batch, precision=precision)
    step = (GraphedStep if setting.device.type == "cuda" else Step)(module, phase, images, budget)
    order = generator(0, "perf")
    torch.manual_seed(1)
    clock = Clock(setting.device)
    run_epoch(module, phase, step, setting.data, order, clock, Curves())
    yield clock.total(), mean_loss(step, len(images))
    while True:
        began = time.perf_counter()
        begin_epoch(module, phase, setting.data)
        permutation = torch.randperm(len(images), generator=order).to(setting.device)
        seconds = time.perf_counter() - began
        parts = batched(in_batches(permutation, setting.batch), SLICE)
        for number, part in enumerate(parts, 1):
            began = time.perf_counter()
            for index in part:
                step(index)
            loss = mean_loss(step, len(images)) if number == len(parts) else None
            yield now(setting.device) - began + seconds, loss
            seconds = 0.0


def mean_loss(step: Step, images: int) -> float:
    """Mean over an epoch's images of the objective as each batch had it: |KL - C| of means is not the mean of |KL - C|."""
    step.means(images)
    return step.loss


def plain(setting: Setting) -> Slices:
    """The loop that a tutorial writes: DataLoader over float tensors, Adam, `.item()` each step."""
    module, phase = setting.fresh()
    images = setting.data.train
    dataset = TensorDataset(images.x.cpu().float() / 255, images.y.cpu())
    loader = DataLoader(dataset, batch_size=setting.batch, shuffle=True, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(phase.module.parameters(), lr=1e-3)
    torch.manual_seed(1)
    while True:
        began, total = time.perf_counter(), 0.0
        begin_epoch(module, phase, setting.data)
        for number, (x, y) in enumerate(loader, 1):
            x, y = x.to(setting.device), y.to(setting.device)
            optimizer.zero_grad()
            loss = module.objective(phase.terms(x, y))
            loss.backward()
            optimizer.step()
            module.optimiser_steps += 1
            total += loss.item() * len(x)
            if number % SLICE == 0 and number < len(loader):
                yield time.perf_counter() - began, None
                began = time.perf_counter()
        yield time.perf_counter() - began, total / len(dataset)


def by_hand(setting: Setting) -> Slices:
    """The tightest loop that is easily written by hand: float images in memory, fused Adam, the loss read once an epoch."""
    module, phase = setting.fresh()
    x, y = setting.data.train.x.float() / 255, setting.data.train.y
    optimizer = torch.optim.Adam(phase.module.parameters(), lr=1e-3, fused=True)
    order = torch.Generator().manual_seed(0)
    torch.manual_seed(1)
    while True:
        began = time.perf_counter()
        total = torch.zeros((), device=setting.device)
        begin_epoch(module, phase, setting.data)
        batches = in_batches(torch.randperm(len(x), generator=order).to(setting.device), setting.batch)
        for number, index in enumerate(batches, 1):
            loss = module.objective(phase.terms(x[index], y[index]))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            module.optimiser_steps += 1
            total += loss.detach() * len(index)
            if number % SLICE == 0 and number < len(batches):
                yield now(setting.device) - began, None
                began = time.perf_counter()
        yield now(setting.device) - began, total.item() / len(x)


def batched(sequence: Sequence[torch.Tensor], size: int) -> list[Sequence[torch.Tensor]]:
    return [sequence[start : start + size] for start in range(0, len(sequence), size)]


def epochs_in_turn(loops: dict[str, Slices]) -> dict[str, tuple[float, float]]:
    """An epoch of every loop, slice by slice in turn, so that a drift of the machine hits all alike: (seconds, mean loss)."""
    seconds, losses = dict.fromkeys(loops, 0.0), dict[str, float]()
    while len(losses) < len(loops):
        for name, slices in loops.items():
            if name not in losses:
                passed, loss = next(slices)
                seconds[name] += passed
                if loss is not None:
                    losses[name] = loss
    return {name: (seconds[name], losses[name]) for name in loops}


def in_turn(loops: dict[str, Slices], repeats: int) -> list[Timed]:
    """A warm-up epoch of each loop, then timed ones."""
    timed = {name: Timed(name, [], math.nan) for name in loops}
    for number in range(repeats + 1):
        for name, (seconds, loss) in epochs_in_turn(loops).items():
            timed[name].loss = loss
            if number:
                timed[name].seconds.append(seconds)
    return list(timed.values())
