"""TVAE and DTVAE: limits, the pose's KL, codes, restarts, and what they refuse."""

from collections.abc import Callable

import pytest
import torch
from helpers_methods import fit
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from bench.config.options import find, resolve
from bench.runtime.errors import UsageError
from methods.base import Images, ImageSpec, TrainingData
from methods.parts import Bernoulli, Gaussian, Pose, UprightFirst
from methods.parts.restarts import COLLAPSED
from methods.parts.transforms import EMPTY
from methods.tvae import DTVAE, TVAE, AbstractTVAE
from methods.vae import VAE

KINDS: list[tuple[type[AbstractTVAE], dict]] = [
    (cls, {"transform": transform, "pose_prior": prior})
    for cls in (TVAE, DTVAE)
    for transform, priors in (
        ("affine", ("none", "normal", "full")),
        ("affine5", ("normal5",)),
        ("tps", ("none", "normal", "full")),
    )
    for prior in priors
]
each_kind = pytest.mark.parametrize(("cls", "options"), KINDS)
with_prior = pytest.mark.parametrize(("cls", "options"), [kind for kind in KINDS if kind[1]["pose_prior"] != "none"])
each_method = pytest.mark.parametrize("cls", [TVAE, DTVAE])


@pytest.fixture
def batch(data: TrainingData) -> tuple[Tensor, Tensor]:
    return next(data.train.batches(10))


def _made(cls: Callable, spec: ImageSpec, **options: object) -> AbstractTVAE:
    torch.manual_seed(0)
    return cls(spec, **{"latent": 3, "hidden": 16, **options})


def _moved(method: AbstractTVAE) -> AbstractTVAE:
    """As if trained: every weight a little elsewhere."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return method


def _as_vae(method: AbstractTVAE, spec: ImageSpec) -> VAE:
    """The VAE with the same weights, the pose's left out."""
    vae = VAE(spec, latent=method.latent, hidden=16)
    state, own = method.state_dict(), vae.state_dict()
    for name in own:
        given = state.get(name.replace("encoder.body.", "encoder.") if isinstance(method, TVAE) else name)
        own[name] = own[name] if given is None else given[: len(own[name])] if own[name].ndim else given
    vae.load_state_dict(own)
    return vae


@each_method
def test_with_every_pose_the_identity_it_is_the_vae(cls: type[AbstractTVAE], spec: ImageSpec, batch: tuple) -> None:
    method = _made(cls, spec)
    vae = _as_vae(method, spec)
    found = []
    for model in (method, vae):
        torch.manual_seed(5)
        found.append(model.terms(*batch))
    for name, values in found[1].items():
        assert torch.allclose(found[0][name], values, rtol=1e-4), name
    assert torch.allclose(method.reconstruct(*batch), vae.reconstruct(*batch), atol=1e-4)
    assert torch.equal(found[0]["kl_pose"], torch.zeros(10))


@each_kind
def test_training_starts_about_the_identity(
    cls: type[AbstractTVAE], options: dict, spec: ImageSpec, batch: tuple
) -> None:
    method = _made(cls, spec, **options)
    numbers = method.pose.numbers(method.pose_of(batch[0]).mean)
    assert torch.equal(numbers, method.pose.transform.identity.expand_as(numbers))
    assert method.terms(*batch)["kl_pose"].abs().max() < 1e-5


@with_prior
def test_the_poses_kl_is_torchs(cls: type[AbstractTVAE], options: dict, spec: ImageSpec, batch: tuple) -> None:
    method = _moved(_made(cls, spec, **options))
    q, p = method.pose_of(batch[0]), method.prior(batch[1]).rest
    theirs = [Independent(Normal(g.mu, (0.5 * g.log_var).exp()), 1) for g in (q, p)]
    assert torch.allclose(method.terms(*batch)["kl_pose"], kl_divergence(*theirs), rtol=1e-4, atol=1e-5)


def test_the_full_prior_is_a_normal_of_covariance_w_w_transposed(spec: ImageSpec) -> None:
    torch.manual_seed(0)
    pose = Pose(spec.height, spec.width, "affine", "full", "fitted", 3, None)
    with torch.no_grad():
        pose.mixing.normal_()
    u = pose.prior(5).sample()
    reference = MultivariateNormal(pose.nu, pose.mixing @ pose.mixing.T)
    volume = pose.mixing.det().abs().log()
    assert torch.allclose(pose.prior(5).log_prob(u) - volume, reference.log_prob(pose.numbers(u)), rtol=1e-3)


def test_a_rank_bounds_the_covariance(spec: ImageSpec) -> None:
    method = _made(TVAE, spec, transform="tps", pose_prior="full", rank=4)
    draws = method.pose.numbers(method.prior(torch.zeros(500, dtype=torch.int64)).sample()[:, -4:])
    assert method.pose_size == 4
    assert torch.linalg.matrix_rank(draws.detach().T.cov(), rtol=1e-4) == 4


