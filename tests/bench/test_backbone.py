"""One backbone for all rows of a suite: set for the suite, refused in a row, refused for images that it can't take."""

from typing import Any

import pytest
import torch
from torch import nn

from bench import plan
from bench.datasets.base import Dataset
from bench.measure import choose
from bench.options import find, on_backbone, resolve
from bench.suite import Cell, Suite, UsageError, suite_names
from methods.base import AbstractMethod, AbstractVAE, Entry, ImageSpec
from methods.parts import BernoulliDecoder, GaussianEncoder

ROWS: dict[str, dict[str, Any]] = {"vae": {}, "hot": {"method": "lambda-hot"}, "pca": {"latent": 3}}


def _dataset(side: int) -> Dataset:
    x, y = torch.zeros(20, 1, side, side, dtype=torch.uint8), torch.arange(20) % 2
    return Dataset(x, y, x[:6], y[:6], ("a", "b"), name="tiny")


def _cells(side: int = 28, rows: dict[str, dict[str, Any]] = ROWS, **changes: Any) -> dict[str, Cell]:
    content = {"name": "mine", "title": "", "dataset": "tiny", "seeds": 1, "budget": {"epochs": 1}, "methods": rows}
    suite = Suite(**content, **changes)
    cells = plan._cells(suite, _dataset(side), torch.device("cpu"), {"reason": "none"}, 1, choose([]))
    return {cell.label: cell for cell in cells}


@pytest.mark.parametrize("backbone", ["mlp", "conv32"])
def test_every_row_that_takes_a_shared_backbone_gets_the_suites(backbone: str) -> None:
    cells = _cells(backbone=backbone)
    assert {cells[row].options["backbone"] for row in ("vae", "hot")} == {backbone}
    assert "backbone" not in cells["pca"].options


def test_without_one_it_is_the_mlp_and_another_gives_other_ids() -> None:
    unsaid, said, other = _cells(), _cells(backbone="mlp"), _cells(backbone="conv32")
    assert unsaid["vae"].cell == said["vae"].cell != other["vae"].cell
    assert unsaid["pca"].cell == other["pca"].cell, "a row that takes none is not run again"


def test_a_row_cannot_have_one_of_its_own() -> None:
    with pytest.raises(UsageError, match=r"^hot\.backbone: .*whole suite"):
        _cells(rows={**ROWS, "hot": {"method": "lambda-hot", "backbone": "conv32"}})


def test_images_that_it_cannot_take_are_refused_by_row_with_what_is_possible() -> None:
    with pytest.raises(UsageError, match=r"^vae: .*28 to 64 pixels a side, got 8x8"):
        _cells(side=8, backbone="conv32")


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mlp.*conv32"):
        _cells(backbone="resnet")


def test_a_plug_ins_own_choice_of_networks_is_left_alone() -> None:
    class Own(AbstractMethod):
        def __init__(self, spec: ImageSpec, *, backbone: str = "wide") -> None:
            super().__init__()

    entry = Entry("own", Own, "here")
    assert on_backbone("own", entry, {"backbone": "deep"}, "conv32") == {"backbone": "deep"}


def test_every_method_with_shared_networks_takes_the_suites_backbone() -> None:
    """None can train on the dense networks in a suite that asks for convolutions."""
    from methods.base import registry

    spec, seen = ImageSpec(1, 28, 28, 10), set()
    for name, entry in registry.items():
        if not issubclass(entry.cls, AbstractVAE) or not entry.cls.__module__.startswith("methods."):
            continue
        method = entry.cls(spec, **resolve(name, find(name), on_backbone(name, entry, {}, "conv32")))
        assert any(isinstance(module, nn.Conv2d) for module in method.modules()), name
        assert any(isinstance(module, (GaussianEncoder, BernoulliDecoder)) for module in method.modules())
        seen.add(name)
    assert {"vae", "beta-vae", "cvae", "lambda-hot", "kmeans-vae", "joint-vae", "supervised-joint-vae"} <= seen


def test_the_faithful_suite_of_paper_004_is_on_its_network() -> None:
    from bench.suite import load_suite

    assert {name: load_suite(name).backbone for name in suite_names() if name.startswith("paper-")} == {
        "paper-003": "mlp",
        "paper-004": "conv32",
    }
