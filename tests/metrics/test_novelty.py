"""Novelty: what its figures say of copies, of noise, and of images like the training images."""

import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from metrics import novelty
from metrics.base import Items, Neighbours, registry


def _figures(images: Tensor, train: Tensor) -> dict[str, float]:
    """The three figures of images (M,D) against training images (N,D), by scikit-learn's neighbours."""
    searched = NearestNeighbors(n_neighbors=2).fit(train.double().numpy())
    spacing = torch.from_numpy(searched.kneighbors()[0][:, 0])
    distance, index = map(torch.from_numpy, searched.kneighbors(images.double().numpy()))
    found = registry["nearest_mse"].function(Neighbours(index, distance), spacing[index[:, 0]], spacing)
    return {name: value.values.mean().item() for name, value in found.items() if isinstance(value, Items)}


def test_copies_are_not_new_and_noise_is() -> None:
    torch.manual_seed(0)
    train = torch.randn(300, 4)
    copies, noise = _figures(train[:50], train), _figures(100 * torch.randn(50, 4), train)
    assert copies == {"novelty_mse": 0.0, "authenticity_mse": 0.0, "closer_than_training_mse": 1.0}
    assert (noise["authenticity_mse"], noise["closer_than_training_mse"]) == (1.0, 0.0)
    assert noise["novelty_mse"] > 10


@pytest.mark.parametrize(("dimensions", "mutual"), [(1, 2 / 3), (2, 0.6215)])
def test_a_real_image_is_authentic_where_it_and_its_nearest_are_not_each_others_nearest(
    dimensions: int, mutual: float
) -> None:
    """The share of points that are each other's nearest is known: Clark & Evans 1955."""
    random = torch.Generator().manual_seed(0)
    train, real = (torch.rand(n, dimensions, generator=random, dtype=torch.float64) for n in (30_000, 6_000))
    found = _figures(real, train)
    assert found["authenticity_mse"] == pytest.approx(1 - mutual, abs=0.02)
    assert found["closer_than_training_mse"] == pytest.approx(0.5, abs=0.02)


def test_as_near_is_neither_authentic_nor_closer() -> None:
    near = Neighbours(torch.zeros(2, 1, dtype=torch.int64), torch.tensor([[1.0], [0.5]]))
    found = registry["nearest_neutral"].function(near, torch.tensor([1.0, 0.5]), torch.tensor([0.5, 1.0, 0.0]))
    assert [value.values.tolist() for value in found.values() if isinstance(value, Items)] == [
        [1.0, 0.5],
        [0.0, 0.0],
        [0.0, 0.0],
    ]


def test_only_the_nearest_counts() -> None:
    near = Neighbours(torch.tensor([[3, 1]]), torch.tensor([[0.9, 0.2]]))
    assert registry["novelty_ssim"].function(near).values.tolist() == pytest.approx([0.9])


def test_no_end_of_a_figure_of_novelty_is_good() -> None:
    scores = {name: score for one in registry.values() if one.family == "novelty" for name, score in one.scores.items()}
    kinds = ["novelty_ssim", *(f"{rule}_{near}" for rule in novelty.KINDS for near in ("mse", "neutral"))]
    assert scores.keys() == {f"{kind}{images}" for kind in kinds for images in ("", "_test", "_recon")}
    assert {score.better for score in scores.values()} == {"none"}