@pytest.mark.parametrize(("mean", "fitted"), [("fitted", True), ("identity", False)])
@pytest.mark.parametrize("prior", ["normal", "full"])
def test_the_priors_mean_is_fitted_or_stays_at_the_identity(
    mean: str, fitted: bool, prior: str, spec: ImageSpec, data: TrainingData
) -> None:
    method = _made(TVAE, spec, pose_prior=prior, pose_mean=mean)
    fit(method, data)
    assert fitted != torch.equal(method.pose.nu.detach(), method.pose.transform.identity)


@with_prior
def test_importance_weights_are_joint_over_posterior(
    cls: type[AbstractTVAE], options: dict, spec: ImageSpec, batch: tuple
) -> None:
    """log p(x|z,u) + log p(z) + log p(u) - log q(u|x) - log q(z|x,u), each part by hand; and their mean is the bound's."""
    method = _moved(_made(cls, spec, **options)).eval()
    x, y = batch
    with torch.no_grad():
        torch.manual_seed(3)
        q = method.posterior(x, y).repeat(2)
        code = q.sample()
        z, u = code[:, :3], code[:, 3:]
        twice = x.repeat(2, 1, 1, 1)
        q_u = method.pose_of(twice)
        q_z = q.given(u) if isinstance(q, UprightFirst) else method.posterior(twice, y.repeat(2)).z
        log_p = method.pose.applied(method.decoder(z), u).log_prob(twice)
        log_p = log_p + Gaussian.unit(torch.zeros_like(z)).log_prob(z) + method.pose.prior(len(u)).log_prob(u)
        expected = (log_p - q_u.log_prob(u) - q_z.log_prob(z)).view(2, -1).T
        torch.manual_seed(3)
        assert torch.allclose(method.log_weight(x, 2), expected, rtol=1e-4, atol=1e-2)
        bounds, weights = method.elbo(x.repeat(300, 1, 1, 1)), method.log_weight(x, 300)
        error = ((bounds.var() + weights.var()) / bounds.numel()).sqrt()
        assert abs(bounds.mean() - weights.mean()) < 4 * error


def test_dtvae_reads_z_from_the_image_that_its_own_pose_has_put_upright(spec: ImageSpec, batch: tuple) -> None:
    method = _moved(_made(DTVAE, spec, pose_prior="normal"))
    x, y = batch
    q = method.posterior(x, y)
    u = q.u.sample()
    assert torch.equal(q.given(u).mu, method.encoder(method.pose.undone(x, u)).mu)
    once, twice = q.given(u), q.given(u.repeat(3, 1))
    assert torch.allclose(twice.mu, once.mu.repeat(3, 1), atol=1e-5)
    assert torch.allclose(method.canonical(x), method.pose.undone(x, q.u.mean))


def test_tvae_shows_its_page_as_the_canonical_image(spec: ImageSpec, batch: tuple) -> None:
    method = _moved(_made(TVAE, spec))
    z = method.posterior(*batch).z.mean
    assert torch.allclose(method.canonical(batch[0]), method.decoder(z).mean)
    still = torch.cat([z, method.pose.transform.identity.expand(len(z), -1)], 1)
    assert torch.allclose(method.likelihood(still, batch[1]).mean, method.canonical(batch[0]), atol=1e-5)


@each_kind
def test_a_pose_keeps_its_digits_under_autocast(
    cls: type[AbstractTVAE], options: dict, spec: ImageSpec, batch: tuple
) -> None:
    pose = _moved(_made(cls, spec, **options)).pose
    page, u = Bernoulli(torch.randn(10, *spec.shape)), pose.prior(10).sample()
    expected = pose.applied(page, u).logits, pose.undone(batch[0], u)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = pose.applied(page, u).logits, pose.undone(batch[0], u)
    for ours, reference in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, reference)


def test_probabilities_keep_off_zero_and_one(spec: ImageSpec) -> None:
    pose = _made(TVAE, spec).pose
    u = pose.transform.identity.expand(2, -1)
    logits = pose.applied(Bernoulli(torch.tensor([-50.0, 50.0]).view(2, 1, 1, 1).expand(2, *spec.shape)), u).logits
    assert torch.allclose(logits.flatten(1)[:, 40], torch.tensor([EMPTY, -EMPTY]))


@each_method
def test_the_mean_pose_is_that_of_the_training_images(
    cls: type[AbstractTVAE], spec: ImageSpec, data: TrainingData
) -> None:
    method = _made(cls, spec)
    fit(method, data, epochs=2)
    method.eval()
    expected = method.pose_of(data.train.x.float() / 255).mean.mean(0)
    assert torch.allclose(method.pose.mean_pose, expected, atol=1e-5)
    drawn = method.prior(torch.zeros(2, dtype=torch.int64)).sample()[:, 3:]
    assert torch.allclose(drawn, expected.expand(2, -1), atol=1e-5)
    assert method.facts["dimensions"] == {"z": 3, "u": 6}
    assert method.facts["pose"]["mean"] == pytest.approx(expected.tolist(), abs=1e-5)
    assert method.facts["caveats"]["pose_without_prior"] == 6


