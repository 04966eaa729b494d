"""ResNet-56 as the neutral classifier, for images that a small network does not read well, and for comparison with ReGene's figures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metrics.features.networks import Classifier

BLOCKS = 9
WIDTHS = (16, 32, 64)


class _Block(nn.Module):
    """relu(x + BN(conv(relu(BN(conv x))))), the first convolution with the stride."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.stride, self.more = stride, filters - channels
        self.first = nn.Conv2d(channels, filters, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(filters)
        self.second = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(filters)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second_norm(self.second(torch.relu(self.first_norm(self.first(x)))))
        return torch.relu(inner + self._shortcut(x))

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.more)) if self.more else x


class ResNet56(Classifier):
    """ResNet-56 v1: He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2, 6n + 2 layers with n = 9.

    Three stages of nine blocks, 16, 32 and 64 filters wide, the second and third at half the size of the one before. Shortcuts are
    option A of the paper, as it has them on CIFAR-10: the identity, subsampled and filled up with channels of zeros, without weights
    (0.85 million parameters in all). Departs in that no per-pixel mean is taken off the images: the first batch norm centres them.
    shape: (C,H,W), sides of 4 pixels and more. n_classes: K.
    """

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__(shape, n_classes)
        self.stem = nn.Conv2d(shape[0], WIDTHS[0], 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(WIDTHS[0])
        blocks, channels = [], WIDTHS[0]
        for stage, width in enumerate(WIDTHS):
            for block in range(BLOCKS):
                blocks.append(_Block(channels, width, stride=2 if stage > 0 and block == 0 else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        # a fifth less time a step on a CPU, and the layout that a GPU's convolutions want
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's own stubs

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (N,64), not negative, of images (N,C,H,W) in [0,1]: the last stage's mean over the image."""
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.blocks(torch.relu(self.stem_norm(self.stem(x))))
        return x.mean((2, 3))  # adaptive pooling's backward pass is not deterministic on a GPU
