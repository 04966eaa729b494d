"""Loops that are set side by side do the same work, and a loop that does other work is told apart."""

import math
from collections.abc import Iterator

import pytest
import torch

import methods
from bench.peers import Setting, Timed, epochs_in_turn, in_turn, ours, plain
from bench.perf import ratio, tell
from methods.base import Images, ImageSpec, TrainingData

methods.load()


def steady(seconds: float, slices: int, loss: float) -> Iterator[tuple[float, float | None]]:
    while True:
        for number in range(slices):
            yield seconds / slices, loss if number == slices - 1 else None


def test_a_round_gives_every_loop_one_epoch_however_it_is_sliced() -> None:
    loops = {"a": steady(4.0, 4, 1.0), "b": steady(2.0, 1, 1.0)}
    for _ in range(3):
        assert epochs_in_turn(loops) == {"a": (4.0, 1.0), "b": (2.0, 1.0)}
    first, second = in_turn(loops, repeats=3)
    assert len(first.seconds) == 3
    assert ratio(first, second) == 2.0


@pytest.mark.parametrize(("loss", "status"), [(100.5, 0), (103.0, 1), (math.nan, 1)])
def test_losses_that_do_not_agree_are_told(loss: float, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert tell([Timed("plain", [2.0], 100.0), Timed("ours, fp32", [1.0], loss)]) == status
    assert ("DIFFERS" in capsys.readouterr().out) == bool(status)


def test_our_loop_and_a_plain_one_learn_alike() -> None:
    draw = torch.Generator().manual_seed(0)
    y = torch.randint(0, 2, (256,), generator=draw)
    x = (torch.rand(256, 1, 6, 6, generator=draw) * 60 + 190 * y[:, None, None, None]).to(torch.uint8)
    nothing = Images(x[:0], y[:0])
    setting = Setting("vae", TrainingData(Images(x, y), nothing, 2), ImageSpec(1, 6, 6, 2), torch.device("cpu"), 16)
    loops = in_turn({"plain": plain(setting), "ours": ours(setting, "fp32")}, repeats=8)
    assert loops[1].loss == pytest.approx(loops[0].loss, rel=0.03)
