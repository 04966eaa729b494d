"""Phases that rows of a seed share: trained once whatever holds the module, told apart by all that the result hangs on."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.config.budget import Budget
from bench.runtime.clock import Clock
from bench.scoring.evidence import Cost
from bench.training.loop import state_digest
from bench.training.store import SharedPhases
from bench.training.trainer import Training, TrainingResult, initialised
from methods.base import AbstractMethod, Images, ImageSpec, Phase, Phases, TrainingData, part
from methods.latent_generator import LatentGenerator
from metrics.base import Unavailable

CPU = torch.device("cpu")
BUDGET = Budget(epochs=2, batch=16)
SMALL: dict[str, Any] = {"latent": 3, "hidden": 8}
Make = Callable[[], AbstractMethod]


def run(
    data: TrainingData, test: Images, make: Make, phases: SharedPhases | None, seed: int = 0, budget: Budget = BUDGET
) -> tuple[AbstractMethod, TrainingResult]:
    method, trained = initialised(make, seed, CPU), TrainingResult()
    Training(method, data, test, budget, seed, Clock(CPU), shared_phases=phases).run_seeded(trained)
    return method, trained


def phases_in(folder: Path, seed: int = 0, **setting: Any) -> SharedPhases:
    return SharedPhases(folder, {"dataset": "made", "seed": seed, **setting}, 1)


def entries(folder: Path) -> list[Path]:
    return [path for path in sorted((folder / "models").glob("*")) if path.is_dir()]


class OnTop(AbstractMethod):
    """A critic over a VAE, each with its noise; `first` says which is built first."""

    def __init__(self, spec: ImageSpec, first: str, scale: float = 1.0, before: int = 0, name: str = "vae") -> None:
        super().__init__()
        self.scale, self.name, self.before = scale, name, nn.Linear(before + 1, 3)
        self.calls = 0
        for which in sorted(("critic", "vae"), key=first.__ne__):
            setattr(self, which, nn.Linear(3, 1) if which == "critic" else part(name, spec, **SMALL))

    def phases(self, data: TrainingData) -> Phases:
        yield from self.vae.phases(data)
        yield Phase("critic", self.critic, self.critic_terms, shared={"scale": self.scale})
        yield Phase("own", self.before, self.own_terms)

    def critic_terms(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        self.calls += self.training
        code = self.vae.encode(x, y).detach()
        return {"a": self.scale * (self.critic(code + torch.randn_like(code)).squeeze(1) - x.mean((1, 2, 3))) ** 2}

    def own_terms(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        return {"b": self.before(torch.randn(len(x), self.before.in_features)).square().sum(1)}


class Elsewhere(OnTop):
    """The same, as if it stood in another file."""


def vae(spec: ImageSpec, **options: Any) -> Make:
    return lambda: part("vae", spec, **{**SMALL, **options})


@pytest.mark.parametrize("first", ["critic", "vae"])
def test_a_vae_is_trained_once_whatever_holds_it_and_in_whatever_order(
    tmp_path: Path, data: TrainingData, test_images: Images, spec: ImageSpec, first: str
) -> None:
    alone, expected = run(data, test_images, vae(spec), phases_in(tmp_path))
    held, borrowed = run(data, test_images, lambda: OnTop(spec, first, before=5), phases_in(tmp_path))
    made = entries(tmp_path)
    assert len(made) == 2, "the VAE's and the critic's"
    assert state_digest(held.vae.state_dict()) == state_digest(alone.state_dict())
    ours = [row for row in borrowed.curves.rows if row[1] == "train"]
    assert ours == expected.curves.rows
    assert expected.borrowed_seconds == 0 < expected.shared_seconds == borrowed.borrowed_seconds
    assert held.optimiser_steps > alone.optimiser_steps > 0

    apart, whole = run(data, test_images, lambda: OnTop(spec, first, before=5), None)
    assert state_digest(apart.state_dict()) == state_digest(held.state_dict()), "what comes after it as well"
    assert whole.curves == borrowed.curves


def test_a_generator_over_the_vae_takes_the_rows(
    tmp_path: Path, data: TrainingData, test_images: Images, spec: ImageSpec
) -> None:
    def generator() -> AbstractMethod:
        return LatentGenerator(spec, theta=0.5, images=10, classifier_epochs=1, **SMALL)

    first, _ = run(data, test_images, generator, phases_in(tmp_path))
    row, trained = run(data, test_images, vae(spec), phases_in(tmp_path))
    assert trained.borrowed_seconds == trained.shared_seconds > 0
    assert state_digest(row.state_dict()) == state_digest(first.vae.state_dict())
    again, both = run(data, test_images, generator, phases_in(tmp_path))
    assert both.borrowed_seconds == both.shared_seconds > trained.shared_seconds, "its classifier as well"
    assert state_digest(again.state_dict()) == state_digest(first.state_dict())


def test_terms_of_another_class_are_other_terms_but_the_vae_is_the_same(
    tmp_path: Path, data: TrainingData, test_images: Images, spec: ImageSpec
) -> None:
    first, _ = run(data, test_images, lambda: OnTop(spec, "vae"), phases_in(tmp_path))
    before = len(entries(tmp_path))
    second, trained = run(data, test_images, lambda: Elsewhere(spec, "critic", scale=2.0), phases_in(tmp_path))
    assert len(entries(tmp_path)) == before + 1
    assert trained.borrowed_seconds > 0
    assert torch.equal(first.vae.encoder.body.network[0].weight, second.vae.encoder.body.network[0].weight)


def test_what_a_phase_hangs_on_tells_it_apart(
    tmp_path: Path, data: TrainingData, test_images: Images, spec: ImageSpec
) -> None:
    class Other(AbstractMethod):
        """A method whose options leave no trace in its tensors."""

        def __init__(self, scale: float = 1.0) -> None:
            super().__init__()
            self.layer, self.scale = nn.Linear(3, 1), scale

        def phases(self, data: TrainingData) -> Phases:
            yield Phase("train", self, self.terms, shared={})

        def terms(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
            return {"a": self.scale * self.layer(torch.randn(len(x), 3)).squeeze(1) ** 2}

    def weighed() -> AbstractMethod:
        method = Other()
        method.weights = {"a": 2.0}
        return method

    cases: list[tuple[Make, SharedPhases, int, Budget]] = [
        (vae(spec), phases_in(tmp_path), 0, BUDGET),
        (vae(spec, likelihood="discretised-logistic"), phases_in(tmp_path), 0, BUDGET),
        (vae(spec, backbone="mlp-softplus"), phases_in(tmp_path), 0, BUDGET),
        (lambda: part("mmd-vae", spec, **SMALL), phases_in(tmp_path), 0, BUDGET),
        (lambda: part("mmd-vae", spec, bandwidth=2.0, **SMALL), phases_in(tmp_path), 0, BUDGET),
        (lambda: part("mmd-vae", spec, mmd_weight=2.0, **SMALL), phases_in(tmp_path), 0, BUDGET),
        (vae(spec), phases_in(tmp_path, code="other"), 0, BUDGET),
        (vae(spec), phases_in(tmp_path, seed=1), 1, BUDGET),
        (vae(spec), phases_in(tmp_path), 0, Budget(epochs=1, batch=16)),
        (Other, phases_in(tmp_path), 0, BUDGET),
        (lambda: Other(scale=2.0), phases_in(tmp_path), 0, BUDGET),
        (weighed, phases_in(tmp_path), 0, BUDGET),
    ]
    for at, (make, phases, seed, budget) in enumerate(cases):
        assert run(data, test_images, make, phases, seed, budget)[1].borrowed_seconds == 0, at
    assert len(entries(tmp_path)) == len(cases)
    for at, (make, phases, seed, budget) in enumerate(cases):
        assert run(data, test_images, make, phases, seed, budget)[1].borrowed_seconds > 0, at


class Alone(nn.Module):
    """A module with terms of its own, which know no method."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def terms(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        return {"a": self.layer(torch.randn(len(x), 3)).squeeze(1) ** 2}


