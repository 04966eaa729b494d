"""The latent-statistics generators: moments, the limits in which they are each other, and what they refuse."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers_methods import fit
from torch import Tensor

from bench.config.budget import Budget
from bench.runtime.clock import Clock
from bench.training.trainer import Training, TrainingResult
from methods.base import Images, ImageSpec, Phase, TrainingData
from methods.latent_generator import LatentGenerator
from methods.parts import Found, Search, mean_cosine
from metrics.base import class_cosine
from metrics.features import to_uint8

LATENT = 3
QUICK: dict[str, Any] = {"latent": LATENT, "hidden": 8, "images": 10, "trials": 3, "classifier_epochs": 1}


@pytest.fixture
def fitted(spec: ImageSpec, data: TrainingData) -> Callable[..., LatentGenerator]:
    """A generator of random networks with the moments of their codes; the same networks every time."""

    def make(**options: Any) -> LatentGenerator:
        torch.manual_seed(0)
        method = LatentGenerator(spec, **{**QUICK, **options})
        method.take_moments(data)
        if method.given is not None:
            method.theta.copy_(method.given)
            method.n.fill_(method.given_n)
        return method.eval()

    return make


def sampled(method: LatentGenerator, seed: int = 5) -> Tensor:
    torch.manual_seed(seed)
    with torch.no_grad():
        return method.sample(torch.arange(4).repeat_interleave(6))


def test_moments_are_those_of_numpy(fitted: Callable[..., LatentGenerator], data: TrainingData) -> None:
    method = fitted()
    with torch.no_grad():
        codes = method.encode(*next(data.train.batches())).numpy()
    for k in range(data.classes):
        own = codes[data.train.y.numpy() == k]
        assert np.allclose(method.mu[k], own.mean(0), atol=1e-6)
        assert np.allclose(method.sigma[k], own.std(0, ddof=1), atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_theta_zero_decodes_the_class_mean(fitted: Callable[..., LatentGenerator], n: int) -> None:
    method = fitted(theta=0.0, n=n)
    with torch.no_grad():
        means = method.vae.decoder(method.mu).mean
    assert torch.allclose(sampled(method), means.repeat_interleave(6, 0), atol=1e-6)


@pytest.mark.parametrize("n", [1, 3])
def test_equal_entries_make_medium1_simple_and_equal_rows_make_medium2_medium1(
    fitted: Callable[..., LatentGenerator], n: int
) -> None:
    simple = fitted(theta=0.7, n=n)
    medium1 = fitted(generator="medium1", theta=[0.7] * LATENT, n=n)
    assert torch.equal(sampled(simple), sampled(medium1))
    row = [0.1, 0.5, 1.0]
    medium1 = fitted(generator="medium1", theta=row, n=n)
    medium2 = fitted(generator="medium2", theta=[row] * 4, n=n)
    assert torch.equal(sampled(medium1), sampled(medium2))
    assert not torch.equal(sampled(simple), sampled(medium1))


def test_codes_are_normal_with_theta_over_root_n(fitted: Callable[..., LatentGenerator]) -> None:
    method = fitted(theta=0.8, n=5)
    seen: list[Tensor] = []
    method.vae.decoder.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    torch.manual_seed(0)
    with torch.no_grad():
        method.sample(torch.zeros(20_000, dtype=torch.int64))
    assert torch.allclose(seen[0].mean(0), method.mu[0], atol=0.02 * method.sigma[0].max().item())
    assert torch.allclose(seen[0].std(0), 0.8 / 5**0.5 * method.sigma[0], rtol=0.03)


def test_the_searched_figures_are_those_of_the_metrics(fitted: Callable[..., LatentGenerator]) -> None:
    method = fitted(theta=0.9)
    torch.manual_seed(2)
    found = method.scores(method.theta, 1, torch.arange(4), 40)
    torch.manual_seed(2)
    labels = torch.arange(4).repeat_interleave(40)
    with torch.no_grad():
        images = method.sample(labels)
        right = (method.recognise(to_uint8(images).float() / 255) == labels).float().mean().item()
    assert found["cosine"] == pytest.approx(class_cosine(to_uint8(images), labels), abs=2e-3)
    assert found["accuracy"] == pytest.approx(right, abs=0.02)
    assert found["error"] == pytest.approx(1 - found["accuracy"])


def test_mean_cosine_is_that_of_all_pairs() -> None:
    images = torch.rand(7, 20, generator=torch.Generator().manual_seed(0))
    pairs = [torch.cosine_similarity(images[i], images[j], dim=0) for i in range(7) for j in range(i)]
    assert mean_cosine(images).item() == pytest.approx(torch.stack(pairs).mean().item(), abs=1e-6)
    assert torch.allclose(mean_cosine(torch.cat([images, torch.zeros(2, 20)])), mean_cosine(images)), "blank images"
    assert mean_cosine(torch.zeros(3, 9)) == 1, "no two images that differ"
    assert mean_cosine(images[:1].expand(500, -1)).item() <= 1 + 1e-12


def test_samples_of_no_class_are_of_classes_by_their_frequency(
    fitted: Callable[..., LatentGenerator], data: TrainingData
) -> None:
    method = fitted(theta=0.0)
    torch.manual_seed(0)
    with torch.no_grad():
        images, means = method.sample_any(4000), method.vae.decoder(method.mu).mean
    nearest = torch.cdist(images.flatten(1), means.flatten(1)).argmin(1)
    shares = torch.bincount(nearest, minlength=4) / 4000
    assert data.class_frequencies().std() > 0.05, "the data are uneven"
    assert torch.allclose(shares, data.class_frequencies(), atol=0.03)


def test_the_goals_value_what_they_say(spec: ImageSpec) -> None:
    figures = {"cosine": 0.8, "accuracy": 0.97, "error": 0.03}
    assert LatentGenerator(spec, **QUICK).value(figures) == pytest.approx(0.83)
    floor = LatentGenerator(spec, goal="floor", floor=0.96, margin=0.01, **QUICK)
    assert floor.value(figures) == pytest.approx(0.8)
    below = [floor.value({"cosine": 0.1, "accuracy": accuracy}) for accuracy in (0.9699, 0.96, 0.5)]
    assert below == sorted(below), "the further below, the worse"
    assert below[0] > floor.value({**figures, "cosine": 1.0}), "no cosine makes up for a floor that is not held"
    assert floor.guide({"cosine": 0.1, "accuracy": 0.965}) == pytest.approx(0.1 + 10 * 0.005), "no cliff"
    assert floor.guide(figures) == floor.value(figures)
    whole = LatentGenerator(spec, goal="floor", floor=1.0, margin=0.01, **QUICK)
    assert whole.value({"cosine": 0.9, "accuracy": 1.0}) == pytest.approx(0.9), "no margin beyond 1"


@pytest.mark.parametrize(
    ("generator", "vae", "names"),
    [
        ("simple", "mmd", ["simple"]),
        ("medium1", "elbo", ["simple", "medium1"]),
        ("medium2", "elbo", ["simple", "medium1", *(f"medium2-{k}" for k in range(4))]),
    ],
)
def test_stages_and_what_the_search_leaves(
    spec: ImageSpec, data: TrainingData, test_images: Images, generator: str, vae: str, names: list[str]
) -> None:
    method = LatentGenerator(spec, vae=vae, generator=generator, **QUICK)
    trained = TrainingResult()
    Training(method, data, test_images, Budget(epochs=1, batch=16), 0, Clock(torch.device("cpu"))).run(trained)
    assert list(method.facts["search"]) == names
    assert trained.searched.trials == 44 + 3 * (len(names) - 1)
    assert {row[1] for row in trained.curves.rows} == {"train", "classifier"}
    terms = {row[3] for row in trained.curves.rows}
    assert terms == {"reconstruction", "kl", "cross_entropy"} | ({"mmd"} if vae == "mmd" else set())
    assert np.shape(method.facts["theta"]) == {"simple": (), "medium1": (LATENT,), "medium2": (4, LATENT)}[generator]
    assert torch.equal(method.theta, torch.tensor(method.facts["theta"]).expand(4, LATENT))
    assert (method.n == 1) or generator == "simple"


def test_medium1_starts_from_simples_best_point_at_one_draw(spec: ImageSpec, data: TrainingData) -> None:
    method = LatentGenerator(spec, generator="medium1", **QUICK)
    stages = method.searches()
    simple = next(stages)
    assert isinstance(simple, Search)
    assert simple.trials is None, "the whole grid"
    medium = stages.send(Found({"theta": 0.6, "n": 3}, {"cosine": 0.9, "accuracy": 0.9, "error": 0.1}))
    assert list(medium.start[0].values()) == pytest.approx([0.6 / 3**0.5] * LATENT)


def test_the_classifier_learns_reconstructions_at_the_mean(
    fitted: Callable[..., LatentGenerator], data: TrainingData
) -> None:
    method = fitted()
    stages = method.phases(data)
    phases = [stage for stage in (next(stages), next(stages)) if isinstance(stage, Phase)]
    assert [phase.name for phase in phases] == ["train", "classifier"]
    assert phases[1].view is not None
    with torch.no_grad():
        seen = phases[1].view(data.held_out)
        expected = method.reconstruct(*next(data.held_out.batches()))
    assert torch.equal(seen.x, to_uint8(expected))
    assert torch.equal(seen.y, data.held_out.y)


def test_a_floor_that_is_missed_is_said(spec: ImageSpec, data: TrainingData, test_images: Images) -> None:
    method = LatentGenerator(spec, goal="floor", floor=1.0, **QUICK)
    fit(method, data, test_images)
    missed = method.facts["search"]["simple"]["accuracy"] < 1
    expected = {"below_floor": {"floor": 1.0, "searches": ["simple"]}} if missed else {}
    assert method.facts.get("caveats", {}) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"theta": -0.1}, "0 or more, got -0.1"),
        ({"theta": float("inf")}, "finite and 0 or more, got inf"),
        ({"theta": float("nan")}, "got nan"),
        ({"generator": "medium1", "theta": [0.1, -2.0, 0.1]}, "got -2"),
        ({"theta": [0.1] * LATENT}, r"theta of generator simple is one number, got shape \(3,\)"),
        ({"generator": "medium1", "theta": 0.1}, "is 3 numbers"),
        ({"generator": "medium2", "theta": [[0.1] * LATENT]}, "is 4 rows of 3 numbers"),
        ({"generator": "medium2", "theta": [[0.1], [0.1, 0.2]]}, "is 4 rows of 3 numbers"),
        ({"n": 2}, "n=2 is searched together with theta"),
    ],
)
def test_a_theta_that_is_none_is_refused(spec: ImageSpec, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatentGenerator(spec, **{**QUICK, **options})


@pytest.mark.parametrize("images", [0, 1])
def test_a_class_without_a_spread_is_named(spec: ImageSpec, data: TrainingData, images: int) -> None:
    kept = (data.train.y != 2) | (torch.cumsum(data.train.y == 2, 0) <= images)
    few = replace(data, train=Images(data.train.x[kept], data.train.y[kept]), class_names=("a", "b", "cat", "d"))
    with pytest.raises(ValueError, match=rf"too few training images of class cat \({images}\): a spread takes two"):
        next(LatentGenerator(spec, **QUICK).phases(few))


def test_images_too_small_for_its_classifier_are_refused() -> None:
    with pytest.raises(ValueError, match="6 pixels a side or more, got 5x8"):
        LatentGenerator(ImageSpec(1, 5, 8, 3), **QUICK)
