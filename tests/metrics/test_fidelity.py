"""The distances against scipy, scikit-learn and the library's own call; tiny sets; Inception's path with random weights."""

import hashlib
from unittest import mock

import pytest
import scipy.linalg
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torch.utils.data import Subset
from torch_fidelity import calculate_metrics
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.registry import register_feature_extractor

from metrics.base import Unavailable, registry
from metrics.features import FeatureSet, NeutralClassifier, features_of, inception_extractor


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


def _measure(classifier, samples, originals):
    found = metric("neutral_fidelity")(_seen(classifier, samples), _seen(classifier, originals))
    return {name: one.value for name, one in found.items()}


def _share_within(points, manifold):
    radii = torch.cdist(manifold, manifold).kthvalue(4).values
    return (torch.cdist(points, manifold) <= radii).any(1).double().mean().item()


def test_the_figures_are_those_of_scipy_scikit_learn_and_the_papers_definitions(classifier):
    samples, originals = _images(50, high=180), _images(50, seed=1)
    a, b = (features_of(classifier, images).double() for images in (samples, originals))
    cov_a, cov_b = torch.cov(a.T).numpy(), torch.cov(b.T).numpy()
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    distance = (a.mean(0) - b.mean(0)).square().sum().item() + (cov_a + cov_b - 2 * root).trace()
    within = [polynomial_kernel(side) for side in (a, b)]
    unbiased = sum((kernel.sum() - kernel.trace()) / (50 * 49) for kernel in within)
    found = _measure(classifier, samples, originals)
    assert found["fd_neutral_org_vs_gen"] == pytest.approx(distance, rel=1e-8)
    expected = unbiased - 2 * polynomial_kernel(a, b).mean()
    assert found["kd_neutral_org_vs_gen"] == pytest.approx(expected, rel=1e-4)
    assert found["precision_neutral"] == pytest.approx(_share_within(a, b))
    assert found["recall_neutral"] == pytest.approx(_share_within(b, a))
    assert found["fd_neutral_org_vs_gen"] > 1e-5
    assert found["precision_neutral"] != found["recall_neutral"]


def test_a_copy_of_the_originals_is_perfect_and_a_collapsed_generator_is_precise_alone(classifier):
    originals = _images(60)
    copied = _measure(classifier, originals, originals)
    assert copied["fd_neutral_org_vs_gen"] == pytest.approx(0.0, abs=1e-6)
    assert copied["precision_neutral"] == copied["recall_neutral"] == copied["coverage_neutral"] == 1.0
    collapsed = _measure(classifier, originals[:1].repeat(60, 1, 1, 1), originals)
    assert collapsed["precision_neutral"] == 1.0
    assert collapsed["recall_neutral"] < 0.1


def test_tiny_sets_do_not_crash_and_one_image_is_no_distribution(classifier):
    for n in (2, 3, 5):
        found = _measure(classifier, _images(n), _images(7, seed=1))
        assert all(value == value for value in found.values())
    with pytest.raises(Unavailable, match="two images a side, got 1"):
        _measure(classifier, _images(1), _images(5))


def _by_the_library(extractor, samples, originals):
    """calculate_metrics itself, with the extractor registered under its name."""

    class Registered(FeatureExtractorBase):
        def __init__(self, name, features_list, **options):
            super().__init__(name, features_list)

        get_provided_features_list = staticmethod(lambda: ("all",))
        get_default_feature_layer_for_metric = staticmethod(lambda metric: "all")
        can_be_compiled = staticmethod(lambda: False)

        def forward(self, images):
            return (extractor(images),)

    register_feature_extractor(extractor.name, Registered)
    with torch.random.fork_rng():
        found = calculate_metrics(
            input1=Subset(samples, range(len(samples))),
            input2=Subset(originals, range(len(originals))),
            feature_extractor=extractor.name,
            cuda=False,
            fid=True,
            kid=True,
            prc=True,
            cache=False,
            kid_subsets=1,
            kid_subset_size=len(samples),
            save_cpu_ram=True,
            verbose=False,
        )
    names = ("frechet_inception_distance", "kernel_inception_distance_mean", "precision", "recall")
    return [found[name] for name in names]


def test_reconstructions_stand_between_originals_and_samples(classifier):
    samples, originals = _seen(classifier, _images(70, high=90)), _seen(classifier, _images(60, seed=1))
    again = _seen(classifier, _images(60, high=180, seed=2))
    first = metric("fd_neutral_org_vs_recon")(originals, again).value
    second = metric("fd_neutral_recon_vs_gen")(again, samples).value
    whole = metric("neutral_fidelity")(samples, originals)["fd_neutral_org_vs_gen"].value
    assert 0 < min(first, second) <= max(first, second) < whole
    assert whole**0.5 <= first**0.5 + second**0.5, "its root is a distance"
    assert metric("fid_org_vs_recon")(originals, again).value == first
    assert metric("fid_recon_vs_gen")(again, samples).value == second


def _save_random_inception(path):
    torch.save({}, path)
    with mock.patch.object(FeatureExtractorInceptionV3, "load_state_dict"):
        network = FeatureExtractorInceptionV3("random", ["2048"], str(path))
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    torch.save(network.state_dict(), path)


def test_inceptions_figures_are_those_of_the_librarys_own_call(tmp_path, monkeypatch):
    """With random weights, on few grey images."""
    path = tmp_path / "random.pth"
    _save_random_inception(path)
    extractor = inception_extractor(path)
    assert extractor.hash == hashlib.sha256(path.read_bytes()).hexdigest()
    samples, originals = _images(4, high=128), _images(4, seed=1)
    grey, colour = (extractor(images) for images in (originals[:1], originals[:1].repeat(1, 3, 1, 1)))
    assert grey.shape == (1, 2048)
    assert grey.dtype == torch.float64
    torch.testing.assert_close(grey, colour)
    monkeypatch.setattr(extractor.inception, "features_list", ["192"])  # a covariance of 2048 takes seconds
    found = metric("inception_fidelity")(*(FeatureSet(extractor(images)) for images in (samples, originals)))
    assert list(found) == ["fid_org_vs_gen", "kid_org_vs_gen", "precision", "recall", "density", "coverage"]
    expected = _by_the_library(extractor, samples, originals)
    assert [one.value for one in found.values()][:4] == pytest.approx(expected, rel=1e-5)
    assert found["fid_org_vs_gen"].value > 0
