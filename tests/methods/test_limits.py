"""The limits in which one method becomes a simpler one, and what sets it apart beside them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from methods.base import AbstractVAE, Images, ImageSpec, TrainingData
from methods.beta_vae import BetaVAE
from methods.cvae import CVAE
from methods.kmeans_vae import KMeansVAE
from methods.lambda_hot import LambdaHot
from methods.parts import Gaussian, lloyd, spread_seeds
from methods.vae import VAE

SMALL = {"latent": 6, "hidden": 16}


@pytest.fixture
def vae(spec: ImageSpec) -> VAE:
    torch.manual_seed(0)
    return VAE(spec, **SMALL)


def _from(seed: int, ask: Callable[[Any], Any], method: AbstractVAE) -> Any:
    torch.manual_seed(seed)
    return ask(method)


def _with_networks_of(vae: VAE, method: AbstractVAE) -> AbstractVAE:
    method.encoder.load_state_dict(vae.encoder.state_dict())
    method.decoder.load_state_dict(vae.decoder.state_dict())
    return method


@pytest.mark.parametrize(
    ("cls", "limit", "away"),
    [
        (BetaVAE, {"beta": 1.0}, {"beta": 2.0}),
        (LambdaHot, {"lam": 0.0}, {"lam": 2.0}),
        (LambdaHot, {"lam": 0.0, "centres": "movable"}, {"lam": 2.0, "centres": "movable"}),
        (KMeansVAE, {"clusters": 1}, {"clusters": 3}),
    ],
)
def test_the_limit_is_the_vae_and_away_from_it_it_is_not(
    cls, limit: dict, away: dict, spec: ImageSpec, vae: VAE, data: TrainingData
) -> None:
    """The same terms, objective, bound, weights and pictures from the same noise; a single cluster is at 0."""
    x, y = next(data.train.batches())
    method, other = (_with_networks_of(vae, cls(spec, **options, **SMALL)) for options in (limit, away))
    for ask in (
        lambda m: torch.stack([m.terms(x, y)[name] for name in ("reconstruction", "kl")]),
        lambda m: m.objective(m.terms(x, y)),
        lambda m: m.elbo(x),
        lambda m: m.log_weight(x, 3),
        lambda m: m.reconstruct(x, y),
        lambda m: m.encode(x, y),
        lambda m: m.sample_component(torch.zeros(9, dtype=torch.int64)),
    ):
        assert torch.allclose(_from(1, ask, method), _from(1, ask, vae), atol=1e-4)
    if cls is KMeansVAE:
        other.refit(data)
    objectives = [_from(1, lambda m: m.objective(m.terms(x, y)), m) for m in (other, vae)]
    assert not torch.allclose(*objectives)


def test_cvae_whose_networks_ignore_the_label_is_the_vae(
    spec: ImageSpec, vae: VAE, batch: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without noise, of which the CVAE draws more: for every label."""
    cvae = CVAE(spec, **SMALL)
    pairs = (cvae.encoder.body, vae.encoder.body), (cvae.decoder, vae.decoder)
    for own, given in ((mine.network, theirs.network) for mine, theirs in pairs):
        first = torch.zeros_like(own[0].weight)
        first[:, : given[0].in_features] = given[0].weight.detach()
        own.load_state_dict({**given.state_dict(), "0.weight": first})
    monkeypatch.setattr(Gaussian, "sample", lambda self: self.mu + 0.5)
    x, y = batch
    for ask in (
        lambda m: torch.stack([m.terms(x, y)[name] for name in ("reconstruction", "kl")]),
        lambda m: m.reconstruct(x, y),
        lambda m: m.elbo(x),
    ):
        assert torch.allclose(ask(cvae), ask(vae), atol=1e-3)
    weights = cvae.log_weight(x, 6)
    assert weights.shape == (len(x), 8), "rounded up to whole strata of the 4 labels"
    assert torch.allclose(weights, vae.log_weight(x, 1).expand_as(weights), atol=1e-3)