def free_terms(module: Alone, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    return module.terms(x, y)


@pytest.mark.parametrize("how", ["bound", "partial", "reads nothing", "reads all"])
def test_the_rest_of_a_method_counts_where_it_may_be_read(
    tmp_path: Path, data: TrainingData, test_images: Images, how: str
) -> None:
    class Around(AbstractMethod):
        def __init__(self, rest: int) -> None:
            super().__init__()
            self.rest, self.inner = nn.Linear(rest, 1), Alone()

        def phases(self, data: TrainingData) -> Phases:
            terms = {"bound": self.inner.terms, "partial": partial(free_terms, self.inner)}.get(how, self.own_terms)
            yield Phase("x", self.inner, terms, shared={}, reads=() if how == "reads nothing" else None)

        def own_terms(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
            return self.inner.terms(x, y)

    run(data, test_images, lambda: Around(1), phases_in(tmp_path))
    second = run(data, test_images, lambda: Around(2), phases_in(tmp_path))[1]
    assert (second.borrowed_seconds > 0) == (how != "reads all")


def test_a_critic_of_another_vae_is_another(
    tmp_path: Path, data: TrainingData, test_images: Images, spec: ImageSpec
) -> None:
    for name in ("vae", "mmd-vae"):
        method, _ = run(data, test_images, lambda name=name: OnTop(spec, "vae", name=name), phases_in(tmp_path))
        assert method.calls > 0


@pytest.mark.parametrize("harm", ["cut", "gone", "other"])
def test_an_entry_that_cannot_be_used_is_trained_again_and_said(
    tmp_path: Path, data: TrainingData, test_images: Images, spec: ImageSpec, harm: str
) -> None:
    first, _ = run(data, test_images, vae(spec), phases_in(tmp_path))
    (entry,) = entries(tmp_path)
    state = entry / "state.safetensors"
    if harm == "gone":
        (entry / "training.json").unlink()
    else:
        content = bytearray(state.read_bytes())
        content[-1] ^= 255
        state.write_bytes(content[:-9] if harm == "cut" else content)
    phases = phases_in(tmp_path)
    again, trained = run(data, test_images, vae(spec), phases)
    assert trained.borrowed_seconds == 0
    assert state_digest(again.state_dict()) == state_digest(first.state_dict())
    assert len(phases.events) == (harm != "gone")
    assert run(data, test_images, vae(spec), phases_in(tmp_path))[1].borrowed_seconds > 0, "whole again"


def test_no_method_to_build_on_is_named(spec: ImageSpec) -> None:
    with pytest.raises(ValueError, match=r"'vea'.*\bvae\b"):
        part("vea", spec)


def test_a_cell_that_borrows_counts_the_shared_time_and_says_which(make: Any) -> None:
    costs = Cost(10.0, 100, 1, 1, shared_seconds=6.0, search_seconds=2.0, trials=50, beside={2})
    evidence = make(costs=costs)
    assert evidence.train_seconds == 10
    assert evidence.shared_train_seconds == 6
    assert evidence.images_per_second == pytest.approx(100 / 8)
    assert evidence.seconds_per_100_trials == pytest.approx(4)
    apart = make(costs=replace(costs, beside={1, 2}))
    with pytest.raises(Unavailable, match="timed apart: 1 and 2 cells side by side"):
        _ = apart.train_seconds
