"""What a trained method makes of images: bounds, codes, reconstructions, the classes and clusters it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench.scoring.evidence import MissingCapability, either, evidence, over, simply
from methods.base import (
    AbstractMethod,
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
from methods.parts import Bernoulli, DiscretisedLogistic, Pixels, k_means, nearest

if TYPE_CHECKING:
    from bench.config.suite import Evaluation
    from methods.base import TrainingData

LATENT_PIXELS = 4000 * 28 * 28
"""Pixels decoded at once while importance weights are taken: bounds memory (0.3 GiB on conv32), changes no score's meaning."""
LATENTS_AT_ONCE = 4000
"""Of small images: a dense layer's outputs stay in a core's cache (1.7 times as fast on 8x8 as by pixels alone)."""


# Bounds, in nats.


@evidence
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


@evidence
def bernoulli_pixels(pixels: type[Pixels]) -> type[Pixels]:
    if not issubclass(pixels, Bernoulli):
        raise MissingCapability("Bernoulli pixels")
    return pixels


@evidence
def discrete_pixels(pixels: type[Pixels]) -> type[Pixels]:
    if not issubclass(pixels, DiscretisedLogistic):
        raise MissingCapability("a probability of discrete images")
    return pixels


OF_LIKELIHOOD = {"bernoulli_pixels": "bernoulli", "discrete_pixels": "discretised-logistic"}
"""Evidence that methods of one likelihood alone can give, and all that is gathered from it."""

simply(
    # log p(x|z) of Bernoulli pixels on [0, 1], which is no probability of images: minus the binary cross-entropy
    sampled_log_likelihood=lambda bernoulli_pixels, bound_terms: -bound_terms["reconstruction"],
    # log P(x|z) of images of 256 levels, and log weights where p(x|z) is that
    sampled_log_probability=lambda discrete_pixels, bound_terms: -bound_terms["reconstruction"],
    discrete_log_weights=lambda discrete_pixels, log_weights: log_weights,
    kl=lambda bound_terms: bound_terms["kl"],
)


@evidence
def kl_pose(bound_terms: dict[str, Tensor]) -> Tensor:
    if "kl_pose" not in bound_terms:
        raise MissingCapability("a pose latent")
    return bound_terms["kl_pose"]


def _check_bound(method: Any) -> None:
    if isinstance(method, AbstractVAE) and not method.has_bound:
        raise MissingCapability("a bound on log p(x)")


@evidence
def elbo(method: AbstractVAE, test: Images) -> Tensor:
    _check_bound(method)
    return over(test, lambda x, y: method.elbo(x))


@evidence
def log_weights(method: Weighs, test: Images, settings: Evaluation, protocol: dict[str, Any]) -> Tensor:
    """Log importance weights of p(x), (N, S), of as many images and samples as the suite says."""
    _check_bound(method)
    samples, count = settings.importance_samples, settings.importance_images
    images = Images(test.x[:count], test.y[:count])
    at_once = max(1, min(LATENTS_AT_ONCE, LATENT_PIXELS // images.x[0].numel()) // samples)
    weights = torch.cat([method.log_weight(x, samples) for x, _ in images.batches(at_once)])
    protocol["importance"] = {"images": len(weights), "samples": weights.shape[1]}
    return weights


# Reconstructions and codes.


@evidence
def reconstructions(method: Reconstructs, test: Images) -> Tensor:
    return over(test, method.reconstruct)


@evidence(stream="_codes_train")
def codes_train(method: Encodes, data: TrainingData) -> Tensor:
    kept = method.codes if isinstance(method, KeepsCodes) else None
    return over(data.train, method.encode) if kept is None else kept


@evidence
def codes_test(method: Encodes, test: Images) -> Tensor:
    """All that the method's encoder gives, (N, D): of a method with a pose latent, with the pose."""
    return over(test, method.encode)


def _without_pose(method: AbstractMethod, codes: Tensor) -> Tensor:
    return codes[:, : codes.shape[1] - (method.pose_size if isinstance(method, HasPose) else 0)]


def _continuous(method: AbstractMethod, latents: Tensor) -> Tensor:
    return latents[:, : latents.shape[1] - (method.categories if isinstance(method, HasCategories) else 0)]


simply(
    latents_train=lambda method, codes_train: _without_pose(method, codes_train),
    latents_test=lambda method, codes_test: _without_pose(method, codes_test),
    posterior_means_test=lambda vae, latents_test: _continuous(vae, latents_test),
)


# Categories, classes and clusters. A code's last columns are q(c|x), (N, K).


@evidence
def n_categories(method: HasCategories) -> int:
    """Values of the categorical latent."""
    return method.categories


simply(
    category_probabilities_train=lambda n_categories, latents_train: latents_train[:, -n_categories:],
    category_probabilities_test=lambda n_categories, latents_test: latents_test[:, -n_categories:],
    categories_train=lambda category_probabilities_train: category_probabilities_train.argmax(1),
    categories_test=lambda category_probabilities_test: category_probabilities_test.argmax(1),
    category_clusters=lambda categories_train, categories_test: (categories_train, categories_test),
)


@evidence(stream="labels_test")
def own_labels_test(method: Labels, test: Images) -> Tensor:
    """The class that the method reads off its latent."""
    return over(test, lambda x, y: method.label(x))


either("labels_test", "own_labels_test", "categories_test")

Pair = tuple[Tensor, Tensor]
"""Of train and test, (N,) int64 each."""


@evidence(stream="_clusters")
def own_clusters(method: Clusters, data: TrainingData, test: Images) -> Pair:
    return over(data.train, lambda x, y: method.cluster(x)), over(test, lambda x, y: method.cluster(x))


@evidence
def kmeans_clusters(latents_train: Tensor, latents_test: Tensor, n_classes: int) -> Pair:
    """k-means on the latents, the best of ten starts, with as many clusters as classes."""
    centroids = k_means(latents_train, n_classes)
    return nearest(latents_train, centroids), nearest(latents_test, centroids)


either("clusters", "own_clusters", "category_clusters", "kmeans_clusters")


simply(clusters_train=lambda clusters: clusters[0], clusters_test=lambda clusters: clusters[1])
