"""Options: what does not fit is refused by name before anything runs."""

from typing import Any, Literal

import pytest

import methods
from bench.config.options import build, declared, find, resolve
from bench.runtime.errors import UsageError
from methods.base import AbstractMethod, Count, Entry, ImageSpec, NonNegative, Positive, registry

methods.load()


class Made(AbstractMethod):
    """A method with an option of every kind."""

    def __init__(
        self,
        spec: ImageSpec,
        *,
        count: Count = 3,
        rate: NonNegative = 0.0,
        scale: Positive = 1.0,
        plain: int = -1,
        warm: bool = False,
        form: Literal["fixed", "movable"] = "fixed",
        name: str = "x",
        rates: list[float] | None = None,
    ) -> None:
        super().__init__()
        if plain > spec.classes:
            raise ValueError(f"plain={plain} is more than the {spec.classes} classes")


MADE = Entry("made", Made, "no paper")
DEFAULTS = {
    "count": 3, "rate": 0.0, "scale": 1.0, "plain": -1, "warm": False, "form": "fixed", "name": "x", "rates": None
}  # fmt: skip


def test_the_keyword_only_arguments_are_the_options_and_their_defaults_are_filled_in() -> None:
    assert list(declared(Made)) == list(DEFAULTS)
    assert resolve("row", MADE, {}) == DEFAULTS
    assert resolve("row", MADE, {"rate": 2.5, "form": "movable"}) == {**DEFAULTS, "rate": 2.5, "form": "movable"}


def test_an_integer_stands_for_a_float_and_is_the_same_option() -> None:
    found = resolve("row", MADE, {"rate": 3, "rates": [1, 2]})
    assert repr(found) == repr(resolve("row", MADE, {"rate": 3.0, "rates": [1.0, 2.0]}))


WRONG = {
    "text for a count": ("count", "5"),
    "a part of a count": ("count", 2.5),
    "a float for a count": ("count", 2.0),
    "true for a count": ("count", True),
    "no count": ("count", 0),
    "text for a number": ("rate", "0.5"),
    "below zero": ("rate", -0.1),
    "not a number": ("rate", float("nan")),
    "zero where more is asked": ("scale", 0.0),
    "infinite": ("scale", float("inf")),
    "a number for a switch": ("warm", 1),
    "none of the choices": ("form", "mobile"),
    "nothing": ("count", None),
    "text in a list of numbers": ("rates", [1.0, "2"]),
}


@pytest.mark.parametrize(("option", "value"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_refused_in_a_line_with_row_option_and_value(option: str, value: Any) -> None:
    with pytest.raises(UsageError) as problem:
        resolve("my-row", MADE, {option: value})
    message = str(problem.value)
    assert message.startswith(f"my-row.{option}")
    assert "\n" not in message
    shown = value[1] if isinstance(value, list) else value
    assert repr(shown) in message


@pytest.mark.parametrize(("given", "meant"), [("coutn", "count"), ("Rate", "rate"), ("scales", "scale")])
def test_an_unknown_option_is_refused_with_the_nearest(given: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"^row\.{given}: .*did you mean '{meant}'.*known: count"):
        resolve("row", MADE, {given: 1})


def test_an_unknown_method_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'lamda-hot': did you mean 'lambda-hot'"):
        find("lamda-hot")
    assert find("vae") is registry["vae"]


def test_what_the_constructor_refuses_names_the_row() -> None:
    with pytest.raises(UsageError, match=r"^my-row: plain=7 is more than the 4 classes"):
        build("my-row", MADE, ImageSpec(1, 8, 8, 4), {**DEFAULTS, "plain": 7})


def test_options_that_a_constructor_hands_on_are_its_own_too() -> None:
    class Base(AbstractMethod):
        def __init__(self, spec: ImageSpec, *, size: Count = 2, rate: Positive = 1.0) -> None:
            super().__init__()
            self.size, self.rate = size, rate

    class Handing(Base):
        def __init__(self, spec: ImageSpec, *, rate: Positive = 0.5, **base: Any) -> None:
            super().__init__(spec, rate=rate, **base)

    entry = Entry("handing", Handing, "a test")
    assert resolve("row", entry, {"size": 3}) == {"size": 3, "rate": 0.5}
    assert build("row", entry, ImageSpec(1, 8, 8, 4), {"size": 3, "rate": 0.5}).size == 3
    with pytest.raises(UsageError, match=r"^row\.size"):
        resolve("row", entry, {"size": 0})
