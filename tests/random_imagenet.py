"""torchvision's VGG-16 file with random weights, the layers that are read alone."""

import torch
from torch import Tensor
from torchvision.models import vgg16

LAYERS = 16


def vgg16_of_random_weights(seed: int = 0) -> dict[str, Tensor]:
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in vgg16().features[:LAYERS].state_dict().items()}
    random = torch.Generator().manual_seed(seed)
    return {f"features.{name}": torch.randn(shape, generator=random) / 20 for name, shape in shapes.items()}
