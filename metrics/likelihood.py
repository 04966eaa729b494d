"""What the model says about the probability of the test images, always p(x), in nats."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from metrics.base import Items, OfSet, jackknifed, metric

ACTIVE_VARIANCE = 0.01


@metric(unit="nats/image", better="higher", source="Kingma & Welling 2014, eq. 3")
def elbo(elbo: Tensor) -> Items:
    """The bound on log p(x) of each test image, (N,)."""
    return Items(elbo)


@metric(unit="nats/image", better="none", source="Kingma & Welling 2014, eq. 3: the divergence term")
def kl_continuous(kl: Tensor) -> Items:
    """KL(q(z|x) || p(z)) of each test image, (N,): zero is a posterior that ignores the image."""
    return Items(kl)


@metric(unit="nats/image", better="none", source="002_250270577cfb522d.txt, eq. 7")
def kl_pose(kl_pose: Tensor) -> Items:
    """KL(q(u|x) || p(u)) of each test image, (N,): zero is a pose that ignores the image."""
    return Items(kl_pose)


@metric(
    unit="nats/image",
    better="none",
    source="004_a631cee4b8c415db.txt, eq. 9: KL(q(c|x) || Uniform(K)), whatever the method trains on",
)
def kl_discrete(category_probabilities_test: Tensor) -> Items:
    """log K minus the entropy of q(c|x), (N,K): 0 is a category that ignores the image, log K one that is sure."""
    q = category_probabilities_test.double()
    return Items(math.log(q.shape[1]) - torch.special.entr(q).sum(1))


@metric(unit="nats/image", better="lower", source="Burda et al. 2016, eq. 8")
def nll_iw(log_weights: Tensor) -> Items:
    """Minus the importance-weighted estimate of log p(x) from log weights (n,S): -(logsumexp over S - log S), (n,)."""
    return Items(math.log(log_weights.shape[1]) - torch.logsumexp(log_weights.double(), dim=1))


@metric(unit="bits/dim", better="lower", source="Theis et al. 2016, section 3.1: nll_iw in bits, a pixel and channel")
def bits_per_dim(discrete_log_weights: Tensor, x_test: Tensor) -> Items:
    """nll_iw of log weights (n,S) over C*H*W ln 2, (n,), C*H*W of x_test (N,C,H,W): of likelihoods that are probabilities of 256 levels."""
    return Items(nll_iw(discrete_log_weights).values / (x_test[0].numel() * math.log(2)))


@metric(unit="nats/image", better="lower", source="002_250270577cfb522d.txt, section VI: KL(q(z|x) || p(z|x))")
def bound_gap(log_weights: Tensor, elbo: Tensor) -> Items:
    """The importance-weighted estimate of log p(x) from log weights (n,S), minus the bound of the same image, elbo[:n]: (n,).

    Both are estimates: a single image's gap may fall below zero, and few samples make it too small, as log p(x) is then.
    """
    return Items(-nll_iw(log_weights).values - elbo[: len(log_weights)].double())


@metric(unit="dimensions", better="none", source="Burda et al. 2016, section 5.2, threshold 0.01")
def active_units(posterior_means_test: Tensor) -> OfSet:
    """Latent dimensions whose posterior mean, (N,D), varies over the test images with a variance above 0.01."""

    def active(means: Tensor) -> float:
        return float((means.var(dim=0, correction=0) > ACTIVE_VARIANCE).sum())

    return jackknifed(active, posterior_means_test.double())
