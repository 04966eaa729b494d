"""The minimum of the squared hinge loss with an L2 penalty: many problems over the same images as one batch of Newton steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from metrics.base import Unavailable

TOLERANCE, AIM = 1e-6, 1e-7
"""Of the gradient at zero weights: a machine whose gradient is larger than the first has not converged; the second is aimed at."""
STEPS, LINE_STEPS, PRODUCTS = 100, 12, 200
"""At most: Newton steps, those along one, and products of the Hessian for one."""
ENOUGH = 1e-4
"""Of what the slope promises, that a step has to take off the objective."""
EXACT = 300
"""Features, or images with a loss, up to which a step is solved for; beyond, conjugate gradients take products of the Hessian alone."""
STALE = 12
"""Products for one step after which a class's preconditioner is taken anew."""
SPARSE = 0.25
"""Share of images with a loss below which they are gathered, class by class."""
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


class Task:
    """The images, and each fit's mean and deviation of them (0 and 1 where they are not standardised)."""

    def __init__(self, features: Tensor, signs: Tensor, kept: Tensor, mean: Tensor, deviation: Tensor) -> None:
        """features: (N,D) float32. signs: (N,K), 1 of each image's class and -1. kept: (N,F), 1 where a fit has the image, else 0.

        mean, deviation: (F,D) float64.
        """
        self.features, self.signs, self.kept = features, signs, kept
        self.mean, self.deviation = mean, deviation
        self.fits, self.size = mean.shape
        self.inverses: dict[int, Tensor] = {}
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

    def _length(self, gradient: Tensor, fits: Tensor) -> Tensor:
        """Of gradients (P,D+1), as the weights on what each fit sees have them, (P,)."""
        own = (gradient[:, :-1] - gradient[:, -1:] * self.mean[fits]) / self.deviation[fits]
        return (own.square().sum(1) + gradient[:, -1].square()).sqrt()

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

    def solved(self, problems: Problems, start: Tensor) -> Tensor:
        """The weights (P,D+1) that minimise each problem's objective, from these. Raises Unavailable where they are not found."""
        weights = start.clone()
        goal = AIM * self._length(self.evaluated(problems, torch.zeros_like(start)).gradient, problems.fits)
        point, going = self.evaluated(problems, weights), torch.ones_like(goal, dtype=torch.bool)
        for _ in range(STEPS):
            length = self._length(point.gradient, problems.fits)
            going &= ~(length <= goal)
            left = going.nonzero()[:, 0]
            if not len(left):
                break
            direction = self._direction(problems.at(left), Point(*(one[left] for one in point)), (length / goal)[left])
            for whole in (True, False):
                step = 1.0 if whole else self._least(problems.at(left), weights[left], direction)[:, None]
                trial = weights[left] + step * direction
                found, before = self.evaluated(problems.at(left), trial), point.objective[left]
                slope = ((trial - weights[left]) * point.gradient[left]).sum(1)
                # by rounding of its sums an objective no longer falls where the gradient still does
                shorter = self._length(found.gradient, problems.fits[left]) < length[left] / 2
                good = (found.objective <= before + ENOUGH * slope) | shorter
                weights[left[good]] = trial[good]
                for own, its in zip(point, found, strict=True):
                    own[left[good]] = its[good]
                left, direction = left[~good], direction[~good]
                if not len(left):
                    break
            if len(left) and not self.precise:
                self.precise = True  # nearer than float32 comes
                point = self.evaluated(problems, weights)
            else:
                going[left] = False
        if not bool((self._length(point.gradient, problems.fits) <= goal * (TOLERANCE / AIM)).all()):
            raise Unavailable(f"a linear SVM did not come to {TOLERANCE:g} of its first gradient")
        return weights

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

    def _direction(self, problems: Problems, point: Point, above: Tensor) -> Tensor:
        """Newton's step (P,D+1). above: the gradient's length, in what it is to come to."""
        found, small = torch.empty_like(point.gradient), point.active.sum(1).clamp(max=self.size) <= EXACT
        for number in small.nonzero()[:, 0]:
            rows = point.active[number].nonzero()[:, 0]
            found[number] = self._exact(rows, problems.fits[number], -point.gradient[number])
        rest = (~small).nonzero()[:, 0]
        if len(rest):
            found[rest] = self._by_class(problems.at(rest), point.active[rest], -point.gradient[rest], above[rest])
        return found

    def _exact(self, rows: Tensor, fit: Tensor, wanted: Tensor) -> Tensor:
        """The solution (D+1,) of Hessian @ x = wanted where these images have a loss; of few images by Woodbury's identity."""
        mean, deviation = self.mean[fit], self.deviation[fit]
        z = torch.nn.functional.pad((self.features[rows] - mean.float()) / deviation.float(), (0, 1), value=1.0)
        own = torch.cat([(wanted[:-1] - wanted[-1] * mean) / deviation, wanted[-1:]])
        if len(rows) <= self.size:
            z = z.double()
            kernel = z @ z.T
            kernel.diagonal().add_(0.5)
            found = own - z.T @ torch.linalg.solve(kernel, z @ own)
        else:
            hessian = 2 * (z.T @ z).double()
            hessian.diagonal().add_(1)
            found = torch.linalg.solve(hessian, own)
        weights = found[:-1] / deviation
        return torch.cat([weights, found[-1:] - weights @ mean])

    def _by_class(self, problems: Problems, active: Tensor, wanted: Tensor, above: Tensor) -> Tensor:
        accuracy = (above * AIM).sqrt().clamp(max=0.1)
        found, one_by_one = torch.empty_like(wanted), active.float().mean() < SPARSE
        # few images have a loss, and the folds of a class share them: products with these alone
        groups = problems.classes.unique() if one_by_one else [problems.classes]
        for group in groups:
            own = problems.classes == group
            found[own] = self._conjugate(problems.at(own), active[own], wanted[own], accuracy[own])
        return found

    def _conjugate(self, problems: Problems, active: Tensor, wanted: Tensor, accuracy: Tensor) -> Tensor:
        """The solution (P,D+1) of Hessian @ x = wanted, up to a share of its length, by preconditioned conjugate gradients."""
        rows = active.any(0)
        x, active = (self.features, active) if rows.all() else (self.features[rows], active[:, rows])
        mask = active.T.float()
        found, residual, direction = torch.zeros_like(wanted), wanted.clone(), torch.zeros_like(wanted)
        before, enough = torch.ones_like(accuracy), accuracy * self._length(wanted, problems.fits)
        going = torch.arange(len(wanted), device=wanted.device)
        self._precondition(problems, x, mask)
        for number in range(PRODUCTS):
            own, r = problems.at(going), residual[going]
            conditioned = self._conditioned(own, r)
            energy = (r * conditioned).sum(1)
            d = conditioned + (energy / before[going])[:, None] * direction[going]
            moved = torch.addmm(d[:, -1].float(), x, d[:, :-1].float().T).mul_(mask[:, going])
            product = self.penalised(d, own.fits) + 2 * torch.cat([moved.T @ x, moved.sum(0)[:, None]], 1)
            length = (energy / (d * product).sum(1))[:, None]
            found[going] += length * d
            residual[going] -= length * product
            direction[going], before[going] = d, energy
            going = going[self._length(residual[going], own.fits) > enough[going]]
            if not len(going):
                break
            if number == STALE:
                for one in set(problems.at(going).classes.tolist()):
                    del self.inverses[one]
                self._precondition(problems, x, mask)
                direction.zero_()
        return found

    def _precondition(self, problems: Problems, x: Tensor, mask: Tensor) -> None:
        """For each class that has none the inverse Hessian of its first problem; where all images have a loss that is one for all."""
        of_all: Tensor | None = None
        for number, one in enumerate(problems.classes.tolist()):
            if one in self.inverses:
                continue
            whole = bool(mask[:, number].all())
            if of_all is not None and whole:
                self.inverses[one] = of_all
                continue
            hessian = self._hessian(x, mask[:, number].nonzero()[:, 0], problems.fits[number])
            self.inverses[one] = torch.cholesky_inverse(torch.linalg.cholesky(hessian))
            of_all = self.inverses[one] if whole else of_all

    def _hessian(self, x: Tensor, rows: Tensor, fit: Tensor) -> Tensor:
        """(D+1,D+1) of a problem in whose loss these rows are."""
        joined = torch.nn.functional.pad(x[rows], (0, 1), value=1.0)
        identity = torch.eye(self.size + 1, dtype=torch.float64, device=x.device)
        return self.penalised(identity, fit.expand(self.size + 1)) + 2 * (joined.T @ joined).double()

    def _conditioned(self, problems: Problems, vectors: Tensor) -> Tensor:
        found = torch.empty_like(vectors)
        for one in problems.classes.unique():
            rows = problems.classes == one
            found[rows] = vectors[rows] @ self.inverses[int(one)]
        return found
