"""How far the latent space alone tells the classes apart."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from metrics.base import Items, OfSet, Score, Unavailable, correct, jackknifed, match_one_to_one, metric
from metrics.functional.linear_svm import Machines

CV_IMAGES = "training images, each scored by a machine that has not seen it"
VARIANTS = {
    "": "latent means, standardised by each fit's own images",
    "_raw": "latent means as they are",
}
"""Suffix to what the machines are fit on: linear machines with a penalty hang on the latents' scale."""


def _register_svm(suffix: str, features: str) -> None:
    cv, spread, test = (f"svm_{name}{suffix}" for name in ("cv_accuracy", "cv_sd", "test_accuracy"))
    about = f"scikit-learn's LinearSVC problem, one against the rest, C = 1, converged, on {features}"

    @metric(
        name=f"svm{suffix}",
        source=f"{about}; 9 stratified shuffled folds of the training split",
        scores={
            cv: Score("", "higher"),
            spread: Score("", "none", no_interval="a spread itself, over folds whose training sets overlap"),
        },
        reads={"machines": f"machines{suffix}"},
    )
    def svm(machines: Machines, svm_folds: Tensor, svm_latents: Tensor, svm_y: Tensor) -> dict[str, float | OfSet]:
        """Mean and (population) standard deviation over 9 folds, (N,), of the accuracy on training latents (N,D) of the fit without each.

        The mean's spread is over the images that are scored, in the folds that they fell in: no machine is fit again.
        """
        right = machines.predict(svm_latents, svm_folds + 1) == svm_y

        def by_fold(right: Tensor, fold: Tensor) -> list[float]:
            return [right[fold == number].double().mean().item() for number in range(int(svm_folds.max()) + 1)]

        of_images = right.cpu(), svm_folds.cpu()
        mean = jackknifed(lambda right, fold: float(np.mean(by_fold(right, fold))), *of_images, of=CV_IMAGES)
        return {cv: mean, spread: float(np.std(by_fold(*of_images)))}

    @metric(
        name=test,
        better="higher",
        source=f"{about}; fit on train, scored on test",
        reads={"machines": f"machines{suffix}"},
    )
    def svm_test_accuracy(machines: Machines, latents_test: Tensor, y_test: Tensor) -> Items:
        """Whether the machines of all training latents are right on each test latent (N,D), by class.

        Raises Unavailable where latents are not finite.
        """
        if not bool(latents_test.isfinite().all()):
            raise Unavailable("latents hold values that are not finite")
        return correct(machines.predict(latents_test), y_test)


for suffix, features in VARIANTS.items():
    _register_svm(suffix, features)


@metric(
    unit="",
    better="higher",
    source="share of test images whose latent's largest label coordinate, or likeliest category, has their class's number",
)
def argmax_accuracy(labels_test: Tensor, y_test: Tensor) -> Items:
    """Whether the label that the method itself reads off its latent, (N,), is the true one, by class."""
    return correct(labels_test, y_test)


@metric(
    unit="",
    better="higher",
    source="share of test images whose likeliest category is matched with their class, one to one, best on train (scipy)",
)
def argmax_accuracy_matched(
    category_probabilities_train: Tensor, y_train: Tensor, category_probabilities_test: Tensor, y_test: Tensor
) -> Items:
    """Whether a test image's likeliest category, of (N,K), is the one matched with its class; the matching is found on train."""
    categories = category_probabilities_train.shape[1]
    names = torch.full((categories,), -1)
    found = match_one_to_one(category_probabilities_train.argmax(1), y_train)
    names[: len(found)] = found
    return correct(names[category_probabilities_test.argmax(1).cpu()], y_test)


@metric(
    unit="", better="none", source="entropy of the shares of test images whose likeliest category each is, over log K"
)
def category_use(category_probabilities_test: Tensor) -> OfSet:
    """Entropy of the histogram of likeliest categories, of (N,K), divided by log K: 1 is even, 0 is one category for all.

    Raises Unavailable where there is one category only.
    """
    categories = category_probabilities_test.shape[1]
    if categories < 2:
        raise Unavailable("use of categories needs two of them, the latent has one")

    def use(likeliest: Tensor) -> float:
        shares = torch.bincount(likeliest, minlength=categories).double()
        return float(torch.special.entr(shares / shares.sum()).sum()) / math.log(categories)

    return jackknifed(use, category_probabilities_test.argmax(1).cpu())


@metric(unit="", better="higher", source="clusters named by the majority class of train, scored on test")
def cluster_accuracy(clusters_train: Tensor, y_train: Tensor, clusters_test: Tensor, y_test: Tensor) -> Items:
    """Whether a test image's cluster, (N,), bears its class. A cluster without training images is never right."""
    clusters = int(torch.cat([clusters_train, clusters_test]).max()) + 1
    classes = int(torch.cat([y_train, y_test]).max()) + 1
    counts = torch.bincount(clusters_train.cpu() * classes + y_train.cpu(), minlength=clusters * classes)
    table = counts.reshape(clusters, classes)
    names = torch.where(table.sum(1) > 0, table.argmax(1), -1)
    return correct(names[clusters_test.cpu()], y_test)


@metric(unit="", better="higher", source="normalised mutual information, arithmetic mean of entropies (scikit-learn)")
def nmi(clusters_test: Tensor, y_test: Tensor) -> OfSet:
    """Mutual information of cluster and class over the test images, each (N,), divided by their mean entropy."""

    from sklearn.metrics import normalized_mutual_info_score  # a second to import

    def information(clusters: Tensor, y: Tensor) -> float:
        return float(normalized_mutual_info_score(y.numpy(), clusters.numpy()))

    return jackknifed(information, clusters_test.cpu(), y_test.cpu())
