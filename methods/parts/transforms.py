"""Spatial transformations of images, differentiable in their numbers: affine in two forms, and thin-plate splines.

A transformation T says for every pixel of its output where in the input to look (Jaderberg et al. 2015): x' = T(y') is x'(p) = y'(g(p)).
Places are (x, y) with the frame from -1 to 1, pixels' centres inside it (torch's align_corners=False): a pixel is 2/W wide.
"""

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Transformation = Literal["affine", "affine5", "tps"]
"""affine: the six cells of a 2x3 matrix. affine5: rotation, log scales and translations. tps: displacements of a grid of control points."""

LEAST_DETERMINANT = 0.05
"""A matrix whose determinant is nearer to zero is inverted as if by this much: the inverse stays bounded, and so do gradients."""
RIDGE = 1e-3
"""Added to the equations of an inverse spline: control points that fall together, or on a line, leave it bounded."""
LEAST_SQUARE = 1e-8
"""The kernel r^2 log r is flat below this r^2."""

Grid = Float[Tensor, "n h w 2"]


class Transform(nn.Module, ABC):
    """A family of transformations of images of one size, by `dof` numbers each. `identity` (dof,) leaves an image as it is."""

    identity: Float[Tensor, " s"]
    pixels: Float[Tensor, "p 2"]
    """Places of the pixels' centres, row by row."""

    def __init__(self, identity: tuple[float, ...], height: int, width: int) -> None:
        super().__init__()
        self.dof, self.height, self.width = len(identity), height, width
        across, down = ((torch.arange(n, dtype=torch.float64) + 0.5) * 2 / n - 1 for n in (width, height))
        self._keep("identity", torch.tensor(identity))
        self._keep("pixels", torch.cartesian_prod(down, across).flip(1))

    def _keep(self, name: str, value: Tensor) -> None:
        self.register_buffer(name, value.float(), persistent=False)

    def _mapped(self, weights: Float[Tensor, "n 2 k"], columns: Float[Tensor, "p k"]) -> Grid:
        """Each image's linear map of the same columns, one matrix product: F.affine_grid, a product an image, takes twice as long."""
        return (
            (weights.reshape(-1, columns.shape[1]) @ columns.T).view(-1, 2, self.height, self.width).permute(0, 2, 3, 1)
        )

    @abstractmethod
    def grid(self, u: Float[Tensor, "n s"]) -> Grid:
        """Where T_u looks for each pixel of its output."""

    @abstractmethod
    def inverse_grid(self, u: Float[Tensor, "n s"]) -> Grid:
        """Where the inverse of T_u looks, regularised where there is none."""


class Affine(Transform):
    """p -> A p + t, by the cells of [A | t] row by row: 6 numbers (002_250270577cfb522d.txt, section V.iii)."""

    homogeneous: Float[Tensor, "p 3"]

    def __init__(self, height: int, width: int, identity: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)) -> None:
        super().__init__(identity, height, width)
        self._keep("homogeneous", F.pad(self.pixels, (0, 1), value=1.0))

    def matrix(self, u: Float[Tensor, "n s"]) -> Float[Tensor, "n 2 3"]:
        return u.view(-1, 2, 3)

    def grid(self, u: Float[Tensor, "n s"]) -> Grid:
        return self._over(self.matrix(u))

    def inverse_grid(self, u: Float[Tensor, "n s"]) -> Grid:
        return self._over(inverted(self.matrix(u)))

    def _over(self, matrix: Float[Tensor, "n 2 3"]) -> Grid:
        return self._mapped(matrix, self.homogeneous)


class Affine5(Affine):
    """An affine map that turns, stretches and shifts the frame, by (psi, log S_x, log S_y, T_x, T_y): 5 numbers.

    [A | t] = [S_x cos psi, -S_x sin psi, S_x T_x; S_y sin psi, S_y cos psi, S_y T_y] (002_250270577cfb522d.txt, section V.iii).
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__(height, width, (0.0,) * 5)

    def matrix(self, u: Float[Tensor, "n s"]) -> Float[Tensor, "n 2 3"]:
        psi, log_s_x, log_s_y, t_x, t_y = u.unbind(1)
        cos, sin = psi.cos(), psi.sin()
        rows = [log_s_x.exp()[:, None] * torch.stack([cos, -sin, t_x], 1)]
        rows += [log_s_y.exp()[:, None] * torch.stack([sin, cos, t_y], 1)]
        return torch.stack(rows, 1)


class ThinPlate(Transform):
    """A thin-plate spline through s x s control points, evenly over the frame, by their displacements: 2 s^2 numbers, (x, y) by (x, y).

    p -> p + f(p), f the smoothest map that moves the control points as said (Bookstein 1989). f is linear in the displacements: `basis`
    (H*W, s^2) holds that map, built once in float64. The inverse is the spline through the moved points back to where they were: exact
    there, and everywhere for an affine map, up to a ridge that keeps it bounded where points fall together.
    """

    points: Float[Tensor, "k 2"]
    basis: Float[Tensor, "p k"]

    def __init__(self, height: int, width: int, side: int) -> None:
        super().__init__((0.0,) * (2 * side**2), height, width)
        ticks = torch.linspace(-1, 1, side, dtype=torch.float64)
        points = torch.cartesian_prod(ticks, ticks).flip(1)
        wanted = F.pad(torch.eye(side**2, dtype=torch.float64), (0, 0, 0, 3))
        self._keep("points", points)
        self._keep("basis", _design(self.pixels.double(), points) @ torch.linalg.solve(_system(points, 0.0), wanted))

    def grid(self, u: Float[Tensor, "n s"]) -> Grid:
        moved = self._mapped(u.view(len(u), -1, 2).mT, self.basis)
        return moved + self.pixels.view(self.height, self.width, 2)

    def inverse_grid(self, u: Float[Tensor, "n s"]) -> Grid:
        moved = self.points + u.view(len(u), -1, 2)
        back = F.pad(self.points - moved, (0, 0, 0, 3)).double()
        coefficients, _ = torch.linalg.solve_ex(
            _system(moved.double(), RIDGE), back
        )  # the checking form waits for the device
        found = self.pixels + _design(self.pixels, moved) @ coefficients.float()
        return found.view(len(u), self.height, self.width, 2)


def _radial(a: Float[Tensor, "*m p 2"], b: Float[Tensor, "*n k 2"]) -> Float[Tensor, "*n p k"]:
    """r^2 log r between all pairs, 0 with no gradient below r^2 = LEAST_SQUARE. One product, |a|^2 + |b|^2 - 2 ab, makes no (p, k, 2)."""
    lengths = a.square().sum(-1)[..., :, None] + b.square().sum(-1)[..., None, :]
    square = (lengths - 2 * a @ b.mT).clamp(min=LEAST_SQUARE)
    return 0.5 * square * square.log()


def _design(at: Float[Tensor, "p 2"], points: Float[Tensor, "*n k 2"]) -> Float[Tensor, "*n p q"]:
    """What a spline's coefficients are multiplied with: the kernel at `at`, then 1, x and y."""
    radial = _radial(at, points)
    return torch.cat([radial, _affine_part(at).expand(*radial.shape[:-1], 3)], -1)


