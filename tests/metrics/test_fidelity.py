"""The distances against scipy and double loops; cache, quiet, tiny sets; Inception's path with random weights."""

import pytest
import scipy.linalg
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from metrics import fidelity
from metrics.base import Unavailable
from metrics.features import NeutralClassifier, file_hash, inception_extractor, neutral_extractor


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    classifier = NeutralClassifier((1, 8, 8), 4, n_features=6).eval()
    torch.nn.init.ones_(classifier.hidden.bias)  # no dead unit: the reference's matrix root needs a full rank
    return classifier


def _images(n, low=0, high=256, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (n, 1, 8, 8), dtype=torch.uint8, generator=generator)


def _measure(classifier, samples, originals, cache, name="digits-1", seed=5):
    return fidelity.neutral_fidelity(samples, originals, name, cache, classifier, seed)


def _features(classifier, images):
    return neutral_extractor(classifier)(images)[0]


def test_frechet_is_that_of_scipys_matrix_root(classifier, tmp_path):
    samples, originals = _images(200, high=180), _images(150, seed=1)
    a, b = _features(classifier, samples), _features(classifier, originals)
    cov_a, cov_b = torch.cov(a.T).numpy(), torch.cov(b.T).numpy()
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = float((a.mean(0) - b.mean(0)).square().sum()) + (cov_a + cov_b - 2 * root).trace()
    found = _measure(classifier, samples, originals, tmp_path)["fd_neutral_org_vs_gen"]
    assert found == pytest.approx(expected, rel=1e-8)
    assert found > 1e-5


def test_frechet_is_that_of_symmetric_eigenvalues(classifier, tmp_path):
    samples, originals = _images(100, high=99), _images(90, seed=1)
    a, b = _features(classifier, samples), _features(classifier, originals)
    values, vectors = scipy.linalg.eigh(torch.cov(a.T).numpy())
    half = vectors * values.clip(0) ** 0.5 @ vectors.T
    cross = scipy.linalg.eigvalsh(half @ torch.cov(b.T).numpy() @ half).clip(0)
    expected = float((a.mean(0) - b.mean(0)).square().sum() + a.var(0).sum() + b.var(0).sum()) - 2 * (cross**0.5).sum()
    found = _measure(classifier, samples, originals, tmp_path)["fd_neutral_org_vs_gen"]
    assert found == pytest.approx(expected, rel=1e-8)


def test_kernel_distance_is_the_unbiased_mmd_where_a_subset_is_the_whole(classifier, tmp_path):
    samples, originals = _images(30, high=180), _images(30, seed=1)
    x, y = _features(classifier, samples), _features(classifier, originals)

    def k(a, b):
        return float((a @ b / len(a) + 1) ** 3)

    within = sum(k(s[i], s[j]) for s in (x, y) for i in range(30) for j in range(30) if i != j) / (30 * 29)
    across = sum(k(a, b) for a in x for b in y) / 900
    found = _measure(classifier, samples, originals, tmp_path)["kd_neutral_org_vs_gen"]
    assert found == pytest.approx(within - 2 * across, rel=1e-7, abs=1e-12)


def test_precision_and_recall_are_shares_within_the_other_manifold(classifier, tmp_path):
    samples, originals = _images(40, high=230), _images(50, seed=1)
    x, y = _features(classifier, samples), _features(classifier, originals)

    def share_within(points, manifold):
        radii = [sorted(float((a - b).norm()) for b in manifold)[3] for a in manifold]
        inside = [any((p - m).norm() <= r for m, r in zip(manifold, radii, strict=True)) for p in points]
        return sum(inside) / len(inside)

    found = _measure(classifier, samples, originals, tmp_path)
    assert found["precision_neutral"] == pytest.approx(share_within(x, y))
    assert found["recall_neutral"] == pytest.approx(share_within(y, x))
    assert found["precision_neutral"] != found["recall_neutral"]


def test_a_copy_of_the_originals_is_perfect_and_a_collapsed_generator_is_precise_alone(classifier, tmp_path):
    originals = _images(60)
    copied = _measure(classifier, originals, originals, tmp_path)
    assert copied["fd_neutral_org_vs_gen"] == pytest.approx(0.0, abs=1e-6)
    assert copied["precision_neutral"] == copied["recall_neutral"] == 1.0
    collapsed = _measure(classifier, originals[:1].repeat(60, 1, 1, 1), originals, tmp_path)
    assert collapsed["precision_neutral"] == 1.0
    assert collapsed["recall_neutral"] < 0.1


@pytest.mark.parametrize("n", [2, 3, 5])
def test_tiny_sets_do_not_crash(classifier, tmp_path, n):
    found = _measure(classifier, _images(n), _images(7, seed=1), tmp_path)
    assert all(value == value for value in found.values())


def test_one_image_is_no_distribution(classifier, tmp_path):
    with pytest.raises(Unavailable, match="two images a side, got 1"):
        _measure(classifier, _images(1), _images(5), tmp_path)


def test_the_same_seed_gives_the_same_figures_and_leaves_torchs_own_stream(classifier, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(fidelity, "KID_SUBSET", 10)
    before = torch.get_rng_state()
    first, again, other = (_measure(classifier, _images(40), _images(40, seed=1), tmp_path, seed=s) for s in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert first == again
    assert first["kd_neutral_org_vs_gen"] != other["kd_neutral_org_vs_gen"]
    assert capfd.readouterr() == ("", "")


def test_originals_are_kept_by_name_and_by_the_weights_of_the_extractor(classifier, tmp_path):
    samples, originals = _images(20, high=200), _images(20, seed=1)
    first = _measure(classifier, samples, originals, tmp_path, name="a/b 10")
    files = {file.name for file in tmp_path.iterdir()}
    assert len(files) == 2
    assert all(name.startswith(f"a_b_10-neutral-{classifier.hash()[:16]}") for name in files)
    wrong = _images(20, high=2, seed=2)  # not looked at: their features are in the cache
    assert _measure(classifier, samples, wrong, tmp_path, name="a/b 10") == first
    torch.nn.init.ones_(classifier.hidden.weight)
    assert _measure(classifier, samples, originals, tmp_path, name="a/b 10") != first
    assert len(list(tmp_path.iterdir())) == 4


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


def test_inceptions_path_works_with_random_weights_on_few_grey_images(random_inception, tmp_path):
    extractor = inception_extractor(random_inception)
    assert extractor.hash == file_hash(random_inception)
    samples, originals = _images(6, high=128), _images(6, seed=1)
    found = fidelity.inception_fidelity(samples, originals, "digits-6", tmp_path, extractor, 0)
    assert found.keys() == {"fid_org_vs_gen", "kid_org_vs_gen", "precision", "recall"}
    cached = torch.load(next(tmp_path.glob("*features-2048.pt")))
    torch.testing.assert_close(cached[:2], extractor(originals[:2].repeat(1, 3, 1, 1))[0], rtol=1e-4, atol=1e-5)
    assert cached.shape == (6, 2048)
    assert found["fid_org_vs_gen"] > 0
