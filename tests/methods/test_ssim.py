"""Structural similarity against torchmetrics, in value and gradient."""

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from methods.parts.ssim import SSIM


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    return SSIM(*x.shape[-2:])(x, y)


def _reference(x: Tensor, y: Tensor) -> Tensor:
    values = structural_similarity_index_measure(x, y, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values


def _pairs(channels: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    x = torch.rand(5, channels, height, width, generator=random)
    noise = torch.rand(x.shape, generator=random)
    y = torch.stack([x[0], 0.9 * x[1] + 0.1 * noise[1], noise[2], torch.zeros_like(x[3]), 1 - x[4]])
    return x, y


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(6, 6), (8, 12), (28, 28), (64, 64)])
def test_values_and_gradients_are_those_of_torchmetrics(channels: int, height: int, width: int) -> None:
    x, y = _pairs(channels, height, width)
    sides = [side.clone().requires_grad_() for side in (x, y, x, y)]
    ours, theirs = _ssim(*sides[:2]), _reference(*sides[2:])
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    found = torch.autograd.grad(ours.sum(), sides[:2])
    expected = torch.autograd.grad(theirs.sum(), sides[2:])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_one_image_is_held_against_many() -> None:
    x, y = _pairs(3, 8, 12)
    torch.testing.assert_close(_ssim(x[1:2], y), _ssim(x[1:2].expand_as(y), y))
    torch.testing.assert_close(_ssim(y, x[1:2]), _ssim(x[1:2], y))


def test_an_image_is_like_itself_to_the_last_bit() -> None:
    x, _ = _pairs(1, 28, 28)
    assert _ssim(x, x).tolist() == [1.0] * len(x)


def test_images_smaller_than_the_border_are_refused() -> None:
    with pytest.raises(ValueError, match="6 pixels, got 5x8"):
        _ssim(torch.rand(2, 1, 5, 8), torch.rand(2, 1, 5, 8))
