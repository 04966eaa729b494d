"""One backbone for all rows of a suite: set for the suite, refused in a row, refused for images that it can't take."""

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from helpers_e2e import here, records, write_suite
from helpers_plan import ROWS, planned, suite_of, tiny
from torch import nn

from bench.config.budget import Budget
from bench.config.options import find, on_shared, resolve
from bench.config.overrides import SuiteOverrides
from bench.config.plugins import register
from bench.config.suite import Suite, load_suite
from bench.datasets.base import Dataset
from bench.records.plan import Cell
from bench.runtime.errors import UsageError
from methods.backbones import BACKBONES
from methods.base import AbstractMethod, AbstractVAE, Entry, ImageSpec


def _cells(side: int = 28, rows: dict[str, dict[str, Any]] = ROWS, **changes: Any) -> dict[str, Cell]:
    return {cell.label: cell for cell in planned(suite_of(rows, **changes), tiny(side))}


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
    suite = Suite(name="mine", title="", dataset="tiny", budget={"epochs": 1}, methods=ROWS, backbone="conv23")
    with pytest.raises(UsageError, match=r"^suite mine: backbone: .*did you mean 'conv32'.*mlp"):
        register(suite, [])
    with pytest.raises(UsageError, match=r"^--backbone: .*did you mean 'conv32'.*mlp"):
        SuiteOverrides("smoke", backbone="conv23").settle()


WIDE = '''
from torch import nn
from methods.parts import AbstractBackbone, backbone

@backbone("wide")
class Wide(AbstractBackbone):
    """One hidden layer."""

    def features(self, shape):
        return nn.Flatten(), shape[0] * shape[1] * shape[2]

    def head(self, inputs, outputs, hidden):
        return nn.Sequential(nn.Linear(inputs, hidden or 900), nn.ReLU(), nn.Linear(hidden or 900, outputs))

    def pixels(self, shape, inputs, hidden):
        return self.head(inputs, shape[0] * shape[1] * shape[2], hidden).append(nn.Unflatten(1, shape))
'''


def test_a_plug_in_adds_one_and_its_code_counts_where_it_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(WIDE)
    suite = write_suite(tmp_path, {"vae": {"latent": 3}, "pca": {"latent": 3}}, backbone="wide", plugins=["wide.py"])
    with mock.patch.dict(BACKBONES):
        found = here("run", "--suite", suite, results=tmp_path / "results")
        assert found.code == 0, found.out + found.err
        kept = records(tmp_path / "results")
        assert kept["vae", 0]["options"]["backbone"] == "wide"
        assert str(tmp_path / "wide.py") in kept["vae", 0]["sources"]
        assert str(tmp_path / "wide.py") not in kept["pca", 0]["sources"]
        assert kept["vae", 0]["metrics"]["parameters"] > 2 * 64 * 900


def test_a_plug_ins_own_choice_of_networks_is_left_alone() -> None:
    class Own(AbstractMethod):
        def __init__(self, spec: ImageSpec, *, backbone: str = "wide") -> None:
            super().__init__()

    entry = Entry("own", Own, "here")
    assert on_shared("own", entry, {"backbone": "deep"}, "conv32") == {"backbone": "deep"}


def test_every_method_with_shared_networks_takes_the_suites_backbone() -> None:
    """None can train on the dense networks in a suite that asks for convolutions."""
    from methods.base import registry

    spec, seen = ImageSpec(1, 28, 28, 10), set()
    for name, entry in registry.items():
        if not issubclass(entry.cls, AbstractVAE) or not entry.cls.__module__.startswith("methods."):
            continue
        method = entry.cls(spec, **resolve(name, find(name), on_shared(name, entry, {}, "conv32")))
        for kind in (nn.Conv2d, nn.ConvTranspose2d):  # the encoder's and the decoder's
            assert sum(isinstance(module, kind) for module in method.modules()) == 3, name
        seen.add(name)
    assert {"vae", "beta-vae", "cvae", "lambda-hot", "kmeans-vae", "joint-vae", "supervised-joint-vae"} <= seen


def test_batches_of_one_are_refused_where_batch_norm_would_train_on_them() -> None:
    with pytest.raises(UsageError, match=r"budget\.batch to 2"):
        _cells(backbone="conv32", budget={"epochs": 1, "batch": 1})


def test_the_faithful_suite_of_paper_004_has_its_network_and_settings() -> None:
    suite = load_suite("paper-004")
    assert (suite.backbone, load_suite("paper-003").backbone) == ("conv32", "mlp")
    assert suite.budget == Budget(epochs=100, batch=64, optimiser="adam", learning_rate=1e-3, precision="fp32")
    rows = {label: resolve(label, find(label), given) for label, given in suite.methods.items()}
    assert rows.keys() == {"vae", "beta-vae", "joint-vae", "supervised-joint-vae"}
    for label in ("beta-vae", "joint-vae", "supervised-joint-vae"):
        assert (rows[label]["beta"], rows[label]["capacity"], rows[label]["ramp_steps"]) == (30, 5, 25_000)
    assert [rows[label]["gamma"] for label in ("joint-vae", "supervised-joint-vae")] == [30, 30]
    assert [rows[label]["discrete_capacity"] for label in ("joint-vae", "supervised-joint-vae")] == [5, 0]


def test_the_suite_of_hiragana_can_be_run_on_its_73_classes() -> None:
    x, y = torch.zeros(146, 1, 48, 48, dtype=torch.uint8), torch.arange(146) % 73
    data = Dataset(x, y, x[:73], y[:73], tuple(map(str, range(73))), name="hiragana")
    suite = load_suite("hiragana")
    assert len(planned(suite, data)) == len(suite.methods) * 3
