"""Linear support vector machines, one against the rest, of all classes and all folds."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from metrics.base import Unavailable
from metrics.functional.squared_hinge import EXACT, Problems, Task


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
    many features by conjugate gradients. Products are float32, sums of blocks float64; folds start from the fit on all.
    standardised: each fit's features are taken about the mean of its own images and divided by their standard deviation; one that does
    not vary is only centred. Raises Unavailable where features are not finite, there is one class only, or a machine does not converge.
    """
    features = features.flatten(1).float()
    if not bool(features.isfinite().all()):
        raise Unavailable("latents hold values that are not finite")
    classes, target = y.unique(return_inverse=True)
    if len(classes) < 2:
        raise Unavailable("a classifier needs two classes")
    # sums of few features are the finer for it; many stay as they are, in the memory that they have
    centre = features.mean(0) if standardised and features.shape[1] <= EXACT else features.new_zeros(features.shape[1])
    task = Task(features - centre if centre.any() else features, target, folds, standardised)
    number = torch.arange(len(classes), device=y.device)
    one = task.solved(Problems(number, torch.zeros_like(number)), task.zeros(len(classes)))
    found = [one]
    if task.fits > 1:
        each = torch.arange(1, task.fits, device=y.device).repeat_interleave(len(classes))
        rest = Problems(number.repeat(task.fits - 1), each)
        task.inverses.clear()
        found.append(task.solved(rest, one.repeat(task.fits - 1, 1)))
    weights = torch.cat(found).reshape(task.fits, len(classes), -1)
    intercepts = weights[..., -1] - weights[..., :-1] @ centre.double()
    return Machines(classes, weights[..., :-1], intercepts)
