"""Linear machines of latents, each fit once for all scores that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.datasets.draws import stratified
from bench.runtime.seeds import stream
from bench.scoring.evidence import evidence, simply
from metrics.base import Unavailable
from metrics.functional.linear_svm import fit

if TYPE_CHECKING:
    from bench.config.suite import Evaluation

FOLDS = 9


@evidence
def svm_rows(y_train: Tensor, settings: Evaluation, cell_seed: int, protocol: dict[str, Any]) -> Tensor | None:
    """The training images that linear classifiers are fit on, (M,) indices, each class by its share; None is all of them."""
    wanted, y = settings.svm_images, y_train.cpu()
    if wanted is None or wanted >= len(y):
        return None
    rows = stratified(y, wanted, stream(cell_seed, "svm"))[1]
    for k in y.unique().tolist():
        if not bool((y[rows] == k).any()):
            raise Unavailable(f"svm_images={wanted} leaves no image of class {k}: set evaluation.svm_images higher")
    protocol["svm"] = {"images": wanted, "of": len(y)}
    return rows.to(y_train.device)


simply(
    svm_latents=lambda latents_train, svm_rows: latents_train if svm_rows is None else latents_train[svm_rows],
    svm_y=lambda y_train, svm_rows: y_train if svm_rows is None else y_train[svm_rows],
)


@evidence
def svm_folds(svm_y: Tensor, seed: int) -> Tensor:
    """The fold that each image falls in, (N,) from 0: stratified and shuffled. Raises Unavailable where a class has too few for them."""
    from sklearn.model_selection import StratifiedKFold  # a second to import

    y = svm_y.cpu()
    smallest = int(y.unique(return_counts=True)[1].min())
    if smallest < FOLDS:
        raise Unavailable(f"{FOLDS} folds need {FOLDS} images of every class, the smallest class has {smallest}")
    folds = torch.zeros_like(y)
    for number, (_, left) in enumerate(StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**32).split(y, y)):
        folds[left] = number
    return folds.to(svm_y.device)


simply(
    machines=lambda svm_latents, svm_y, svm_folds=None: fit(svm_latents, svm_y, svm_folds, standardised=True),
    machines_raw=lambda svm_latents, svm_y, svm_folds=None: fit(svm_latents, svm_y, svm_folds, standardised=False),
)
