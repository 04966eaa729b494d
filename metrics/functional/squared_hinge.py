"""The minimum of the squared hinge loss with an L2 penalty: many problems over the same images as one batch of Newton steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from metrics.base import Unavailable

TOLERANCE, AIM = 1e-6, 1e-7
"""Of the gradient at zero weights: a machine whose gradient is larger than the first has not converged; the second is aimed at."""
STEPS, LINE_STEPS = 100, 12
"""At most: Newton steps, and those along one."""
ENOUGH = 1e-4
"""Of what the slope promises, that a step has to take off the objective."""
BLOCK_VALUES, BLOCK_ROWS = 2**18, 4096
"""Margins at a time on a CPU: they stay in its cache, and sums in float32 are of few."""


class Problems(NamedTuple):
    """P problems, each a class against the rest, (P,), in a fit, (P,)."""

    classes: Tensor
    fits: Tensor

    def at(self, rows: Tensor) -> Problems:
        return Problems(self.classes[rows], self.fits[rows])


class Point(NamedTuple):
    """Objective (P,) and gradient (P,D+1) at P weights, float64, and which images have a loss, (P,N)."""

    objective: Tensor
    gradient: Tensor
    active: Tensor


Direction = Callable[[Problems, Point, Tensor], Tensor]
"""Newton's step (P,D+1) at a point, which is above its goal by these factors (P,)."""


