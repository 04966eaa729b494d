"""VGG-style blocks, their mirror, and the features of ImageNet's VGG-16."""

import hashlib
import math
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from methods.parts.networks import Shape, padding

SLOPE = 0.2
LAST_SIDE = 4
IMAGENET_FILE = "vgg16-397923af.pth"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TAPPED = (8, 15)
"""relu2_2 and relu3_3, of the layers that Johnson et al. 2016 compare features in."""


def blocks_for(shape: Shape) -> int:
    """Blocks after which the shorter side is 4 or less: 1 at 8x8, 3 at 28x28 and 32x32, 4 at 64x64, 5 at 128x128."""
    return max(1, math.ceil(math.log2(min(shape[1:]) / LAST_SIDE)))


class VGGClassifier(nn.Module):
    """Blocks of Conv-BatchNorm-LeakyReLU-MaxPool, the latent z, and a linear head: (N, C, H, W) in [0, 1] to logits (N, K).

    width: filters of the first block, twice as many in each further one. convolutions: of each block. latent: z is a dense layer of that
    width, with BatchNorm and LeakyReLU; None: z is the last block's maps, flattened.
    """

    def __init__(
        self, shape: Shape, classes: int, width: int, blocks: int, convolutions: int, latent: int | None
    ) -> None:
        super().__init__()
        self.pad = padding(shape, 2**blocks)  # every block halves both sides
        self.frozen = False
        self.blocks = nn.ModuleList()
        inputs = shape[0]
        for filters in (width * 2**block for block in range(blocks)):
            layers: list[nn.Module] = []
            for _ in range(convolutions):
                layers += [nn.Conv2d(inputs, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), leaky()]
                inputs = filters
            self.blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
        height, width_pixels = shape[1] + self.pad[2] + self.pad[3], shape[2] + self.pad[0] + self.pad[1]
        self.maps = inputs, height // 2**blocks, width_pixels // 2**blocks
        flat = math.prod(self.maps)
        self.code = nn.Sequential(nn.Flatten())
        if latent is not None:
            self.code.extend([nn.Linear(flat, latent, bias=False), nn.BatchNorm1d(latent), leaky()])
        self.size = flat if latent is None else latent
        self.head = nn.Linear(self.size, classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, x: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """The maps that each block gives."""
        found = [F.pad(x, self.pad)]
        for block in self.blocks:
            found.append(block(found[-1]))
        return found[1:]

    def encode(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """z"""
        return self.code(self.features(x)[-1]).float()

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        return self.head(self.encode(x)).float()

    def freeze(self) -> None:
        """Nothing of it is trained any more: neither its weights nor its running statistics."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Any:
        return super().train(mode and not self.frozen)


class VGGDecoder(nn.Sequential):
    """The classifier's mirror: z (N, D) to images (N, C, H, W) in [0, 1], by blocks of ConvTranspose-BatchNorm-LeakyReLU-Upsample."""

    def __init__(self, shape: Shape, classifier: VGGClassifier, convolutions: int, latent: int | None) -> None:
        maps = classifier.maps
        layers: list[nn.Module] = []
        if latent is not None:
            flat = math.prod(maps)
            layers += [nn.Linear(latent, flat, bias=False), nn.BatchNorm1d(flat), leaky()]
        layers.append(nn.Unflatten(1, maps))
        inputs, blocks = maps[0], len(classifier.blocks)
        for block in range(blocks):
            filters = max(inputs // 2, 1) if block < blocks - 1 else inputs
            for _ in range(convolutions):
                layers += [
                    nn.ConvTranspose2d(inputs, filters, 3, padding=1, bias=False),
                    nn.BatchNorm2d(filters),
                    leaky(),
                ]
                inputs = filters
            layers.append(nn.Upsample(scale_factor=2))
        layers.append(nn.ConvTranspose2d(inputs, shape[0], 3, padding=1))
        layers.append(nn.ZeroPad2d(tuple(-side for side in classifier.pad)))  # type: ignore[arg-type]
        super().__init__(*layers)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n c h w"]:
        return torch.sigmoid(super().forward(z).float())


def leaky() -> nn.Module:
    return nn.LeakyReLU(SLOPE, inplace=True)


def imagenet_file() -> Path:
    """Where torchvision keeps VGG-16's ImageNet weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / IMAGENET_FILE


def perceptual_file(perceptual: str) -> Path | None:
    """The file of ImageNet's weights, or None for the method's own classifier. Raises ValueError where it is asked for and absent."""
    path = imagenet_file()
    if perceptual == "classifier" or (perceptual == "auto" and not path.is_file()):
        return None
    if not path.is_file():
        raise ValueError(
            f"perceptual=vgg16: no file {path}: put torchvision's {IMAGENET_FILE} there, or set perceptual to classifier or auto"
        )
    return path


def file_hash(path: Path) -> str:
    """sha256 of a file, in hexadecimal; read again only where the file has changed."""
    about = path.stat()
    return _file_hash(path, about.st_size, about.st_mtime_ns)


@cache
def _file_hash(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ImageNetFeatures(nn.Module):
    """relu2_2 and relu3_3 of torchvision's VGG-16 with the weights of a file, frozen: of (N, C, H, W) in [0, 1], C 1 or 3.

    Its weights are no part of a state: they are the file's. Raises ValueError, naming the file, where it does not hold these weights.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, path: Path) -> None:
        from torchvision.models import vgg16

        super().__init__()
        with torch.device("meta"):
            layers = vgg16().features[: TAPPED[-1] + 1]
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            layers.load_state_dict({name: state[f"features.{name}"] for name in layers.state_dict()}, assign=True)
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError) as problem:
            said = (str(problem).splitlines() or [type(problem).__name__])[0]
            raise ValueError(
                f"{path} does not hold torchvision's VGG-16 weights ({said}): put {IMAGENET_FILE} there"
            ) from problem
        self.kinds = [type(layer) for layer in layers]
        for name, value in layers.state_dict().items():
            self.register_buffer(name.replace(".", "_"), value.float(), persistent=False)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, x: Float[Tensor, "n c h w"]) -> list[Tensor]:
        found, x = [], (x.expand(-1, 3, -1, -1) - self.mean) / self.deviation
        for number, kind in enumerate(self.kinds):
            if kind is nn.Conv2d:
                x = F.conv2d(x, self.get_buffer(f"{number}_weight"), self.get_buffer(f"{number}_bias"), padding=1)
            else:
                x = F.relu(x) if kind is nn.ReLU else F.max_pool2d(x, 2)
            if number in TAPPED:
                found.append(x)
        return found
