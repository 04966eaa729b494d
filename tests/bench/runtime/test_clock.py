"""Sections of time that never overlap, read from a clock that the test moves."""

from types import SimpleNamespace

import pytest
import torch

from bench.runtime import clock as module
from bench.runtime.clock import Clock


class Hands:
    now = 100.0

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    moved = Hands()
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: moved.now))
    return moved


@pytest.fixture
def clock(hands: Hands) -> Clock:
    return Clock(torch.device("cpu"))


def test_an_inner_section_pauses_the_outer_one(clock: Clock, hands: Hands) -> None:
    with clock.measure("train"):
        hands.pass_(1)
        with clock.measure("evaluate"):
            hands.pass_(20)
            with clock.measure("log"):
                hands.pass_(300)
            hands.pass_(20)
        hands.pass_(1)
    assert clock.seconds == {"train": 2, "evaluate": 40, "log": 300}


def test_a_section_entered_again_goes_on_even_within_itself(clock: Clock, hands: Hands) -> None:
    for _ in range(3):
        with clock.measure("train"):
            hands.pass_(1)
            with clock.measure("train"):
                hands.pass_(10)
    assert clock.seconds == {"train": 33}


def test_sections_and_what_lies_between_add_up_to_the_total(clock: Clock, hands: Hands) -> None:
    hands.pass_(5)
    with clock.measure("setup"):
        hands.pass_(2)
    hands.pass_(5)
    with clock.measure("train"), clock.measure("log"):
        hands.pass_(4)
    assert clock.total() == 16
    assert sum(clock.seconds.values()) == 16 - 10


def test_a_section_that_fails_is_booked_and_left(clock: Clock, hands: Hands) -> None:
    def fail() -> None:
        with clock.measure("evaluate"):
            hands.pass_(3)
            raise KeyError

    with clock.measure("train"):
        with pytest.raises(KeyError):
            fail()
        hands.pass_(1)
    assert clock.seconds == {"train": 1, "evaluate": 3}


def test_the_total_counts_from_where_it_is_told(hands: Hands) -> None:
    assert Clock(torch.device("cpu"), started=90.0).total() == 10


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_section_on_a_gpu_waits_for_the_device() -> None:
    device = torch.device("cuda")
    clock, x = Clock(device), torch.rand(4000, 4000, device=device)
    with clock.measure("warm-up"):
        x @ x
    with clock.measure("once"):
        x @ x
    with clock.measure("often"):
        for _ in range(200):
            x @ x
    assert clock.seconds["often"] > 20 * clock.seconds["once"] > 0
