"""Distributions against torch.distributions, k-means against scikit-learn."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Independent, Normal, OneHotCategorical, kl_divergence

from methods.parts import (
    Bernoulli,
    Categorical,
    Gaussian,
    Images,
    Joint,
    k_means,
    lloyd,
    nearest,
    one_hot,
    spread_seeds,
)


def _gaussian(n: int = 7, d: int = 3) -> Gaussian:
    return Gaussian(3 * torch.randn(n, d), torch.randn(n, d))


def _reference(g: Gaussian) -> Independent:
    return Independent(Normal(g.mu, (g.log_var / 2).exp()), 1)


def test_gaussian_log_prob_and_kl_are_those_of_torch() -> None:
    q, p, z = _gaussian(), _gaussian(), torch.randn(7, 3)
    assert torch.allclose(q.log_prob(z), _reference(q).log_prob(z), rtol=1e-4)
    assert torch.allclose(q.kl(p), kl_divergence(_reference(q), _reference(p)), rtol=1e-4)
    assert torch.equal(q.kl(q), torch.zeros(7))
    assert torch.equal(q.repeat(3).log_prob(z.repeat(3, 1)), q.log_prob(z).repeat(3))


def test_samples_have_the_stated_moments_and_carry_gradients() -> None:
    q = Gaussian(torch.tensor([[2.0, -1.0]], requires_grad=True), torch.tensor([[0.0, 2.0]], requires_grad=True))
    z = q.repeat(20_000).sample()
    assert torch.allclose(z.mean(0), q.mu[0], atol=0.1)
    assert torch.allclose(z.var(0), q.log_var[0].exp(), rtol=0.05)
    z.sum().backward()
    assert q.mu.grad.all()
    assert q.log_var.grad.isfinite().all()


def test_categorical_is_that_of_torch() -> None:
    q, p = Categorical(3 * torch.randn(7, 5)), Categorical(torch.randn(7, 5))
    ours, other = OneHotCategorical(logits=q.logits), OneHotCategorical(logits=p.logits)
    c = other.sample()
    assert torch.allclose(q.log_prob(c), ours.log_prob(c), atol=1e-5)
    assert torch.allclose(q.kl(p), kl_divergence(ours, other), atol=1e-5)
    assert torch.allclose(q.mean, ours.probs)
    assert torch.equal(q.mode, ours.mode)
    assert torch.equal(q.repeat(3).logits.view(3, 7, 5), q.logits.expand(3, 7, 5))


@pytest.mark.parametrize("temperature", [None, 0.67])
def test_draws_of_a_category_come_as_often_as_it_is_likely(temperature: float | None) -> None:
    """The largest entry of a relaxed draw is a draw too, at any temperature."""
    q = Categorical(torch.tensor([[0.0, 1.0, 2.0]]), temperature).repeat(20_000)
    share = torch.bincount(q.sample().argmax(1), minlength=3) / 20_000
    assert torch.allclose(share, q.mean[0], atol=0.02)


def test_a_category_that_never_occurs_costs_nothing_where_it_is_not_used() -> None:
    never = Categorical(torch.tensor([[0.0, -torch.inf, 0.0]]))
    assert torch.allclose(never.kl(never), torch.zeros(1))
    assert never.log_prob(torch.tensor([[1.0, 0.0, 0.0]])).item() == pytest.approx(-0.6931, abs=1e-4)
    assert never.log_prob(torch.tensor([[0.0, 1.0, 0.0]])).item() == -torch.inf
    assert Categorical(torch.zeros(1, 3)).kl(never).item() == torch.inf


def test_a_joint_is_its_two_parts_side_by_side() -> None:
    q, p = (Joint(_gaussian(), Categorical(torch.randn(7, 4))) for _ in range(2))
    code = p.sample()
    assert code.shape == (7, 7)
    assert torch.equal(q.mean, torch.cat([q.z.mu, q.rest.mean], 1))
    assert torch.equal(q.mode, torch.cat([q.z.mu, q.rest.mode], 1))
    assert torch.allclose(q.log_prob(code), q.z.log_prob(code[:, :3]) + q.rest.log_prob(code[:, 3:]))
    assert torch.allclose(q.kl(p), q.z.kl(p.z) + q.rest.kl(p.rest))
    assert torch.equal(q.repeat(2).mean, q.mean.repeat(2, 1))


def test_bernoulli_log_prob_is_that_of_torch_and_minus_the_cross_entropy_for_grey() -> None:
    p = Bernoulli(torch.randn(4, 2, 3, 5))
    binary, grey = torch.rand(4, 2, 3, 5).round(), torch.rand(4, 2, 3, 5)
    reference = Independent(TorchBernoulli(logits=p.logits), 3)
    assert torch.allclose(p.log_prob(binary), reference.log_prob(binary), rtol=1e-5)
    entropy = F.binary_cross_entropy(p.mean, grey, reduction="none").sum((1, 2, 3))
    assert torch.allclose(p.log_prob(grey), -entropy, rtol=1e-5)


def test_bernoulli_stays_finite_at_extreme_logits() -> None:
    p = Bernoulli(torch.tensor([-1e4, 1e4]).view(1, 1, 1, 2))
    assert p.log_prob(torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)).item() == 0
    assert p.log_prob(torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)).item() == -2e4


# k-means.


def _blobs(k: int = 4, each: int = 30, d: int = 5) -> Tensor:
    centres = 3 * torch.randn(k, d)
    return (centres[:, None] + torch.randn(k, each, d)).flatten(0, 1)


@pytest.mark.parametrize("iterations", [1, 3, 100])
def test_lloyd_is_that_of_scikit_learn(iterations: int) -> None:
    points = _blobs()
    start = points[torch.randperm(len(points))[:6]]
    before = start.clone()
    centroids, shares = lloyd(points, start, iterations)
    assert torch.equal(start, before)
    reference = KMeans(6, init=start.numpy(), n_init=1, algorithm="lloyd", max_iter=iterations, tol=0)
    reference.fit(points.numpy())
    assert torch.allclose(centroids, torch.from_numpy(reference.cluster_centers_), atol=1e-4)
    labels = torch.from_numpy(reference.labels_).long()
    assert torch.equal(nearest(points, centroids), labels)
    assert torch.allclose(shares, one_hot(labels, 6).mean(0))


def test_starts_side_by_side_are_those_one_by_one() -> None:
    points = _blobs()
    starts = spread_seeds(points, 6, starts=4, trials=3)
    centroids, shares = lloyd(points, starts, 50)
    for start, found, share in zip(starts, centroids, shares, strict=True):
        alone, own = lloyd(points, start, 50)
        torch.testing.assert_close(found, alone)
        torch.testing.assert_close(share, own)


@pytest.mark.parametrize("kind", ["digits", "blobs"])
def test_k_means_is_as_good_as_scikit_learns_best_of_ten(kind: str) -> None:
    torch.manual_seed(0)
    digits = torch.from_numpy(PCA(20).fit_transform(load_digits().data)).float()
    points = digits if kind == "digits" else _blobs(k=10, each=100) + 50
    centroids = k_means(points, 10)
    inertia = (points - centroids[nearest(points, centroids)]).square().sum().item()
    assert inertia <= 1.001 * KMeans(10, n_init=10, random_state=0).fit(points.numpy()).inertia_


@pytest.mark.parametrize("empty", [1, 3])
def test_lloyd_seeds_an_empty_cluster_again(empty: int) -> None:
    points = _blobs()
    start = torch.cat([points[:2], torch.full((empty, 5), 1e6)])
    for iterations in (1, 2, 50):
        centroids, shares = lloyd(points, start, iterations)
        assert centroids.isfinite().all()
        assert (shares > 0).all()
        assert shares.sum().item() == pytest.approx(1)
    assert centroids.abs().max() <= points.abs().max()


def test_lloyd_stays_finite_where_distinct_points_are_fewer_than_clusters() -> None:
    points = torch.tensor([[0.0, 1.0], [2.0, 3.0]]).repeat(5, 1)
    centroids, shares = lloyd(points, torch.randn(4, 2), 20)
    assert centroids.isfinite().all()
    assert shares.sum().item() == pytest.approx(1)
    assert torch.allclose(centroids[nearest(points, centroids)], points)


def test_seeds_are_points_and_all_distinct_while_that_can_be() -> None:
    points = torch.randn(3, 2).repeat_interleave(torch.tensor([1, 50, 50]), 0)
    for _ in range(20):
        assert len(spread_seeds(points, 3)[0].unique(dim=0)) == 3
    more = spread_seeds(points, 6)[0]
    assert more.shape == (6, 2)
    assert len(torch.cat([more, points]).unique(dim=0)) == 3


def test_seeds_are_drawn_by_squared_distance() -> None:
    """The second of two seeds among 0, 1 and 3: where 0 came first, 3 is drawn in 9 of 10 cases."""
    points = torch.tensor([[0.0], [1.0], [3.0]])
    pairs = torch.cat([spread_seeds(points, 2, starts=100).flatten(1) for _ in range(15)])
    second = pairs[pairs[:, 0] == 0, 1]
    assert (second == 3).float().mean().item() == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 28, 28), 1000), ((3, 32, 32), 1000), ((3, 64, 64), 250), ((3, 128, 128), 62), ((1, 9999, 999), 1)],
)
def test_a_batch_outside_training_holds_fewer_of_larger_images(shape: tuple[int, int, int], size: int) -> None:
    x = torch.zeros(1, *shape, dtype=torch.uint8).expand(2 * size + 2, *shape)
    images = Images(x, torch.zeros(len(x), dtype=torch.int64))
    assert images.at_once == size
    first, labels = next(images.batches())
    assert len(first) == len(labels) == size
