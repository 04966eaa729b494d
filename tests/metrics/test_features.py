"""The extractors: shapes, hashes, modes, and what happens without Inception's weights."""

from urllib.error import URLError

import pytest
import torch
from torch_fidelity import metric_fid

from metrics.base import Unavailable, at_once
from metrics.features import (
    FeatureSet,
    NeutralClassifier,
    frechet,
    inception_extractor,
    networks,
    predict,
    to_uint8,
)


def test_to_uint8_rounds_to_the_nearest_level_and_clamps():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(levels.float() / 255), levels)
    assert to_uint8(torch.tensor([-0.5, 0.49 / 255, 0.51 / 255, 1.5])).tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (2, 9, 14)])
def test_the_classifier_takes_any_size_and_learns_from_every_weight(shape):
    classifier = NeutralClassifier(shape, 7)
    x = torch.rand(4, *shape)
    assert classifier.features(x).shape == (4, 128)
    logits = classifier(x)
    assert logits.shape == (4, 7)
    logits.logsumexp(1).sum().backward()
    assert all(weight.grad is not None for weight in classifier.parameters())


def test_a_classifier_of_no_use_is_refused():
    with pytest.raises(ValueError, match="at least 4 pixels and 2 classes"):
        NeutralClassifier((1, 3, 8), 10)


def test_the_hash_is_that_of_the_weights_and_of_the_statistics():
    torch.manual_seed(0)
    classifier = NeutralClassifier((1, 8, 8), 3)
    before = classifier.hash()
    copied = NeutralClassifier((1, 8, 8), 3)
    copied.load_state_dict(classifier.state_dict())
    assert copied.hash() == before == classifier.eval().hash()
    classifier.train()(torch.rand(4, 1, 8, 8))
    assert classifier.hash() != before


def test_predict_is_the_softmax_of_scaled_images_in_any_batches(monkeypatch):
    classifier = NeutralClassifier((1, 8, 8), 3).eval()
    images = torch.randint(0, 256, (11, 1, 8, 8), dtype=torch.uint8)
    expected = classifier(images.float() / 255).softmax(1)
    monkeypatch.setattr(networks, "PREDICT_BATCH", 4)
    predictions, confidences = predict(classifier, images)
    assert torch.equal(predictions, expected.argmax(1))
    torch.testing.assert_close(confidences, expected.amax(1))


def test_fewer_of_larger_images_are_taken_at_a_time():
    sizes = {
        shape: at_once(torch.empty(0, *shape), 500) for shape in ((1, 8, 8), (3, 32, 32), (3, 64, 64), (3, 999, 9999))
    }
    assert list(sizes.values()) == [500, 500, 125, 1]


def test_predict_refuses_train_mode_and_images_not_quantised():
    classifier = NeutralClassifier((1, 8, 8), 3)
    with pytest.raises(ValueError, match="train mode"):
        predict(classifier, torch.zeros(2, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="uint8"):
        predict(classifier.eval(), torch.zeros(2, 1, 8, 8))


def test_the_statistics_of_a_set_are_taken_once_or_were_known(monkeypatch):
    values = torch.rand(40, 5)
    taken = []
    counted = metric_fid.fid_features_to_statistics
    monkeypatch.setattr(metric_fid, "fid_features_to_statistics", lambda x: taken.append(x) or counted(x))
    one = FeatureSet(values)
    frechet(one, FeatureSet(values + 1, one.statistics))
    assert frechet(one, one) == pytest.approx(0.0, abs=1e-9)
    assert [features.dtype for features in taken] == [torch.float64]


def test_the_frechet_distance_of_a_shift_is_its_squared_length_and_one_image_is_no_set():
    values = torch.randn(50, 3, dtype=torch.float64)
    shifted = FeatureSet(values + torch.tensor([1.0, 2.0, 0.0]))
    assert frechet(FeatureSet(values), shifted) == pytest.approx(5.0, rel=1e-9)
    with pytest.raises(Unavailable, match="two images a side, got 1"):
        frechet(FeatureSet(values[:1]), shifted)


def test_missing_weights_are_unavailable_with_file_and_place(tmp_path, monkeypatch):
    with pytest.raises(Unavailable, match=str(tmp_path / "nothing.pth")):
        inception_extractor(tmp_path / "nothing.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(Unavailable, match="put weights-inception-2015-12-05-6726825d"):
        inception_extractor()


def test_a_download_that_fails_is_unavailable(tmp_path, monkeypatch):
    def offline(url, destination, prefix, progress):
        assert prefix == "6726825d"
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(Unavailable, match="no network"):
        inception_extractor(download=True)


@pytest.mark.parametrize("content", [b"", b"not weights", "state", "list"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save({"state": {"a": torch.zeros(2)}, "list": [1, 2]}[content], path)
    with pytest.raises(ValueError, match="does not hold"):
        inception_extractor(path)
