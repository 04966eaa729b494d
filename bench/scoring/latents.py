"""What a trained method makes of images: bounds, codes, reconstructions, the classes and clusters it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.datasets.draws import stratified
from bench.runtime.seeds import stream
from bench.scoring.evidence import MissingCapability, either, evidence, over
from methods.base import (
    AbstractVAE,
    Clusters,
    Encodes,
    HasCategories,
    HasPose,
    Images,
    KeepsCodes,
    Labels,
    Reconstructs,
    Weighs,
)
from methods.parts import Bernoulli, DiscretisedLogistic, Pixels
from metrics.base import Unavailable

if TYPE_CHECKING:
    from bench.config.suite import Evaluation
    from methods.base import TrainingData

LATENT_PIXELS = 4000 * 28 * 28
"""Pixels decoded at once while importance weights are taken: bounds memory (0.3 GiB on conv32), changes no score's meaning."""


# Bounds, in nats.


@evidence()
def vae(method: AbstractVAE) -> AbstractVAE:
    """The method, where it is one of latent variables."""
    return method


@evidence(stream="_bound_terms")
def bound_terms(method: AbstractVAE, test: Images) -> dict[str, Tensor]:
    parts = [method.terms(x, y) for x, y in test.batches()]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@evidence(stream="_pixels")
def pixels(method: AbstractVAE, test: Images) -> type[Pixels]:
    """What p(x|z) is of, as the method gives it and not as the suite asked for it."""
    x, y = next(test.batches(1))
    return type(method.likelihood(method.posterior(x, y).mode, y))


@evidence()
def bernoulli_pixels(pixels: type[Pixels]) -> type[Pixels]:
    if not issubclass(pixels, Bernoulli):
        raise MissingCapability("Bernoulli pixels")
    return pixels


@evidence()
def discrete_pixels(pixels: type[Pixels]) -> type[Pixels]:
    if not issubclass(pixels, DiscretisedLogistic):
        raise MissingCapability("a probability of discrete images")
    return pixels


OF_LIKELIHOOD = {"bernoulli_pixels": "bernoulli", "discrete_pixels": "discretised-logistic"}
"""Evidence that methods of one likelihood alone can give, and all that is gathered from it."""


@evidence()
def sampled_log_likelihood(bernoulli_pixels: type[Pixels], bound_terms: dict[str, Tensor]) -> Tensor:
    """log p(x|z) of Bernoulli pixels on [0, 1], which is no probability of images: minus the binary cross-entropy."""
    return -bound_terms["reconstruction"]


@evidence()
def sampled_log_probability(discrete_pixels: type[Pixels], bound_terms: dict[str, Tensor]) -> Tensor:
    """log P(x|z) of images of 256 levels."""
    return -bound_terms["reconstruction"]


@evidence()
def kl(bound_terms: dict[str, Tensor]) -> Tensor:
    return bound_terms["kl"]


@evidence()
def kl_pose(bound_terms: dict[str, Tensor]) -> Tensor:
    if "kl_pose" not in bound_terms:
        raise MissingCapability("a pose latent")
    return bound_terms["kl_pose"]


def _check_bound(method: object) -> None:
    if isinstance(method, AbstractVAE) and not method.has_bound:
        raise MissingCapability("a bound on log p(x)")


@evidence()
def elbo(method: AbstractVAE, test: Images) -> Tensor:
    _check_bound(method)
    return over(test, lambda x, y: method.elbo(x))


