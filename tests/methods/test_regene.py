"""ReGene: Lemma 1, the draw of images, the filter, the frozen classifier, the schedule of the loss, and what is refused."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_methods import fit
from random_imagenet import vgg16_of_random_weights
from scipy.stats import chisquare
from torch import Tensor

from bench.config.budget import Budget
from bench.config.options import build, find, resolve
from bench.datasets import load
from bench.runtime.errors import UsageError
from bench.training.step import Step
from methods.base import Images, ImageSpec, TrainingData
from methods.parts import IMAGENET_FILE, ImageNetFeatures, RowsByClass, VGGClassifier, blocks_for
from methods.regene import ReGene

SPEC = ImageSpec(3, 8, 12, 4)
NAMES = ("ash", "birch", "cedar", "dill")


@pytest.fixture
def data(data: TrainingData) -> TrainingData:
    return replace(data, class_names=NAMES)


def _trained(data: TrainingData, epochs: int, **options: Any) -> ReGene:
    torch.manual_seed(0)
    method = ReGene(SPEC, **{"width": 8, "perceptual": "classifier"} | options)
    fit(method, data, epochs=epochs, batch=20, learning_rate=3e-3)
    return method.eval()


@pytest.fixture(scope="module")
def trained() -> ReGene:
    """On four of scikit-learn's digits."""
    digits = load("digits", Path())
    kept = (digits.y_train < 4).nonzero().flatten()
    parts = [Images(digits.x_train[rows], digits.y_train[rows]) for rows in (kept[:400], kept[400:])]
    torch.manual_seed(0)
    method = ReGene(ImageSpec(1, 8, 8, 4), width=16, fall_steps=100, perceptual="classifier", classifier_share=0.12)
    fit(method, TrainingData(*parts, 4, NAMES), epochs=25, batch=40, learning_rate=3e-3)
    return method.eval()


@pytest.fixture(autouse=True)
def imagenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder where torchvision would keep weights, whatever this machine has; gives VGG-16's place in it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints" / IMAGENET_FILE


# Lemma 1.


def test_lemma_1_holds_on_the_trained_head(trained: ReGene) -> None:
    asked = torch.arange(4).repeat(100)
    with torch.no_grad():
        made = trained.propose(asked)
    assert made.sources_right.any()
    assert torch.equal(made.at_z[made.sources_right], asked[made.sources_right])


# Which images are combined.


@pytest.mark.parametrize(("k", "n", "orders"), [(0, 2, 4 * 3), (0, 3, 4 * 3 * 2), (2, 3, 3 * 2)])
def test_rows_are_of_the_class_all_different_and_every_order_as_likely(k: int, n: int, orders: int) -> None:
    y = torch.tensor([0, 1, 0, 2, 1, 0, 0, 1, 1, 2, 2])
    drawn = torch.stack(RowsByClass(y, 3).draw(torch.full((12_000,), k), n), 1)
    assert (y[drawn] == k).all()
    counts = Counter(map(tuple, drawn.tolist()))
    assert all(len(set(rows)) == n for rows in counts)
    assert len(counts) == orders
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_with_all_weight_on_one_image_samples_are_reconstructions_of_training_images(data: TrainingData) -> None:
    method = _trained(data, epochs=3, weights=[1.0, 0.0], filter="none")
    with torch.no_grad():
        samples = method.sample(torch.arange(4).repeat(5))
        again = method.reconstruct(data.train.x / 255, data.train.y)
    exact = "donot_use_mm_for_euclid_dist"
    assert torch.cdist(samples.flatten(1), again.flatten(1), compute_mode=exact).amin(1).max() < 1e-4


