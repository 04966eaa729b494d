"""Evidence of nearest training images: copies, what a method cannot give, what is stated, and what is kept on disk."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import metrics
from bench.pictures import closest as draw_near
from bench.pictures import draw
from bench.scoring import nearest
from bench.scoring import neighbours as near
from bench.scoring.evidence import Evidence, MissingCapability
from bench.scoring.score import score
from bench.scoring.selection import choose
from methods.base import Images
from metrics.base import Unavailable

metrics.load()
Make = Callable[..., Evidence]
KINDS = ("mse", "ssim", "neutral")
SIDES = ("", "_test", "_recon")


def test_copies_of_training_images_are_at_zero_in_every_measure(make: Make) -> None:
    evidence = make("training-copy")
    found = score(evidence, choose(["novelty"])).metrics
    assert (found["novelty_mse"], found["novelty_neutral"]) == (0.0, 0.0)
    assert found["novelty_ssim"] == pytest.approx(1, abs=1e-6)
    for name in ("mse", "neutral"):
        assert found[f"authenticity_{name}"] == 0
        assert found[f"closer_than_training_{name}"] == 1
        assert found[f"novelty_{name}_test"] > 0
    copied = [evidence.data.train.x[getattr(evidence, f"near_{kind}").indices[:, 0]] for kind in KINDS]
    assert all(torch.equal(images, evidence.samples) for images in copied)


GIVEN = {
    "vae": {"", "_test", "_recon"},
    "training-copy": {"", "_test"},
    "pca": {"_test", "_recon"},
    "raw-pixels": {"_test"},
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_method_has_the_figures_of_what_it_can_give(name: str, make: Make) -> None:
    found = score(make(name), choose(["novelty"]))
    assert {figure for figure in found.metrics if figure.startswith("novelty")} == {
        f"novelty_{kind}{side}" for kind in KINDS for side in GIVEN[name]
    }
    assert found.unavailable == {}
    assert found.intervals.keys() == found.metrics.keys()
    low, high = found.intervals["authenticity_mse_test"]
    assert 0 <= low <= found.metrics["authenticity_mse_test"] <= high <= 1


def test_the_settings_say_how_many_and_the_record_states_it(make: Make) -> None:
    evidence = make("vae")
    evidence.settings = evidence.settings.model_copy(update={"novelty_images": 5, "novelty_candidates": 2})
    score(evidence, choose(["novelty"]))
    assert evidence.protocol["novelty"] == {
        "generations": 5,
        "test_images": 5,
        "reconstructions": 5,
        "ssim_candidates": 2,
        "spacing_images": 50,
    }
    assert evidence.near_mse.distances.shape == (5, near.SHOWN)
    assert torch.equal(evidence.near_ssim.indices.sort(1).values, evidence.near_mse.indices[:, :2].sort(1).values)


def test_own_distances_are_of_the_nearest_training_image(make: Make) -> None:
    evidence = make("vae")
    train = evidence.data.train.x
    for images, search, name in (
        (train, nearest.by_pixels, "mse"),
        (evidence.neutral_features_train, nearest.by_features, "neutral"),
    ):
        every = search(images, images, 1, torch.arange(len(train))).distances[:, 0]
        for side in SIDES:
            rows = getattr(evidence, f"near_{name}{side}").indices[:, 0]
            assert torch.equal(getattr(evidence, f"near_{name}_own{side}"), every[rows])
        assert torch.equal(getattr(evidence, f"spacing_{name}"), every), "all of them where there are few"


def test_the_sample_of_training_images_is_of_the_seed_and_of_both_measures(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "SPACING_IMAGES", 9)
    first, again, other = make("vae"), make("pca"), make("vae", seed=1)
    assert first.spacing_rows.tolist() == again.spacing_rows.tolist() != other.spacing_rows.tolist()
    assert len(first.spacing_mse) == len(first.spacing_neutral) == 9


def test_what_hangs_on_the_data_alone_is_searched_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("near_mse_test", "near_ssim_test", "near_mse_own_test", "spacing_mse")
    first, second = make("pca"), make("vae")
    expected = [getattr(first, name) for name in names]
    for name in ("by_pixels", "by_ssim"):
        monkeypatch.setattr(nearest, name, lambda *_: pytest.fail("searched again"))
    for name, value in zip(names, expected, strict=True):
        torch.testing.assert_close(getattr(second, name), value, rtol=0, atol=0)
    other = make("vae")
    other.data.train.x[0] = 0
    with pytest.raises(pytest.fail.Exception, match="again"):
        other.spacing_mse  # noqa: B018
    fewer = make("vae")
    fewer.settings = fewer.settings.model_copy(update={"novelty_candidates": 7})
    with pytest.raises(pytest.fail.Exception, match="again"):
        fewer.near_ssim_test  # noqa: B018


def test_small_images_have_no_structural_similarity_and_the_rest_stands(make: Make) -> None:
    evidence = make("raw-pixels")
    train = evidence.data.train
    evidence.test = Images(evidence.test.x[:, :, :5], evidence.test.y)
    evidence.data = replace(evidence.data, train=Images(train.x[:, :, :5], train.y))
    found = score(evidence, choose(["novelty_ssim_test", "novelty_mse_test"]))
    assert "6 pixels, got (5, 12)" in found.unavailable["novelty_ssim_test"]
    assert found.metrics["novelty_mse_test"] > 0


def test_one_training_image_has_no_other(make: Make) -> None:
    evidence = make("raw-pixels")
    evidence.data = replace(evidence.data, train=Images(evidence.data.train.x[:1], evidence.data.train.y[:1]))
    with pytest.raises(Unavailable, match="two of them"):
        evidence.spacing_mse  # noqa: B018
    assert evidence.near_mse_test.indices.tolist() == [[0]] * 20


# The picture.


def test_the_picture_is_drawn_from_the_figures_search(make: Make, tmp_path: Path) -> None:
    evidence = make("training-copy")
    with pytest.raises(MissingCapability):
        draw_near.closest(tmp_path / "closest.png", evidence, [])
    assert evidence.kept == {}, "no search for a picture alone"
    score(evidence, choose(["novelty"]))
    (tmp_path / "curves.csv").write_text("epoch,phase,split,term,value\n")
    assert "closest.png" in draw.draw(tmp_path, evidence, ["a", "b", "c", "d"])[0]


def test_a_column_is_a_generation_above_its_nearest(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(draw_near, "sample_grid", lambda *given: drawn.append(given))
    evidence = make("training-copy")
    score(evidence, choose(["novelty_mse", "novelty_ssim"]))
    draw_near.closest(Path(), evidence, [])
    images, _, columns, names, title = drawn[0]
    rows = images.view(len(names), columns, *images.shape[1:])
    assert names == ["generation", *(f"{rank} by {of}" for of in ("MSE", "SSIM") for rank in draw_near.RANKS)]
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(rows[0], rows[4])
    assert torch.equal(rows[2], evidence.data.train.x[evidence.near_mse.indices[:10, 1]])
    assert "50 nearest by MSE" in title
