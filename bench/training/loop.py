"""The one training loop: data on the device, epochs of steps without a host-device sync, and the curves that they leave."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.runtime.seeds import seeded
from bench.training.step import GraphedStep, Step
from methods.base import AbstractMethod, Images, Phase, TrainingData

if TYPE_CHECKING:
    from bench.runtime.clock import Clock

WARM_UP_STEPS = 3
TESTED_IMAGES = 1000
"""At most so many test images, evenly spaced in their order, give the curves' points on test."""


@dataclass
class Curves:
    """Mean of every named term by epoch: rows of (epoch from 1, phase, split, term, value in nats per image)."""

    rows: list[tuple[int, str, str, str, float]] = field(default_factory=list)
    trained_images: int = 0

    def csv(self) -> str:
        return "epoch,phase,split,term,value\n" + "".join(f"{e},{p},{s},{t},{v!r}\n" for e, p, s, t, v in self.rows)


class Diverged(ArithmeticError):
    """A loss term that is not finite; the message names term, phase and epoch."""


def in_batches(order: Tensor, size: int) -> list[Tensor]:
    """Indices (N,) in batches. A last one of a single image joins the batch before it: batch-norm can't train on one."""
    batches = list(order.split(size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def begin_epoch(method: AbstractMethod, phase: Phase, data: TrainingData) -> None:
    """What the phase does before an epoch, in eval mode and without gradients; then training mode."""
    if phase.each_epoch is not None:
        method.eval()
        with torch.no_grad():
            phase.each_epoch(data)
    method.train()


def run_epoch(
    method: AbstractMethod,
    phase: Phase,
    step: Step,
    data: TrainingData,
    order: torch.Generator,
    clock: Clock,
    curves: Curves,
) -> None:
    """One pass over the step's images in a fresh order."""
    size = step.budget.batch
    permutation = torch.randperm(len(step.data), generator=order).to(step.device, non_blocking=True)
    batches = in_batches(permutation, size)
    with clock.measure("train"):
        begin_epoch(method, phase, data)
    if (
        isinstance(step, GraphedStep)
        and step.graph is None
        and len(batches) > WARM_UP_STEPS
        and len(batches[0]) == size
    ):
        with clock.measure("setup"):
            for index in batches[:WARM_UP_STEPS]:
                step.warm_up(index)
            step.capture()
        batches = batches[WARM_UP_STEPS:]
    with clock.measure("train"):
        for index in batches:
            step(index)
    curves.trained_images += sum(len(index) for index in batches)


def record_epoch(
    step: Step, phase: Phase, epoch: int, test: Images, seed: int, clock: Clock, curves: Curves, name: str
) -> None:
    """The epoch's means on train, as they were trained on, and on test, in eval mode from a noise stream of this name and epoch."""
    with clock.measure("evaluate"):
        step.method.eval()
        with torch.no_grad(), seeded(seed, f"curves/{name}/{epoch}", step.device):
            tested = mean_terms(phase, test)
    for split, means in (("train", step.means(len(step.data))), ("test", tested)):
        curves.rows += [
            (epoch, phase.name, split, term, value) for term, value in means.items() if math.isfinite(value)
        ]
        broken = {term: value for term, value in means.items() if not math.isfinite(value)}
        if broken:
            terms = ", ".join(f"{term!r} is {value}" for term, value in broken.items())
            raise Diverged(f"term {terms} on {split} in epoch {epoch} of phase {phase.name!r}: lower the learning rate")


def tested(test: Images) -> Images:
    """The test images whose terms the curves show."""
    every = -(-len(test) // TESTED_IMAGES)
    return Images(test.x[::every], test.y[::every])


def mean_terms(phase: Phase, images: Images) -> dict[str, float]:
    """Means of a phase's terms over images, in fp32."""
    totals: dict[str, Tensor] = {}
    for x, y in images.batches():
        for name, values in phase.terms(x, y).items():
            totals[name] = totals.get(name, torch.zeros((), device=x.device)) + values.sum()
    return {
        name: value / len(images)
        for name, value in zip(totals, torch.stack(list(totals.values())).tolist(), strict=True)
    }


def count_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def state_digest(state: Mapping[str, Tensor]) -> str:
    """sha256 of tensors by name, in whatever order, in hexadecimal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