class Task:
    """The images, and each fit's mean and deviation of them (0 and 1 where they are not standardised)."""

    def __init__(self, features: Tensor, signs: Tensor, kept: Tensor, mean: Tensor, deviation: Tensor) -> None:
        """features: (N,D) float32. signs: (N,K), 1 of each image's class and -1. kept: (N,F), 1 where a fit has the image, else 0.

        mean, deviation: (F,D) float64.
        """
        self.features, self.signs, self.kept = features, signs, kept
        self.mean, self.deviation = mean, deviation
        self.fits, self.size = mean.shape
        self.precise = False

    def _blocks(self, values: int) -> Iterator[tuple[slice, Tensor]]:
        """Rows and their features (n,D), so many that each has `values` of what is made of them."""
        on_cpu = self.features.device.type == "cpu"
        size = min(BLOCK_ROWS, max(256, BLOCK_VALUES // values)) if on_cpu else len(self.features)
        for start in range(0, len(self.features), size):
            rows = slice(start, start + size)
            yield rows, self.features[rows]

    def penalised(self, weights: Tensor, fits: Tensor) -> Tensor:
        """The penalty's gradient (P,D+1): half the squared length of the weights on what each fit sees."""
        mean, deviation = self.mean[fits], self.deviation[fits]
        intercept = weights[:, -1:] + (weights[:, :-1] * mean).sum(1, keepdim=True)
        return torch.cat([weights[:, :-1] * deviation.square() + intercept * mean, intercept], 1)

    def as_seen(self, gradient: Tensor, fits: Tensor) -> Tensor:
        """Gradients (P,D+1) for weights on what each fit sees: its features about their mean, over their deviation."""
        mean, deviation = self.mean[fits], self.deviation[fits]
        return torch.cat([(gradient[:, :-1] - gradient[:, -1:] * mean) / deviation, gradient[:, -1:]], 1)

    def as_stored(self, weights: Tensor, fits: Tensor) -> Tensor:
        """The weights (P,D+1) of features as they are, from those on what each fit sees: the transpose of `as_seen`."""
        slopes = weights[:, :-1] / self.deviation[fits]
        return torch.cat([slopes, weights[:, -1:] - (slopes * self.mean[fits]).sum(1, keepdim=True)], 1)

    def length(self, gradient: Tensor, fits: Tensor) -> Tensor:
        """Of gradients (P,D+1), as the weights on what each fit sees have them, (P,)."""
        return self.as_seen(gradient, fits).square().sum(1).sqrt()

    def evaluated(self, problems: Problems, weights: Tensor) -> Point:
        penalty = self.penalised(weights, problems.fits)
        objective, gradient = (weights * penalty).sum(1) / 2, penalty.clone()
        products = torch.float64 if self.precise else torch.float32
        columns, intercepts = weights[:, :-1].to(products).T, weights[:, -1].to(products)
        active = []
        for rows, x in self._blocks(len(weights)):
            x, sign = x.to(products), self.signs[rows].index_select(1, problems.classes)
            gap = torch.addmm(intercepts, x, columns).mul_(sign).neg_().add_(1).clamp_(min=0)
            if self.fits > 1:
                gap.mul_(self.kept[rows].index_select(1, problems.fits))
            objective += gap.square().sum(0).double()
            active.append(gap > 0)
            push = gap.mul_(sign)
            gradient[:, :-1] -= 2 * (push.T @ x).double()
            gradient[:, -1] -= 2 * push.sum(0).double()
        return Point(objective, gradient, torch.cat(active).T)

    def solved(self, problems: Problems, start: Tensor, newton: Direction) -> Tensor:
        """The weights (P,D+1) that minimise each problem's objective, from these. Raises Unavailable where they are not found."""
        length = self.length(self.evaluated(problems, torch.zeros_like(start)).gradient, problems.fits)
        weights, goal = start.clone(), AIM * length
        for self.precise in (False, True):  # nearer than float32 comes
            left = self._descend(problems, weights, goal, newton)
            if not len(left):
                return weights
        length = self.length(self.evaluated(problems.at(left), weights[left]).gradient, problems.fits[left])
        if not bool((length <= goal[left] * (TOLERANCE / AIM)).all()):
            raise Unavailable(f"a linear SVM did not come to {TOLERANCE:g} of its first gradient")
        return weights

    def _descend(self, problems: Problems, weights: Tensor, goal: Tensor, newton: Direction) -> Tensor:
        """Takes steps of the weights, in place. Returns the problems, by number, of which no step helps any more above their goal."""
        number = torch.arange(len(goal), device=goal.device)
        point, stuck = self.evaluated(problems, weights), torch.zeros_like(goal, dtype=torch.bool)
        length = self.length(point.gradient, problems.fits)
        for _ in range(STEPS):
            left = number[~(length <= goal) & ~stuck]
            if not len(left):
                break
            at = Point(*(one[left] for one in point))
            direction = newton(problems.at(left), at, length[left] / goal[left])
            for whole in (True, False):
                step = 1.0 if whole else self._least(problems.at(left), weights[left], direction)[:, None]
                trial = weights[left] + step * direction
                found, before = self.evaluated(problems.at(left), trial), point.objective[left]
                shorter = self.length(found.gradient, problems.fits[left])
                slope = ((trial - weights[left]) * point.gradient[left]).sum(1)
                # by rounding of its sums an objective no longer falls where the gradient still does
                good = (found.objective <= before + ENOUGH * slope) | (shorter < length[left] / 2)
                weights[left[good]], length[left[good]] = trial[good], shorter[good]
                for own, its in zip(point, found, strict=True):
                    own[left[good]] = its[good]
                left, direction = left[~good], direction[~good]
                if not len(left):
                    break
            stuck[left] = True
        return number[~(length <= goal)]

    def _least(self, problems: Problems, weights: Tensor, direction: Tensor) -> Tensor:
        """The step, (P,) in 0..1, at which the objective is least: Newton's on its slope, safeguarded by bisection."""
        gap, move = [], []
        single, along = (torch.cat([one[:, :-1].float().T, one[:, -1:].float().T]) for one in (weights, direction))
        for rows, x in self._blocks(len(weights)):
            sign = self.signs[rows].index_select(1, problems.classes) * self.kept[rows].index_select(1, problems.fits)
            gap.append(sign.abs() - sign * torch.addmm(single[-1], x, single[:-1]))
            move.append(sign * torch.addmm(along[-1], x, along[:-1]))
        gaps, moves = torch.cat(gap), torch.cat(move)
        start = (direction * self.penalised(weights, problems.fits)).sum(1)
        bend = (direction * self.penalised(direction, problems.fits)).sum(1)
        low, high = torch.zeros_like(start), torch.ones_like(start)
        step = high
        for _ in range(LINE_STEPS):
            left = (gaps - step.float() * moves).clamp_(min=0)
            slope = start + step * bend - 2 * (left * moves).sum(0, dtype=torch.float64)
            curve = bend + 2 * (left.sign() * moves.square()).sum(0, dtype=torch.float64)
            low, high = torch.where(slope < 0, step, low), torch.where(slope < 0, high, step)
            newton = step - slope / curve
            step = torch.where((newton > low) & (newton < high), newton, (low + high) / 2)
        return step
