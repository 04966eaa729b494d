"""One optimiser step: eager, or the whole of it in a CUDA graph on a GPU. No host-device sync, no Python that depends on data.

On a CPU the step runs as it is: compiling costs more than it saves.
"""

from __future__ import annotations

import itertools
import math
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from methods.base import AbstractMethod, Images, Phase

if TYPE_CHECKING:
    from bench.config.budget import Budget


class Step:
    """One optimiser step on a batch given by its indices, with the sums of all terms kept on the device.

    decay: the learning rate falls in a straight line to 0 over the phase.
    """

    def __init__(self, method: AbstractMethod, phase: Phase, data: Images, budget: Budget, decay: bool = False) -> None:
        self.method, self.phase, self.data, self.budget = method, phase, data, budget
        self.device = data.x.device
        self.parameters = [p for p in phase.module.parameters() if p.requires_grad]
        cuda = self.device.type == "cuda"
        # A falling rate is a tensor that the step itself lowers, so that a captured step lowers it too.
        self.rate = torch.tensor(budget.learning_rate, device=self.device) if decay else None
        self.fall = budget.learning_rate / (budget.epochs * -(-len(data) // budget.batch))
        rate = budget.learning_rate if self.rate is None else self.rate
        # What an optimiser takes for each tensor is much of a small network's step on a CPU: there it is given one.
        alike = len({p.dtype for p in self.parameters}) == 1
        self.optimised = [joined(self.parameters)] if alike and not cuda else self.parameters
        self.optimizer = budget.make_optimiser(self.optimised, rate, cuda)
        self.objective = (phase.module if isinstance(phase.module, AbstractMethod) else method).objective
        counted = [one for one in (method, phase.module) if isinstance(one, AbstractMethod)]
        self.counters = [one.optimiser_steps for one in dict.fromkeys(counted)]
        self.names: list[str] = []
        self.sums: Tensor | None = None
        self.loss = math.nan
        """Mean of the objective itself as of the last call of `means`."""

    def eager(self, index: Tensor) -> None:
        # index_select copies whole rows: eight times as fast on a CPU as indexing 28x28 images
        x, y = self.data.x.index_select(0, index) / 255, self.data.y.index_select(0, index)
        with autocast(self.device, self.budget.precision):
            terms = self.phase.terms(x, y)
        self._check(terms, len(index))
        # Of this phase's parameters alone: gradients left in others would be found by a later phase.
        loss = self.objective(terms)
        loss.backward(inputs=self.parameters)
        self.optimizer.step()
        for counter in self.counters:
            counter.add_(1)
        self._clear_gradients()
        if self.rate is not None:
            self.rate.sub_(self.fall)
        sums = torch.stack([*terms.values(), loss.expand(len(index))]).detach().sum(1)
        if self.sums is None:
            self.sums = torch.zeros_like(sums)
        self.sums += sums

    __call__ = eager

    def _clear_gradients(self) -> None:
        """On a CPU gradients keep their memory: fresh pages at every step cost more than zeroing (5 % of the MLP's step)."""
        for parameter in self.optimised:
            if self.device.type == "cuda":
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def _check(self, terms: dict[str, Tensor], images: int) -> None:
        if not self.names:
            check_terms(terms, images)
            self.names = list(terms)

    def means(self, images: int) -> dict[str, float]:
        """Means of the terms over the images since the last call: the one host-device sync of an epoch."""
        assert self.sums is not None
        *values, self.loss = (self.sums / images).tolist()
        self.sums.zero_()
        return dict(zip(self.names, values, strict=True))


class GraphedStep(Step):
    """The same step, captured in a CUDA graph after some eager ones. A batch of another size (an epoch's last) runs eagerly.

    The warm-up steps are ordinary training steps: capturing runs nothing, so no state has to be put back.
    """

    def __init__(self, method: AbstractMethod, phase: Phase, data: Images, budget: Budget, decay: bool = False) -> None:
        super().__init__(method, phase, data, budget, decay)
        self.static = torch.zeros(budget.batch, dtype=torch.int64, device=self.device)
        self.graph: torch.cuda.CUDAGraph | None = None

    def warm_up(self, index: Tensor) -> None:
        """Train on one batch on a side stream, as capture asks for."""
        side = torch.cuda.Stream(self.device)
        side.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(side):
            self.eager(index)
        torch.cuda.current_stream(self.device).wait_stream(side)

    def capture(self) -> None:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.eager(self.static)
        self.graph = graph

    def __call__(self, index: Tensor) -> None:
        if self.graph is None or len(index) != len(self.static):
            self.eager(index)
        else:
            self.static.copy_(index)
            self.graph.replay()


def joined(parameters: list[nn.Parameter]) -> nn.Parameter:
    """One parameter, (total,), whose values the given ones are views of from now on, and whose gradient theirs are views of."""
    whole = nn.Parameter(torch.empty(sum(p.numel() for p in parameters), dtype=parameters[0].dtype))
    whole.grad = torch.zeros_like(whole)
    ends = itertools.accumulate(p.numel() for p in parameters)
    for parameter, end in zip(parameters, ends, strict=True):
        # in the parameter's own order of memory, channels last or not
        place = parameter.shape, torch.empty_like(parameter).stride(), end - parameter.numel()
        value = whole.detach().as_strided(*place).copy_(parameter.detach())
        parameter.data, parameter.grad = value, whole.grad.as_strided(*place)
    return whole


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def check_terms(terms: dict[str, Tensor], images: int) -> None:
    """Raise ValueError unless the terms are a non-empty dict of (N,) floats: shapes are known without a sync."""
    if not isinstance(terms, dict) or not terms:
        raise ValueError(
            f"terms must give a dict of named per-image tensors, got {type(terms).__name__}: return {{name: values}}"
        )
    for name, values in terms.items():
        if not isinstance(values, Tensor) or values.shape != (images,):
            shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ValueError(
                f"term {name!r} has shape {shape}, expected ({images},): give one value per image, in nats"
            )