def test_codes_that_are_not_kept_give_the_same_images(trained: ReGene, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = []
    for codes in (trained.codes, None):
        monkeypatch.setattr(trained, "codes", codes)
        torch.manual_seed(7)
        with torch.no_grad():
            pictures.append(trained.propose(torch.arange(4).repeat(6)).images)
    assert torch.allclose(*pictures, atol=1e-5)


# The filter.


def test_every_sample_passes_the_filter_and_is_of_the_class_asked_for(trained: ReGene) -> None:
    y = torch.tensor([3, 0, 0, 2, 1, 3] * 5)
    with torch.no_grad():
        x = trained.sample(y)
        sure = trained.classifier(x).softmax(1).gather(1, y[:, None])[:, 0]
    assert torch.equal(trained.label(x), y)
    assert (sure >= trained.confidence[y] - 1e-6).all()


def test_the_filter_takes_some_and_leaves_some_and_proposals_say_which(trained: ReGene) -> None:
    y = torch.arange(4).repeat(100)
    with torch.no_grad():
        made = trained.propose(y)
        sure = trained.classifier(made.images).softmax(1).gather(1, y[:, None])[:, 0]
    assert 0 < made.accepted.float().mean() < 1
    assert (sure[made.accepted] >= trained.confidence[y][made.accepted]).all()


def test_the_confidence_is_the_mean_over_rightly_classified_held_out_images(data: TrainingData) -> None:
    method = _trained(data, epochs=4)
    with torch.no_grad():
        p = method.classifier(data.held_out.x / 255).softmax(1)
    for k in range(4):
        of_class = p[(data.held_out.y == k) & (p.argmax(1) == k), k]
        assert method.confidence[k].item() == pytest.approx(of_class.mean().item(), abs=1e-6)


def test_a_class_that_the_filter_starves_is_named(trained: ReGene) -> None:
    confidence = trained.confidence.clone()
    trained.confidence[2] = 1.1
    with torch.no_grad(), pytest.raises(ValueError, match=r"class cedar: \d+ combinations gave 0 images .* of 3 asked"):
        trained.sample(torch.tensor([0, 2, 2, 1, 2]))
    trained.confidence.copy_(confidence)


# The stages.


def test_the_decoders_stage_leaves_the_classifier_as_it_was(data: TrainingData) -> None:
    method = ReGene(SPEC, width=8, perceptual="classifier", filter="none")
    stages = method.phases(data)
    next(stages)
    phase = next(stages)
    before = {name: value.clone() for name, value in method.classifier.state_dict().items()}
    method.train()
    step = Step(method, phase, data.train, Budget(epochs=1, batch=20))
    moved = method.decoder[1].weight.clone()
    for _ in range(3):
        step.eager(torch.arange(20))
    assert all(torch.equal(value, before[name]) for name, value in method.classifier.state_dict().items())
    assert not torch.equal(moved, method.decoder[1].weight)
    assert len(step.parameters) == len(list(method.decoder.parameters()))


def test_the_loss_falls_from_structure_to_pixels() -> None:
    method = ReGene(SPEC, ssim_weight=2.0, perceptual_weight=4.0, mae_weight=3.0, final_share=0.25, fall_steps=100)
    terms = {name: torch.full((5,), 0.5) for name in ("mae", "ssim", "perceptual")}
    method.decoder_start.fill_(40)
    found = []
    for step in (40, 90, 140, 1000):
        method.optimiser_steps.fill_(step)
        found.append(method.objective(terms).item())
    assert found == pytest.approx([0.5 * (3 + share * 6) for share in (1, 0.625, 0.25, 0.25)])
    assert method.facts["loss_weights"]["ssim"] == {"from": 2.0, "to": 0.5, "steps": 100}


def test_where_the_falling_weights_ended_is_said(data: TrainingData) -> None:
    short, long = (_trained(data, epochs=4, filter="none", fall_steps=steps) for steps in (24, 12))
    assert short.facts["loss_weights_reached"] == {"steps": 12, "share": pytest.approx(0.55)}
    assert short.facts["caveats"] == {"loss_weights_left": pytest.approx(0.55)}
    assert long.facts["loss_weights_reached"]["share"] == pytest.approx(0.1)
    assert "caveats" not in long.facts


def test_the_stages_share_the_budget(data: TrainingData) -> None:
    curves = fit(ReGene(SPEC, classifier_share=0.25, filter="none", width=4), data, epochs=8, batch=20)
    last = {phase: epoch for epoch, phase, *_ in curves.rows}
    assert last == {"classifier": 2, "decoder": 6}


def test_terms_of_a_perfect_decoder_are_zero(batch: tuple[Tensor, Tensor]) -> None:
    method = ReGene(SPEC, width=4, perceptual="classifier").eval()
    method.decoder.forward = lambda z: batch[0]  # type: ignore[method-assign]
    for values in method.decoder_terms(*batch).values():
        assert values.abs().max() < 1e-5


def test_classifier_images_bounds_each_class(data: TrainingData) -> None:
    method = ReGene(SPEC, classifier_images=3)
    phase = next(iter(method.phases(data)))
    assert phase.view is not None
    assert torch.bincount(phase.view(data.train).y).tolist() == [3, 3, 3, 3]


def test_rows_of_a_seed_share_both_stages_whatever_they_combine(data: TrainingData) -> None:
    said = []
    for options in ({"n": 2}, {"n": 3, "filter": "none"}, {"n": 2, "ssim_weight": 0.5}):
        method = ReGene(SPEC, width=4, perceptual="classifier", **{"filter": "none"} | options)  # type: ignore[arg-type]
        said.append([phase.shared for phase in method.phases(data)])
    assert said[0] == said[1]
    assert said[0][1] != said[2][1]


@pytest.mark.parametrize(
    ("side", "blocks", "size"), [(8, 1, 512), (28, 3, 2048), (32, 3, 2048), (64, 4, 4096), (128, 5, 8192)]
)
def test_blocks_by_size_of_image(side: int, blocks: int, size: int) -> None:
    assert blocks_for((3, side, side)) == blocks
    assert VGGClassifier((3, side, side), 10, 32, blocks, 1, None).size == size


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 9, 13)])
@pytest.mark.parametrize("latent", [None, 7])
def test_images_come_back_in_their_own_size(shape: tuple[int, int, int], latent: int | None) -> None:
    method = ReGene(ImageSpec(*shape, 3), latent=latent, width=4, convolutions=2).eval()
    x = torch.rand(2, *shape)
    with torch.no_grad():
        assert method.reconstruct(x, torch.zeros(2, dtype=torch.int64)).shape == x.shape
        assert latent is None or method.encode(x, torch.zeros(2, dtype=torch.int64)).shape == (2, latent)