@each_method
def test_an_image_whose_own_pose_is_the_mean_stays_as_it_is(
    cls: type[AbstractTVAE], spec: ImageSpec, batch: tuple
) -> None:
    method = _made(cls, spec)  # all poses the identity
    x, y = batch
    expected = x if cls is DTVAE else method.reconstruct(x, y)
    assert torch.allclose(method.in_mean_pose(x), expected, atol=1e-4)
    shift = torch.tensor([0.0, 0.0, 4 / spec.width, 0.0, 0.0, 0.0])
    method.pose.mean_pose.add_(shift)  # ink two pixels to the left
    assert torch.allclose(method.in_mean_pose(x)[..., :-2], expected[..., 2:], atol=1e-3)


def test_a_mean_pose_of_turns_all_around_is_said_to_be_singular(spec: ImageSpec) -> None:
    pose = _made(TVAE, spec).pose
    for turn, singular in ((0.9, False), (0.01, True)):
        pose.mean_pose.copy_(turn * pose.transform.identity)
        assert ("singular_mean_pose" in pose.caveats()) == singular


# Restarts.


def _copies(spec: ImageSpec, patterns: int) -> tuple[TrainingData, Images]:
    """64 copies of so many images: with one, there is nothing for z to say; with four, log 4 nats."""
    y = torch.arange(64) % spec.classes
    drawn = torch.randint(2, (patterns, *spec.shape), generator=torch.Generator().manual_seed(4))
    images = Images(((40 if patterns == 1 else 255) * drawn[y % patterns]).to(torch.uint8), y)
    x = images.x
    return TrainingData(images, Images(x[:0], images.y[:0]), spec.classes), images


@each_method
def test_a_bad_minimum_is_begun_anew_and_counted(cls: type[AbstractTVAE], spec: ImageSpec) -> None:
    data, test = _copies(spec, 1)
    method = _made(cls, spec, pose_prior="normal", restarts=2)
    curves = fit(method, data, test, epochs=12, learning_rate=1e-2)
    phases = list(dict.fromkeys(row[1] for row in curves.rows))
    assert phases == ["train", "restart-1", "restart-2"]
    assert method.facts["restarts"] == 2
    assert method.optimiser_steps == 12 * 4
    assert max(method.facts["caveats"][name] for name in ("restarted_at", "collapsed_at")) < COLLAPSED
    firsts = {p: next(r[4] for r in curves.rows if r[1] == p and r[2] == "train" and r[3] == "kl") for p in phases}
    assert len(set(firsts.values())) == 3, "other weights each time"


@each_method
def test_a_restart_forgets_everything(cls: type[AbstractTVAE], spec: ImageSpec) -> None:
    method = _made(cls, spec, pose_prior="normal")
    before = {name: value.clone().float() for name, value in method.state_dict().items()}
    _moved(method)
    torch.manual_seed(0)
    method.begin_anew()
    for name, value in method.state_dict().items():
        if value.ndim == 0:
            assert value == before[name], name
            continue
        assert value.float().std(correction=0).item() == pytest.approx(
            before[name].std(correction=0).item(), rel=0.3, abs=2e-3
        ), name
    assert torch.equal(method.pose.nu, before["pose.nu"])


@each_method
def test_a_z_that_says_something_is_kept(cls: type[AbstractTVAE], spec: ImageSpec) -> None:
    data, test = _copies(spec, 4)
    method = _made(cls, spec, restarts=1)
    curves = fit(method, data, test, epochs=30, learning_rate=5e-3)
    last = next(row[4] for row in reversed(curves.rows) if row[2] == "train" and row[3] == "kl")
    assert last > COLLAPSED
    assert {row[1] for row in curves.rows} == {"train"}
    assert method.facts["restarts"] == 0


# Bad input.


@each_method
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pose_prior": "normal5", "transform": "tps"}, "pose_prior=normal5"),
        ({"rank": 2}, "rank=2 is of pose_prior=full"),
        ({"rank": 7, "pose_prior": "full"}, "affine has 6 numbers"),
        ({"split": True, "latent": 6}, "latent=6 is split between z and a pose of 6 numbers: give 7 or more"),
        ({"split": True, "latent": 18, "transform": "tps"}, "pose of 18 numbers: give 19 or more"),
    ],
)
def test_what_does_not_fit_is_refused(cls: type[AbstractTVAE], options: dict, said: str, spec: ImageSpec) -> None:
    with pytest.raises(ValueError, match=said):
        _made(cls, spec, **options)


def test_a_grid_below_two_by_two_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^row\.side: .*greater than or equal to 2, got 1"):
        resolve("row", find("tvae"), {"transform": "tps", "side": 1})


@each_method
def test_a_split_latent_counts_both(cls: type[AbstractTVAE], spec: ImageSpec, batch: tuple) -> None:
    method = _made(cls, spec, split=True, latent=10)
    assert method.facts["dimensions"] == {"z": 4, "u": 6}
    assert method.encode(*batch).shape == (10, 10)
