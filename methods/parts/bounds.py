"""The bound on log p(x) and its importance weights, from what a method states: p(y), p(z|y), q(z|x,y), p(x|z,y), and whether it reads y."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def elbo(vae: Any, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    """A bound on log p(x) = log sum_y p(y) p(x|y), in nats, at one sampled z for each network input.

    Where the networks do not read the label: log sum_y p(y) exp(ELBO(x|y)), one z for all y. Where they do, each y has a z of its own,
    whose noise inside a log-sum-exp would lift the bound; there it is sum_y q(y|x) [log p(y) + ELBO(x|y) - log q(y|x)], q(y|x) from the
    bounds at the posterior means, which do not see the noise.
    """
    _check(vae)
    bounds, guesses = [], []
    for k in range(len(vae.log_components)):
        y = torch.full((len(x),), k, device=x.device)
        if k == 0 or vae.labels_at_test:
            q = vae.posterior(x, y)
            log_likelihood = vae.likelihood(q.sample(), y).log_prob(x)
        rest = vae.log_components[k] - q.kl(vae.prior(y))
        bounds.append(log_likelihood + rest)
        if vae.labels_at_test:
            guesses.append(vae.likelihood(q.mode, y).log_prob(x) + rest)
    if not vae.labels_at_test:
        return torch.stack(bounds).logsumexp(0)
    log_q = torch.stack(guesses).log_softmax(0)
    parts = log_q.exp() * (torch.stack(bounds) - log_q)
    return torch.where(log_q.isfinite(), parts, 0.0).sum(0)  # a class that never occurs has q(y|x) = 0


def log_weight(vae: Any, x: Float[Tensor, "n c h w"], samples: int) -> Float[Tensor, "n s"]:
    """Log importance weights: log p(x) ~ logsumexp over s, minus log S. S is `samples`, rounded up to whole strata.

    Where the networks read the label, the samples are shared evenly among all labels (strata); else every sample is weighed by the whole
    mixture p(z) = sum_y p(y) p(z|y).
    """
    _check(vae)
    strata = len(vae.log_components) if vae.labels_at_test else 1
    each = math.ceil(samples / strata)
    weights = []
    for k in range(strata):
        y = torch.full((len(x),), k, device=x.device)
        q = vae.posterior(x, y).repeat(each)
        y, z = y.repeat(each), q.sample()
        log_p_z = _log_prior(vae, z, k) + math.log(strata)
        log_likelihood = vae.likelihood(z, y).log_prob(x.repeat(each, 1, 1, 1))
        weights.append((log_likelihood + log_p_z - q.log_prob(z)).view(each, len(x)))
    return torch.cat(weights).T


def _check(vae: Any) -> None:
    if not vae.has_bound:
        raise TypeError(f"nothing bounds log p(x) here: a part of {type(vae).__name__}'s code has no prior")


def _log_prior(vae: Any, z: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """log p(y=k) p(z|y=k) where the networks read the label; else log p(z), summed over components."""
    components = [k] if vae.labels_at_test else range(len(vae.log_components))
    joint = [
        vae.log_components[c] + vae.prior(torch.full((len(z),), c, device=z.device)).log_prob(z) for c in components
    ]
    return torch.stack(joint).logsumexp(0)