@evidence()
def log_weights(method: Weighs, test: Images, settings: Evaluation, protocol: dict[str, Any]) -> Tensor:
    """Log importance weights of p(x), (N, S), of as many images and samples as the suite says."""
    _check_bound(method)
    samples, count = settings.importance_samples, settings.importance_images
    images = Images(test.x[:count], test.y[:count])
    at_once = max(1, LATENT_PIXELS // (samples * images.x[0].numel()))
    weights = torch.cat([method.log_weight(x, samples) for x, _ in images.batches(at_once)])
    protocol["importance"] = {"images": len(weights), "samples": weights.shape[1]}
    return weights


@evidence()
def discrete_log_weights(discrete_pixels: type[Pixels], log_weights: Tensor) -> Tensor:
    """log_weights, where p(x|z) is a probability of images of 256 levels."""
    return log_weights


# Reconstructions and codes.


@evidence()
def reconstructions(method: Reconstructs, test: Images) -> Tensor:
    return over(test, method.reconstruct)


@evidence(stream="_codes_train")
def codes_train(method: Encodes, data: TrainingData) -> Tensor:
    kept = method.codes if isinstance(method, KeepsCodes) else None
    return over(data.train, method.encode) if kept is None else kept


@evidence()
def codes_test(method: Encodes, test: Images) -> Tensor:
    """All that the method's encoder gives, (N, D): of a method with a pose latent, with the pose."""
    return over(test, method.encode)


def _without_pose(method: object, codes: Tensor) -> Tensor:
    return codes[:, : codes.shape[1] - (method.pose_size if isinstance(method, HasPose) else 0)]


@evidence()
def latents_train(method: Encodes, codes_train: Tensor) -> Tensor:
    return _without_pose(method, codes_train)


@evidence()
def latents_test(method: Encodes, codes_test: Tensor) -> Tensor:
    return _without_pose(method, codes_test)


@evidence()
def posterior_means_test(method: AbstractVAE, latents_test: Tensor) -> Tensor:
    """Of the continuous latents alone."""
    return latents_test[:, : latents_test.shape[1] - (method.categories if isinstance(method, HasCategories) else 0)]


@evidence()
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


@evidence()
def svm_latents(latents_train: Tensor, svm_rows: Tensor | None) -> Tensor:
    """Of the training images that linear classifiers are fit on."""
    return latents_train if svm_rows is None else latents_train[svm_rows]


@evidence()
def svm_y(y_train: Tensor, svm_rows: Tensor | None) -> Tensor:
    return y_train if svm_rows is None else y_train[svm_rows]


# Categories, classes and clusters.


@evidence()
def n_categories(method: HasCategories) -> int:
    """Values of the categorical latent."""
    return method.categories


@evidence()
def category_probabilities_train(n_categories: int, latents_train: Tensor) -> Tensor:
    return latents_train[:, -n_categories:]


@evidence()
def category_probabilities_test(n_categories: int, latents_test: Tensor) -> Tensor:
    """q(c|x), (N, K): the last columns of the code's mean."""
    return latents_test[:, -n_categories:]


@evidence(stream="labels_test")
def own_labels_test(method: Labels, test: Images) -> Tensor:
    """The class that the method reads off its latent."""
    return over(test, lambda x, y: method.label(x))


@evidence()
def likeliest_category_test(category_probabilities_test: Tensor) -> Tensor:
    return category_probabilities_test.argmax(1)


either("labels_test", "own_labels_test", "likeliest_category_test")

Pair = tuple[Tensor, Tensor]
"""Of train and test, (N,) int64 each."""


@evidence(stream="_clusters")
def own_clusters(method: Clusters, data: TrainingData, test: Images) -> Pair:
    return over(data.train, lambda x, y: method.cluster(x)), over(test, lambda x, y: method.cluster(x))


@evidence()
def category_clusters(category_probabilities_train: Tensor, category_probabilities_test: Tensor) -> Pair:
    return category_probabilities_train.argmax(1), category_probabilities_test.argmax(1)


@evidence()
def kmeans_clusters(latents_train: Tensor, latents_test: Tensor, n_classes: int, seed: int) -> Pair:
    """k-means on the latents, with as many clusters as classes."""
    from sklearn.cluster import KMeans

    fitted = KMeans(n_classes, n_init=1, random_state=seed % 2**32).fit(latents_train.cpu().numpy())
    assigned = fitted.predict(latents_test.cpu().numpy())
    device = latents_test.device
    return torch.from_numpy(fitted.labels_).long().to(device), torch.from_numpy(assigned).long().to(device)


either("clusters", "own_clusters", "category_clusters", "kmeans_clusters")


@evidence()
def clusters_train(clusters: Pair) -> Tensor:
    return clusters[0]


@evidence()
def clusters_test(clusters: Pair) -> Tensor:
    return clusters[1]
