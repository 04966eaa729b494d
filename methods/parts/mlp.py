"""The backbones of dense layers."""

import math
from itertools import pairwise
from typing import ClassVar

from torch import nn

from methods.parts.networks import AbstractBackbone, Shape


def mlp(sizes: list[int], activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of these sizes with an activation after all but the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


class MLP(AbstractBackbone):
    """Two hidden layers of 500 and ReLU."""

    activation: ClassVar[type[nn.Module]] = nn.ReLU
    width: ClassVar[int] = 500

    def features(self, shape: Shape) -> tuple[nn.Module, int]:
        return nn.Flatten(), math.prod(shape)

    def head(self, inputs: int, outputs: int, hidden: int | None) -> nn.Sequential:
        width = hidden or self.width
        return mlp([inputs, width, width, outputs], self.activation)

    def pixels(self, shape: Shape, inputs: int, hidden: int | None) -> nn.Sequential:
        return self.head(inputs, math.prod(shape), hidden).append(nn.Unflatten(1, shape))


class SmallMLP(MLP):
    """Two hidden layers of 256 and ReLU: for images of some 64 pixels."""

    width = 256


class SoftplusMLP(MLP):
    """Two hidden layers of 500 and softplus (000_2852ba8d0aec7d1a.txt, Tables 1 and 2)."""

    activation = nn.Softplus
