"""Rows that frame the others: features without learning, and the floor and ceiling of every column."""

from collections.abc import Iterator

import torch
from torch import Tensor

from methods.base import AbstractMethod, Images, ImageSpec, Latent, Phase, TrainingData, method
from methods.parts.labels import one_hot


@method("raw-pixels", source="002_250270577cfb522d.txt, Table 1")
class RawPixels(AbstractMethod):
    """Raw pixels: the image itself as its latent."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        yield from ()

    def encode(self, x: Tensor, y: Tensor) -> Tensor:
        return x.flatten(1)


@method("pca", source="002_250270577cfb522d.txt, Table 1")
class PCA(AbstractMethod):
    """PCA(D): projection on the first D principal components of the training images.

    By eigenvectors of the covariance in float64, each with its largest entry positive, so that signs do not vary.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, spec: ImageSpec, *, latent: Latent = 20) -> None:
        super().__init__()
        if latent > spec.pixels:
            raise ValueError(f"latent={latent} is more than the {spec.pixels} pixels of an image: set latent lower")
        self.register_buffer("mean", torch.zeros(spec.pixels))
        self.register_buffer("components", torch.zeros(latent, spec.pixels))

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        total = torch.zeros_like(self.mean, dtype=torch.float64)
        square = torch.zeros(len(total), len(total), dtype=torch.float64, device=total.device)
        for x, _ in data.train.batches():
            flat = x.flatten(1).double()
            total += flat.sum(0)
            square += flat.T @ flat
        mean = total / len(data.train)
        covariance = square / len(data.train) - mean[:, None] * mean
        vectors = torch.linalg.eigh(covariance).eigenvectors.T.flip(0)[: len(self.components)]
        largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
        self.mean.copy_(mean)
        self.components.copy_(vectors * largest.sign())
        yield from ()

    def encode(self, x: Tensor, y: Tensor) -> Tensor:
        return (x.flatten(1) - self.mean) @ self.components.T

    def reconstruct(self, x: Tensor, y: Tensor) -> Tensor:
        """The projection, clipped to [0, 1]."""
        return (self.encode(x, y) @ self.components + self.mean).clamp(0, 1).view_as(x)


@method("mean-image", source="floor: no paper")
class MeanImage(AbstractMethod):
    """Floor: the mean training image as every reconstruction, the mean image of a class as every sample of it."""

    labels_in_training = True
    class_means: Tensor
    frequencies: Tensor

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        self.register_buffer("class_means", torch.zeros(spec.classes, spec.channels, spec.height, spec.width))
        self.register_buffer("frequencies", torch.zeros(spec.classes))

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        size = data.train.at_once
        total = torch.zeros(data.classes, self.class_means[0].numel(), dtype=torch.float64, device=data.train.x.device)
        for x, y in zip(data.train.x.split(size), data.train.y.split(size), strict=True):
            total += one_hot(y, data.classes).T @ x.flatten(1).float()  # whole numbers below 2^24: exact in float32
        counts = torch.bincount(data.train.y, minlength=data.classes).clamp(min=1)  # black for a class without images
        self.class_means.copy_((total.float() / (255 * counts[:, None])).view_as(self.class_means))
        self.frequencies.copy_(data.class_frequencies())
        yield from ()

    def reconstruct(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.tensordot(self.frequencies, self.class_means, 1).expand_as(x)

    def sample(self, y: Tensor) -> Tensor:
        return self.class_means[y]

    def sample_any(self, n: int) -> Tensor:
        return self.class_means[torch.multinomial(self.frequencies, n, replacement=True)]


class AbstractCopy(AbstractMethod):
    """Gives real images as its samples, drawn without replacement as far as they reach."""

    labels_in_training = True
    images: Images

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        yield from ()

    def draw(self, n: int, among: Tensor) -> Tensor:
        """n rows of the images' indices `among`, each used once before any is used again."""
        if len(among) == 0:
            raise ValueError("there is no image to copy for a class that was asked for")
        rounds = -(-n // len(among))
        order = torch.cat([torch.randperm(len(among), device=among.device) for _ in range(rounds)])[:n]
        return among[order]

    def sample(self, y: Tensor) -> Tensor:
        rows = torch.empty_like(y)
        for k in y.unique():
            asked = y == k
            rows[asked] = self.draw(int(asked.sum()), (self.images.y == k).nonzero().flatten())
        return self.images.x[rows].float() / 255

    def sample_any(self, n: int) -> Tensor:
        return self.images.x[self.draw(n, torch.arange(len(self.images), device=self.images.y.device))].float() / 255


@method("training-copy", source="ceiling of fidelity, floor of novelty: no paper")
class TrainingCopy(AbstractCopy):
    """Ceiling: real training images as samples."""

    def attach(self, data: TrainingData) -> None:
        self.images = data.train


@method("real-images", source="ceiling: no paper")
class RealImages(AbstractCopy):
    """Ceiling: real images that no method trained on (the held-out part) as samples."""

    def attach(self, data: TrainingData) -> None:
        if len(data.held_out) == 0:
            raise ValueError("real-images needs a held-out part: set held_out in the suite")
        self.images = data.held_out
