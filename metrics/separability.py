"""How far the latent space alone tells the classes apart."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import normalized_mutual_info_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC
from torch import Tensor

from metrics.base import Items, OfSet, Score, Unavailable, correct, jackknifed, match_one_to_one, metric

FOLDS = 9
CV_IMAGES = "training images, each scored by a machine that has not seen it"
SPARSE = 0.5
ITERATIONS = 1000
# Ten times scikit-learn's default: MNIST's pixels then take 40 s a fit and not 63, and score 0.9182 and not 0.9185;
# accuracy on 20 dimensions moves by 0.0001.
TOLERANCE = 1e-3


@metric(
    source="scikit-learn LinearSVC (tol 1e-3) on latent means, 9 stratified shuffled folds of the training split",
    scores={
        "svm_cv_accuracy": Score("", "higher"),
        "svm_cv_sd": Score("", "none", no_interval="a spread itself, over folds whose training sets overlap"),
    },
)
def svm(svm_latents: Tensor, svm_y: Tensor, seed: int) -> dict[str, float | OfSet]:
    """Mean and (population) standard deviation over 9 folds of the accuracy of a linear classifier on training latents (N,D).

    The mean's spread is over the images that are scored, in the folds that they fell in: no machine is fit again.
    Raises Unavailable where a class has fewer than 9 images, or as `svm_test_accuracy` does.
    """
    z, y = _as_features(svm_latents), _as_labels(svm_y)
    smallest = int(np.unique(y, return_counts=True)[1].min())
    if smallest < FOLDS:
        raise Unavailable(f"{FOLDS} folds need {FOLDS} images of every class, the smallest class has {smallest}")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    right, fold = np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=np.int64)
    for number, (kept, left) in enumerate(folds.split(z, y)):
        right[left] = _fit(z[kept], y[kept], seed).predict(_double(z[left])) == y[left]
        fold[left] = number

    def by_fold(right: Tensor, fold: Tensor) -> list[float]:
        return [right[fold == number].double().mean().item() for number in range(FOLDS)]

    of_images = torch.from_numpy(right), torch.from_numpy(fold)
    mean = jackknifed(lambda right, fold: float(np.mean(by_fold(right, fold))), *of_images, of=CV_IMAGES)
    return {"svm_cv_accuracy": mean, "svm_cv_sd": float(np.std(by_fold(*of_images)))}


@metric(
    unit="", better="higher", source="scikit-learn LinearSVC (tol 1e-3) on latent means, fit on train, scored on test"
)
def svm_test_accuracy(svm_latents: Tensor, svm_y: Tensor, latents_test: Tensor, y_test: Tensor, seed: int) -> Items:
    """Whether a linear classifier fit on the training latents (N,D) is right on each test latent, by class.

    Raises Unavailable where latents are not finite, there is one class only, or the classifier does not converge.
    """
    machine = _fit(_as_features(svm_latents), _as_labels(svm_y), seed)
    predicted = torch.from_numpy(machine.predict(_double(_as_features(latents_test))))
    return correct(predicted, y_test)


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

    def information(clusters: Tensor, y: Tensor) -> float:
        return float(normalized_mutual_info_score(_as_labels(y), _as_labels(clusters)))

    return jackknifed(information, clusters_test.cpu(), y_test.cpu())


def _as_labels(y: Tensor) -> NDArray[np.int64]:
    return y.cpu().numpy().astype(np.int64)


def _as_features(z: Tensor) -> NDArray[np.floating] | csr_matrix:
    """(N,D) latents, finite, in their own precision; sparse where most are zero, as in raw pixels.

    LIBLINEAR holds non-zero entries alone in either case: the same machine comes out, in a third of the memory.
    """
    features = z.flatten(1).detach().cpu().numpy()
    if not np.isfinite(features).all():
        raise Unavailable("latents hold values that are not finite")
    if np.count_nonzero(features) < SPARSE * features.size:
        return csr_matrix(features)
    return np.ascontiguousarray(features)


def _double(z: NDArray[np.floating] | csr_matrix) -> NDArray[np.float64] | csr_matrix:
    """As scikit-learn wants them: float64, of what is fit or scored now alone."""
    return z.astype(np.float64, copy=False)


def _fit(z: NDArray[np.floating] | csr_matrix, y: NDArray[np.int64], seed: int) -> LinearSVC:
    """A converged LinearSVC of latents (N,D) and classes (N,), or Unavailable."""
    if len(np.unique(y)) < 2:
        raise Unavailable("a classifier needs two classes")
    machine = LinearSVC(dual="auto", tol=TOLERANCE, max_iter=ITERATIONS, random_state=seed % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return machine.fit(_double(z), y)
        except ConvergenceWarning as warning:
            raise Unavailable(f"LinearSVC did not converge in {ITERATIONS} iterations") from warning
