"""Rows as they are run: `--set` values in them, sweeps written out, those picked that `--methods` names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from helpers_e2e import here, records, write_suite
from helpers_plan import planned, suite_of

import methods
from bench.config.options import find, sweepable
from bench.config.overrides import SuiteOverrides
from bench.config.rows import parse_settings, settings_of, settle_rows
from bench.runner.plan import RunSettings
from bench.runtime.errors import UsageError
from bench.tuning.target import Target, TuneSettings, settle
from methods.base import AbstractMethod, Count, Entry, ImageSpec, Positive, registry

pytestmark = pytest.mark.usefixtures("own_places")

methods.load()

ROWS: dict[str, dict[str, Any]] = {"vae": {"latent": 3}, "hot": {"method": "lambda-hot", "lam": 2.0}}
SWEPT: dict[str, dict[str, Any]] = {"vae": {"latent": [2, 5, 10]}, "hot": {"method": "lambda-hot", "lam": 2.0}}


def _rows(rows: dict[str, dict[str, Any]] = SWEPT, labels: str | None = None, *settings: str) -> dict[str, Any]:
    return settle_rows(suite_of(rows), labels, settings).methods


def _refused(rows: dict[str, dict[str, Any]], labels: str | None, settings: Sequence[str], *parts: str) -> None:
    with pytest.raises(UsageError) as problem:
        _rows(rows, labels, *settings)
    message = str(problem.value)
    assert "\n" not in message
    assert not [part for part in parts if part not in message], message


# Without a sweep.


def test_settings_are_read_as_toml_and_else_as_text() -> None:
    given = ["hot.lam=3", "hot.centres=movable", "a.b-2.x=0.5", "vae.on=true", "vae.name='a=b'", "vae.list=[1, 2]"]
    assert parse_settings(given) == {
        "hot": {"lam": 3, "centres": "movable"},
        "a.b-2": {"x": 0.5},
        "vae": {"on": True, "name": "a=b", "list": [1, 2]},
    }


@pytest.mark.parametrize("text", ["lam=3", "hot.lam", "=3", ".lam=3", "hot.=3", ""])
def test_settings_that_are_none(text: str) -> None:
    _refused(ROWS, None, [text], "--set", repr(text), "LABEL.option=value")


def test_settings_of_one_row_may_leave_its_label_out() -> None:
    assert settings_of("vae-0.5", ["latent=8", "vae-0.5.hidden=9"]) == {"latent": 8, "hidden": 9}
    assert settings_of("vae", []) == {}
    with pytest.raises(UsageError, match="'cvae' is another row than 'vae'"):
        settings_of("vae", ["latent=8", "cvae.latent=9"])


def test_settings_go_over_the_suites_and_leave_it_as_it_was() -> None:
    suite = suite_of(ROWS)
    changed = settle_rows(suite, None, ["hot.lam=7", "vae.hidden=9"])
    assert changed.methods == {"vae": {"latent": 3, "hidden": 9}, "hot": {"method": "lambda-hot", "lam": 7}}
    assert suite.methods == ROWS


def test_rows_are_picked_in_the_order_asked_for() -> None:
    assert list(_rows(ROWS, "hot, vae")) == ["hot", "vae"]
    assert settle_rows(suite_of(ROWS)) == suite_of(ROWS)


@pytest.mark.parametrize("rows", [ROWS, SWEPT])
def test_a_row_that_the_suite_has_not_is_refused_with_the_nearest(rows: dict[str, dict[str, Any]]) -> None:
    _refused(rows, "vaes", [], "--methods", "'vaes'", "did you mean 'vae'", "'mine'")
    _refused(rows, None, ["vaes.latent=2"], "--set", "'vaes'", "did you mean 'vae'", "'mine'")
    _refused(rows, " , ", [], "at least one")
    _refused(rows, "hot", ["vae.hidden=2"], "--set vae.hidden", "--methods")


# What a sweep stands for.


def test_a_list_gives_a_row_for_each_value_in_its_place() -> None:
    assert _rows() == {
        "vae-2": {"method": "vae", "latent": 2},
        "vae-5": {"method": "vae", "latent": 5},
        "vae-10": {"method": "vae", "latent": 10},
        "hot": {"method": "lambda-hot", "lam": 2.0},
    }
    assert settle_rows(settle_rows(suite_of(SWEPT))) == settle_rows(suite_of(SWEPT)), "nothing is left to sweep"


def test_several_lists_give_their_product_in_the_order_of_the_options() -> None:
    found = _rows({"b": {"method": "beta-vae", "beta": [0.5, 4.0], "hidden": 9, "latent": [2, 5]}})
    assert list(found) == ["b-0.5-2", "b-0.5-5", "b-4-2", "b-4-5"]
    assert found["b-4-2"] == {"method": "beta-vae", "beta": 4.0, "hidden": 9, "latent": 2}


def test_one_value_and_words_can_be_swept() -> None:
    assert list(_rows({"vae": {"latent": [5]}})) == ["vae-5"]
    words = {"hot": {"method": "lambda-hot", "centres": ["fixed", "movable"]}}
    assert list(_rows(words)) == ["hot-fixed", "hot-movable"]


class Made(AbstractMethod):
    """A method whose options take lists, or do not."""

    def __init__(
        self,
        spec: ImageSpec,
        *,
        count: Count = 3,
        scale: Annotated[Positive, "said of it"] | None = None,
        warm: bool = False,
        form: Literal["fixed", "movable"] = "fixed",
        old: Optional[int] = None,  # noqa: UP045
        table: dict[str, list[int]] | None = None,
        theta: float | list[float] | None = None,
        pair: tuple[int, int] = (1, 2),
        names: Annotated[Sequence[str], "said of it"] = (),
        whatever: Any = None,
    ) -> None:
        super().__init__()


def test_only_options_whose_type_takes_no_list_can_be_swept() -> None:
    assert sweepable(Made) == {"count", "scale", "warm", "form", "old", "table"}
    assert {"latent", "generator"} < sweepable(find("latent-generator").cls)
    assert "theta" not in sweepable(find("latent-generator").cls)


@pytest.mark.parametrize("theta", [[0.1, 0.2], [[0.1, 0.2]], [], [0.1, "x"]])
def test_a_list_that_is_the_options_own_value_is_no_sweep(theta: list[Any]) -> None:
    rows = {"generator": {"method": "latent-generator", "theta": theta, "latent": [2, 3]}}
    assert {label: row["theta"] for label, row in _rows(rows).items()} == {"generator-2": theta, "generator-3": theta}


def test_values_are_told_apart_as_toml_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry, "made", Entry("made", Made, "no paper"))
    rows = {"made": {"warm": [True, False], "scale": [1e-5, 3.0]}}
    assert list(_rows(rows)) == ["made-true-1e-05", "made-true-3", "made-false-1e-05", "made-false-3"]


def test_reference_rows_may_name_a_sweep_or_one_of_its_rows() -> None:
    assert settle_rows(suite_of(SWEPT, reference_rows=["hot", "vae"])).reference_rows == [
        "hot",
        "vae-2",
        "vae-5",
        "vae-10",
    ]
    assert settle_rows(suite_of(SWEPT, reference_rows=["vae-5"])).reference_rows == ["vae-5"]


# What the command line says of it.


def test_a_sweep_is_picked_as_a_whole_or_by_the_row() -> None:
    assert list(_rows(SWEPT, "vae")) == ["vae-2", "vae-5", "vae-10"]
    assert list(_rows(SWEPT, "vae-5, hot")) == ["vae-5", "hot"]
    assert list(_rows(SWEPT, "vae-10,vae")) == ["vae-10", "vae-2", "vae-5"]
    _refused(SWEPT, "vae-50", [], "'vae-50'", "did you mean 'vae-5'")


def test_a_setting_can_start_change_or_end_a_sweep() -> None:
    assert list(_rows(ROWS, None, "vae.latent=[4, 6]")) == ["vae-4", "vae-6", "hot"]
    assert list(_rows(SWEPT, None, "vae.latent=[4]")) == ["vae-4", "hot"]
    assert _rows(SWEPT, None, "vae.latent=7")["vae"] == {"latent": 7}
    assert list(_rows(SWEPT, "vae", "vae.hidden=[8, 9]"))[:3] == ["vae-2-8", "vae-2-9", "vae-5-8"]


def test_a_setting_of_a_sweep_is_of_all_its_rows_and_one_of_a_row_of_that_row_alone() -> None:
    found = _rows(SWEPT, None, "vae-5.hidden=9", "vae.hidden=7")
    assert [found[f"vae-{latent}"]["hidden"] for latent in (2, 5, 10)] == [7, 9, 7]
    assert _rows(SWEPT, "vae-5", "vae.hidden=7") == {"vae-5": {"method": "vae", "latent": 5, "hidden": 7}}
    _refused(SWEPT, "vae-5", ["vae-2.hidden=7"], "--set vae-2.hidden", "--methods leaves this row out")
    _refused(SWEPT, None, ["vae.latent=7", "vae-5.hidden=9"], "'vae-5'", "known: hot, vae")


def test_a_row_of_a_sweep_can_sweep_on() -> None:
    settings = ["vae-5-9.latent=6", "vae-5.hidden=[8, 9]", "vae.hidden=7"]
    assert list(_rows(SWEPT, None, *settings)) == ["vae-2", "vae-5-8", "vae-5-9", "vae-10", "hot"]
    assert [(row["latent"], row["hidden"]) for row in _rows(SWEPT, "vae-5", *settings).values()] == [(5, 8), (6, 9)]
    assert list(_rows(SWEPT, "vae-5-9,vae", *settings)) == ["vae-5-9", "vae-2", "vae-5-8", "vae-10"]


# What is refused.


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ({"vae": {"latent": []}}, ["vae.latent", "empty list"]),
        ({"vae": {"latent": [2, 5, 2]}}, ["vae.latent", "2 stands twice"]),
        ({"b": {"method": "beta-vae", "beta": [2, 2.0]}}, ["b.beta", "2.0 stands twice"]),
        ({"vae": {"latent": [2, 5]}, "vae-5": {"method": "vae"}}, ["vae: its sweep", "row 'vae-5'", "rename"]),
        ({"vae-5": {"method": "vae"}, "vae": {"latent": [2, 5]}}, ["vae: its sweep", "row 'vae-5'", "rename"]),
        (
            {"a": {"method": "vae", "latent": [1], "hidden": [1]}, "a-1": {"method": "vae", "hidden": [1]}},
            ["a-1: its sweep", "row 'a-1-1'"],
        ),
    ],
)
def test_a_sweep_that_is_none_is_refused_in_a_line(rows: dict[str, dict[str, Any]], parts: list[str]) -> None:
    _refused(rows, None, [], *parts)


def test_two_products_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Words(AbstractMethod):
        def __init__(self, spec: ImageSpec, *, a: str = "", b: str = "") -> None:
            super().__init__()

    monkeypatch.setitem(registry, "words", Entry("words", Words, "no paper"))
    _refused({"words": {"a": ["x", "x-y"], "b": ["y-z", "z"]}}, None, [], "words: its sweep", "two rows 'words-x-y-z'")


# From end to end.


SMALL: dict[str, dict[str, Any]] = {"vae": {"hidden": 16, "latent": [2, 3]}}


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ({"vae": {"laten": [2, 3]}}, ["vae.laten", "did you mean 'latent'"]),
        ({"vae": {"latent": [2, 3], "hiden": 9}}, ["vae-2.hiden", "did you mean 'hidden'"]),
        ({"vae": {"latent": [2, 0]}}, ["vae-0.latent", "greater than or equal to 1"]),
        ({"vea": {"latent": [2, 3]}}, ["method 'vea'", "did you mean 'vae'"]),
        ({"vae": {"backbone": ["mlp", "conv32"]}}, ["vae-mlp.backbone", "--backbone"]),
    ],
)
def test_what_does_not_fit_in_a_sweep_is_refused_as_elsewhere(
    rows: dict[str, dict[str, Any]], parts: list[str]
) -> None:
    with pytest.raises(UsageError) as problem:
        planned(settle_rows(suite_of(rows)))
    assert not [part for part in parts if part not in str(problem.value)], problem.value


def test_a_sweep_under_another_optimiser_leaves_a_record_for_each_row(tmp_path: Path) -> None:
    """A plug-in's method can sweep as well."""
    text = "from methods.base import method\nfrom methods.vae import VAE\n@method('own', source='a test')\nclass Own(VAE): ...\n"
    (tmp_path / "own.py").write_text(text)
    rows = {**SMALL, "own": {"latent": 4, "hidden": [4, 5]}}
    suite = write_suite(tmp_path, rows, reference_rows=["vae"], plugins=["own.py"])
    words = ["--suite", suite, "--optimiser", "adadelta", "--set", "vae-3.hidden=8"]
    done = here("run", *words, results=tmp_path / "results")
    assert done.code == 0, done.out + done.err
    found = records(tmp_path / "results")
    assert {key: (one["method"], one["options"]["latent"], one["options"]["hidden"]) for key, one in found.items()} == {
        ("vae-2", 0): ("vae", 2, 16),
        ("vae-3", 0): ("vae", 3, 8),
        ("own-4", 0): ("own", 4, 4),
        ("own-5", 0): ("own", 4, 5),
    }
    for record in found.values():
        assert (record["budget"]["optimiser"], record["budget"]["learning_rate"]) == ("adadelta", 1.0)
    assert {line.split()[0] for line in done.out.splitlines() if line.endswith(" ok")} == {label for label, _ in found}


def test_a_row_of_a_sweep_can_be_tuned_and_the_sweep_cannot(tmp_path: Path) -> None:
    def target(label: str) -> Target:
        overrides = SuiteOverrides(str(write_suite(tmp_path, SMALL)))
        return settle(overrides, RunSettings(), TuneSettings(label, trials=1, metric="reconstruction_bce"))

    with pytest.raises(UsageError, match=r"--method vae: .*vae-2, vae-3"):
        target("vae")
    assert target("vae-3").row_at({"latent": 5}) == {"method": "vae", "hidden": 16, "latent": 5}
