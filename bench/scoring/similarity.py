"""Structural similarity of images in batches on their device."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.scoring.evidence import evidence
from methods import parts
from metrics.base import Unavailable


@evidence
def reconstruction_similarities(x_test: Tensor, reconstructions: Tensor) -> Tensor:
    """Of each test image and its reconstruction, (N,)."""
    check_window(x_test)
    similarity, size = parts.SSIM(*x_test.shape[-2:]).to(x_test.device), images_at_once(x_test)
    pairs = zip(x_test.split(size), reconstructions.split(size), strict=True)
    return torch.cat([similarity(x, again) for x, again in pairs])


def check_window(images: Tensor) -> None:
    """Raises Unavailable where images (N,C,H,W) are smaller than SSIM's window can be reflected into."""
    sides = tuple(images.shape[-2:])
    if min(sides) < parts.SSIM_SMALLEST:
        raise Unavailable(f"SSIM's 11x11 window needs sides of {parts.SSIM_SMALLEST} pixels, got {sides}")


def images_at_once(images: Tensor) -> int:
    """Of images (N,C,H,W): what is worked on stays in a processor's cache, which halves the time; a GPU takes many."""
    values = 2**17 if images.device.type == "cpu" else 2**26
    return max(1, values // images[0].numel())
