"""Walks through the latents: what is asked of the decoder, and which methods have which picture."""

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import Tensor

from bench.pictures import draw
from bench.scoring.evidence import Evidence

Make = Callable[..., Evidence]
CLASSES = ["ant", "bee", "cat", "dog"]
LATENT = 5


@pytest.fixture
def grid(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    """Stands in for the grid: keeps what it is given."""
    kept = mock.Mock()
    monkeypatch.setattr(draw, "sample_grid", kept)
    return kept


def names_of(grid: mock.Mock) -> list[str]:
    return grid.call_args.args[3]


def rows_of(grid: mock.Mock) -> Tensor:
    images, _, columns, names = grid.call_args.args[:4]
    return images.view(len(names), columns, -1)


def _deaf_to(evidence: Evidence, columns: slice) -> Evidence:
    with torch.no_grad():
        evidence.method.decoder.network[0].weight[:, columns] = 0
    return evidence


def test_a_row_is_a_category_and_a_column_a_z(make: Make, grid: mock.Mock) -> None:
    evidence = make("joint-vae", latent=LATENT, categories=3)
    draw._categories(Path(), evidence, CLASSES)
    rows = rows_of(grid)
    assert names_of(grid) == ["category 0", "category 1", "category 2"]
    assert rows.shape[:2] == (3, draw.COLUMNS)
    assert all(len(part.unique(dim=0)) > 1 for part in (rows[0], rows[:, 0]))

    draw._categories(Path(), _deaf_to(make("joint-vae", latent=LATENT), slice(LATENT, None)), CLASSES)
    assert (rows_of(grid) == rows_of(grid)[:1]).all(), "the same draws of z in every row"
    draw._categories(Path(), _deaf_to(make("joint-vae", latent=LATENT), slice(0, LATENT)), CLASSES)
    assert (rows_of(grid) == rows_of(grid)[:, :1]).all(), "one category along a row"


def test_categories_that_are_classes_bear_their_names(make: Make, grid: mock.Mock) -> None:
    draw._categories(Path(), make("supervised-joint-vae"), CLASSES)
    assert names_of(grid) == CLASSES


@pytest.mark.parametrize("name", ["vae", "cvae", "lambda-hot", "joint-vae", "tvae", "dtvae"])
def test_along_a_row_one_dimension_moves_where_images_lie(name: str, make: Make, grid: mock.Mock) -> None:
    evidence = make(name, latent=LATENT)
    evidence.method.likelihood = mock.Mock(wraps=evidence.method.likelihood)
    draw._traversals(Path(), evidence, CLASSES)
    means = evidence.posterior_means_test
    codes = evidence.method.likelihood.call_args.args[0].view(LATENT, draw.COLUMNS, -1)
    order = means.var(0).argsort(descending=True).tolist()
    assert [label.split(":")[0] for label in names_of(grid)] == [f"z{d}" for d in order]
    for row, d in enumerate(order):
        moved = codes[row].std(0) > 0
        assert moved.nonzero().flatten().tolist() == [d]
        assert torch.allclose(codes[row, [0, -1], d], torch.quantile(means[:, d], torch.tensor([0.01, 0.99])))
    still = torch.ones_like(codes, dtype=torch.bool)
    still[torch.arange(LATENT), :, order] = False
    start = codes[0, 0].clone()
    start[:LATENT] = means[0]
    if name.endswith("tvae"):
        assert torch.equal(start, evidence.codes_test[0]), "the pose stays as well"
    assert (codes[still] == start.expand_as(codes)[still]).all(), "all else is the first test image's"
    if name == "joint-vae":
        assert sorted(set(codes[..., LATENT:].flatten().tolist())) == [0.0, 1.0]


def test_at_most_ten_dimensions_are_walked(make: Make, grid: mock.Mock) -> None:
    draw._traversals(Path(), make("vae", latent=14), CLASSES)
    assert len(names_of(grid)) == draw.DIMENSIONS_AT_MOST


WALKS = {
    "pca": set(),
    "tvae": {"traversals.png", "poses.png", "pose_removed.png"},
    "vae": {"traversals.png"},
    "joint-vae": {"traversals.png", "categories.png"},
    "supervised-joint-vae": {"traversals.png", "categories.png"},
}


@pytest.mark.parametrize("name", WALKS)
def test_what_a_method_has_not_is_not_drawn(name: str, make: Make, tmp_path: Path) -> None:
    (tmp_path / "curves.csv").write_text("epoch,phase,split,term,value\n")
    made, problems = draw.draw(tmp_path, make(name), CLASSES)
    assert problems == []
    assert {"traversals.png", "categories.png", "poses.png", "pose_removed.png"} & set(made) == WALKS[name]
    assert {path.name for path in tmp_path.glob("*.png")} == set(made)


def test_latents_that_are_not_finite_cost_the_picture_and_are_told(make: Make, tmp_path: Path) -> None:
    evidence = make("vae")
    with torch.no_grad():
        evidence.method.encoder.body.network[-1].bias.fill_(torch.nan)
    (tmp_path / "curves.csv").write_text("epoch,phase,split,term,value\n")
    made, problems = draw.draw(tmp_path, evidence, CLASSES)
    assert "traversals.png" not in made
    assert any(
        line.startswith("traversals.png not drawn: latents hold values that are not finite") for line in problems
    )
