"""Features: each image's once, those of originals kept on disk and made again where they are broken; mixtures and their file."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_fidelity import metric_fid

import metrics
from bench.pictures import draw
from bench.records.storage import keep_tensors
from bench.scoring import cache
from bench.scoring import features as featured
from bench.scoring import samples as generated
from bench.scoring.evidence import Evidence
from bench.scoring.score import score
from bench.scoring.selection import choose, wanted
from metrics.features import FeatureSet, features_of, frechet, predict, to_uint8

metrics.load()
Make = Callable[..., Evidence]
FIDS = ["fid_org_vs_gen", "fid_org_vs_recon", "fid_recon_vs_gen"]


class Extractor:
    """Stands in for Inception: the means of an image's quarters."""

    hash, name = "a hash", "inception-a"

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        return torch.nn.functional.avg_pool2d(images.double() / 9, 4).flatten(1)


@pytest.fixture
def with_inception(make: Make) -> Make:
    def made(*given: Any, **options: Any) -> Evidence:
        evidence = make(*given, **options)
        evidence.load_inception = Extractor  # type: ignore[assignment]
        return evidence

    return made


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The images that went through the neutral classifier, call by call."""
    counts: list[int] = []

    def counted(classifier: Any, images: Tensor) -> Tensor:
        counts.append(len(images))
        return features_of(classifier, images)

    for module in (generated, featured):
        monkeypatch.setattr(module, "features_of", counted)
    return counts


def test_all_metrics_of_fidelity_and_the_samples_classes_take_one_pass_each(
    with_inception: Make, passes: list[int]
) -> None:
    evidence = with_inception("vae")
    found = score(evidence, choose(["fidelity", "class_balance", "sample_confidence"]))
    assert {*FIDS, "fd_neutral_org_vs_recon", "fd_neutral_recon_vs_gen", "class_balance"} <= set(found.metrics)
    assert found.unavailable == {}
    assert sorted(passes) == [20, 20, 30], "originals, reconstructions, samples"
    assert evidence.inception.seen == 70
    assert torch.equal(evidence.sample_predictions, predict(evidence.neutral, evidence.samples)[0])


def test_statistics_that_serve_several_metrics_are_taken_once(
    with_inception: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, whole = [], metric_fid.fid_features_to_statistics
    monkeypatch.setattr(metric_fid, "fid_features_to_statistics", lambda x: taken.append(len(x)) or whole(x))
    score(with_inception("vae"), choose(["fidelity"]))
    assert sorted(taken) == [20, 20, 20, 20, 30, 30]
    score(with_inception("vae", seed=1), choose(["fidelity"]))
    assert sorted(taken[6:]) == [20, 20, 30, 30], "those of the originals came from disk"


def test_features_are_of_the_images_that_they_are_named_after_as_many_as_there_are_samples(
    with_inception: Make,
) -> None:
    evidence = with_inception("vae")
    evidence.settings.samples = 6
    assert torch.equal(evidence.originals, evidence.test.x[:6])
    again = to_uint8(evidence.reconstructions[:6])
    for images, part in ((evidence.originals, "originals"), (evidence.samples, "samples"), (again, "reconstructions")):
        by_neutral = getattr(evidence, f"{part}_in_neutral").values
        assert torch.equal(by_neutral, features_of(evidence.neutral, images))
        by_inception = getattr(evidence, f"{part}_in_inception").values
        assert torch.equal(by_inception, evidence.inception(images).float())
    assert torch.equal(evidence.neutral_features_train, features_of(evidence.neutral, evidence.data.train.x))
    assert torch.equal(evidence.neutral_features_samples, evidence.samples_in_neutral.values)


# On disk.


def test_features_of_originals_and_of_training_images_are_kept_on_disk(make: Make, passes: list[int]) -> None:
    first, second = make("vae"), make("lambda-hot", seed=3)
    names = ("originals_in_neutral", "neutral_features_train")
    found = [getattr(first, name) for name in names]
    assert passes == [20, 50]
    again = [getattr(second, name) for name in names]
    assert passes == [20, 50]
    assert torch.equal(again[0].values, found[0].values)
    assert frechet(again[0], FeatureSet(found[0].values)) == pytest.approx(0.0, abs=1e-9)
    assert torch.equal(again[1], found[1])
    files = sorted(path.name for path in first.cache.folder.iterdir())
    digest = first.neutral.hash()[:16]
    assert [name.rsplit("-", 1)[0] for name in files] == [
        f"tiny-neutral-{digest}-cpu",
        f"tiny-train-neutral-{digest}-cpu",
    ]


@pytest.mark.parametrize("content", ["half", "fewer"])
def test_a_broken_file_is_made_again(make: Make, passes: list[int], content: str) -> None:
    expected = make("vae").originals_in_neutral.values
    (path,) = make("vae").cache.folder.glob("*.safetensors")
    whole = path.read_bytes()
    if content == "fewer":
        keep_tensors(path, {name: torch.zeros(3, 3) for name in ("features", "mu", "sigma")})
    else:
        path.write_bytes(whole[: len(whole) // 2])
    assert torch.equal(make("vae").originals_in_neutral.values, expected)
    assert passes == [20, 20]
    assert path.read_bytes() == whole
    assert [file.name for file in path.parent.iterdir()] == [path.name], "nothing temporary is left"


@pytest.mark.parametrize("change", ["weights", "images", "code"])
def test_other_weights_images_or_code_have_features_of_their_own(
    make: Make, passes: list[int], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make("vae"), make("vae")
    assert first.originals_in_neutral is not None
    if change == "weights":
        torch.nn.init.ones_(second.neutral.hidden.weight)
    elif change == "images":
        second.originals_name = "others"
    else:
        monkeypatch.setattr(cache, "code_of", lambda *makers: "newer")
    assert second.originals_in_neutral is not None
    assert passes == [20, 20]
    assert len(list(first.cache.folder.iterdir())) == 2


# What is not there.


@pytest.mark.parametrize(
    ("name", "dashes"), [("vae", []), ("pca", [FIDS[0], FIDS[2]]), ("training-copy", FIDS[1:]), ("raw-pixels", FIDS)]
)
def test_what_a_method_cannot_give_is_a_dash_and_not_refused(make: Make, name: str, dashes: list[str]) -> None:
    found = score(make(name), choose(FIDS))
    assert found.metrics == {}
    assert {fid for fid in FIDS if fid in found.unavailable} == set(FIDS) - set(dashes)
    assert set(found.unavailable.values()) <= {"no weights here"}


def test_what_is_needed_hangs_on_the_metrics_and_on_mixing() -> None:
    assert "inception" not in wanted(["reconstruction_mse"], mixing=False)
    for name in FIDS:
        assert "inception" in wanted([name], mixing=False)
    assert "inception" in wanted(["reconstruction_mse"], mixing=True)


# Mixtures.


def test_a_mixture_is_the_originals_at_0_and_the_reconstructions_at_1(with_inception: Make, passes: list[int]) -> None:
    evidence = with_inception("vae")
    rows = evidence.mixtures
    assert [row[0] for row in rows] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert sorted(passes) == [20] * 11
    assert rows[0][2:] == (pytest.approx(0.0, abs=1e-7), pytest.approx(0.0, abs=1e-7))
    assert rows[10][2] == frechet(evidence.originals_in_neutral, evidence.reconstructions_in_neutral)
    assert rows[10][3] == frechet(evidence.originals_in_inception, evidence.reconstructions_in_inception)
    for row, images in ((rows[0], evidence.test.x), (rows[10], to_uint8(evidence.reconstructions))):
        right = predict(evidence.neutral, images)[0] == evidence.y_test
        assert row[1] == right.double().mean().item()
    between = to_uint8(0.7 * evidence.x_test + 0.3 * evidence.reconstructions)
    expected = frechet(evidence.originals_in_neutral, FeatureSet(features_of(evidence.neutral, between)))
    assert rows[3][2] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("inception", [True, False])
def test_the_file_has_a_line_an_alpha_and_no_fid_without_inception(
    with_inception: Make, make: Make, tmp_path: Path, inception: bool
) -> None:
    evidence = (with_inception if inception else make)("vae")
    evidence.settings.mixing = True
    made, problems = draw.draw(tmp_path, evidence, ["a", "b", "c", "d"])
    assert "mixing.csv" in made
    assert problems == []
    text = (tmp_path / "mixing.csv").read_text()
    assert text.splitlines()[0] == "alpha,neutral_accuracy,fd_neutral,fid"
    lines = list(csv.DictReader(text.splitlines()))
    values = [tuple(float(one) if one else None for one in line.values()) for line in lines]
    assert values == evidence.mixtures
    assert all((row[3] is not None) == inception for row in values)


@pytest.mark.parametrize(
    ("name", "mixing", "accuracy", "problem"),
    [("vae", False, 0.9, ""), ("training-copy", True, 0.9, ""), ("vae", True, 0.7, "test accuracy 0.7000 is below")],
)
def test_no_file_where_it_is_not_asked_for_or_cannot_be(
    make: Make, tmp_path: Path, name: str, mixing: bool, accuracy: float, problem: str
) -> None:
    evidence = make(name, accuracy=accuracy)
    evidence.settings.mixing = mixing
    made, problems = draw.draw(tmp_path, evidence, ["a", "b", "c", "d"])
    assert "mixing.csv" not in made
    assert not (tmp_path / "mixing.csv").exists()
    assert len(problems) == bool(problem)
    assert all(problem in line and line.startswith("mixing.csv") for line in problems)


def test_mixtures_of_the_same_reconstructions_are_taken_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that share a decoder; another decoder has others."""
    first = make("pca", latent=3).mixtures
    monkeypatch.setattr(featured, "features_of", lambda *_: pytest.fail("features taken again"))
    evidence = make("pca", latent=3)
    evidence.kept |= dict.fromkeys(["originals_in_neutral", "reconstructions_in_neutral"])
    assert evidence.mixtures == first
    with pytest.raises(pytest.fail.Exception, match="again"):
        _ = make("pca", latent=2).mixtures
