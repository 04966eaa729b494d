"""Linear support vector machines, one against the rest, of all classes and all folds."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from metrics.base import Unavailable
from metrics.functional import hessians
from metrics.functional.squared_hinge import BLOCK_ROWS, Problems, Task

CENTRED = 300
"""Features up to which they are centred: sums of few are the finer for it, many stay as they are, in the memory that they have."""
NO_VARIANCE = 1e-12
"""Of a mean square, that rounding leaves of the variance of features that do not vary."""


class Machines(NamedTuple):
    """One-against-the-rest machines of F fits. classes: (K,). weights: (F,K,D) and intercepts (F,K), float64, of features as they are."""

    classes: Tensor
    weights: Tensor
    intercepts: Tensor

    def predict(self, features: Tensor, fit: Tensor | int = 0) -> Tensor:
        """The class (M,) of features (M,D), by one fit or by each row's own, (M,)."""
        features = features.flatten(1)
        fits = torch.as_tensor(fit, device=features.device).expand(len(features))
        found = torch.empty_like(fits)
        for number in fits.unique():
            rows = fits == number
            margins = features[rows].double() @ self.weights[number].T + self.intercepts[number]
            found[rows] = margins.argmax(1)
        return self.classes[found]


def fit(features: Tensor, y: Tensor, folds: Tensor | None = None, *, standardised: bool) -> Machines:
    """Machines of features (N,D) and classes (N,): the first fit on all, and with folds (N,), numbers from 0, one without each fold.

    scikit-learn's LinearSVC as it is by default (LIBLINEAR, Fan et al. 2008, L2-regularised L2-loss): for each class the minimum of
    (|w|² + b²) / 2 + sum max(0, 1 - s (w.x + b))², s = 1 for the class and -1 for the rest. Newton steps as Keerthi & DeCoste 2005, of
    many features by conjugate gradients. Margins are float32, and float64 where that is not enough; folds start from the fit on all.
    standardised: each fit's features are taken about the mean of its own images and divided by their standard deviation; one that does
    not vary is only centred. Raises Unavailable where features are not finite, there is one class only, or a machine does not converge.
    """
    features = features.flatten(1).float()
    if not all(bool(part.isfinite().all()) for part in features.split(BLOCK_ROWS)):
        raise Unavailable("latents hold values that are not finite")
    classes, target = y.unique(return_inverse=True)
    if len(classes) < 2:
        raise Unavailable("a classifier needs two classes")
    fits = torch.arange(1 if folds is None else int(folds.max()) + 2, device=y.device)
    kept = (fits - 1 != (-2 if folds is None else folds[:, None])).float().expand(len(features), -1)
    mean = torch.zeros(len(fits), features.shape[1], dtype=torch.float64, device=features.device)
    deviation, varies = torch.ones_like(mean), torch.ones_like(mean, dtype=torch.bool)
    if standardised:
        mean, deviation, varies = _moments(features, kept)
    centre = mean[0] if features.shape[1] <= CENTRED else torch.zeros_like(mean[0])
    seen = features - centre.float() if centre.any() else features
    task = Task(seen, torch.nn.functional.one_hot(target).float() * 2 - 1, kept, mean - centre.float(), deviation)
    try:
        weights = _solved(task, len(classes))
    except torch.linalg.LinAlgError as problem:
        raise Unavailable("a linear SVM has no finite Hessian: the latents' scale is beyond float32's") from problem
    # what does not vary has no weight, but where it is known only up to rounding
    shift = (weights[..., :-1] * (mean - centre.float())[:, None]).masked_fill(varies[:, None], 0).sum(-1)
    slopes = weights[..., :-1].masked_fill(~varies[:, None], 0)
    return Machines(classes, slopes, weights[..., -1] + shift - slopes @ centre.float().double())


def _solved(task: Task, classes: int) -> Tensor:
    """Weights and intercepts (F,K,D+1): of the fit on all first, from which the others start."""
    number, newton = torch.arange(classes, device=task.features.device), hessians.of(task)
    found = torch.zeros(task.fits, classes, task.size + 1, dtype=torch.float64, device=number.device)
    found[0] = task.solved(Problems(number, torch.zeros_like(number)), found[0], newton)
    for some in number.split(newton.at_once) if task.fits > 1 else ():
        each = torch.arange(1, task.fits, device=number.device).repeat_interleave(len(some))
        start = found[0, some].repeat(task.fits - 1, 1)
        ends = task.solved(Problems(some.repeat(task.fits - 1), each), start, newton.anew())
        found[1:, some] = ends.unflatten(0, (-1, len(some)))
    return found


def _moments(features: Tensor, kept: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of the images that each fit has: mean and standard deviation, (F,D), float64, and whether they vary.

    Of features that do not vary in a fit the deviation is the whole's, or 1: with any their weight is 0, and so near to where it starts.
    """
    # a block at a time: features of float64 would not fit in memory
    centre = torch.stack([x.sum(0, dtype=torch.float64) for x in features.split(BLOCK_ROWS)]).sum(0) / len(features)
    first = torch.zeros(kept.shape[1], len(centre), dtype=torch.float64, device=features.device)
    second = torch.zeros_like(first)
    for x, own in zip(features.split(BLOCK_ROWS), kept.split(BLOCK_ROWS), strict=True):
        about, own = x - centre, own.double().T
        first += own @ about
        second += own @ about.square()
    count = kept.sum(0, dtype=torch.float64)[:, None]
    first, second = first / count, second / count
    variance = second - first.square()
    varies = variance > NO_VARIANCE * second
    deviation = torch.where(varies, variance, 1.0).sqrt()
    return centre + first, torch.where(varies, deviation, deviation[0]), varies
