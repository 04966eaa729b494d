"""Structural similarity, differentiable, with a gradient that is the same on every run of a GPU."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

SIGMA, RADIUS = 1.5, 5
C1, C2 = 0.01**2, 0.03**2
SSIM_SMALLEST = RADIUS + 1
"""Pixels a side at least: the border is reflected by 5."""


class SSIM(nn.Module):
    """Structural similarity of images in [0, 1] of one size (Wang et al. 2004, as torchmetrics has it).

    Gaussian window 11x11 of sigma 1.5, borders reflected. The blur is two matrix products: torchmetrics' padding by reflection has no
    deterministic gradient on a GPU, and its windows of 121 products take several times as long. Raises ValueError for sides under 6.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        if min(height, width) < SSIM_SMALLEST:
            raise ValueError(f"SSIM's 11x11 window needs sides of {SSIM_SMALLEST} pixels, got {height}x{width}")
        self.register_buffer("rows", blur_matrix(height), persistent=False)
        self.register_buffer("columns", blur_matrix(width).T.contiguous(), persistent=False)

    def forward(self, x: Float[Tensor, "*#n c h w"], y: Float[Tensor, "*#n c h w"]) -> Float[Tensor, "*n"]:
        """One value an image, 1 where the two are equal. One image may stand for many of the other side."""
        with torch.autocast(x.device.type, enabled=False):  # variances are differences of near numbers
            x, y = x.float(), y.float()
            mu_x, mu_y, xx, yy, xy = map(self._blurred, (x, y, x * x, y * y, x * y))
            variances = (xx - mu_x * mu_x).clamp(min=0) + (yy - mu_y * mu_y).clamp(min=0)
            similar = (2 * mu_x * mu_y + C1) * (2 * (xy - mu_x * mu_y) + C2)
            return (similar / ((mu_x * mu_x + mu_y * mu_y + C1) * (variances + C2))).flatten(-3).mean(-1)

    def _blurred(self, x: Tensor) -> Tensor:
        return self.rows @ x @ self.columns


def blur_matrix(size: int) -> Float[Tensor, "s s"]:
    """B such that B @ v is v (size,) under the Gaussian window, its border reflected without repeating the edge."""
    weights = [math.exp(-0.5 * (offset / SIGMA) ** 2) for offset in range(-RADIUS, RADIUS + 1)]
    matrix = [[0.0] * size for _ in range(size)]
    for row in range(size):
        for offset, weight in zip(range(-RADIUS, RADIUS + 1), weights, strict=True):
            at = abs(row + offset)
            matrix[row][at if at < size else 2 * (size - 1) - at] += weight / sum(weights)
    return torch.tensor(matrix)
