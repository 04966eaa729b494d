"""The backbones that every method shares: one network for each of encoder and decoder, chosen by name."""

import math
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from methods.parts.distributions import Bernoulli, DiscretisedLogistic, Gaussian

Backbone = Literal["mlp", "mlp-softplus", "conv32"]
"""mlp: two hidden layers of 500 and ReLU. mlp-softplus: the same with softplus (000_2852ba8d0aec7d1a.txt, Tables 1 and 2).
conv32: three convolutions of 32 filters, 4x4, stride 2, then 256, with batch-norm (004_a631cee4b8c415db.txt, section 4.1)."""

Likelihood = Literal["bernoulli", "discretised-logistic"]
"""p(x|z) of a pixel. bernoulli: minus the binary cross-entropy of values in [0, 1], the papers' BCE. discretised-logistic: a probability of
256 levels, for colour; where a method says BCE, its negative logarithm stands. Their figures in nats don't compare."""

Shape = tuple[int, int, int]
FILTERS = 32
SMALLEST, LARGEST = 28, 64
FIRST_LOG_SCALE = math.log(0.1)
LEAST_LOG_SCALE = -7 - math.log(2)
"""The bound of PixelCNN++'s public code, -7, whose pixels span 2 and not 1: a bin is then 8.6 scales wide."""
ACTIVATIONS: dict[str, type[nn.Module]] = {"mlp": nn.ReLU, "mlp-softplus": nn.Softplus}


class Encoder(nn.Module):
    """A backbone's encoder: (N, C, H, W), and columns joined to it, to (N, outputs) float32.

    hidden: width of the dense hidden layers, None for the backbone's own (mlps 500, conv32 256). extra: columns joined to the pixels (mlps)
    or to the flattened feature maps (conv32). Raises ValueError for images that the backbone can't take.
    """

    def __init__(
        self, shape: Shape, outputs: int, backbone: Backbone = "mlp", hidden: int | None = None, extra: int = 0
    ) -> None:
        super().__init__()
        conv = backbone == "conv32"
        self.features: nn.Module = Conv32(shape) if conv else nn.Flatten()
        inputs = (math.prod(mapped(shape)) if conv else math.prod(shape)) + extra
        if conv:
            self.network = nn.Sequential(*normed(nn.Linear(inputs, hidden or 256, bias=False)))
            self.network.append(nn.Linear(hidden or 256, outputs))
        else:
            self.network = mlp([inputs, hidden or 500, hidden or 500, outputs], ACTIVATIONS[backbone])

    def forward(self, x: Float[Tensor, "n c h w"], *extra: Float[Tensor, "n e"]) -> Float[Tensor, "n o"]:
        # .float(): under autocast the layers give bfloat16, and sums of exponentials are kept in float32.
        return self.network(joined(self.features(x), *extra)).float()


class GaussianEncoder(nn.Module):
    """A backbone's encoder read as a Gaussian over `latent` dimensions; arguments and errors as Encoder's."""

    def __init__(
        self, shape: Shape, latent: int, backbone: Backbone = "mlp", hidden: int | None = None, extra: int = 0
    ) -> None:
        super().__init__()
        self.body = Encoder(shape, 2 * latent, backbone, hidden, extra)

    def forward(self, x: Float[Tensor, "n c h w"], *extra: Float[Tensor, "n e"]) -> Gaussian:
        mu, log_var = self.body(x, *extra).chunk(2, 1)
        return Gaussian(mu, log_var)


class BernoulliDecoder(nn.Module):
    """The encoder's mirror: (N, D), and columns joined to it, read as logits of independent pixels. Arguments and errors as Encoder's."""

    def __init__(
        self, shape: Shape, latent: int, backbone: Backbone = "mlp", hidden: int | None = None, extra: int = 0
    ) -> None:
        super().__init__()
        self.network = _to_pixels(shape, latent + extra, backbone, hidden)

    def forward(self, z: Float[Tensor, "n d"], *extra: Float[Tensor, "n e"]) -> Bernoulli:
        return Bernoulli(self.network(joined(z, *extra)).float())


