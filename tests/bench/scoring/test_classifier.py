"""The neutral classifiers: which network, for how long, under what name, and what is done to its images."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_e2e import write_suite
from helpers_plan import suite_of, written

from bench.config.overrides import SuiteOverrides
from bench.datasets.arrays import KEYS
from bench.datasets.base import Dataset
from bench.records.plan import Plan
from bench.runner import prepare as prepare_module
from bench.runner.cell import run_cell
from bench.runner.prepare import prepare
from bench.scoring import classifier as neutral
from bench.scoring import recipe as recipes
from bench.scoring.classifier import get
from bench.scoring.recipe import NETWORKS, flipped_and_shifted, recipe
from metrics.features import NeutralClassifier, features_of, predict, resnet
from metrics.features.resnet import ResNet56

CPU = torch.device("cpu")


def _dataset(channels: int, images: int = 40, side: int = 8) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(images) % 2
    x = torch.randint(0, 100, (images, channels, side, side), dtype=torch.uint8, generator=generator)
    x[y == 1] += 150
    return Dataset(x[8:], y[8:], x[:8], y[:8], ("dark", "bright"), name="tiny")


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """ResNet with one block a stage, and a cache of its own."""
    monkeypatch.setattr(resnet, "BLOCKS", 1)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    return tmp_path / "neutral"


@pytest.mark.parametrize(
    ("channels", "asked", "network", "augmented"),
    [
        (1, "auto", "small-cnn", False),
        (3, "auto", "resnet-56", True),
        (1, "resnet-56", "resnet-56", False),
        (3, "small-cnn", "small-cnn", False),
    ],
)
def test_auto_is_by_colour_and_only_colour_is_flipped(channels: int, asked: str, network: str, augmented: bool) -> None:
    found = recipe(_dataset(channels), asked)
    assert (found.network, found.flips_and_shifts) == (network, augmented)
    assert recipe(_dataset(channels), asked, 3).epochs == 3


def test_epochs_make_the_steps_that_a_network_takes_and_no_thousands_of_a_handful_of_images() -> None:
    for chosen in NETWORKS.values():
        assert chosen.epochs(10**6, colour=False) == chosen.grey_epochs
        assert chosen.epochs(10**6, colour=True) == chosen.colour_epochs
        assert chosen.epochs(1280, colour=True) == max(chosen.steps // 10, chosen.colour_epochs)
        assert chosen.epochs(5, colour=True) == chosen.steps


def test_a_classifier_is_trained_once_and_anew_to_the_same_weights(
    shallow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _dataset(3)
    first = get(data, CPU, epochs=2)
    assert isinstance(first.classifier, ResNet56)
    assert not first.classifier.training
    (weights,) = shallow.glob("*.safetensors")
    assert weights.name.startswith("resnet-56-2-epochs-")
    said = json.loads(weights.with_suffix(".json").read_text())
    assert (said["network"], said["epochs"], said["flips_and_shifts"]) == ("resnet-56", 2, True)
    right = predict(first.classifier, data.x_test)[0] == data.y_test
    assert first.test_accuracy == said["test_accuracy"] == right.double().mean().item()
    assert first.stated("upright_")["upright_neutral_network"] == "resnet-56"
    with monkeypatch.context() as patched:
        patched.setattr(recipes, "train", None)
        assert get(data, CPU, "resnet-56", 2).hash == first.hash == first.classifier.hash()
    weights.unlink()
    torch.rand(3)
    assert get(data, CPU, epochs=2).hash == first.hash


def test_network_and_epochs_and_data_have_files_of_their_own(shallow: Path) -> None:
    recipes = [recipe(_dataset(3), name, epochs) for name in NETWORKS for epochs in (1, 2)]
    paths = {neutral.cache_path(_dataset(3), one) for one in recipes}
    paths |= {neutral.cache_path(_dataset(3, images=50), one) for one in recipes}
    assert len(paths) == 8
    assert {path.parent for path in paths} == {shallow}


def test_it_learns_what_can_be_learned(shallow: Path) -> None:
    assert get(_dataset(3), CPU, epochs=30).test_accuracy == 1.0


# From the command line to the record.


@pytest.mark.parametrize(("given", "expected"), [(None, 3), (2, 2)])
def test_the_command_lines_epochs_come_before_the_suites(given: int | None, expected: int, tmp_path: Path) -> None:
    file = write_suite(tmp_path, evaluation={"neutral": "resnet-56", "neutral_epochs": 3})
    evaluation = SuiteOverrides(str(file), neutral_epochs=given).settle().evaluation
    assert (evaluation.neutral_epochs, evaluation.neutral, evaluation.samples) == (expected, "resnet-56", 20)


def test_a_cell_in_colour_states_its_network_and_writes_its_mixtures(
    shallow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _dataset(3)
    np.savez(tmp_path / "tiny.npz", **{key: getattr(data, key).numpy() for key in KEYS})
    evaluation = {"metrics": ["fidelity"], "samples": 20, "neutral_epochs": 1, "mixing": True}
    changes = {"dataset": f"npz:{tmp_path / 'tiny.npz'}", "seeds": 2, "held_out": 6, "evaluation": evaluation}
    path = written(tmp_path, suite_of({"vae": {"hidden": 8, "latent": 2}}, **changes))
    prepare(path)
    assert len(list(shallow.glob("resnet-56-1-epochs-*.safetensors"))) == 1
    monkeypatch.setattr(recipes, "train", None)
    for cell in Plan.read(path).cells:
        record = run_cell(path, cell["cell"])
        assert record.status == "ok", record.error
        assert (record.protocol["neutral_network"], record.protocol["neutral_epochs"]) == ("resnet-56", 1)
        assert {"fd_neutral_org_vs_recon", "fd_neutral_recon_vs_gen"} <= set(record.metrics)
        assert {"fid_org_vs_recon", "fid_recon_vs_gen", "fid_org_vs_gen"} <= set(record.unavailable)
        assert "mixing.csv" in record.artifacts
    kept = [path.name.startswith("mixtures-") for path in (tmp_path / "features").glob("*.safetensors")]
    assert sorted(kept) == [False, True, True], (
        "features of the test images, of both seeds; mixtures of each seed's own"
    )


def test_training_images_are_named_by_their_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []

    class Stop(Exception):
        pass

    def stop(*_: object, train_name: str, **__: object) -> None:
        names.append(train_name)
        raise Stop

    monkeypatch.setattr(prepare_module, "Evidence", stop)
    changes = {"dataset": "digits", "seeds": 2, "evaluation": {"metrics": ["svm_test_accuracy"]}}
    for held_out in (0, 9, 10):
        path = written(tmp_path, suite_of({"pca": {"latent": 2}}, held_out=held_out, **changes))
        for cell in Plan.read(path).cells:
            run_cell(path, cell["cell"])
    assert names[0] == names[1]
    assert len(set(names)) == 5


# What is done to colour images.


def test_every_image_is_one_of_its_own_shifts_and_flips_and_all_of_them_come() -> None:
    x = torch.arange(1, 2 * 3 * 8 * 9 + 1).view(2, 3, 8, 9).float()
    torch.manual_seed(0)
    drawn = flipped_and_shifted(x[:1].expand(400, -1, -1, -1))
    expected = set()
    for flip in (x[0], x[0].flip(2)):
        padded = torch.nn.functional.pad(flip, (1, 1, 1, 1))
        expected |= {tuple(padded[:, r : r + 8, c : c + 9].flatten().tolist()) for r in range(3) for c in range(3)}
    assert {tuple(image.flatten().tolist()) for image in drawn} == expected
    assert len(expected) == 18


def test_shifts_reach_four_pixels_at_most_and_images_do_not_mix() -> None:
    x = torch.zeros(300, 3, 40, 40)
    x[:, :, 20, 20] = torch.arange(1.0, 301.0)[:, None]
    torch.manual_seed(0)
    drawn = flipped_and_shifted(x)
    assert torch.equal(drawn.amax((2, 3)), x.amax((2, 3)))
    rows = drawn[:, 0].amax(2).argmax(1) - 20
    columns = drawn[:, 0].amax(1).argmax(1)
    assert set(rows.tolist()) == set(range(-4, 5))
    assert set(columns.tolist()) == set(range(15, 25)), "20 or, mirrored, 19, and four each way"


def test_nothing_is_flipped_where_it_is_tested(shallow: Path) -> None:
    classified = recipes.Classification(ResNet56((3, 16, 16), 2).eval(), flips_and_shifts=True)
    x, y = torch.rand(6, 3, 16, 16), torch.zeros(6, dtype=torch.int64)
    torch.manual_seed(0)
    expected = classified.eval().terms(x, y)["cross_entropy"]
    assert torch.equal(classified.terms(x, y)["cross_entropy"], expected)
    classified.train()
    assert not torch.equal(classified.terms(x, y)["cross_entropy"], expected)


# ResNet-56 itself.


def test_resnet_56_has_the_layers_and_the_weights_of_the_paper() -> None:
    with torch.device("meta"):
        network = ResNet56((3, 32, 32), 10)
        layers = [m for m in network.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
        assert len(layers) == 56
        convolutions = sum(p.numel() for p in network.parameters() if p.ndim == 4)
        assert convolutions == 9 * (3 * 16 + 18 * 16**2 + 16 * 32 + 17 * 32**2 + 32 * 64 + 17 * 64**2)
        assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == 0.85
        assert network.features(torch.zeros(2, 3, 32, 32)).shape == (2, 64)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14), (3, 4, 4)])
def test_it_takes_any_size_and_learns_from_every_weight(shape: tuple[int, int, int], shallow: Path) -> None:
    classifier = ResNet56(shape, 7)
    x = torch.rand(4, *shape)
    assert classifier.features(x).shape == (4, 64)
    classifier(x).logsumexp(1).sum().backward()
    assert all(weight.grad is not None for weight in classifier.parameters())


def test_a_shortcut_has_no_weights_keeps_the_channels_and_fills_up_with_zeros() -> None:
    block = resnet._Block(2, 5, stride=2)
    torch.nn.init.zeros_(block.second.weight)
    x = torch.rand(3, 2, 6, 8)
    found = block.eval()(x)
    assert torch.equal(found[:, :2], x[:, :, ::2, ::2])
    assert not found[:, 2:].any()


def test_its_features_are_of_the_weights_alone_whatever_the_layout(shallow: Path) -> None:
    network = ResNet56((3, 8, 8), 4).eval()
    flat = ResNet56((3, 8, 8), 4).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    flat.load_state_dict(network.state_dict())
    assert flat.hash() == network.hash()
    images = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8)
    expected = network.features(images.float() / 255)
    torch.testing.assert_close(flat.eval().features(images.float() / 255), expected)
    torch.testing.assert_close(features_of(network, images), expected)
    assert NeutralClassifier((3, 8, 8), 4).hash() != network.hash()


def test_an_image_too_small_or_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 pixels and 2 classes"):
        ResNet56((3, 3, 8), 10)
