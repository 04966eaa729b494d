"""Pictures of the pose latent and of two-dimensional latents. Each says in which pose its images are: y', the mean pose, or a drawn one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.charts.grids import sample_grid, stacked_grid
from bench.runtime.seeds import seeded
from bench.scoring.evidence import Evidence, MissingCapability
from methods.base import HasCategories, HasPose
from metrics.features import to_uint8

COLUMNS = 10
SHOWN = 20
SIDE = 20
REFERENCE = "y' (identity)"
MEAN = "mean pose"


def _posed(evidence: Evidence) -> Any:
    """The method, where it has a pose latent."""
    if not isinstance(evidence.method, HasPose):
        raise MissingCapability("a pose latent")
    return evidence.vae


def _decoded(method: Any, z: Tensor, u: Tensor) -> Tensor:
    """uint8 images of codes [z, u]: one pose for all where there is one."""
    codes = torch.cat([z, u.expand(len(z), -1)], 1)
    return to_uint8(method.likelihood(codes, torch.zeros(len(z), dtype=torch.int64, device=z.device)).mean).cpu()


@torch.no_grad()
def poses(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """The same draws of z before any pose, in the mean pose, and in poses drawn from p(u), or of test images where u has no prior.

    002_250270577cfb522d.txt, Figure 10.
    """
    method = _posed(evidence)
    with seeded(evidence.cell_seed, "pictures", evidence.device):
        drawn = method.prior(torch.zeros(SHOWN, dtype=torch.int64, device=evidence.device)).sample()
    z, u = drawn[:, : -method.pose_size], drawn[:, -method.pose_size :]
    name = "drawn from p(u)"
    if not method.has_bound:
        name, u = "of test images", evidence.codes_test[:SHOWN, -method.pose_size :]
        z = z[: len(u)]
    sides = {REFERENCE: to_uint8(method.reference(z)).cpu(), MEAN: _decoded(method, z, method.pose.mean_pose)}
    stacked_grid({**sides, f"pose {name}": _decoded(method, z, u)}, path, COLUMNS)


@torch.no_grad()
def pose_removed(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """Test images, the same with their pose removed, and their reconstructions."""
    method = _posed(evidence)
    sides = {"original": evidence.test.x[:SHOWN], method.canonical_name: evidence.canonical_test[:SHOWN]}
    sides["reconstructed"] = to_uint8(evidence.reconstructions[:SHOWN])
    stacked_grid({name: images.cpu() for name, images in sides.items()}, path, COLUMNS)


@torch.no_grad()
def plane(path: Path, evidence: Evidence, classes: Sequence[str]) -> None:
    """A two-dimensional z, over the middle 98 % of N(0, I) in each: what lies where (002_250270577cfb522d.txt, Figure 7)."""
    method = evidence.vae
    one_prior = not isinstance(method, HasCategories) and len(method.log_components) == 1
    if evidence.posterior_means_test.shape[1] != 2 or not one_prior:
        raise MissingCapability("a plane as its latent")
    at = torch.distributions.Normal(0.0, 1.0).icdf(torch.linspace(0.01, 0.99, SIDE)).to(evidence.device)
    z = torch.cartesian_prod(at.flip(0), at).flip(1)
    y = torch.zeros(len(z), dtype=torch.int64, device=evidence.device)
    if not isinstance(method, HasPose):
        sample_grid(
            to_uint8(method.likelihood(z, y).mean).cpu(),
            path,
            SIDE,
            title="z from -2.3 to 2.3, upwards and to the right",
        )
        return
    sample_grid(_decoded(method, z, _posed(evidence).pose.mean_pose), path, SIDE, title=f"z from -2.3 to 2.3, {MEAN}")
