"""The distances against scipy, double loops and the library's own call; tiny sets; Inception's path with random weights."""

import pytest
import scipy.linalg
import torch
from torch.utils.data import TensorDataset
from torch_fidelity import calculate_metrics, register_feature_extractor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from metrics import fidelity
from metrics.base import Unavailable, registry
from metrics.features import FeatureSet, NeutralClassifier, features_of, file_hash, inception_extractor


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    classifier = NeutralClassifier((1, 8, 8), 4, n_features=6).eval()
    torch.nn.init.ones_(classifier.hidden.bias)  # no dead unit: the reference's matrix root needs a full rank
    return classifier


def metric(name):
    return registry[name].function


def _images(n, low=0, high=256, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (n, 1, 8, 8), dtype=torch.uint8, generator=generator)


def _seen(classifier, images):
    return FeatureSet(features_of(classifier, images))


def _measure(classifier, samples, originals, seed=5):
    return metric("neutral_fidelity")(_seen(classifier, samples), _seen(classifier, originals), seed)


def _features(classifier, images):
    return features_of(classifier, images).double()


def test_frechet_is_that_of_scipys_matrix_root(classifier):
    samples, originals = _images(200, high=180), _images(150, seed=1)
    a, b = _features(classifier, samples), _features(classifier, originals)
    cov_a, cov_b = torch.cov(a.T).numpy(), torch.cov(b.T).numpy()
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = float((a.mean(0) - b.mean(0)).square().sum()) + (cov_a + cov_b - 2 * root).trace()
    found = _measure(classifier, samples, originals)["fd_neutral_org_vs_gen"]
    assert found == pytest.approx(expected, rel=1e-8)
    assert found > 1e-5


def test_frechet_is_that_of_symmetric_eigenvalues(classifier):
    samples, originals = _images(100, high=99), _images(90, seed=1)
    a, b = _features(classifier, samples), _features(classifier, originals)
    values, vectors = scipy.linalg.eigh(torch.cov(a.T).numpy())
    half = vectors * values.clip(0) ** 0.5 @ vectors.T
    cross = scipy.linalg.eigvalsh(half @ torch.cov(b.T).numpy() @ half).clip(0)
    expected = float((a.mean(0) - b.mean(0)).square().sum() + a.var(0).sum() + b.var(0).sum()) - 2 * (cross**0.5).sum()
    found = _measure(classifier, samples, originals)["fd_neutral_org_vs_gen"]
    assert found == pytest.approx(expected, rel=1e-8)


def test_kernel_distance_is_the_unbiased_mmd_where_a_subset_is_the_whole(classifier):
    samples, originals = _images(30, high=180), _images(30, seed=1)
    x, y = _features(classifier, samples), _features(classifier, originals)

    def k(a, b):
        return float((a @ b / len(a) + 1) ** 3)

    within = sum(k(s[i], s[j]) for s in (x, y) for i in range(30) for j in range(30) if i != j) / (30 * 29)
    across = sum(k(a, b) for a in x for b in y) / 900
    found = _measure(classifier, samples, originals)["kd_neutral_org_vs_gen"]
    assert found == pytest.approx(within - 2 * across, rel=1e-7, abs=1e-12)


def test_precision_and_recall_are_shares_within_the_other_manifold(classifier):
    samples, originals = _images(40, high=230), _images(50, seed=1)
    x, y = _features(classifier, samples), _features(classifier, originals)

    def share_within(points, manifold):
        radii = [sorted(float((a - b).norm()) for b in manifold)[3] for a in manifold]
        inside = [any((p - m).norm() <= r for m, r in zip(manifold, radii, strict=True)) for p in points]
        return sum(inside) / len(inside)

    found = _measure(classifier, samples, originals)
    assert found["precision_neutral"] == pytest.approx(share_within(x, y))
    assert found["recall_neutral"] == pytest.approx(share_within(y, x))
    assert found["precision_neutral"] != found["recall_neutral"]


def test_a_copy_of_the_originals_is_perfect_and_a_collapsed_generator_is_precise_alone(classifier):
    originals = _images(60)
    copied = _measure(classifier, originals, originals)
    assert copied["fd_neutral_org_vs_gen"] == pytest.approx(0.0, abs=1e-6)
    assert copied["precision_neutral"] == copied["recall_neutral"] == 1.0
    collapsed = _measure(classifier, originals[:1].repeat(60, 1, 1, 1), originals)
    assert collapsed["precision_neutral"] == 1.0
    assert collapsed["recall_neutral"] < 0.1


