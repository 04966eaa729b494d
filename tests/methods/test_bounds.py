"""The bound and the importance weights against log p(x) by other means: exact, by quadrature, by explicit sums over labels."""

import math

import pytest
import torch
from torch import Tensor

from methods.base import AbstractVAE, ImageSpec, TrainingData
from methods.cvae import CVAE
from methods.joint_vae import SupervisedJointVAE
from methods.lambda_hot import LambdaHot
from methods.parts import Bernoulli, Gaussian
from methods.vae import VAE

SMALL = {"latent": 6, "hidden": 16}
PIXELS = 40


class Toy(AbstractVAE):
    """One latent dimension, one logit slope a component; q(z|x, y) is given. The likelihood reads y where `reads` says so."""

    def __init__(self, slopes: list[float], centres: list[float], reads: bool = False) -> None:
        super().__init__(components=len(centres))
        self.labels_at_test = reads
        self.slopes, self.centres = torch.tensor(slopes), torch.tensor(centres)
        self.mu = torch.zeros(len(centres))
        self.log_var = torch.zeros(len(centres))

    def prior(self, y: Tensor) -> Gaussian:
        return Gaussian.unit(self.centres[y][:, None])

    def posterior(self, x: Tensor, y: Tensor) -> Gaussian:
        return Gaussian(self.mu[y][:, None], self.log_var[y][:, None])

    def likelihood(self, z: Tensor, y: Tensor) -> Bernoulli:
        slope = self.slopes[y] if self.labels_at_test else self.slopes[0]
        return Bernoulli((z[:, 0] * slope)[:, None, None, None].expand(-1, 1, 1, PIXELS))

    def joint(self, x: Tensor) -> tuple[Tensor, Tensor, float]:
        """A grid of z (G,), log p(y) p(z|y) p(x|z,y) on it (K, G), and its step."""
        z = torch.linspace(-12, 12, 6001)
        rows = []
        for k in range(len(self.log_components)):
            y = torch.full((len(z),), k)
            likelihood = self.likelihood(z[:, None], y).log_prob(x[:1].expand(len(z), -1, -1, -1))
            rows.append(self.log_components[k] + self.prior(y).log_prob(z[:, None]) + likelihood)
        return z, torch.stack(rows), (z[1] - z[0]).item()

    def fit(self, x: Tensor) -> "Toy":
        """q becomes the Gaussian with the moments of the true posterior, of each label or of the whole mixture."""
        z, joint, _ = self.joint(x)
        weights = (joint if self.labels_at_test else joint.logsumexp(0, keepdim=True).expand_as(joint)).softmax(1)
        self.mu = weights @ z
        self.log_var = ((weights * (z - self.mu[:, None]) ** 2).sum(1)).log()
        return self

    def log_p(self, x: Tensor) -> float:
        _, joint, step = self.joint(x)
        return joint.logsumexp((0, 1)).item() + math.log(step)


TOYS = {
    "no labels": Toy([2.0], [0.0]),
    "a mixture of priors": Toy([1.0], [-1.0, 0.0, 3.0]),
    "networks that read the label": Toy([0.5, 2.0, -1.0], [0.0, 0.0, 0.0], reads=True),
    "networks that may read the label and don't": Toy([2.0] * 8, [0.0] * 8, reads=True),
}


@pytest.fixture(params=TOYS.values(), ids=TOYS)
def toy(request: pytest.FixtureRequest, x: Tensor) -> Toy:
    return request.param.fit(x)


@pytest.fixture
def x() -> Tensor:
    """4000 times the same image, three quarters of it on: a mean over it is a mean over noise."""
    image = torch.zeros(1, 1, 1, PIXELS)
    image[..., : 3 * PIXELS // 4] = 1
    return image.repeat(4000, 1, 1, 1)


@pytest.mark.parametrize(("off", "wider", "error"), [(0.0, 0.0, 0.01), (0.2, 1.0, 0.02)])
def test_importance_weights_give_log_p_from_a_good_posterior_and_a_poor_one(
    toy: Toy, x: Tensor, off: float, wider: float, error: float
) -> None:
    toy.mu, toy.log_var = toy.mu + off, toy.log_var + wider
    weights = toy.log_weight(x[:20], 4000)
    estimates = weights.logsumexp(1) - math.log(weights.shape[1])
    assert estimates.mean().item() == pytest.approx(toy.log_p(x), abs=error)


def test_the_bound_lies_below_log_p_and_near_it_where_the_posterior_is_near(toy: Toy, x: Tensor) -> None:
    """q has the true posterior's moments, so what is left is its shape, a fraction of a nat for one latent dimension."""
    bounds = toy.elbo(x)
    standard_error = bounds.std().item() / math.sqrt(len(bounds))
    assert -4 * standard_error <= toy.log_p(x) - bounds.mean().item() <= 0.5


def _blind_to_z(method: AbstractVAE) -> AbstractVAE:
    with torch.no_grad():
        method.decoder.network[0].weight[:, : SMALL["latent"]] = 0
    return method


@pytest.mark.parametrize("cls", [VAE, CVAE, LambdaHot])
def test_the_bound_is_the_sum_over_labels(cls, spec: ImageSpec, data: TrainingData) -> None:
    """With a decoder that ignores z, nothing is left to chance, and the labels can be summed one by one."""
    method = _blind_to_z(cls(spec, **SMALL))
    next(iter(method.phases(data)))
    x, _ = next(data.train.batches())
    total = torch.zeros(len(x), dtype=torch.float64)
    for k, log_p_k in enumerate(method.log_components.tolist()):
        y = torch.full((len(x),), k)
        q = method.posterior(x, y)
        bound = method.likelihood(torch.zeros(len(x), 6), y).log_prob(x) - q.kl(method.prior(y))
        total += (log_p_k + bound.double()).exp()
    assert torch.allclose(method.elbo(x).double(), total.log(), atol=1e-3)


def test_a_class_that_training_has_not_leaves_bound_and_weights_finite(spec: ImageSpec, data: TrainingData) -> None:
    more = TrainingData(data.train, data.held_out, classes=5)
    for cls in (CVAE, LambdaHot, SupervisedJointVAE):
        method = cls(ImageSpec(spec.channels, spec.height, spec.width, classes=5), **SMALL)
        next(iter(method.phases(more)))
        method.eval()
        x, _ = next(data.train.batches())
        assert method.elbo(x).isfinite().all()
        assert method.log_weight(x, 5).logsumexp(1).isfinite().all()
        assert method.sample_any(50).isfinite().all()
