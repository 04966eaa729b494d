"""Loops that are set side by side do the same work, and a loop that does other work is told apart."""

import math
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import pytest
import torch
from helpers_e2e import here

import methods
from bench.perf.compare import backbones, vae_loop
from bench.perf.peers import Setting, Timed, by_hand, epochs_in_turn, in_turn, ours, plain
from bench.perf.table import OF_VAE, OURS, ratio, tell
from bench.runtime.errors import UsageError
from methods.base import AbstractMethod, Entry, Images, ImageSpec, Phase, TrainingData, registry

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
    base, *others = in_turn(loops, repeats=4)
    for other in others:
        assert other.loss == pytest.approx(base.loss, rel=0.03)


def test_every_loop_counts_the_steps_that_a_ramp_reads() -> None:
    """With a ramp that ends within the run, a loop that does not count would hold C at 0 and end elsewhere."""
    setting, seen = _setting("joint-vae", 6), []
    for loop in (plain, by_hand, lambda given: ours(given, "fp32")):
        module = setting.module()
        with mock.patch.object(Setting, "module", return_value=module):
            in_turn({"loop": loop(setting)}, repeats=1)
        seen.append(module.optimiser_steps.item())
    assert seen == [32, 32, 32]


def test_backbones_are_those_that_method_and_images_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert backbones(_setting("vae", 28), None) == ["mlp", "mlp-256", "mlp-softplus", "conv32"]
    assert backbones(_setting("vae", 28), "conv32") == ["conv32"]
    assert backbones(_setting("vae", 6), None) == ["mlp", "mlp-256", "mlp-softplus"]
    assert "28 to 64 pixels a side, got 6x6" in capsys.readouterr().out
    assert backbones(_setting("pca", 28), None) == [""]
    assert len(backbones(replace(_setting("lambda-hot", 28), spec=ImageSpec(1, 28, 28, 20)), None)) == 4
    with pytest.raises(UsageError, match="73 classes"):
        backbones(replace(_setting("lambda-hot", 28), spec=ImageSpec(1, 28, 28, 73)), None)
    with pytest.raises(UsageError, match="pca has a network of its own"):
        backbones(_setting("pca", 28), "mlp")


class Staged(AbstractMethod):
    """A method of as many phases as it is told, over again or of another part of it; what comes between leaves other weights."""

    def __init__(self, spec: ImageSpec, *, stages: int = 2, other: bool = False) -> None:
        super().__init__()
        self.stages, self.parts = stages, torch.nn.ModuleList([torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)])
        self.other = other

    def terms(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": sum(part.weight.sum() ** 2 for part in self.parts).expand(len(x))}

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        for number in range(self.stages):
            yield Phase(f"{number}", self.parts[number] if self.other else self, self.terms)
            torch.nn.init.constant_(self.parts[0].weight, 7.0)


def test_methods_of_one_phase_are_compared_with_restarts_or_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry, "staged", Entry("staged", Staged, "a test"))
    setting = replace(_setting("staged", 6), backbone="")
    for stages in (1, 2):
        made = replace(setting, options={"stages": stages})
        made.check()
        module, _ = made.fresh()
        assert module.parts[0].weight.item() != 7.0, "only as far as its first phase"
    with pytest.raises(UsageError, match="staged has several training phases"):
        replace(setting, options={"other": True}).check()
    with pytest.raises(UsageError, match="staged has no training phase"):
        replace(setting, options={"stages": 0}).check()


# Beside the VAE.


def test_a_method_is_a_multiple_of_the_vae_whose_loss_agrees_with_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    timed = [Timed("plain", [9.0, 9.0], 100.0), Timed(OURS, [3.0, 8.0], 100.0), Timed(OF_VAE, [2.0, 4.0], 300.0)]
    assert tell(timed) == 0
    *_, vae, step = capsys.readouterr().out.splitlines()
    assert vae.endswith("300.00 another model")
    assert step == "step: 1.75 (1.50-2.00) times the vae's (fp32)"
    assert tell(timed[:2]) == 0
    assert "step:" not in capsys.readouterr().out


def test_the_vae_beside_a_method_has_its_size_and_its_network() -> None:
    setting = replace(_setting("joint-vae", 28), options={"hidden": 9, "gamma": 2.0}, backbone="mlp-softplus")
    logistic = replace(setting, likelihood="discretised-logistic")
    assert logistic.of_vae().resolved()["likelihood"] == "discretised-logistic"
    vae, latent = setting.of_vae(), setting.resolved()["latent"]
    assert vae.resolved() == {"latent": latent, "backbone": "mlp-softplus", "hidden": 9, "likelihood": "bernoulli"}
    assert replace(setting, options={"latent": 3}).of_vae().resolved()["latent"] == 3
    assert vae_loop(_setting("vae", 28)) is None


def test_a_method_of_another_kind_of_size_is_timed_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Sized(AbstractMethod):
        def __init__(self, spec: ImageSpec, *, hidden: list[int] | None = None) -> None:
            super().__init__()

    monkeypatch.setitem(registry, "sized", Entry("sized", Sized, "a test"))
    assert vae_loop(replace(_setting("sized", 6), options={"hidden": [3, 4]}, backbone="")) is None
    assert "left out: vae.hidden" in capsys.readouterr().out
    assert vae_loop(replace(_setting("sized", 6), backbone="")) is not None


def test_perf_takes_options_of_the_method_and_ends_with_its_step_beside_the_vaes() -> None:
    words = ("--method", "beta-vae", "--dataset", "digits", "--backbone", "mlp", "--repeats", 1, "--threads", 1)
    found = here("perf", *words, "--device", "cpu", "--set", "hidden=16", "--set", "beta-vae.latent=3")
    first, *_, last = found.out.splitlines()
    assert first.startswith("beta-vae (mlp), hidden=16, latent=3 on digits")
    assert OF_VAE in found.out
    assert last.startswith("step: ")
    assert "times the vae's" in last


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["beta-vae", "--set", "latnt=3"], "did you mean 'latent'"),
        (["beta-vae", "--set", "backbone=mlp"], "--backbone"),
        (["pca", "--likelihood", "discretised-logistic"], "pca has no option `likelihood`: leave --likelihood out"),
    ],
)
def test_an_option_that_does_not_fit_is_one_line(words: list[str], part: str) -> None:
    assert part in here("perf", "--dataset", "digits", "--method", *words).refusal()


def test_what_an_untrained_first_phase_can_not_give_is_not_asked_for() -> None:
    """ReGene's classifier is right on no image yet, and has no confidence to go on with."""
    setting = _setting("regene", 8)
    setting = replace(setting, backbone="", data=replace(setting.data, held_out=setting.data.train))
    with pytest.raises(UsageError, match="regene has several training phases"):
        setting.check()
