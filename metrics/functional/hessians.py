"""Newton's steps for `squared_hinge`: by Hessians that are kept where features are few, by conjugate gradients where they are many."""

from __future__ import annotations

import torch
from torch import Tensor

from metrics.functional.squared_hinge import AIM, BLOCK_ROWS, Point, Problems, Task

DENSE = 1000
"""Features up to which Hessians are kept and solved."""
HESSIANS = 2**23
"""Numbers of all that are kept at a time."""
FEW = 300
"""Images with a loss up to which, of more features, a step is solved for by their products alone."""
PRODUCTS, STALE = 200, 30
"""Of the Hessian for one step: at most, and after how many a class's preconditioner is taken anew."""
SPARSE = 0.25
"""Share of images with a loss below which problems are taken class by class, with these alone."""
GATHERED = 0.5
"""Share up to which they are gathered: more of them would not fit in memory beside the rest."""

Grams = dict[tuple[int, int], tuple[Tensor, Tensor]]
"""By class and fit: the Gram matrix (D+1,D+1) of images, and which they are, (N,)."""


def of(task: Task) -> Kept | Conjugate:
    return Kept(task) if task.size <= DENSE else Conjugate(task)


class Kept:
    """By the Hessian of each problem, brought up to date by the images whose loss begins or ends.

    A Hessian is the penalty's and twice the Gram matrix of these images, in float64, of features as the fit on all images sees them.
    """

    def __init__(self, task: Task, grams: Grams | None = None) -> None:
        self.task, self.centre, self.scale = task, task.mean[0], task.deviation[0]
        self.grams = grams or {}

    def anew(self) -> Kept:
        """For other problems of these images: what they keep goes with it."""
        return Kept(self.task, dict(self.grams))

    @property
    def at_once(self) -> int:
        """Classes whose fits are solved together: their Hessians fit in memory."""
        return max(1, HESSIANS // (self.task.fits * self.task.size**2))

    def __call__(self, problems: Problems, point: Point, above: Tensor) -> Tensor:
        of_all = torch.zeros_like(problems.fits)
        wanted, found = self.task.as_seen(-point.gradient, of_all), torch.empty_like(point.gradient)
        last: tuple[Tensor, Tensor] | None = None
        for number, key in enumerate(zip(problems.classes.tolist(), problems.fits.tolist(), strict=True)):
            known = self.grams.get(key) or self.grams.get((key[0], 0)) or last
            last = self.grams[key] = self._gram(point.active[number], known), point.active[number].clone()
            hessian, own = self._penalty(key[1]).add_(last[0], alpha=2), wanted[number, :, None]
            factor, failed = torch.linalg.cholesky_ex(hessian)
            # at the ends of float64's range rounding can leave it indefinite
            solution = torch.linalg.solve(hessian, own) if failed else torch.cholesky_solve(own, factor)
            found[number] = solution[:, 0]
        return self.task.as_stored(found, of_all)

    def _gram(self, active: Tensor, known: tuple[Tensor, Tensor] | None) -> Tensor:
        """(D+1,D+1) of these images, (N,) bool, from what is known of others where that is nearer."""
        size = self.task.size + 1
        changed = active if known is None else active ^ known[1]
        if known is None or changed.sum() > active.sum():
            gram, changed = torch.zeros(size, size, dtype=torch.float64, device=active.device), active
        else:
            gram = known[0].clone()
        for rows in changed.nonzero()[:, 0].split(BLOCK_ROWS):
            z = (self.task.features[rows] - self.centre) / self.scale
            z = torch.nn.functional.pad(z, (0, 1), value=1.0)
            gram.addmm_((z * (active[rows] * 2.0 - 1)[:, None]).T, z)
        return gram

    def _penalty(self, fit: int) -> Tensor:
        shift = torch.nn.functional.pad((self.task.mean[fit] - self.centre) / self.scale, (0, 1), value=1.0)
        penalty = torch.outer(shift, shift)
        penalty.diagonal()[:-1] += (self.task.deviation[fit] / self.scale).square()
        return penalty


class Conjugate:
    """By products of the Hessian alone: preconditioned conjugate gradients."""

    def __init__(self, task: Task) -> None:
        self.task, self.at_once = task, task.signs.shape[1]
        self.factors: dict[int, Tensor] = {}

    def anew(self) -> Conjugate:
        return Conjugate(self.task)

    def __call__(self, problems: Problems, point: Point, above: Tensor) -> Tensor:
        found, few = torch.empty_like(point.gradient), point.active.sum(1) <= FEW
        for number in few.nonzero():
            rows = point.active[number[0]].nonzero()[:, 0]
            found[number] = self._of_few(rows, problems.fits[number], -point.gradient[number])
        rest = (~few).nonzero()[:, 0]
        if len(rest):
            found[rest] = self._by_class(problems.at(rest), point.active[rest], -point.gradient[rest], above[rest])
        return found

    def _of_few(self, rows: Tensor, fit: Tensor, wanted: Tensor) -> Tensor:
        """The solution (1,D+1) of Hessian @ x = wanted where these images have a loss, by Woodbury's identity."""
        z = (self.task.features[rows] - self.task.mean[fit]) / self.task.deviation[fit]
        z, own = torch.nn.functional.pad(z, (0, 1), value=1.0), self.task.as_seen(wanted, fit)
        kernel = z @ z.T
        kernel.diagonal().add_(0.5)
        return self.task.as_stored(own - torch.linalg.solve(kernel, z @ own.T).T @ z, fit)

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
        x = self.task.features
        if rows.float().mean() <= GATHERED:
            x, active = x[rows], active[:, rows]
        mask = active.T.float()
        found, residual, direction = torch.zeros_like(wanted), wanted.clone(), torch.zeros_like(wanted)
        before, enough = torch.ones_like(accuracy), accuracy * self.task.length(wanted, problems.fits)
        going = torch.arange(len(wanted), device=wanted.device)
        self._precondition(problems, x, mask)
        for number in range(PRODUCTS):
            own, r = problems.at(going), residual[going]
            conditioned = self._conditioned(own, r)
            energy = (r * conditioned).sum(1)
            d = conditioned + (energy / before[going])[:, None] * direction[going]
            moved = torch.addmm(d[:, -1].float(), x, d[:, :-1].float().T).mul_(mask[:, going])
            product = self.task.penalised(d, own.fits) + 2 * torch.cat([moved.T @ x, moved.sum(0)[:, None]], 1)
            length = (energy / (d * product).sum(1))[:, None]
            found[going] += length * d
            residual[going] -= length * product
            direction[going], before[going] = d, energy
            going = going[self.task.length(residual[going], own.fits) > enough[going]]
            if not len(going):
                break
            if number == STALE:
                for one in set(problems.at(going).classes.tolist()):
                    del self.factors[one]
                self._precondition(problems, x, mask)
                direction.zero_()
        return found

    def _precondition(self, problems: Problems, x: Tensor, mask: Tensor) -> None:
        """For each class that has none the factor of its first problem's Hessian; where all images have a loss that is one for all."""
        of_all: Tensor | None = None
        for number, one in enumerate(problems.classes.tolist()):
            if one in self.factors:
                continue
            whole = bool(mask[:, number].all())
            if of_all is not None and whole:
                self.factors[one] = of_all
                continue
            hessian = self._hessian(x, mask[:, number].nonzero()[:, 0], problems.fits[number])
            self.factors[one] = torch.linalg.cholesky(hessian).float()
            of_all = self.factors[one] if whole else of_all

    def _hessian(self, x: Tensor, rows: Tensor, fit: Tensor) -> Tensor:
        """(D+1,D+1) of a problem in whose loss these rows are, for features as its fit sees them."""
        mean, deviation = self.task.mean[fit].float(), self.task.deviation[fit].float()
        hessian = torch.eye(self.task.size + 1, dtype=torch.float64, device=x.device)
        for some in rows.split(BLOCK_ROWS):
            z = torch.nn.functional.pad((x[some] - mean) / deviation, (0, 1), value=1.0)
            hessian += (z.T @ z).mul_(2)
        return hessian

    def _conditioned(self, problems: Problems, vectors: Tensor) -> Tensor:
        own = self.task.as_seen(vectors, problems.fits)
        scale = own.abs().amax(1, keepdim=True)
        own, found = (own / scale).float(), torch.empty_like(vectors)
        for one in problems.classes.unique():
            rows = problems.classes == one
            found[rows] = torch.cholesky_solve(own[rows].T, self.factors[int(one)]).T.double()
        return self.task.as_stored(found, problems.fits) * scale
