"""The backbones that every method shares: one network for each of encoder and decoder, chosen by name."""

import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.choices import Backbone, Likelihood
from methods.parts.distributions import Bernoulli, DiscretisedLogistic, Gaussian, Pixels

Shape = tuple[int, int, int]
FIRST_LOG_SCALE = math.log(0.1)
LEAST_LOG_SCALE = -7 - math.log(2)
"""The bound of PixelCNN++'s public code, -7, whose pixels span 2 and not 1: a bin is then 8.6 scales wide."""


class AbstractBackbone(ABC):
    """The parts of a network that rows share: what lies between images and codes, and back. A plug-in adds one with `@backbone`."""

    smallest_batch: ClassVar[int] = 1
    """Images of a batch that it can train on."""

    @abstractmethod
    def features(self, shape: Shape) -> tuple[nn.Module, int]:
        """(N, C, H, W) to columns, and how many columns. Raises ValueError for images that it can't take."""

    @abstractmethod
    def head(self, inputs: int, outputs: int, hidden: int | None) -> nn.Module:
        """Columns to (N, outputs). hidden: width of the dense hidden layers, None for the backbone's own."""

    @abstractmethod
    def pixels(self, shape: Shape, inputs: int, hidden: int | None) -> nn.Module:
        """Codes (N, inputs) to logits (N, C, H, W). Raises as `features` does."""


def backbone(name: str) -> Callable[[type[AbstractBackbone]], type[AbstractBackbone]]:
    """Add a class to the backbones that a suite may choose. Raises ValueError where the name is another's."""

    def register(cls: type[AbstractBackbone]) -> type[AbstractBackbone]:
        place = f"{cls.__module__}:{cls.__qualname__}"
        if _declared().BACKBONES.setdefault(name, place) != place:
            raise ValueError(f"backbone {name!r} is already at {_declared().BACKBONES[name]}: choose another name")
        return cls

    return register


def _declared() -> Any:
    """methods.backbones, by name and not by import: which others there are beside the chosen one is no code of this one's result."""
    return importlib.import_module("methods.backbones")


class Encoder(nn.Module):
    """A backbone's encoder: (N, C, H, W), and columns joined to it, to (N, outputs) float32.

    hidden: width of the dense hidden layers, None for the backbone's own (mlps 500 or by name, conv32 256). extra: columns joined to the
    pixels (mlps) or to the flattened feature maps (conv32). Raises ValueError for images that the backbone can't take.
    """

    def __init__(
        self, shape: Shape, outputs: int, backbone: Backbone = "mlp", hidden: int | None = None, extra: int = 0
    ) -> None:
        super().__init__()
        chosen = _declared().find(backbone)()
        self.features, columns = chosen.features(shape)
        self.network = chosen.head(columns + extra, outputs, hidden)

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


class PixelDecoder(nn.Module, ABC):
    """The encoder's mirror: (N, D), and columns joined to it, to logits of independent pixels. Arguments and errors as Encoder's."""

    def __init__(
        self, shape: Shape, latent: int, backbone: Backbone = "mlp", hidden: int | None = None, extra: int = 0
    ) -> None:
        super().__init__()
        self.network = _declared().find(backbone)().pixels(shape, latent + extra, hidden)

    def forward(self, z: Float[Tensor, "n d"], *extra: Float[Tensor, "n e"]) -> Pixels:
        return self.pixels(self.network(joined(z, *extra)).float())

    @abstractmethod
    def pixels(self, logits: Float[Tensor, "n c h w"]) -> Pixels:
        """What the logits are read as."""


class BernoulliDecoder(PixelDecoder):
    """Bernoulli pixels."""

    def pixels(self, logits: Float[Tensor, "n c h w"]) -> Bernoulli:
        return Bernoulli(logits)


class LogisticDecoder(PixelDecoder):
    """Discretised logistic pixels with a learned log scale a channel, clamped at LEAST_LOG_SCALE, where it gets no gradient."""

    def __init__(self, shape: Shape, *arguments: Any, **options: Any) -> None:
        super().__init__(shape, *arguments, **options)
        self.log_scale = nn.Parameter(torch.empty(shape[0]))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """The scales back to their start; the layers are reset by themselves."""
        self.log_scale.fill_(FIRST_LOG_SCALE)

    def pixels(self, logits: Float[Tensor, "n c h w"]) -> DiscretisedLogistic:
        return DiscretisedLogistic(logits, self.log_scale.clamp(min=LEAST_LOG_SCALE))


DECODERS: dict[Likelihood, type[PixelDecoder]] = {
    "bernoulli": BernoulliDecoder,
    "discretised-logistic": LogisticDecoder,
}


def decoder_of(
    likelihood: Likelihood, shape: Shape, latent: int, backbone: Backbone, hidden: int | None, extra: int = 0
) -> PixelDecoder:
    """The decoder whose pixels are of this likelihood; the other arguments and errors as Encoder's."""
    return DECODERS[likelihood](shape, latent, backbone, hidden, extra)


def padding(shape: Shape, multiple: int) -> tuple[int, int, int, int]:
    """Pixels to add left, right, above and below for sides that are multiples of a number."""
    across, down = -shape[2] % multiple, -shape[1] % multiple
    return across // 2, across - across // 2, down // 2, down - down // 2


def joined(first: Float[Tensor, "n d"], *more: Float[Tensor, "n e"]) -> Float[Tensor, "n f"]:
    """Columns side by side; nothing is copied where there is one part alone."""
    return torch.cat([first, *more], 1) if more else first
