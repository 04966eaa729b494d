"""The backbone of convolutions."""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from methods.parts.networks import AbstractBackbone, Shape, padding

FILTERS, HIDDEN = 32, 256
SMALLEST, LARGEST = 28, 64


class Conv32(AbstractBackbone):
    """Three convolutions of 32 filters, 4x4, stride 2, then 256, with batch-norm (004_a631cee4b8c415db.txt, section 4.1)."""

    smallest_batch: ClassVar[int] = 2

    def features(self, shape: Shape) -> tuple[nn.Module, int]:
        return Convolutions(shape), math.prod(mapped(shape))

    def head(self, inputs: int, outputs: int, hidden: int | None) -> nn.Sequential:
        network = nn.Sequential(*normed(nn.Linear(inputs, hidden or HIDDEN, bias=False)))
        return network.append(nn.Linear(hidden or HIDDEN, outputs))

    def pixels(self, shape: Shape, inputs: int, hidden: int | None) -> nn.Sequential:
        return transposed32(shape, inputs, hidden or HIDDEN)


def normed(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    """A layer, batch-norm of its outputs, ReLU: the order is customary, the paper's sentence leaves it open.

    The layer has no bias of its own: batch-norm would take it away again.
    """
    if isinstance(layer, nn.Linear):
        return [layer, nn.BatchNorm1d(layer.out_features), nn.ReLU(inplace=True)]
    return [layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU(inplace=True)]


class Convolutions(nn.Sequential):
    """Three convolutions of 32 filters, 4x4, stride 2: (N, C, H, W) to (N, 32 * H/8 * W/8), each side first padded to a multiple of 8."""

    def __init__(self, shape: Shape) -> None:
        channels, *_ = shape
        self.pad = padded(shape)
        layers = [nn.Conv2d(inputs, FILTERS, 4, 2, 1, bias=False) for inputs in (channels, FILTERS, FILTERS)]
        super().__init__(*(part for layer in layers for part in normed(layer)), nn.Flatten())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster than channels first

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        return super().forward(F.pad(x, self.pad))


def transposed32(shape: Shape, inputs: int, hidden: int) -> nn.Sequential:
    """Convolutions' mirror: (N, inputs) by way of `hidden` to the logits of (N, C, H, W), the padding cropped away."""
    channels, *_ = shape
    maps = mapped(shape)
    layers = [nn.ConvTranspose2d(FILTERS, FILTERS, 4, 2, 1, bias=False) for _ in range(2)]
    network = nn.Sequential(
        *normed(nn.Linear(inputs, hidden, bias=False)),
        *normed(nn.Linear(hidden, math.prod(maps), bias=False)),
        nn.Unflatten(1, maps),
        *(part for layer in layers for part in normed(layer)),
        nn.ConvTranspose2d(FILTERS, channels, 4, 2, 1),
        nn.ZeroPad2d(tuple(-side for side in padded(shape))),  # type: ignore[arg-type]
    )
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def padded(shape: Shape) -> tuple[int, int, int, int]:
    """Pixels to add so that three strides of 2 divide both sides. Raises ValueError for sides that conv32 can't take."""
    _, height, width = shape
    if not SMALLEST <= min(height, width) <= max(height, width) <= LARGEST:
        raise ValueError(
            f"backbone conv32 takes images of {SMALLEST} to {LARGEST} pixels a side, got {height}x{width}: choose mlp for the suite"
        )
    return padding(shape, 8)


def mapped(shape: Shape) -> Shape:
    """Shape of the last convolution's feature maps."""
    left, right, above, below = padded(shape)
    return FILTERS, (shape[1] + above + below) // 8, (shape[2] + left + right) // 8
