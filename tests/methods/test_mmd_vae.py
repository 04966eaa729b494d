"""MMD^2 against its definition, and the MMD-VAE in the limit in which it is the VAE."""

from functools import partial

import pytest
import torch
from helpers_methods import fit
from sklearn.metrics.pairwise import rbf_kernel
from torch import Tensor

from methods.base import AbstractVAE, Images, ImageSpec, TrainingData
from methods.mmd_vae import MMDVAE
from methods.parts import mmd2
from methods.vae import VAE


@pytest.mark.parametrize(("n", "d", "bandwidth"), [(2, 1, 0.5), (5, 3, 9.0), (9, 5, 50.0)])
def test_it_is_grettons_of_scikit_learns_kernels(n: int, d: int, bandwidth: float) -> None:
    """Gretton et al. 2012, eq. 4, without the pairs of a point and itself."""
    a, b = torch.randn(n, d), 2 * torch.randn(n, d) + 0.3
    kernel = partial(rbf_kernel, gamma=1 / bandwidth)
    within = (kernel(a.double()).sum() + kernel(b.double()).sum() - 2 * n) / (n * (n - 1))
    expected = within - 2 * kernel(a.double(), b.double()).mean()
    assert mmd2(a, b, bandwidth).mean().item() == pytest.approx(expected, abs=2e-6)


def test_it_is_near_zero_for_two_samples_of_one_law_and_only_then() -> None:
    same = torch.stack([mmd2(torch.randn(200, 5), torch.randn(200, 5), 25.0).mean() for _ in range(50)])
    other = torch.stack([mmd2(torch.randn(200, 5), torch.randn(200, 5) + 0.5, 25.0).mean() for _ in range(50)])
    spread = same.std() / len(same) ** 0.5
    assert same.mean().abs() < 4 * spread, "unbiased"
    assert same.min() < 0, "an unbiased estimate of zero is negative half of the time"
    assert other.min() > same.max()


def test_one_point_has_no_pair() -> None:
    with pytest.raises(ValueError, match="at least two points a sample, got 1"):
        mmd2(torch.zeros(1, 3), torch.zeros(1, 3), 1.0)


def test_the_bandwidth_is_recorded_and_stands_for_d_squared(spec: ImageSpec) -> None:
    assert MMDVAE(spec, latent=7).facts == {"bandwidth": 49.0}
    assert MMDVAE(spec, latent=7, bandwidth=3.0).facts == {"bandwidth": 3.0}
    assert MMDVAE(spec, latent=7).weights == {"kl": 0.0, "mmd": 1000.0}


def test_the_kl_alone_makes_it_the_vae(spec: ImageSpec, data: TrainingData) -> None:
    def trained(cls: type[AbstractVAE], **options: float) -> dict[str, Tensor]:
        torch.manual_seed(0)
        method = cls(spec, latent=3, hidden=8, **options)  # type: ignore[call-arg]
        fit(method, data, batch=50)
        return method.state_dict()

    vae, mmd = trained(VAE), trained(MMDVAE, kl_weight=1.0, mmd_weight=0.0)
    assert all(torch.equal(vae[name], mmd[name]) for name in vae), "one step: the MMD's own noise comes after it"
    other = trained(MMDVAE)
    assert not all(torch.equal(vae[name], other[name]) for name in vae)


@pytest.mark.parametrize(("images", "sizes"), [(21, [10, 11]), (20, [10, 10]), (12, [10, 2]), (1, [1]), (11, [11])])
def test_no_batch_of_an_evaluation_is_left_with_one_image(images: int, sizes: list[int]) -> None:
    data = Images(torch.arange(images, dtype=torch.uint8).view(-1, 1, 1, 1), torch.arange(images))
    batches = list(data.batches(10))
    assert [len(x) for x, _ in batches] == sizes
    assert torch.equal(torch.cat([y for _, y in batches]), data.y)
    assert torch.equal(torch.cat([x for x, _ in batches]), data.x.float() / 255)
