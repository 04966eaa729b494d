"""Backbone and likelihood: one for all rows of a suite, refused in a row, taken by every method, refused for images that it can't take."""

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_e2e import here, records, write_suite
from helpers_plan import ROWS, planned, suite_of, tiny
from torch import nn

from bench.config.budget import Budget
from bench.config.options import find, on_shared, resolve
from bench.config.overrides import SuiteOverrides
from bench.config.plugins import register
from bench.config.suite import load_suite
from bench.datasets.base import Dataset
from bench.records.plan import Cell
from bench.runtime.errors import UsageError
from methods.base import AbstractMethod, AbstractVAE, Entry, ImageSpec, registry
from methods.parts import DiscretisedLogistic

LOGISTIC = "discretised-logistic"


def _cells(side: int = 28, rows: dict[str, dict[str, Any]] = ROWS, **changes: Any) -> dict[str, Cell]:
    return {cell.label: cell for cell in planned(suite_of(rows, **changes), tiny(side))}


@pytest.mark.parametrize(
    ("option", "default", "other"), [("backbone", "mlp", "conv32"), ("likelihood", "bernoulli", LOGISTIC)]
)
def test_every_row_that_takes_one_gets_the_suites_and_cannot_have_one_of_its_own(
    option: str, default: str, other: str
) -> None:
    unsaid, said, others = _cells(), _cells(**{option: default}), _cells(**{option: other})
    assert {unsaid[row].options[option] for row in ("vae", "hot")} == {default}
    assert {others[row].options[option] for row in ("vae", "hot")} == {other}
    assert option not in others["pca"].options
    assert unsaid["vae"].cell == said["vae"].cell != others["vae"].cell
    # A row that takes no backbone is not run again; of a likelihood its record says in whose table it stands.
    assert (unsaid["pca"].cell == others["pca"].cell) == (option == "backbone")
    with pytest.raises(UsageError, match=rf"^hot\.{option}: .*whole suite.*--{option}"):
        _cells(rows={**ROWS, "hot": {"method": "lambda-hot", option: other}})


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^suite mine: backbone: .*did you mean 'conv32'.*mlp"):
        register(suite_of(backbone="conv23"), [])
    with pytest.raises(UsageError, match=r"^--backbone: .*did you mean 'conv32'.*mlp"):
        SuiteOverrides("smoke", backbone="conv23").settle()
    with pytest.raises(ValueError, match=r"bernoulli.*discretised-logistic"):
        suite_of(likelihood="gaussian")


def test_every_method_with_networks_and_a_likelihood_takes_the_suites() -> None:
    """None can train on the dense networks in a suite that asks for convolutions, or score other nats than its table's."""
    spec, seen = ImageSpec(3, 28, 36, 10), set()
    x, y = torch.rand(2, 3, 28, 36), torch.zeros(2, dtype=torch.int64)
    for name, entry in registry.items():
        if not issubclass(entry.cls, AbstractVAE) or not entry.cls.__module__.startswith("methods."):
            continue
        method = entry.cls(spec, **resolve(name, find(name), on_shared(name, entry, {}, "conv32", LOGISTIC)))
        for kind in (nn.Conv2d, nn.ConvTranspose2d):  # the encoder's and the decoder's
            assert sum(isinstance(module, kind) for module in method.modules()) == 3, name
        assert isinstance(method.likelihood(method.posterior(x, y).mode, y), DiscretisedLogistic), name
        seen.add(name)
    assert {"vae", "beta-vae", "cvae", "lambda-hot", "kmeans-vae", "joint-vae", "mmd-vae", "tvae", "dtvae"} <= seen
    assert on_shared("row", find("latent-generator"), {}, "mlp", LOGISTIC)["likelihood"] == LOGISTIC


def test_a_plug_ins_own_choice_is_left_alone_and_its_nats_are_in_no_table_of_others() -> None:
    class Without(AbstractMethod):
        def __init__(self, spec: ImageSpec) -> None:
            super().__init__()

    class Own(AbstractVAE):
        def __init__(self, spec: ImageSpec, *, likelihood: str = "mine", backbone: str = "wide") -> None:
            super().__init__()

    own, given = Entry("own", Own, "here"), {"likelihood": "other", "backbone": "deep"}
    assert on_shared("row", own, given, "conv32", "bernoulli") == given
    with pytest.raises(UsageError, match=r"^row: method 'own' has no option `likelihood`.*discretised-logistic"):
        on_shared("row", own, {}, "mlp", LOGISTIC)
    assert on_shared("row", Entry("without", Without, "here"), {}, "mlp", LOGISTIC) == {}


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
    found = here("run", "--suite", suite, results=tmp_path / "results")
    assert found.code == 0, found.out + found.err
    kept = records(tmp_path / "results")
    assert kept["vae", 0]["options"]["backbone"] == "wide"
    assert str(tmp_path / "wide.py") in kept["vae", 0]["sources"]
    assert str(tmp_path / "wide.py") not in kept["pca", 0]["sources"]
    assert kept["vae", 0]["metrics"]["parameters"] > 2 * 64 * 900


def test_images_that_it_cannot_take_are_refused_by_row_with_what_is_possible() -> None:
    with pytest.raises(UsageError, match=r"^vae: .*28 to 64 pixels a side, got 8x8"):
        _cells(side=8, backbone="conv32")


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
