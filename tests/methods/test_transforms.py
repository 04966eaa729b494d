"""Limits of the spatial transformations, against torch's affine_grid and grid_sample and scipy's thin-plate spline."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from methods.parts.transforms import (
    Affine,
    Affine5,
    ThinPlate,
    Transform,
    by_hats,
    transform_of,
    warped,
)

H, W = 20, 28
KINDS = ["affine", "affine5", "tps"]
each_kind = pytest.mark.parametrize("kind", KINDS)


def _images(n: int = 4, channels: int = 2, height: int = H, width: int = W) -> Tensor:
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(1))


def _near_identity(transform: Transform, n: int, scale: float) -> Tensor:
    noise = torch.randn(n, transform.dof, generator=torch.Generator().manual_seed(2))
    return transform.identity + scale * noise


def _blobs(n: int, side: int = 48) -> Tensor:
    """Smooth ink well inside the frame: bilinear look-ups lose little of it."""
    ticks = torch.linspace(-1, 1, side)
    random = torch.Generator().manual_seed(3)
    centres = 0.3 * (torch.rand(n, 2, 1, 1, generator=random) - 0.5)
    square = (ticks[None, None, :] - centres[:, 0]) ** 2 + (ticks[None, :, None] - centres[:, 1]) ** 2
    return torch.exp(-square / 0.08)[:, None]


@each_kind
@pytest.mark.parametrize("way", ["grid", "inverse_grid"])
def test_the_identity_leaves_the_canvas(kind: str, way: str) -> None:
    transform, images = transform_of(kind, H, W, 3), _images()
    u = transform.identity.expand(len(images), -1)
    assert torch.allclose(warped(images, getattr(transform, way)(u)), images, atol=1e-5)


def test_affine_is_torchs_affine_grid() -> None:
    transform = Affine(H, W)
    u = _near_identity(transform, 5, 0.5)
    expected = F.affine_grid(u.view(-1, 2, 3), [5, 1, H, W], align_corners=False)
    assert torch.allclose(transform.grid(u), expected, atol=1e-6)


def test_affine5_is_affine_for_the_matrix_that_it_stands_for() -> None:
    psi, log_s_x, log_s_y, t_x, t_y = 0.7, 0.2, -0.3, 0.1, -0.2
    s_x, s_y = math.exp(log_s_x), math.exp(log_s_y)
    cells = [s_x * math.cos(psi), -s_x * math.sin(psi), s_x * t_x, s_y * math.sin(psi), s_y * math.cos(psi), s_y * t_y]
    five, six = Affine5(H, W), Affine(H, W)
    u5, u6 = torch.tensor([[psi, log_s_x, log_s_y, t_x, t_y]]), torch.tensor([cells])
    assert torch.allclose(five.grid(u5), six.grid(u6), atol=1e-6)
    assert torch.allclose(five.inverse_grid(u5), six.inverse_grid(u6), atol=1e-5)


@pytest.mark.parametrize(("side", "scale"), [(2, 0.3), (3, 0.15), (5, 0.05)])
def test_a_thin_plate_spline_and_its_inverse_are_scipys(side: int, scale: float) -> None:
    """The inverse is the spline through the moved points, up to its ridge."""
    transform = ThinPlate(H, W, side)
    u = _near_identity(transform, 3, scale)
    points, pixels = transform.points.double(), transform.pixels.double()
    for moved, grid, inverse in zip(
        points + u.view(3, -1, 2), transform.grid(u).flatten(1, 2), transform.inverse_grid(u).flatten(1, 2), strict=True
    ):
        for found, source, target, error in ((grid, points, moved, 1e-5), (inverse, moved, points, 2e-3)):
            reference = RBFInterpolator(source, target, kernel="thin_plate_spline")(pixels.numpy())
            assert torch.allclose(found.double(), torch.from_numpy(reference), atol=error)


@pytest.mark.parametrize(
    ("kind", "scale", "error"), [("affine", 0.1, 0.02), ("affine5", 0.2, 0.02), ("tps", 0.1, 0.02)]
)
def test_the_inverse_undoes_the_pose_inside_the_frame(kind: str, scale: float, error: float) -> None:
    images = _blobs(6)
    transform = transform_of(kind, 48, 48, 3)
    u = _near_identity(transform, len(images), scale)
    posed = warped(images, transform.grid(u))
    assert (posed - images).abs().mean() > error, "the poses do nothing"
    assert (warped(posed, transform.inverse_grid(u)) - images).abs().max() < 5 * error
    assert (warped(posed, transform.inverse_grid(u)) - images).abs().mean() < error / 5


NINE = ThinPlate(H, W, 3).points


@pytest.mark.parametrize(
    ("kind", "numbers", "most"),
    [
        ("affine", torch.zeros(6), 1e3),
        ("affine", torch.tensor([1.0, 2.0, 0.3, 0.5, 1.0, 0.1]), 1e3),
        ("affine", torch.tensor([1e-20, 0, 0, 0, 1e-20, 0]), 1e3),
        ("tps", torch.zeros(18), 1e6),
        ("tps", -NINE.flatten(), 1e6),
    ],
    ids=["zero", "singular", "tiny", "spline as trained from", "control points all in one"],
)
def test_what_has_no_inverse_has_a_bounded_one_with_a_bounded_gradient(kind: str, numbers: Tensor, most: float) -> None:
    u = numbers[None].clone().requires_grad_()
    grid = transform_of(kind, H, W, 3).inverse_grid(u)
    grid.square().mean().backward()
    assert grid.isfinite().all()
    assert u.grad is not None
    assert u.grad.abs().max() < most


@each_kind
@pytest.mark.parametrize("scale", [0.0, 0.3])
@pytest.mark.parametrize("size", [(20, 28), (8, 8), (32, 32)])
def test_products_look_up_what_grid_sample_does(kind: str, scale: float, size: tuple[int, int]) -> None:
    """Values, and gradients of both images and pose: what a GPU runs is what a CPU runs, at the identity as well.

    At sides that are powers of two the identity looks at pixels' very centres.
    """
    transform = transform_of(kind, *size, 3)
    found = []
    for look_up in (by_hats, lambda x, grid: F.grid_sample(x, grid, padding_mode="zeros", align_corners=False)):
        images = _images(height=size[0], width=size[1]).requires_grad_()
        u = _near_identity(transform, 4, scale).requires_grad_()
        out = look_up(images, transform.grid(u))
        (out * torch.linspace(0, 1, out.numel()).view_as(out)).sum().backward()
        found.append((out.detach(), images.grad, u.grad))
    for ours, torchs in zip(*found, strict=True):
        assert torch.allclose(ours, torchs, atol=1e-3, rtol=1e-3)
        assert ours.any()
