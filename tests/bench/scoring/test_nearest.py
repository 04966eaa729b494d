"""The search against scikit-learn and torchmetrics, and where rounding, ties and blocks could show."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from bench.scoring import nearest
from metrics.base import Neighbours


def _images(count: int, seed: int = 0, shape: tuple[int, ...] = (3, 8, 12)) -> Tensor:
    return torch.randint(0, 256, (count, *shape), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def _check(found: Neighbours, distance: np.ndarray, index: np.ndarray) -> None:
    np.testing.assert_allclose(found.distances.numpy(), distance, rtol=1e-9, atol=0)
    assert found.indices.tolist() == index.tolist()


@pytest.fixture(params=[2**21, 288 * 7])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one block, and in many of which the last is short; queries in parts."""
    monkeypatch.setattr(nearest, "BLOCK_VALUES", request.param)
    monkeypatch.setattr(nearest, "QUERIES_AT_ONCE", 500 if request.param == 2**21 else 4)


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("others", [False, True])
def test_both_searches_are_scikit_learns(others: bool) -> None:
    """Also where a training image is not its own nearest other."""
    train = _images(60, 1)
    images, but = (train, torch.arange(60)) if others else (_images(10), None)
    features, among = (side.flatten(1).double() / 255 for side in (images, train))
    searched = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(among.numpy())
    distance, index = searched.kneighbors(None if others else features.numpy())
    _check(nearest.by_pixels(images, train, 5, but), distance**2 / 288, index)
    _check(nearest.by_features(features, among, 5, but), distance, index)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_equal_features_are_at_zero_and_the_nearer_is_found_far_from_the_origin(offset: float) -> None:
    """|a|² + |b|² - 2ab is 0 here to within 1e-6 at best."""
    train = offset + torch.rand(100, 128, generator=torch.Generator().manual_seed(0))
    found = nearest.by_features(train[30:40], train, 2)
    assert found.indices[:, 0].tolist() == list(range(30, 40))
    assert found.distances[:, 0].tolist() == [0.0] * 10
    assert (found.distances[:, 1] > 0.1).all()


def test_of_equal_images_the_first_is_named_and_the_other_is_another() -> None:
    train = _images(20, 1)
    train[[4, 11, 17]] = train[2].clone()
    found = nearest.by_pixels(train[17:18], train, 4)
    assert (found.indices.tolist(), found.distances.tolist()) == ([[2, 4, 11, 17]], [[0.0] * 4])
    other = nearest.by_pixels(train[[2, 17]], train, 1, torch.tensor([2, 17]))
    assert (other.indices.tolist(), other.distances.tolist()) == ([[4], [2]], [[0.0], [0.0]])
    assert nearest.by_features(train[17:18].flatten(1).float(), train.flatten(1).float(), 4).indices.tolist() == [
        [2, 4, 11, 17]
    ]


def test_of_more_equal_features_than_are_listed_the_first_are_named() -> None:
    train = torch.rand(100, 16, generator=torch.Generator().manual_seed(0))
    train[5:75] = train[5]
    found = nearest.by_features(train[[60, 80]], train, 4, torch.tensor([6, 80]))
    assert found.indices[0].tolist() == [5, 7, 8, 9]
    assert found.distances[0].tolist() == [0.0] * 4
    assert 80 not in found.indices[1]


def test_one_level_of_one_pixel_is_seen() -> None:
    """In float32 the squared length of an image of 64x64 in colour is known to within 32 levels squared."""
    train = torch.full((3, 3, 64, 64), 250, dtype=torch.uint8)
    train[0, 0, 0, :2] = 251
    train[1, 0, 0, 0] = 251
    train[2] = 249
    found = nearest.by_pixels(torch.full((1, 3, 64, 64), 250, dtype=torch.uint8), train, 3)
    assert found.indices.tolist() == [[1, 0, 2]]
    np.testing.assert_allclose(found.distances[0] * 255**2 * 12288, [1, 2, 12288], rtol=1e-12)


def test_fewer_training_images_than_asked_for_are_all() -> None:
    train = _images(3)
    assert nearest.by_pixels(train, train, 5).indices.shape == (3, 3)
    assert nearest.by_pixels(train, train, 5, torch.arange(3)).indices.shape == (3, 2)


@pytest.mark.parametrize("channels", [1, 3])
def test_by_ssim_over_all_pairs_is_torchmetrics(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images, train = _images(4, 0, (channels, 8, 12)), _images(15, 1, (channels, 8, 12))
    train[7] = images[2]
    every = nearest.by_pixels(images, train, len(train)).indices
    monkeypatch.setattr(nearest, "images_at_once", lambda images: 45)
    found = nearest.by_ssim(images, train, every, 3)
    pairs = images.repeat_interleave(15, 0).float() / 255, train.repeat(4, 1, 1, 1).float() / 255
    values = structural_similarity_index_measure(*pairs, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    expected = values.view(4, 15).sort(dim=1, descending=True)
    torch.testing.assert_close(found.distances, expected.values[:, :3].double(), atol=1e-5, rtol=0)
    assert found.indices.tolist() == expected.indices[:, :3].tolist()
    assert found.indices[2, 0] == 7