# The perceptual features, against torchvision.


def test_imagenet_features_are_torchvisions(imagenet: Path) -> None:
    from torchvision.models import vgg16
    from torchvision.transforms.v2.functional import normalize

    weights = vgg16_of_random_weights()
    torch.save(weights, imagenet)
    with torch.device("meta"):
        network = vgg16().features[:16].eval()
    network.load_state_dict({name.removeprefix("features."): value for name, value in weights.items()}, assign=True)
    x = torch.rand(2, 1, 12, 12)
    colour = normalize(x.expand(-1, 3, -1, -1), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    found = ImageNetFeatures(imagenet)(x)
    with torch.no_grad():
        assert torch.allclose(found[1], network(colour), atol=1e-5)
        assert torch.allclose(found[0], network[:9](colour), atol=1e-5)


def test_imagenet_weights_are_used_where_they_are_and_said_to_be(imagenet: Path, data: TrainingData) -> None:
    facts = ReGene(SPEC).facts
    assert facts["perceptual_features"] == "classifier"
    assert facts["caveats"] == {"no_imagenet_weights": IMAGENET_FILE}
    torch.save(vgg16_of_random_weights(), imagenet)
    method = _trained(data, epochs=1, filter="none", perceptual="auto")
    assert method.facts["perceptual_features"] == "vgg16"
    assert len(method.facts["perceptual_hash"]) == 64
    assert "no_imagenet_weights" not in method.facts.get("caveats", {})
    assert not [name for name in method.state_dict() if "imagenet" in name]


# What is refused.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n": 1}, "n=1|n: input should be greater than or equal to 2"),
        ({"weights": [0.5, 0.3, 0.2]}, "3 numbers for n=2"),
        ({"weights": [1.5, -0.5]}, "0 or more|greater than or equal to 0"),
        ({"weights": [0.5, 0.4]}, "sum to 0.9"),
        ({"perceptual": "vgg16"}, "perceptual=vgg16: no file .*vgg16-397923af.pth: put"),
        ({"final_share": 1.5}, "final_share"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict[str, Any], said: str) -> None:
    entry = find("regene")
    with pytest.raises(UsageError, match=said) as problem:
        build("row", entry, SPEC, resolve("row", entry, options))
    assert "\n" not in str(problem.value)
    assert str(problem.value).startswith("row")


@pytest.mark.parametrize("options", [{"n": 1}, {"weights": [0.7, 0.2]}, {"weights": [float("nan"), 1.0]}])
def test_wrong_options_are_refused_without_the_command_line_as_well(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="combination"):
        ReGene(SPEC, **options)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="two classes"):
        ReGene(ImageSpec(1, 8, 8, 1))


def test_a_class_with_fewer_than_n_images_is_named(data: TrainingData) -> None:
    kept = torch.cat([torch.arange(8), (data.train.y != 1).nonzero().flatten()]).unique()
    small = replace(data, train=Images(data.train.x[kept], data.train.y[kept]))
    with pytest.raises(ValueError, match=r"class birch \(2\) to combine n=3"):
        next(iter(ReGene(SPEC, n=3).phases(small)))


def test_no_held_out_images_are_refused(data: TrainingData) -> None:
    none = Images(data.held_out.x[:0], data.held_out.y[:0])
    with pytest.raises(ValueError, match="set held_out in the suite"):
        next(iter(ReGene(SPEC).phases(replace(data, held_out=none))))


def test_a_class_without_a_rightly_classified_held_out_image_is_named(data: TrainingData) -> None:
    wrong = torch.where(data.held_out.y == 3, 0, data.held_out.y)
    none_of_dill = replace(data, held_out=Images(data.held_out.x, wrong))
    with pytest.raises(ValueError, match="class dill: the classifier is right on none of its held-out images"):
        _trained(none_of_dill, epochs=10)


@pytest.mark.parametrize("content", [b"", b"no weights", {"features.0.weight": torch.zeros(1)}])
def test_a_file_that_holds_other_weights_is_named(content: Any, imagenet: Path) -> None:
    if isinstance(content, bytes):
        imagenet.write_bytes(content)
    else:
        torch.save(content, imagenet)
    with pytest.raises(ValueError, match=f"{IMAGENET_FILE} does not hold torchvision's VGG-16 weights"):
        ImageNetFeatures(imagenet)
