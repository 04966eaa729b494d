"""Statistics of classes of codes and of images, and the scale that a generator puts on a spread."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.parts.labels import one_hot


def class_moments(
    codes: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int
) -> tuple[Float[Tensor, "k d"], Float[Tensor, "k d"]]:
    """Mean and standard deviation (of n - 1) of each class's codes; a class needs two of them.

    Sums go through a matrix product, which is deterministic on every device, unlike scattered adds.
    """
    member = one_hot(y, classes)
    counts = member.sum(0)[:, None]
    mean = (member.T @ codes) / counts
    return mean, ((member.T @ (codes - mean[y]) ** 2) / (counts - 1)).sqrt()


def mean_cosine(images: Float[Tensor, "n p"]) -> Float[Tensor, ""]:
    """Mean cosine similarity (eq. 5) of all pairs of rows; the squared length of n unit vectors' sum is n plus twice the pairs' sum."""
    images = images.double()  # a cosine of 1 in float32 may come out above it
    lengths = images.norm(dim=1, keepdim=True)
    n = (lengths > 0).sum()
    pairs = (images / lengths.where(lengths > 0, 1)).sum(0).square().sum() - n
    return torch.where(n > 1, pairs / (n * (n - 1)).clamp(min=1), 1.0)


def as_matrix(theta: object, kind: str, classes: int, latent: int) -> Float[Tensor, "k d"]:
    """theta for every class and dimension. Raises ValueError unless it is of the generator's shape, finite and nowhere below 0."""
    shape = {"simple": (), "medium1": (latent,), "medium2": (classes, latent)}[kind]
    try:
        given = torch.tensor(theta, dtype=torch.float32, device="cpu")  # values are read: no meta device
    except (ValueError, TypeError):
        given = torch.empty(0)  # rows of different lengths
    if given.shape != shape:
        said = {
            "simple": "one number",
            "medium1": f"{latent} numbers",
            "medium2": f"{classes} rows of {latent} numbers",
        }
        raise ValueError(f"theta of generator {kind} is {said[kind]}, got shape {tuple(given.shape)}")
    if not (given.isfinite() & (given >= 0)).all():
        worst = given[~(given.isfinite() & (given >= 0))].flatten()[0].item()
        raise ValueError(f"theta scales a standard deviation: it must be finite and 0 or more, got {worst:g}")
    return given.expand(classes, latent).clone()


def shortest(theta: Float[Tensor, "k d"], kind: str) -> object:
    """theta as its generator has it: a number, a list or a list of lists."""
    return {"simple": theta[0, 0], "medium1": theta[0], "medium2": theta}[kind].tolist()


def quantised(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Images in [0, 1] in steps of 1/255, as they are stored and as every metric takes them."""
    return (x * 255).round() / 255
