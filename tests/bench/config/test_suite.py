"""Suites: what does not fit is refused with the nearest name; the cell id tells apart what can differ and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import pytest
import torch
from helpers_plan import planned, suite_of, tiny

import methods
import metrics
from bench.config.budget import Budget
from bench.config.options import build, find, resolve
from bench.config.plugins import load_plugin
from bench.config.rows import settle_rows
from bench.config.suite import Suite, load_suite, parse_seeds, suite_names
from bench.datasets.base import Dataset
from bench.runtime.errors import UsageError, nearest
from bench.scoring.selection import choose
from methods.base import ImageSpec

methods.load()
metrics.load()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """A suite file of this text, by path."""

    def written(text: str) -> str:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return str(path)

    return written


GOOD = """
name = "mine"
title = "Mine"
dataset = "digits"
[budget]
epochs = 2
[methods.vae]
"""


def _budget(lines: str) -> str:
    return GOOD.replace("epochs = 2", lines)


def _refused(problem: pytest.ExceptionInfo[UsageError], *parts: str) -> None:
    message = str(problem.value)
    assert "\n" not in message
    assert not [part for part in parts if part not in message], message


# Suites that come with the bench.


@pytest.mark.parametrize("name", suite_names())
def test_a_shipped_suite_names_scores_and_rows_that_there_are_and_its_methods_can_be_made(name: str) -> None:
    suite = load_suite(name)
    assert suite.name == name
    for plugin in suite.plugins:
        load_plugin(plugin)
    settled, spec = settle_rows(suite), ImageSpec(1, 28, 28, 10)
    assert set(settled.reference_rows) <= set(settled.methods)
    assert set(suite.columns) <= {score for metric in choose(suite.evaluation.metrics) for score in metric.scores}
    for label, row in settled.methods.items():
        given = dict(row)
        entry = find(given.pop("method", label))
        with torch.device("meta"):
            build(label, entry, spec, resolve(label, entry, given))


# What is refused.


def test_a_good_file_is_read(write) -> None:
    suite = load_suite(write(GOOD))
    assert (suite.dataset, suite.seed_list(), suite.methods) == (["digits"], [0, 1, 2], {"vae": {}})


FAULTS = {
    "no TOML": ("name = ", ["not TOML"]),
    "an unknown field": (f"helt_out = 3\n{GOOD}", ["helt_out", "did you mean 'held_out'"]),
    "an unknown field of a table": (f"{GOOD}[evaluation]\nsample = 3", ["evaluation", "did you mean 'samples'"]),
    "an evaluation of nothing": (f"{GOOD}[evaluation]\nsvm_images = 0", ["evaluation.svm_images", "got 0"]),
    "no epochs": (_budget("batch = 3"), ["budget.epochs", "required"]),
    "half an epoch": (_budget("epochs = 1.5"), ["budget.epochs", "got 1.5"]),
    "another precision": (_budget('epochs = 2\nprecision = "fp16"'), ["budget.precision", "'fp16'"]),
    "another optimiser": (
        _budget('epochs = 2\noptimiser = "adagrad"'),
        ["budget.optimiser", "adadelta, adam", "'adagrad'"],
    ),
    "no rate": (_budget("epochs = 2\nlearning_rate = 0"), ["budget.learning_rate", "got 0"]),
    "no methods": (GOOD.replace("[methods.vae]", "[methods]"), ["methods"]),
    "a name that is no file name": (GOOD.replace('"mine"', '"../mine"'), ["name", "'../mine'"]),
    "no data set": (GOOD.replace('"digits"', "[]"), ["dataset"]),
    "no seed": (f"seeds = 0\n{GOOD}", ["seeds", "got 0"]),
    "an empty list of seeds": (f"seeds = []\n{GOOD}", ["seeds"]),
    "a seed below zero": (f"seeds = [-1, 1]\n{GOOD}", ["seeds"]),
    "a plug-in that is not there": (f'plugins = ["none.py"]\n{GOOD}', ["plugins", "none.py"]),
}


@pytest.mark.parametrize(("text", "parts"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_file_is_refused_in_a_line(text: str, parts: list[str], write) -> None:
    with pytest.raises(UsageError) as problem:
        load_suite(write(text))
    _refused(problem, "mine.toml", *parts)


@pytest.mark.parametrize(
    ("stated", "rate"),
    [({}, 1e-3), ({"optimiser": "adadelta"}, 1.0), ({"optimiser": "adadelta", "learning_rate": 0.1}, 0.1)],
)
def test_a_rate_that_is_not_stated_is_the_optimisers(stated: dict[str, Any], rate: float, write) -> None:
    text = "\n".join(["epochs = 2", *(f"{name} = {value!r}" for name, value in stated.items())])
    assert load_suite(write(_budget(text))).budget.learning_rate == rate


def test_another_optimiser_brings_its_own_rate() -> None:
    suites = Budget(epochs=2, batch=16, learning_rate=0.01)
    assert suites.changed(optimiser="adadelta") == Budget(epochs=2, batch=16, optimiser="adadelta", learning_rate=1.0)
    assert suites.changed(optimiser="adadelta").changed(optimiser="adam").learning_rate == 1e-3
    assert suites.changed(optimiser="adam", epochs=5) == Budget(epochs=5, batch=16, learning_rate=0.01)
    assert suites.changed(optimiser=None, precision=None) == suites


def test_a_plugin_is_named_from_the_file_of_the_suite(write, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("")
    assert load_suite(write(f'plugins = ["own.py"]\n{GOOD}')).plugins == [str((tmp_path / "own.py").resolve())]


def test_nearest_says_what_is_known_where_nothing_is_near() -> None:
    assert nearest("zzz", ["vae", "cvae"], "method") == "unknown method 'zzz': known: cvae, vae"


# What the command line says.


@pytest.mark.parametrize(("text", "seeds"), [("3", [0, 1, 2]), ("0,2,5", [0, 2, 5]), (" 4, 1 ", [4, 1]), ("7,", [7])])
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", ",", "0", "-1", "1,-2", "1,1", "1.5", "two", "1;2"])
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(UsageError) as problem:
        parse_seeds(text)
    _refused(problem, "--seeds", repr(text))


# The cell id.


def _id(suite: Suite, dataset: Dataset | None = None, **more: Any) -> str:
    """The id of its row `hot` at seed 0."""
    return next(cell.cell for cell in planned(suite, dataset, **more) if (cell.label, cell.seed) == ("hot", 0))


def _model(suite: Suite) -> str:
    """The id of its training."""
    return next(cell.model for cell in planned(suite) if (cell.label, cell.seed) == ("hot", 0))


def _row(**options: Any) -> dict[str, Any]:
    return {"methods": {"hot": {"method": "lambda-hot", **options}}}


def _evaluation(**options: Any) -> dict[str, Any]:
    return {"evaluation": {"metrics": ["cost"], **options}}


DIFFERENT = {
    "an option": _row(hidden=9),
    "a value": _row(lam=2.5),
    "another method": {"methods": {"hot": {"method": "cvae"}}},
    "epochs": {"budget": {"epochs": 3}},
    "batch": {"budget": {"epochs": 1, "batch": 64}},
    "rate": {"budget": {"epochs": 1, "learning_rate": 0.1}},
    "optimiser": {"budget": {"epochs": 1, "optimiser": "adadelta", "learning_rate": 1e-3}},
    "precision": {"budget": {"epochs": 1, "precision": "bf16"}},
    "held out": {"held_out": 5},
    "evaluation": _evaluation(samples=10),
    "floor": _evaluation(neutral_floor=0.5),
    "another neutral classifier": _evaluation(neutral="resnet-56"),
    "its epochs": _evaluation(neutral_epochs=5),
}


@pytest.mark.parametrize("changes", DIFFERENT.values(), ids=DIFFERENT)
def test_what_can_change_the_result_changes_the_id(changes: dict[str, Any]) -> None:
    assert _id(suite_of(**changes)) != _id(suite_of())


SAME = {
    "more seeds": {"seeds": 5},
    "the seed by name": {"seeds": [3, 0]},
    "title": {"title": "Another"},
    "columns": {"columns": ["elbo"]},
    "reference rows": {"reference_rows": ["vae"]},
    "other metrics, which are scored beside those there": _evaluation(metrics=["reconstruction"]),
    "comparison": {"comparison": {"source": "a paper", "same": False, "why": "another network"}},
    "no other row": _row(),
    "the backbone that it would have": {"backbone": "mlp"},
    "a default said": _row(centres="fixed", latent=20),
    "an integer for a float": {"methods": {"hot": {"method": "lambda-hot", "lam": 5}}},
    "a default of the budget said": {"budget": {"epochs": 1, "batch": 128, "precision": "fp32"}},
    "the optimiser and its rate said": {"budget": {"epochs": 1, "optimiser": "adam", "learning_rate": 0.001}},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_what_cannot_change_the_result_leaves_the_id(changes: dict[str, Any]) -> None:
    assert _id(suite_of(**changes)) == _id(suite_of())


SCORED_ALONE = {name: DIFFERENT[name] for name in ("evaluation", "floor", "another neutral classifier", "its epochs")}


def test_what_can_change_a_training_is_in_its_id_and_what_only_scores_is_not() -> None:
    same = {name: _model(suite_of(**changes)) for name, changes in {**SCORED_ALONE, **SAME}.items()}
    assert set(same.values()) == {_model(suite_of())}, same
    other = [_model(suite_of(**changes)) for name, changes in DIFFERENT.items() if name not in SCORED_ALONE]
    assert len(set(other) - set(same.values())) == len(other)


def test_rows_of_the_same_settings_are_one_training() -> None:
    cells = planned(suite_of(seeds=2, methods={"vae": {}, "vae-too": {"method": "vae", "latent": 20}}))
    assert len({cell.model for cell in cells}) == 2
    assert len({cell.cell for cell in cells}) == 4


def test_a_cell_carries_the_optimiser_and_its_rate() -> None:
    (cell,) = planned(suite_of(methods={"vae": {}}, budget={"epochs": 1, "optimiser": "adadelta"}))
    expected = {"epochs": 1, "batch": 128, "optimiser": "adadelta", "learning_rate": 1.0, "precision": "fp32"}
    assert cell.budget == expected


def test_rows_and_seeds_all_have_ids_of_their_own() -> None:
    cells = planned(suite_of(seeds=4, methods={"vae": {}, "vae-too": {"method": "vae"}}))
    assert len({cell.cell for cell in cells}) == len(cells) == 8


def test_data_device_and_inception_change_the_id() -> None:
    images = tiny().x_test.clone()
    images[0, 0, 0, 0] ^= 1
    ids = [
        _id(suite_of()),
        _id(suite_of(), replace(tiny(), x_test=images)),
        _id(suite_of(), devices=["cuda"]),
        _id(suite_of(), inception={"path": "/a", "hash": "1"}),
    ]
    assert len(set(ids)) == 4
    assert _id(suite_of(), devices=["cuda:1"]) == ids[2], "any device of a kind"
    assert _id(suite_of(), inception={"path": "/b", "hash": "1"}) == ids[3], "the same weights elsewhere"


def test_an_id_is_a_file_name_that_can_be_read() -> None:
    identity = _id(suite_of(), replace(tiny(), name="npz:/a/b c.npz"))
    assert "hot-s0" in identity
    assert set(identity) <= {*ascii_letters, *digits, *"-_"}
