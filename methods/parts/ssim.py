"""Structural similarity as products of matrices: what a convolution on a reflected border gives, many pairs at once."""

import torch
from jaxtyping import Float
from torch import Tensor

RADIUS = 5
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
SMALLEST = RADIUS + 1


def ssim(x: Float[Tensor, "a c h w"], y: Float[Tensor, "b c h w"]) -> Float[Tensor, " n"]:
    """Structural similarity of pairs of images in [0, 1], one value a pair, in float32 and differentiable.

    Wang et al. 2004, equation 13: Gaussian window of 11x11 and sigma 1.5, data range 1, reflected border, mean over pixels and channels;
    torchmetrics' structural_similarity_index_measure. One image on a side stands for as many as there are on the other.
    Raises ValueError for sides of fewer than 6 pixels, which a border of 5 cannot be reflected in.
    """
    if min(x.shape[-2:]) < SMALLEST:
        raise ValueError(f"SSIM's 11x11 window needs sides of {SMALLEST} pixels, got {tuple(x.shape[-2:])}")
    with torch.autocast(x.device.type, enabled=False):  # variances are small differences of squares
        x, y = x.float(), y.float()
        down, across = _blur(x.shape[-2], x.device), _blur(x.shape[-1], x.device).T
        mu_x, mu_y = down @ x @ across, down @ y @ across
        var_x = (down @ (x * x) @ across - mu_x * mu_x).clamp(min=0)
        var_y = (down @ (y * y) @ across - mu_y * mu_y).clamp(min=0)
        covariance = down @ (x * y) @ across - mu_x * mu_y
        likeness = (2 * mu_x * mu_y + C1) * (2 * covariance + C2)
        return (likeness / ((mu_x * mu_x + mu_y * mu_y + C1) * (var_x + var_y + C2))).flatten(1).mean(1)


def _blur(size: int, device: torch.device) -> Tensor:
    """The Gaussian window along one side as a matrix (size, size), its border folded in. Made on the device: no copy in a step."""
    offsets = torch.arange(-RADIUS, RADIUS + 1, device=device)
    window = torch.exp(-offsets.square() / (2 * SIGMA**2))
    places = torch.arange(size, device=device)
    reached = (places[:, None] + offsets).abs()
    reached = size - 1 - (size - 1 - reached).abs()
    return (reached[:, None, :] == places[None, :, None]).to(window.dtype) @ (window / window.sum())