# Lambda-Hot.


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0])
def test_the_term_of_movable_centres_is_their_prior(
    scale: float, spec: ImageSpec, data: TrainingData, batch: tuple[Tensor, Tensor]
) -> None:
    method = LambdaHot(spec, lam=3.0, centres="movable", centre_scale=scale, **SMALL)
    next(iter(method.phases(data)))
    assert not method.terms(*batch)["centres"].any(), "at home"
    with torch.no_grad():
        method.centres += torch.randn_like(method.centres)
    prior = Normal(method.home, scale)
    expected = (prior.log_prob(method.home) - prior.log_prob(method.centres)).sum() / len(data.train)
    assert torch.allclose(method.terms(*batch)["centres"], expected)


def test_lambda_hot_has_class_k_at_lambda_on_axis_k_and_reads_it_there(
    spec: ImageSpec, batch: tuple[Tensor, Tensor]
) -> None:
    method = LambdaHot(spec, lam=3.0, **SMALL)
    prior = method.prior(torch.arange(spec.classes))
    assert torch.equal(prior.mu, 3 * torch.eye(spec.classes, 6))
    assert torch.equal(prior.log_var, torch.zeros(spec.classes, 6))
    assert not method.centres.requires_grad
    assert "centres" not in method.terms(*batch)
    last = method.encoder.body.network[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([0.0, 1, 3, 2, 9, 9, *[0] * 6]))
    assert method.label(batch[0]).unique().tolist() == [2]


def test_latent_smaller_than_classes_names_both(spec: ImageSpec) -> None:
    with pytest.raises(ValueError, match=r"latent=3\b.*\b4 classes"):
        LambdaHot(spec, latent=3)


# K-Means.


@pytest.fixture
def kmeans(spec: ImageSpec) -> KMeansVAE:
    torch.manual_seed(0)
    return KMeansVAE(spec, clusters=4, iterations=100, **SMALL)


@torch.no_grad()
def test_centroids_are_k_means_of_the_encoded_means(kmeans: KMeansVAE, data: TrainingData) -> None:
    means = kmeans.encoder(data.train.x.float() / 255).mu
    torch.manual_seed(5)
    expected, shares = lloyd(means, spread_seeds(means, 4)[0], 100)
    torch.manual_seed(5)
    kmeans.refit(data)
    assert torch.allclose(kmeans.centroids, expected)
    assert torch.allclose(kmeans.log_components.exp(), shares)
    assert torch.allclose(kmeans.cluster(data.train.x.float() / 255).bincount(minlength=4) / len(data.train), shares)


@torch.no_grad()
def test_clusters_keep_their_identity_between_epochs(kmeans: KMeansVAE, data: TrainingData) -> None:
    x = data.train.x.float() / 255
    kmeans.refit(data)
    centroids, before = kmeans.centroids.clone(), kmeans.cluster(x)
    kmeans.refit(data)
    assert torch.equal(kmeans.centroids, centroids), "converged, so nothing moves"
    for _ in range(5):
        for parameter in kmeans.encoder.parameters():
            parameter += 0.01 * parameter.std() * torch.randn_like(parameter)
        kmeans.refit(data)
    assert not torch.equal(kmeans.centroids, centroids)
    assert (kmeans.cluster(x) == before).float().mean() > 0.9


def test_a_batch_is_drawn_to_its_nearest_centroids(kmeans: KMeansVAE, data: TrainingData) -> None:
    with torch.no_grad():
        kmeans.refit(data)
    x, y = next(data.train.batches())
    q = kmeans.posterior(x, y)
    to_each = torch.stack([q.kl(kmeans.prior(torch.full_like(y, k))) for k in range(4)])
    assert torch.allclose(kmeans.terms(x, y)["kl"], to_each.min(0).values, atol=1e-4)


def test_more_clusters_than_images_names_both(spec: ImageSpec, data: TrainingData) -> None:
    few = Images(data.train.x[:3], data.train.y[:3])
    with pytest.raises(ValueError, match=r"clusters=4\b.*\b3 training images"):
        KMeansVAE(spec, clusters=4).refit(TrainingData(few, data.held_out, data.classes))
