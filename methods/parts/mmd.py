"""Maximum mean discrepancy with a Gaussian kernel."""

import torch
from jaxtyping import Float
from torch import Tensor


def mmd2(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"], bandwidth: float) -> Float[Tensor, " n"]:
    """Unbiased MMD^2 of two samples of the same size, as n parts whose mean it is; k(a, b) = exp(-|a - b|^2 / bandwidth).

    000_2852ba8d0aec7d1a.txt, eq. 2; Gretton et al. 2012, eq. 3, without the pairs of a point and itself. Part i holds the pairs of the
    i-th points of both samples, so a part alone, and the mean near 0, may be negative. Raises ValueError for fewer than two points.
    """
    n = len(a)
    if n < 2:
        raise ValueError(f"MMD^2 needs at least two points a sample, got {n}: set the batch to 2 or more")
    with torch.autocast(
        a.device.type, enabled=False
    ):  # small differences of squares: bfloat16 products would swamp them
        across = _kernel(a, b, bandwidth)
        # k(a, a) = 1 on the diagonal.
        within = _kernel(a, a, bandwidth).sum(1) + _kernel(b, b, bandwidth).sum(1) - 2
    return within / (n - 1) - (across.sum(1) + across.sum(0)) / n


def _kernel(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"], bandwidth: float) -> Float[Tensor, "n m"]:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return torch.exp(-squares.clamp(min=0) / bandwidth)


def bandwidth_of(latent: int) -> float:
    """D^2, the kernel's bandwidth in InfoVAE's public code, where the mean square over D dimensions is divided by D."""
    return float(latent**2)
