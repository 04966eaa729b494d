"""Images without their pose: evidence of them, and the classifier of upright images from the plan to the record."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_evidence import reaching
from helpers_plan import suite_of, written

from bench.datasets import DataError, Dataset, dataset, load, names, registry
from bench.records.plan import Plan
from bench.runner import prepare as module
from bench.runner.cell import run_cell
from bench.runner.prepare import prepare
from bench.scoring import samples as generated
from bench.scoring.classifier import Neutral
from bench.scoring.evidence import Evidence, MissingCapability
from methods.base import Images, ImageSpec, TrainingData
from metrics.features import NeutralClassifier, predict

Make = Callable[..., Evidence]


def _classifier(shape: tuple[int, int, int], classes: int) -> NeutralClassifier:
    torch.manual_seed(1)
    return NeutralClassifier(shape, classes).eval()


@pytest.fixture
def found(make: Make, spec: ImageSpec) -> Evidence:
    """Evidence with a classifier of upright images."""
    found = make("vae")
    found.load_upright = lambda: Neutral(_classifier(spec.shape, spec.classes), "upright hash", 0.9)
    return found


def test_images_are_seen_as_they_are_and_as_the_method_turns_them(found: Evidence, test_images: Images) -> None:
    found.method.canonical = lambda x: x.flip(3) * 1.5
    expected = (test_images.x.flip(3).float() * 1.5).round().clamp(0, 255).to(torch.uint8)
    assert found.canonical_test.dtype == torch.uint8
    assert (found.canonical_test.int() - expected.int()).abs().max() <= 1, "halves may be rounded either way"
    assert torch.equal(found.upright_predictions, predict(found.upright_neutral, found.canonical_test)[0])
    assert torch.equal(found.rotated_predictions, predict(found.upright_neutral, test_images.x)[0])
    stated = {"upright_neutral_test_accuracy": 0.9, "upright_neutral_hash": "upright hash"}
    assert found.protocol == stated | {"upright_neutral_network": "small-cnn", "upright_neutral_epochs": None}


def test_a_turn_is_the_best_on_training_images(found: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canonical pose that lies on its side: one turn for all puts it upright again, found without the test images."""
    square = torch.zeros(50, 1, 16, 16, dtype=torch.uint8)
    square[:, :, 2:5, 6:10] = 255  # ink above the middle is upright
    found.data = TrainingData(Images(square, found.data.train.y), found.data.held_out, found.data.classes)
    found.test = Images(square[:20], found.test.y)
    found.method.in_mean_pose = found.method.canonical = lambda x: x.rot90(-1, (2, 3))

    def sees(classifier: Any, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        upright = images[:, 0, 2:5, 6:10].float().mean((1, 2)) > 200
        return torch.where(upright, found.y_train[: len(images)], -1), upright

    monkeypatch.setattr(generated, "predict", sees)
    assert found.upright_turn == 90
    assert (found.aligned_predictions == found.y_train[:20]).all()
    assert (found.upright_predictions == -1).all()


def test_without_an_upright_data_set_there_is_nothing_to_compare_with(make: Make) -> None:
    found = make()
    found.method.canonical = found.method.in_mean_pose = lambda x: x
    assert len(found.canonical_test) == 20
    for thing in reaching("upright_neutral"):
        with pytest.raises(MissingCapability, match="upright"):
            getattr(found, thing)


def test_a_method_that_removes_no_pose_asks_for_no_classifier(found: Evidence) -> None:
    for thing in ("canonical_test", "upright_predictions"):
        with pytest.raises(MissingCapability, match="RemovesPose"):
            getattr(found, thing)
    assert not found.protocol


# From the plan to the record.


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The data sets whose neutral classifier was asked for; none is trained. `turned-digits` is there as a data set."""
    names()
    monkeypatch.setattr(registry, "registry", copy.copy(registry.registry))

    @dataset("turned-digits", source="here", licence="CC BY 4.0", about="digits, turned", upright="digits")
    def turned(root: Path, *, download: bool) -> Dataset:
        whole = load("digits", root)
        parts = [
            (x[:200].rot90(1, (2, 3)), y[:200])
            for x, y in ((whole.x_train, whole.y_train), (whole.x_test, whole.y_test))
        ]
        return Dataset(*parts[0], *parts[1], whole.classes)

    found: list[str] = []

    def get(data: Dataset, device: torch.device, *recipe: object) -> Neutral:
        assert recipe == ("small-cnn", 7)
        found.append(data.name)
        return Neutral(_classifier(data.shape, data.n_classes), f"of {data.name}", 0.98)

    monkeypatch.setattr(module.neutral, "get", get)
    return found


def _plan(tmp_path: Path, data: str, *metrics: str) -> Path:
    evaluation = {"metrics": metrics, "samples": 20, "neutral": "small-cnn", "neutral_epochs": 7}
    return written(tmp_path, suite_of({"pca": {"latent": 3}}, dataset=data, evaluation=evaluation))


@pytest.mark.parametrize(
    ("data", "metrics", "expected"),
    [
        ("turned-digits", ["pose"], ["digits"]),
        ("turned-digits", ["rotated_accuracy", "class_balance"], ["turned-digits", "digits"]),
        ("turned-digits", ["class_balance"], ["turned-digits"]),
        ("turned-digits", ["reconstruction_mse"], []),
        ("digits", ["pose"], []),
    ],
)
def test_what_the_cells_share_is_made_before_them(
    data: str, metrics: list[str], expected: list[str], asked: list[str], tmp_path: Path
) -> None:
    prepare(_plan(tmp_path, data, *metrics))
    assert asked == expected


def test_a_cell_states_the_classifier_that_it_used(asked: list[str], tmp_path: Path) -> None:
    path = _plan(tmp_path, "turned-digits", "pose")
    record = run_cell(path, Plan.read(path).cells[0]["cell"])
    turned = load("turned-digits", tmp_path)
    right = predict(_classifier((1, 8, 8), 10), turned.x_test)[0] == turned.y_test
    assert record.status == "ok", record.error
    assert record.metrics == {"rotated_accuracy": pytest.approx(right.double().mean().item())}
    assert record.protocol["upright_neutral_hash"] == "of digits"
    assert record.protocol["upright_neutral_test_accuracy"] == 0.98
    assert len(record.by_class["rotated_accuracy"]) == 10


def test_an_upright_data_set_that_is_not_there_is_said_before_any_cell(asked: list[str], tmp_path: Path) -> None:
    path = _plan(tmp_path, "turned-digits", "pose")
    entry = registry.registry["turned-digits"]
    dataset("turned-digits", source="", licence="", about="", upright="mnist")(entry.function)
    with pytest.raises(DataError, match=r"MNIST.*train-images"):
        prepare(path)
