"""Pictures and evidence of a pose latent: which columns of the code are read, and in which pose an image stands."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.pictures import pose as draw_pose
from bench.scoring.evidence import Evidence, MissingCapability
from metrics.features import to_uint8

Make = Callable[..., Evidence]
LATENT = 3
CLASSES = ["ant", "bee", "cat", "dog"]
each_method = pytest.mark.parametrize("name", ["tvae", "dtvae"])


class Kept:
    """Stands in for both grids: keeps what it is given."""

    sides: Mapping[str, Tensor]
    title = ""

    def stacked(self, sides: Mapping[str, Tensor], path: Path, columns: int) -> None:
        self.sides = sides

    def plain(self, images: Tensor, path: Path, columns: int, title: str) -> None:
        self.sides, self.title = {"": images}, title


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    found = Kept()
    monkeypatch.setattr(draw_pose, "stacked_grid", found.stacked)
    monkeypatch.setattr(draw_pose, "sample_grid", found.plain)
    return found


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
def test_the_same_samples_stand_in_three_poses(name: str, prior: str, drawn: str, make: Make, kept: Kept) -> None:
    evidence = _with_poses(make(name, latent=LATENT, pose_prior=prior))
    draw_pose.poses(Path(), evidence, CLASSES)
    assert list(kept.sides) == ["y' (identity)", "mean pose", drawn]
    page, mean, posed = kept.sides.values()
    assert len(page) == len(mean) == len(posed) == draw_pose.SHOWN
    assert not torch.equal(page, mean)
    assert not torch.equal(mean, posed)
    method = evidence.method
    with torch.no_grad():
        method.pose.mean_pose.copy_(method.pose.transform.identity)
        draw_pose.poses(Path(), evidence, CLASSES)
    assert (kept.sides["y' (identity)"].int() - kept.sides["mean pose"].int()).abs().max() <= 1
    assert torch.equal(kept.sides["y' (identity)"], page), "the same draws of z each time"


@each_method
def test_originals_stand_beside_what_is_left_without_pose(name: str, make: Make, kept: Kept) -> None:
    evidence = _with_poses(make(name, latent=LATENT))
    draw_pose.pose_removed(Path(), evidence, CLASSES)
    original, removed, again = kept.sides
    assert (original, again) == ("original", "reconstructed")
    assert removed == ("y', before its pose" if name == "tvae" else "y, pose undone")
    with torch.no_grad():
        expected = to_uint8(evidence.method.canonical(evidence.x_test[: draw_pose.SHOWN]))
    assert torch.equal(kept.sides[removed], expected)


def test_a_plane_is_drawn_of_two_dimensions_alone(make: Make, kept: Kept) -> None:
    draw_pose.plane(Path(), make("vae", latent=2), CLASSES)
    assert kept.sides[""].shape[0] == draw_pose.SIDE**2
    draw_pose.plane(Path(), make("tvae", latent=2), CLASSES)
    assert "mean pose" in kept.title
    for evidence in (make("vae", latent=3), make("lambda-hot", latent=4), make("pca", latent=2)):
        with pytest.raises(MissingCapability):
            draw_pose.plane(Path(), evidence, CLASSES)


def test_a_plane_runs_upwards_and_to_the_right(make: Make, kept: Kept) -> None:
    evidence = make("vae", latent=2)
    seen = []
    decode = evidence.method.likelihood
    evidence.method.likelihood = lambda z, y: (seen.append(z), decode(z, y))[1]
    draw_pose.plane(Path(), evidence, CLASSES)
    z = seen[0].view(draw_pose.SIDE, draw_pose.SIDE, 2)
    assert (z[:, 1:, 0] > z[:, :-1, 0]).all()
    assert (z[1:, :, 1] < z[:-1, :, 1]).all()


@pytest.mark.parametrize("picture", [draw_pose.poses, draw_pose.pose_removed])
def test_without_a_pose_there_is_nothing_to_draw(picture: Callable, make: Make, kept: Kept) -> None:
    with pytest.raises(MissingCapability, match="pose"):
        picture(Path(), make("vae"), CLASSES)


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
