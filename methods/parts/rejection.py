"""Samples by rejection: what is made is kept where a classifier is sure enough of the class asked for."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

AT_LEAST = 500
"""Images tried at once, fewer of large ones."""


class Starved(ValueError):
    """A class of which too few images pass: its name, and how many were tried."""

    def __init__(self, name: str, tried: int, made: int, asked: int) -> None:
        super().__init__(
            f"class {name}: {tried} combinations gave {made} images that pass the filter, of {asked} asked for: train for more epochs, set "
            "filter to latent or none, or raise tries"
        )
        self.name, self.tried = name, tried


def confidences(logits: Float[Tensor, "n k"], y: Int[Tensor, " n"]) -> Float[Tensor, " k"]:
    """Each class's mean confidence over its rightly classified images, NaN for a class without one."""
    right, sure = logits.argmax(1) == y, logits.softmax(1).amax(1)
    return torch.stack([sure[right & (y == k)].mean() for k in range(logits.shape[1])])


def passes(logits: Float[Tensor, "n k"], y: Int[Tensor, " n"], least: Float[Tensor, " k"]) -> Bool[Tensor, " n"]:
    """Where the confidence in y is at least that of the class."""
    return logits.softmax(1).gather(1, y[:, None])[:, 0] >= least[y]


def accepted(
    y: Int[Tensor, " n"],
    make: Callable[[Tensor], tuple[Tensor, Tensor]],
    *,
    shape: tuple[int, int, int],
    names: list[str],
    at_once: int,
    tries: int,
) -> Float[Tensor, "n c h w"]:
    """Images of the classes asked for. make: those that pass of what is tried for labels (m,), and their labels.

    shape: of an image. names: of all classes. at_once: images that fit in a batch. Raises Starved for a class of which `tries` times as
    many as asked for were tried, and too few passed.
    """
    images = torch.empty(len(y), *shape, device=y.device)
    waiting, asked = torch.arange(len(y), device=y.device), torch.bincount(y, minlength=len(names))
    tried = torch.zeros_like(asked)
    while len(waiting):
        labels = y[waiting].repeat(-(-min(AT_LEAST, at_once) // len(waiting)))
        found, of_class = make(labels)
        left = []
        for k in labels.unique().tolist():
            places, made = waiting[y[waiting] == k], found[of_class == k]
            images[places[: len(made)]] = made[: len(places)]
            left.append(places[len(made) :])
        tried += torch.bincount(labels, minlength=len(names))
        waiting = torch.cat(left).sort().values
        missing = torch.bincount(y[waiting], minlength=len(names))
        for k in ((missing > 0) & (tried >= tries * asked)).nonzero().flatten().tolist():
            raise Starved(names[k], int(tried[k]), int(asked[k] - missing[k]), int(asked[k]))
    return images