def _system(points: Float[Tensor, "*n k 2"], ridge: float) -> Float[Tensor, "*n q q"]:
    """The equations of the coefficients: through the points, and nothing affine in the radial part."""
    affine = _affine_part(points)
    k = points.shape[-2]
    kernel = _radial(points, points) + ridge * torch.eye(k, dtype=points.dtype, device=points.device)
    corner = -ridge * torch.eye(3, dtype=points.dtype, device=points.device).expand(*points.shape[:-2], 3, 3)
    return torch.cat([torch.cat([kernel, affine], -1), torch.cat([affine.mT, corner], -1)], -2)


def _affine_part(at: Float[Tensor, "*n p 2"]) -> Float[Tensor, "*n p 3"]:
    return F.pad(at, (1, 0), value=1.0)


def inverted(matrix: Float[Tensor, "n 2 3"]) -> Float[Tensor, "n 2 3"]:
    """The affine maps back: [B | -B t] with B = adj(A) / det(A), and det(A) kept LEAST_DETERMINANT away from zero.

    Below that, 1 / det becomes det / LEAST_DETERMINANT^2: it joins without a step, and is 0, not infinite, for a singular matrix.
    """
    (a, b, t_x), (c, d, t_y) = (row.unbind(1) for row in matrix.unbind(1))
    det = a * d - b * c
    regular = det.abs() >= LEAST_DETERMINANT
    over = torch.where(regular, 1 / torch.where(regular, det, 1.0), det / LEAST_DETERMINANT**2)
    back = torch.stack([d, -b, -c, a], 1).view(-1, 2, 2) * over[:, None, None]
    return torch.cat([back, -back @ torch.stack([t_x, t_y], 1)[:, :, None]], 2)


def warped(images: Float[Tensor, "n c h w"], grid: Grid, outside: float = 0.0) -> Float[Tensor, "n c h w"]:
    """Images looked up at a grid, bilinear between pixels; beyond the frame lies `outside`.

    The shift makes torch's zeros beyond the frame stand for `outside`. On a GPU grid_sample's gradient adds up in an order of its own from
    run to run; there the same sums are matrix products (`by_hats`).
    """
    look_up = by_hats if images.device.type == "cuda" else _grid_sample
    return look_up(images - outside, grid) + outside


def _grid_sample(images: Float[Tensor, "n c h w"], grid: Grid) -> Float[Tensor, "n c h w"]:
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)


def by_hats(images: Float[Tensor, "n c h w"], grid: Grid) -> Float[Tensor, "n c h w"]:
    """grid_sample with zeros beyond the frame as products: x'(p) = sum over rows and columns of hat(p_y - row) hat(p_x - column) y'."""
    n, _, height, width = images.shape
    rows, columns = (_hats(grid[..., axis].flatten(1), size) for axis, size in ((1, height), (0, width)))
    along = torch.einsum("npw,nchw->ncph", columns, images)
    return torch.einsum("ncph,nph->ncp", along, rows).view(n, -1, *grid.shape[1:3])


def _hats(at: Float[Tensor, "n p"], size: int) -> Float[Tensor, "n p size"]:
    """Weights of `size` pixels at places along one axis: 1 at a pixel's centre, 0 from the next one on.

    Written by the pixel below and the one above, as grid_sample has it: a hat written by |.| has no gradient at its very top, where
    training starts.
    """
    pixel = ((at + 1) * size - 1) / 2
    below = pixel.detach().floor()
    part = (pixel - below)[..., None]
    step = torch.arange(size, device=at.device) - below[..., None]
    return torch.where(step == 0, 1 - part, 0.0) + torch.where(step == 1, part, 0.0)


def transform_of(name: Transformation, height: int, width: int, side: int) -> Transform:
    """A transformation by name; `side`: control points a side, for tps."""
    if name == "tps":
        return ThinPlate(height, width, side)
    return (Affine5 if name == "affine5" else Affine)(height, width)


EMPTY = math.log(1e-6 / (1 - 1e-6))
"""The logit of a pixel of the empty page: probabilities are kept in [1e-6, 1 - 1e-6] (002_250270577cfb522d.txt, appendix A)."""