@pytest.mark.parametrize("n", [2, 3, 5])
def test_tiny_sets_do_not_crash(classifier, n):
    found = _measure(classifier, _images(n), _images(7, seed=1))
    assert all(value == value for value in found.values())


def test_one_image_is_no_distribution(classifier):
    with pytest.raises(Unavailable, match="two images a side, got 1"):
        _measure(classifier, _images(1), _images(5))


def test_the_same_seed_gives_the_same_figures_and_leaves_torchs_own_stream(classifier, monkeypatch, capfd):
    monkeypatch.setattr(fidelity, "KID_SUBSET", 10)
    before = torch.get_rng_state()
    first, again, other = (_measure(classifier, _images(40), _images(40, seed=1), seed=s) for s in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert first == again
    assert first["kd_neutral_org_vs_gen"] != other["kd_neutral_org_vs_gen"]
    assert capfd.readouterr() == ("", "")


class _Images(TensorDataset):
    def __getitem__(self, index):
        return super().__getitem__(index)[0]


def _by_the_library(function, samples, originals, subset, seed):
    """calculate_metrics itself, with an extractor of the function's features."""

    class Ours(FeatureExtractorBase):
        def __init__(self, name, features_list, **_):
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list():
            return ("last",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return "last"

        @staticmethod
        def can_be_compiled():
            return False

        def forward(self, images):
            return (function(images).double(),)

    name = f"ours-{len(samples)}-{id(function)}"
    register_feature_extractor(name, Ours)
    with torch.random.fork_rng():
        found = calculate_metrics(
            input1=_Images(samples),
            input2=_Images(originals),
            feature_extractor=name,
            cuda=False,
            fid=True,
            kid=True,
            prc=True,
            cache=False,
            kid_subset_size=subset,
            rng_seed=seed,
            save_cpu_ram=True,
            verbose=False,
        )
    names = ("frechet_inception_distance", "kernel_inception_distance_mean", "precision", "recall")
    return [found[name] for name in names]


def test_the_figures_are_those_of_the_librarys_own_call(classifier, monkeypatch):
    monkeypatch.setattr(fidelity, "KID_SUBSET", 25)
    samples, originals = _images(70, high=180), _images(60, seed=1)
    expected = _by_the_library(lambda images: _features(classifier, images), samples, originals, 25, 11)
    assert list(_measure(classifier, samples, originals, seed=11).values()) == pytest.approx(expected, rel=1e-9)


def test_reconstructions_stand_between_originals_and_samples(classifier):
    samples, originals = _seen(classifier, _images(70, high=90)), _seen(classifier, _images(60, seed=1))
    again = _seen(classifier, _images(60, high=180, seed=2))
    first = metric("fd_neutral_org_vs_recon")(originals, again)
    second = metric("fd_neutral_recon_vs_gen")(again, samples)
    whole = metric("neutral_fidelity")(samples, originals, 0)["fd_neutral_org_vs_gen"]
    assert 0 < min(first, second) <= max(first, second) < whole
    assert whole**0.5 <= first**0.5 + second**0.5, "its root is a distance"
    assert metric("fid_org_vs_recon")(originals, again) == first
    assert metric("fid_recon_vs_gen")(again, samples) == second
    assert metric("fd_neutral_org_vs_recon")(originals, originals) == pytest.approx(0.0, abs=1e-6)


class _Unloaded(FeatureExtractorInceptionV3):
    """The architecture without its weights."""

    def load_state_dict(self, state_dict, strict=True, assign=False):
        return None


@pytest.fixture(scope="module")
def random_inception(tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save({}, path)
    network = _Unloaded("random", ["2048"], str(path))
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    torch.save(network.state_dict(), path)
    return path


def test_inceptions_path_works_with_random_weights_on_few_grey_images(random_inception, monkeypatch):
    extractor = inception_extractor(random_inception)
    assert extractor.hash == file_hash(random_inception)
    samples, originals = _images(6, high=128), _images(6, seed=1)
    seen = extractor(originals)[0]
    assert seen.shape == (6, 2048)
    assert seen.dtype == torch.float64
    torch.testing.assert_close(seen, extractor(originals.repeat(1, 3, 1, 1))[0])
    found = metric("inception_fidelity")(FeatureSet(extractor(samples)[0]), FeatureSet(seen), 0)
    assert found.keys() == {"fid_org_vs_gen", "kid_org_vs_gen", "precision", "recall"}
    expected = _by_the_library(lambda images: extractor(images)[0], samples, originals, 6, 0)
    assert list(found.values()) == pytest.approx(expected, rel=1e-6)
    assert found["fid_org_vs_gen"] > 0