class LogisticDecoder(nn.Module):
    """BernoulliDecoder's network, its output read as the logits of discretised logistic pixels, and a learned log scale for each channel.

    A scale is clamped at LEAST_LOG_SCALE from below, where it gets no gradient. Arguments and errors as Encoder's.
    """

    def __init__(
        self, shape: Shape, latent: int, backbone: Backbone = "mlp", hidden: int | None = None, extra: int = 0
    ) -> None:
        super().__init__()
        self.network = _to_pixels(shape, latent + extra, backbone, hidden)
        self.log_scale = nn.Parameter(torch.empty(shape[0]))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The scales back to their start; the layers are reset by themselves."""
        self.log_scale.fill_(FIRST_LOG_SCALE)

    def forward(self, z: Float[Tensor, "n d"], *extra: Float[Tensor, "n e"]) -> DiscretisedLogistic:
        logits = self.network(joined(z, *extra)).float()
        return DiscretisedLogistic(logits, self.log_scale.clamp(min=LEAST_LOG_SCALE))


PixelDecoder = BernoulliDecoder | LogisticDecoder
DECODERS: dict[Likelihood, type[PixelDecoder]] = {
    "bernoulli": BernoulliDecoder,
    "discretised-logistic": LogisticDecoder,
}


def decoder_of(
    likelihood: Likelihood, shape: Shape, latent: int, backbone: Backbone, hidden: int | None, extra: int = 0
) -> PixelDecoder:
    """The decoder whose pixels are of this likelihood; the other arguments and errors as Encoder's."""
    return DECODERS[likelihood](shape, latent, backbone, hidden, extra)


def _to_pixels(shape: Shape, inputs: int, backbone: Backbone, hidden: int | None) -> nn.Sequential:
    if backbone == "conv32":
        return transposed32(shape, inputs, hidden or 256)
    network = mlp([inputs, hidden or 500, hidden or 500, math.prod(shape)], ACTIVATIONS[backbone])
    return network.append(nn.Unflatten(1, shape))


def joined(first: Float[Tensor, "n d"], *more: Float[Tensor, "n e"]) -> Float[Tensor, "n f"]:
    """Columns side by side; nothing is copied where there is one part alone."""
    return torch.cat([first, *more], 1) if more else first


def mlp(sizes: list[int], activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of these sizes with an activation after all but the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def normed(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    """A layer, batch-norm of its outputs, ReLU: the order is customary, the paper's sentence leaves it open.

    The layer has no bias of its own: batch-norm would take it away again.
    """
    if isinstance(layer, nn.Linear):
        return [layer, nn.BatchNorm1d(layer.out_features), nn.ReLU(inplace=True)]
    return [layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU(inplace=True)]


class Conv32(nn.Sequential):
    """Three convolutions of 32 filters, 4x4, stride 2: (N, C, H, W) to (N, 32 * H/8 * W/8), each side first padded to a multiple of 8."""

    def __init__(self, shape: Shape) -> None:
        channels, *_ = shape
        self.pad = padding(shape)
        layers = [nn.Conv2d(inputs, FILTERS, 4, 2, 1, bias=False) for inputs in (channels, FILTERS, FILTERS)]
        super().__init__(*(part for layer in layers for part in normed(layer)), nn.Flatten())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster than channels first

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n f"]:
        return super().forward(F.pad(x, self.pad))


def transposed32(shape: Shape, inputs: int, hidden: int) -> nn.Sequential:
    """Conv32's mirror: (N, inputs) by way of `hidden` to the logits of (N, C, H, W), the padding cropped away."""
    channels, *_ = shape
    maps = mapped(shape)
    layers = [nn.ConvTranspose2d(FILTERS, FILTERS, 4, 2, 1, bias=False) for _ in range(2)]
    network = nn.Sequential(
        *normed(nn.Linear(inputs, hidden, bias=False)),
        *normed(nn.Linear(hidden, math.prod(maps), bias=False)),
        nn.Unflatten(1, maps),
        *(part for layer in layers for part in normed(layer)),
        nn.ConvTranspose2d(FILTERS, channels, 4, 2, 1),
        nn.ZeroPad2d(tuple(-side for side in padding(shape))),  # type: ignore[arg-type]
    )
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def padding(shape: Shape) -> tuple[int, int, int, int]:
    """Pixels to add left, right, above and below so that three strides of 2 divide both sides.

    Raises ValueError for sides that conv32 can't take.
    """
    _, height, width = shape
    if not SMALLEST <= min(height, width) <= max(height, width) <= LARGEST:
        raise ValueError(
            f"backbone conv32 takes images of {SMALLEST} to {LARGEST} pixels a side, got {height}x{width}: choose mlp for the suite"
        )
    across, down = -width % 8, -height % 8
    return across // 2, across - across // 2, down // 2, down - down // 2


def mapped(shape: Shape) -> Shape:
    """Shape of the last convolution's feature maps."""
    left, right, above, below = padding(shape)
    return FILTERS, (shape[1] + above + below) // 8, (shape[2] + left + right) // 8
