"""Pictures and evidence of a pose latent: which columns of the code are read, and in which pose an image stands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

from bench.pictures import pose as draw_pose
from bench.scoring.evidence import Evidence, MissingCapability
from metrics.features import to_uint8

Make = Callable[..., Evidence]
LATENT = 3
CLASSES = ["ant", "bee", "cat", "dog"]
each_method = pytest.mark.parametrize("name", ["tvae", "dtvae"])


@pytest.fixture
def grid(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    """Stands in for both grids: keeps what it is given."""
    kept = mock.Mock()
    monkeypatch.setattr(draw_pose, "stacked_grid", kept)
    monkeypatch.setattr(draw_pose, "sample_grid", kept)
    return kept


def shown(grid: mock.Mock) -> Any:
    return grid.call_args.args[0]


def _with_poses(evidence: Evidence) -> Evidence:
    """As if poses had been learned: u hangs on the image, and the mean pose is none that changes nothing."""
    method = evidence.method
    head = method.encoder.network[-1] if hasattr(method.encoder, "network") else method.localisation[-1]
    with torch.no_grad():
        start = 2 * LATENT if hasattr(method.encoder, "network") else 0
        head.weight[start : start + 6].normal_(std=0.3)
        method.pose.mean_pose.add_(0.2)
    return evidence


@each_method
@pytest.mark.parametrize(("prior", "drawn"), [("none", "pose of test images"), ("normal", "pose drawn from p(u)")])
def test_the_same_samples_stand_in_three_poses(name: str, prior: str, drawn: str, make: Make, grid: mock.Mock) -> None:
    evidence = _with_poses(make(name, latent=LATENT, pose_prior=prior))
    draw_pose.poses(Path(), evidence, CLASSES)
    sides = shown(grid)
    assert list(sides) == ["y' (identity)", "mean pose", drawn]
    page, mean, posed = sides.values()
    assert len(page) == len(mean) == len(posed) == draw_pose.SHOWN
    assert not torch.equal(page, mean)
    assert not torch.equal(mean, posed)
    with torch.no_grad():
        evidence.method.pose.mean_pose.copy_(evidence.method.pose.transform.identity)
    draw_pose.poses(Path(), evidence, CLASSES)
    again, mean, _ = shown(grid).values()
    assert (again.int() - mean.int()).abs().max() <= 1
    assert torch.equal(again, page), "the same draws of z each time"


@each_method
def test_originals_stand_beside_what_is_left_without_pose(name: str, make: Make, grid: mock.Mock) -> None:
    evidence = _with_poses(make(name, latent=LATENT))
    draw_pose.pose_removed(Path(), evidence, CLASSES)
    original, removed, again = shown(grid)
    assert (original, again) == ("original", "reconstructed")
    assert removed == ("y', before its pose" if name == "tvae" else "y, pose undone")
    with torch.no_grad():
        expected = to_uint8(evidence.method.canonical(evidence.x_test[: draw_pose.SHOWN]))
    assert torch.equal(shown(grid)[removed], expected)


def test_a_plane_is_drawn_of_two_dimensions_alone(make: Make, grid: mock.Mock) -> None:
    draw_pose.plane(Path(), make("vae", latent=2), CLASSES)
    assert len(shown(grid)) == draw_pose.SIDE**2
    draw_pose.plane(Path(), make("tvae", latent=2), CLASSES)
    assert "mean pose" in grid.call_args.kwargs["title"]
    for evidence in (make("vae", latent=3), make("lambda-hot", latent=4), make("pca", latent=2)):
        with pytest.raises(MissingCapability):
            draw_pose.plane(Path(), evidence, CLASSES)


def test_a_plane_runs_upwards_and_to_the_right(make: Make, grid: mock.Mock) -> None:
    evidence = make("vae", latent=2)
    evidence.method.likelihood = mock.Mock(wraps=evidence.method.likelihood)
    draw_pose.plane(Path(), evidence, CLASSES)
    z = evidence.method.likelihood.call_args.args[0].view(draw_pose.SIDE, draw_pose.SIDE, 2)
    assert (z[:, 1:, 0] > z[:, :-1, 0]).all()
    assert (z[1:, :, 1] < z[:-1, :, 1]).all()


@each_method
def test_latents_are_z_alone(name: str, make: Make) -> None:
    evidence = _with_poses(make(name, latent=LATENT))
    with torch.no_grad():
        z, u = evidence.codes_test.split([LATENT, 6], 1)
        assert torch.equal(evidence.method.encode(evidence.x_test, evidence.y_test), torch.cat([z, u], 1))
    assert torch.equal(evidence.latents_test, z)
    assert torch.equal(evidence.posterior_means_test, z)
    assert evidence.latents_train.shape == (len(evidence.data.train), LATENT)
    assert u.std(0).min() > 0


@each_method
def test_without_a_prior_of_the_pose_no_bound_is_given(name: str, make: Make) -> None:
    evidence = make(name, latent=LATENT)
    for thing in ("elbo", "log_weights"):
        with pytest.raises(MissingCapability, match="bound"):
            getattr(evidence, thing)
    assert not evidence.kl_pose.any()
    assert evidence.kl.any()
    given = make(name, latent=LATENT, pose_prior="normal")
    assert given.elbo.shape == (20,)
    assert given.log_weights.shape == (7, 6)
    with pytest.raises(MissingCapability, match="pose"):
        _ = make("vae").kl_pose
