"""Joint-VAE and its supervised form: the one term that differs, capacities, and the bound over both latents."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from helpers_methods import fit
from torch import Tensor
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import kl_divergence

from methods.base import AbstractMethod, ImageSpec, TrainingData
from methods.beta_vae import BetaVAE
from methods.joint_vae import AbstractJointVAE, JointVAE, SupervisedJointVAE
from methods.parts import one_hot

SMALL = {"latent": 6, "hidden": 16}
BOTH = pytest.mark.parametrize("cls", [JointVAE, SupervisedJointVAE])


def _made(cls: type[AbstractJointVAE], spec: ImageSpec, **options: float) -> AbstractJointVAE:
    torch.manual_seed(0)
    return cls(spec, **SMALL, **options)


def _terms(method: AbstractMethod, batch: tuple[Tensor, Tensor], seed: int = 1) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return method.terms(*batch)


# The one term that differs.


def test_the_two_differ_in_the_term_of_the_category_alone(spec: ImageSpec, batch: tuple[Tensor, Tensor]) -> None:
    joint, supervised = (_terms(_made(cls, spec), batch) for cls in (JointVAE, SupervisedJointVAE))
    assert joint.keys() == supervised.keys() == {"reconstruction", "kl", "kl_discrete"}
    assert {name for name in joint if not torch.equal(joint[name], supervised[name])} == {"kl_discrete"}


def test_the_categorys_terms_are_the_kl_and_the_cross_entropy_of_torch(
    spec: ImageSpec, batch: tuple[Tensor, Tensor]
) -> None:
    joint, supervised = (_made(cls, spec) for cls in (JointVAE, SupervisedJointVAE))
    for scale in (1.0, 1000.0):
        with torch.no_grad():
            for method in (joint, supervised):
                method.encoder.network[-1].weight *= scale
        q = TorchCategorical(logits=joint.posterior(*batch).rest.logits)
        kl = kl_divergence(q, TorchCategorical(logits=torch.zeros_like(q.logits)))
        assert torch.allclose(_terms(joint, batch)["kl_discrete"], kl, atol=1e-4)
        logits = supervised.posterior(*batch).rest.logits
        expected = F.cross_entropy(logits.double(), batch[1], reduction="none")
        assert torch.allclose(_terms(supervised, batch)["kl_discrete"].double(), expected, rtol=1e-5, atol=1e-5)
    assert kl.max().item() == pytest.approx(math.log(spec.classes), abs=1e-4), "it comes near log K"


# The limit in which it is the beta-VAE.


@BOTH
def test_without_gamma_and_capacity_it_is_the_beta_vae_on_the_joint_code(
    cls: type[AbstractJointVAE], spec: ImageSpec, batch: tuple[Tensor, Tensor]
) -> None:
    """The same networks, where what c feeds is zero: c is drawn after z, so the noise of z is the same."""
    beta = BetaVAE(spec, beta=3.0, **SMALL)
    method = _made(cls, spec, beta=3.0, gamma=0.0, capacity=0.0)
    with torch.no_grad():
        for own, given in (
            (method.encoder.network, beta.encoder.body.network),
            (method.decoder.network, beta.decoder.network),
        ):
            for mine, theirs in zip(own.parameters(), given.parameters(), strict=True):
                mine.zero_()
                mine[tuple(slice(size) for size in theirs.shape)] = theirs
    assert torch.allclose(method.objective(_terms(method, batch)), beta.objective(_terms(beta, batch)), rtol=1e-5)
    code, mean = method.encode(*batch), beta.encode(*batch)
    assert torch.allclose(code[:, : SMALL["latent"]], mean, atol=1e-5)
    assert torch.allclose(method.reconstruct(*batch), beta.reconstruct(*batch), atol=1e-5)


# Capacities.


@pytest.mark.parametrize(
    ("steps", "c_z", "c_c"), [(0, 0.0, 0.0), (3, 1.5, 0.6), (5, 2.5, 1.0), (10, 5.0, 2.0), (99, 5.0, 2.0)]
)
def test_capacities_rise_in_a_straight_line_to_their_top(steps: int, c_z: float, c_c: float, spec: ImageSpec) -> None:
    ramps = {"ramp_steps": 10, "discrete_capacity": 2.0, "discrete_ramp_steps": 10}
    method = _made(JointVAE, spec, categories=20, beta=7.0, gamma=3.0, **ramps)
    method.optimiser_steps.fill_(steps)
    for kl in (0.0, 1.0, 4.0):
        values = torch.tensor(kl)
        assert method.weights["kl"](values).item() == pytest.approx(7 * abs(kl - c_z), abs=1e-5)
        assert method.weights["kl_discrete"](values).item() == pytest.approx(3 * abs(kl - c_c), abs=1e-5)


def test_the_categorys_capacity_stops_at_log_k_and_gets_there_on_the_papers_ramp(spec: ImageSpec) -> None:
    method = _made(JointVAE, spec, gamma=1.0, discrete_capacity=5.0, discrete_ramp_steps=100)

    def target(steps: int) -> float:
        method.optimiser_steps.fill_(steps)
        return method.weights["kl_discrete"](torch.tensor(0.0)).item()

    assert target(10) == pytest.approx(0.5)
    assert target(100) == target(10_000) == pytest.approx(math.log(spec.classes))


def test_the_capacity_is_taken_off_the_mean_of_the_batch(spec: ImageSpec, batch: tuple[Tensor, Tensor]) -> None:
    """Images on both sides of C cancel out: their distances to it do not add up."""
    method = BetaVAE(spec, beta=2.0, capacity=5.0, ramp_steps=1, **SMALL)
    method.optimiser_steps.fill_(1)
    kl = torch.tensor([2.0, 8.0])
    assert method.objective({"reconstruction": torch.zeros(2), "kl": kl}).item() == pytest.approx(0)
    assert method.objective({"reconstruction": torch.ones(2), "kl": kl + 1}).item() == pytest.approx(3)


def test_training_brings_the_kl_to_its_capacity(spec: ImageSpec, data: TrainingData) -> None:
    torch.manual_seed(0)
    method = JointVAE(spec, latent=4, hidden=32, capacity=3.0, ramp_steps=30, discrete_ramp_steps=30)
    curves = fit(method, data, epochs=25, learning_rate=5e-3)
    last = {term: value for epoch, _, split, term, value in curves.rows if epoch == 25 and split == "train"}
    assert last["kl"] == pytest.approx(3, abs=0.4)
    assert last["kl_discrete"] == pytest.approx(math.log(spec.classes), abs=0.2)


def test_a_copy_counts_steps_of_its_own(spec: ImageSpec) -> None:
    method = _made(JointVAE, spec, beta=1.0, ramp_steps=1)
    other = copy.deepcopy(method)
    other.optimiser_steps.fill_(1)
    assert other.weights["kl"](torch.tensor(0.0)).item() == pytest.approx(5)
    assert method.weights["kl"](torch.tensor(0.0)).item() == 0


# Relaxed in training, one-hot in evaluation.


@BOTH
def test_categories_are_relaxed_in_training_and_one_hot_in_evaluation(
    cls: type[AbstractJointVAE], spec: ImageSpec, batch: tuple[Tensor, Tensor]
) -> None:
    method = _made(cls, spec)
    relaxed, hard = (
        method.train(training).posterior(*batch).sample()[:, -spec.classes :] for training in (True, False)
    )
    assert torch.allclose(relaxed.sum(1), torch.ones(len(relaxed)))
    assert ((relaxed > 0) & (relaxed < 1)).all()
    assert set(hard.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(hard.sum(1), torch.ones(len(hard)))
    assert set(method.posterior(*batch).mode[:, -spec.classes :].unique().tolist()) == {0.0, 1.0}
    sharp = _made(cls, spec, temperature=0.001).posterior(*batch).rest.sample()
    assert sharp.amax(1).mean().item() == pytest.approx(1, abs=1e-2)
    assert sharp.requires_grad


# As a generator.


@BOTH
def test_the_bound_and_the_weights_are_of_both_latents(
    cls: type[AbstractJointVAE], spec: ImageSpec, data: TrainingData
) -> None:
    """With a decoder that ignores z, p(x) is a sum over categories: the estimate finds it and the bound stays below."""
    method = _made(cls, spec).eval()
    next(iter(method.phases(data)))
    with torch.no_grad():
        method.decoder.network[0].weight[:, : SMALL["latent"]] = 0
        method.decoder.network[0].weight[:, SMALL["latent"] :] *= 5
        x, y = next(data.train.batches(8))
        q = method.posterior(x, y)
        log_p_z = [
            method.likelihood(torch.cat([torch.zeros(len(x), 6), one_hot(torch.full((8,), k), 4)], 1), y).log_prob(x)
            for k in range(spec.classes)
        ]
        exact = (torch.stack(log_p_z, 1) + method.log_categories).logsumexp(1)
        bounds = method.elbo(x.repeat(2000, 1, 1, 1)).view(2000, len(x)).mean(0)
        # c is drawn from q(c|x); the bound in closed form over it.
        expected = (q.rest.mean * (torch.stack(log_p_z, 1) + method.log_categories - q.rest.log_probabilities)).sum(1)
        assert torch.allclose(bounds, expected - q.z.kl(method.prior(y).z), atol=0.1)
        assert (expected <= exact + 1e-3).all()
        weights = method.log_weight(x, 4000)
    assert torch.allclose(weights.logsumexp(1) - math.log(4000), exact, atol=0.05)


@BOTH
def test_a_category_asked_for_is_the_one_decoded(cls: type[AbstractJointVAE], spec: ImageSpec) -> None:
    method = _made(cls, spec).eval()
    with torch.no_grad():
        first = method.decoder.network[0].weight
        first[:, : SMALL["latent"]] = 0
        c = torch.tensor([2, 0, 2, 3])
        found = method.sample_category(c)
        code = torch.cat([torch.zeros(4, SMALL["latent"]), F.one_hot(c, 4).float()], 1)
        assert torch.allclose(found, method.likelihood(code, c).mean)
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def test_the_supervised_generator_draws_classes_as_training_has_them(spec: ImageSpec, data: TrainingData) -> None:
    method = _made(SupervisedJointVAE, spec)
    next(iter(method.phases(data)))
    draws = method.prior(torch.zeros(20_000, dtype=torch.int64)).rest.sample().mean(0)
    assert torch.allclose(draws, data.class_frequencies(), atol=0.02)


# What is refused.


@pytest.mark.parametrize("categories", [3, 5])
def test_other_categories_than_classes_are_refused_for_the_supervised_one(categories: int, spec: ImageSpec) -> None:
    with pytest.raises(ValueError, match=rf"categories={categories}\b.*\b4 classes.*set categories to 4"):
        SupervisedJointVAE(spec, categories=categories, **SMALL)
    assert JointVAE(spec, categories=categories, **SMALL).categories == categories
