"""Loops that are set side by side do the same work, and a loop that does other work is told apart."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

import methods
from bench.peers import Setting, Timed, by_hand, epochs_in_turn, in_turn, ours, plain
from bench.perf import backbones, ratio, tell
from bench.suite import UsageError
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


def _setting(method: str, side: int, batch: int = 16) -> Setting:
    draw = torch.Generator().manual_seed(0)
    y = torch.randint(0, 2, (256,), generator=draw)
    x = (torch.rand(256, 1, side, side, generator=draw) * 60 + 190 * y[:, None, None, None]).to(torch.uint8)
    data = TrainingData(Images(x, y), Images(x[:0], y[:0]), 2)
    return Setting(method, data, ImageSpec(1, side, side, 2), torch.device("cpu"), batch)


def test_our_loop_a_plain_one_and_one_by_hand_learn_alike() -> None:
    setting = _setting("vae", 6)
    loops = {"plain": plain(setting), "hand": by_hand(setting), "ours": ours(setting, "fp32")}
    base, *others = in_turn(loops, repeats=8)
    for other in others:
        assert other.loss == pytest.approx(base.loss, rel=0.03)


def test_every_loop_counts_the_steps_that_a_ramp_reads() -> None:
    """With a ramp that ends within the run, a loop that does not count would hold C at 0 and end elsewhere."""
    setting = _setting("joint-vae", 6)
    seen, fresh = [], Setting.module
    for loop in (plain, by_hand, lambda given: ours(given, "fp32")):
        made: list[torch.nn.Module] = []

        def kept(self: Setting, made: list[torch.nn.Module] = made) -> torch.nn.Module:
            made.append(fresh(self))
            return made[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Setting, "module", kept)
            in_turn({"loop": loop(setting)}, repeats=1)
        seen.append(made[0].optimiser_steps.item())
    assert seen == [32, 32, 32]


def test_backbones_are_those_that_method_and_images_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert backbones(_setting("vae", 28), None) == ["mlp", "mlp-softplus", "conv32"]
    assert backbones(_setting("vae", 28), "conv32") == ["conv32"]
    assert backbones(_setting("vae", 6), None) == ["mlp", "mlp-softplus"]
    assert "28 to 64 pixels a side, got 6x6" in capsys.readouterr().out
    assert backbones(_setting("pca", 28), None) == [""]
    assert backbones(replace(_setting("lambda-hot", 28), spec=ImageSpec(1, 28, 28, 20)), None) == [
        "mlp",
        "mlp-softplus",
        "conv32",
    ]
    with pytest.raises(UsageError, match="73 classes"):
        backbones(replace(_setting("lambda-hot", 28), spec=ImageSpec(1, 28, 28, 73)), None)
    with pytest.raises(UsageError, match="pca has a network of its own"):
        backbones(_setting("pca", 28), "mlp")
