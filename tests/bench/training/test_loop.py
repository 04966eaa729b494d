"""The training loop: reproducible, complete, and refusing what it cannot train."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

import methods
from bench.config.budget import Budget
from bench.runtime.clock import Clock
from bench.runtime.seeds import deterministic, seeded
from bench.training import loop
from bench.training.loop import Curves, Diverged
from bench.training.step import GraphedStep, Step
from bench.training.trainer import train
from methods.base import AbstractMethod, Images, ImageSpec, Phase, Terms, TrainingData, registry
from methods.beta_vae import BetaVAE
from methods.joint_vae import JointVAE
from methods.vae import VAE

CPU = torch.device("cpu")
BUDGET = Budget(epochs=2, batch=16)
SMALL = {"latent": 3, "hidden": 16}


class Scripted(AbstractMethod):
    """One number `p` and whatever terms the test wants of it; keeps the batches that it saw in train mode."""

    def __init__(self, script: Callable[[Tensor, Tensor, Tensor], Terms] | None = None, noise: int = 0) -> None:
        super().__init__()
        self.p, self.noise = nn.Parameter(torch.tensor(1.0)), noise
        self.script = script or (lambda p, x, y: {"loss": p * torch.ones(len(x))})
        self.seen: list[Tensor] = []

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        if self.training:
            self.seen.append(x)
            torch.randn(self.noise)
        return self.script(self.p, x, y)


def _vae(spec: ImageSpec) -> VAE:
    torch.manual_seed(0)
    return VAE(spec, **SMALL)


def _train(
    method: AbstractMethod,
    data: TrainingData,
    test: Images,
    budget: Budget = BUDGET,
    seed: int = 0,
    **more: Any,
) -> Curves:
    with seeded(seed, "noise", CPU):
        return train(method, data, test, budget, seed, Clock(CPU), **more)


def _weights(method: nn.Module) -> Tensor:
    return parameters_to_vector(method.parameters()).detach()


def _joint(spec: ImageSpec) -> JointVAE:
    """Everything that a step may carry: convolutions, running statistics, Gumbel noise and ramps."""
    torch.manual_seed(0)
    return JointVAE(spec, latent=3, hidden=16, backbone="conv32", ramp_steps=10, discrete_ramp_steps=10)


CONV = pytest.mark.parametrize("options", [{"backbone": "conv32"}])
"""With `options` among a test's parameters, `spec` is large enough for the backbone."""


@CONV
def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    options: dict[str, str], spec: ImageSpec, data: TrainingData, test_images: Images
) -> None:
    made = [_joint(spec) for _ in range(3)]
    curves = [_train(one, data, test_images, seed=seed) for one, seed in zip(made, (5, 5, 6), strict=True)]
    digests = [loop.state_digest(one.state_dict()) for one in made]
    assert digests[0] == digests[1] != digests[2]
    assert curves[0] == curves[1]


def test_the_loss_is_the_mean_of_what_each_batch_minimised(data: TrainingData) -> None:
    """Batches on both sides of a capacity: their distances to it count, not the distance of their mean."""
    kls = iter([2.0, 8.0])
    method = Scripted(lambda p, x, y: {"kl": p * torch.full((len(x),), next(kls))})
    method.weights = {"kl": method.capacity_weight(2.0, 5.0, 1)}
    method.optimiser_steps.fill_(1)
    step = Step(method, Phase("train", method, method.terms), data.train, Budget(epochs=1, batch=8, learning_rate=1e-9))
    for index in torch.arange(16).split(8):
        step(index)
    assert step.means(16)["kl"] == pytest.approx(5)
    assert step.loss == pytest.approx(6)


@pytest.mark.parametrize(("images", "sizes"), [(50, [16, 16, 16, 2]), (49, [16, 16, 17]), (48, [16] * 3), (1, [1])])
def test_every_image_once_an_epoch_in_an_order_of_its_own_and_none_alone_in_a_last_batch(
    images: int, sizes: list[int], data: TrainingData, test_images: Images
) -> None:
    method, x = Scripted(), data.train.x[:images]
    some = TrainingData(Images(x, data.train.y[:images]), data.held_out, data.classes)
    curves = _train(method, some, test_images, Budget(epochs=2, batch=16))
    assert [len(batch) for batch in method.seen] == sizes * 2
    first, second = torch.cat(method.seen).chunk(2)
    for epoch in (first, second):
        assert torch.equal(epoch.unique(dim=0), (x.float() / 255).unique(dim=0))
    assert torch.equal(first, second) == (images == 1)
    assert curves.trained_images == 2 * images


def test_the_order_is_the_same_however_much_noise_is_drawn(data: TrainingData, test_images: Images) -> None:
    quiet, noisy = Scripted(), Scripted(noise=7)
    for method in (quiet, noisy):
        _train(method, data, test_images, seed=4)
    assert torch.equal(torch.cat(quiet.seen), torch.cat(noisy.seen))


def test_the_curves_of_the_test_split_move_nothing(
    spec: ImageSpec, data: TrainingData, test_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_test, without = _vae(spec), _vae(spec)
    _train(with_test, data, test_images)
    monkeypatch.setattr(loop, "mean_terms", lambda phase, images: {})
    _train(without, data, test_images)
    assert torch.equal(_weights(with_test), _weights(without))


class TwoPhases(AbstractMethod):
    """`a` is trained alone, then `b` alone; both enter the terms of both phases. A third part is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1)
        self.frozen = nn.Linear(1, 1).requires_grad_(False)
        self.between: list[Tensor] = []

    def terms(self, x: Tensor, y: Tensor) -> Terms:
        mean = x.flatten(1).mean(1, keepdim=True)
        return {"far": (self.b(self.a(mean)) - 3)[:, 0] ** 2 + 0 * self.frozen(mean)[:, 0], "near": mean[:, 0]}

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        self.between.append(_weights(self))
        yield Phase("first", self.a, self.terms)
        self.between.append(_weights(self))
        yield Phase("second", self.b, self.terms)
        self.between.append(_weights(self))


def test_a_phase_trains_its_module_alone(data: TrainingData, test_images: Images) -> None:
    method = TwoPhases()
    _train(method, data, test_images)
    first, second = (
        (after != before).tolist() for before, after in zip(method.between, method.between[1:], strict=False)
    )
    assert first == [True, True, False, False, False, False]
    assert second == [False, False, True, True, False, False]


def test_parameters_joined_for_the_optimiser_train_as_they_would_one_by_one(
    spec: ImageSpec, data: TrainingData
) -> None:
    """Convolutions kept channels last, vectors, a parameter that nothing reads and a slice of a larger tensor."""
    torch.manual_seed(0)
    whole = torch.randn(3, 4)
    ours, theirs = (Scripted() for _ in range(2))
    for one in (ours, theirs):
        torch.manual_seed(1)
        one.conv = nn.Conv2d(spec.channels, 4, 3).to(memory_format=torch.channels_last)
        one.unread, one.slice = nn.Parameter(torch.ones(2)), nn.Parameter(whole.clone()[:, :2])
        one.script = lambda p, x, y, one=one: {
            "a": one.conv(x).square().flatten(1).mean(1) + one.slice.square().sum() * p
        }
    step = Step(ours, Phase("train", ours, ours.terms), data.train, Budget(epochs=1, batch=8, learning_rate=0.1))
    adam = torch.optim.Adam(theirs.parameters(), lr=0.1)
    for index in torch.arange(40).split(8):
        step(index)
        adam.zero_grad()
        theirs.terms(data.train.x[index].float() / 255, data.train.y[index])["a"].mean().backward()
        adam.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-6)
    assert ours.conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(ours.unread, torch.ones(2))


@pytest.mark.parametrize("images", [1, 999, 1000, 1001, 2500])
def test_curves_on_test_are_of_a_thousand_images_spread_over_all(images: int) -> None:
    x = torch.arange(images).remainder(256).to(torch.uint8)[:, None, None, None]
    some = loop.tested(Images(x, torch.arange(images)))
    assert min(images, 500) <= len(some) <= 1000
    assert torch.equal(some.x[:, 0, 0, 0], some.y.remainder(256).to(torch.uint8))
    assert (some.y.diff() == some.y.diff()[:1]).all()
    assert images - some.y[-1] <= -(-images // 1000)


def test_a_phase_starts_without_the_gradients_of_the_last(data: TrainingData, test_images: Images) -> None:
    """The first step of Adam goes by the sign of its gradient: here the second phase's is against all of the first's."""

    class Turned(AbstractMethod):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(1, 1), nn.Linear(1, 1, bias=False)

        def terms(self, x: Tensor, y: Tensor) -> Terms:
            return {"loss": (self.sign * self.b.weight.sum() + self.a.weight.sum()).expand(len(x))}

        def phases(self, data: TrainingData) -> Iterator[Phase]:
            self.sign = 1.0
            yield Phase("first", self.a, self.terms)
            self.sign, self.start = -1.0, self.b.weight.item()
            yield Phase("second", self.b, self.terms)

    method = Turned()
    _train(method, data, test_images, Budget(epochs=1, batch=50, learning_rate=0.01))
    assert method.b.weight.item() == pytest.approx(method.start + 0.01, abs=1e-5)


def test_curves_are_means_over_all_images_of_every_term_split_phase_and_epoch(
    data: TrainingData, test_images: Images
) -> None:
    """Not means of batch means: the last batch is smaller. Who watches is told of every epoch."""
    told: list[tuple[str, int, int]] = []
    curves = _train(TwoPhases(), data, test_images, watch=lambda *epoch: told.append(epoch))
    assert told == [("first", 1, 2), ("first", 2, 2), ("second", 1, 2), ("second", 2, 2)]
    parts = product(("first", "second"), (1, 2), ("train", "test"), ("far", "near"))
    assert [row[:4] for row in curves.rows] == [(epoch, phase, split, term) for phase, epoch, split, term in parts]
    means = {split: value for _, _, split, term, value in curves.rows if term == "near"}
    for split, images in (("train", data.train), ("test", test_images)):
        assert means[split] == pytest.approx((images.x.double() / 255).mean().item(), rel=1e-5)
    lines = curves.csv().splitlines()
    assert lines[0] == "epoch,phase,split,term,value"
    assert [float(line.split(",")[-1]) for line in lines[1:]] == [row[4] for row in curves.rows]


def test_each_epoch_is_called_before_every_epoch_without_gradients_in_eval_mode(
    data: TrainingData, test_images: Images
) -> None:
    calls: list[tuple[int, bool, bool]] = []

    class Refitting(Scripted):
        def phases(self, data: TrainingData) -> Iterator[Phase]:
            yield Phase("train", self, self.terms, each_epoch=self.refit)

        def refit(self, given: TrainingData) -> None:
            assert given is data
            calls.append((len(self.seen), self.training, torch.is_grad_enabled()))

    _train(Refitting(), data, test_images, Budget(epochs=3, batch=16))
    assert calls == [(0, False, False), (4, False, False), (8, False, False)]


# What is refused.


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_term_that_is_not_finite_is_named_with_its_epoch(
    epoch: int, value: float, data: TrainingData, test_images: Images
) -> None:
    steps = iter(range(100))

    def script(p: Tensor, x: Tensor, y: Tensor) -> Terms:
        broken = torch.is_grad_enabled() and next(steps) == 4 * (epoch - 1)
        return {"sound": p * torch.ones(len(x)), "kl": torch.full((len(x),), value if broken else 1.0)}

    class Named(Scripted):
        def phases(self, data: TrainingData) -> Iterator[Phase]:
            yield Phase("classifier", self, self.terms)

    with pytest.raises(Diverged, match=rf"'kl' is {value}.*epoch {epoch} of phase 'classifier'"):
        _train(Named(script), data, test_images, Budget(epochs=3, batch=16))


BAD_TERMS = {
    "no dict": (lambda p, x, y: p * torch.ones(len(x)), "Tensor"),
    "nothing": (lambda p, x, y: {}, "dict"),
    "a scalar": (lambda p, x, y: {"kl": p}, r"'kl' has shape \(\)"),
    "summed": (lambda p, x, y: {"sound": p * torch.ones(len(x)), "kl": p * torch.ones(1)}, r"'kl' has shape \(1,\)"),
    "per pixel": (lambda p, x, y: {"kl": p * x.flatten(1)}, r"'kl' has shape \(16, 288\)"),
    "no tensor": (lambda p, x, y: {"kl": 3.0}, "'kl' has shape float"),
}


@pytest.mark.parametrize(("script", "message"), BAD_TERMS.values(), ids=BAD_TERMS)
def test_terms_of_a_wrong_kind_are_named(script, message: str, data: TrainingData, test_images: Images) -> None:
    with pytest.raises(ValueError, match=message):
        _train(Scripted(script), data, test_images)


# What the budget says.


def test_weights_reach_the_training_and_leave_the_curves_in_nats(
    spec: ImageSpec, data: TrainingData, test_images: Images
) -> None:
    """Weighed by 0 the KL is not held down, and is recorded as it is."""
    budget = Budget(epochs=10, batch=16)
    kl = {}
    for beta in (0.0, 20.0):
        torch.manual_seed(0)
        rows = _train(BetaVAE(spec, beta=beta, **SMALL), data, test_images, budget).rows
        kl[beta] = next(value for epoch, _, split, term, value in rows if (epoch, split, term) == (10, "test", "kl"))
    assert kl[0.0] > 5 * kl[20.0]


@pytest.mark.parametrize("decay", [False, True])
@pytest.mark.parametrize("optimiser", ["adam", "adadelta"])
def test_steps_are_the_optimisers_at_a_rate_that_may_fall_to_zero(
    optimiser: str, decay: bool, data: TrainingData, test_images: Images
) -> None:
    """On p^2. Adadelta's rho and eps are those of Lasagne, not torch's own."""
    path: list[float] = []

    def script(p: Tensor, x: Tensor, y: Tensor) -> Terms:
        if torch.is_grad_enabled():
            path.append(p.item())
        return {"loss": (p**2).expand(len(x))}

    budget = Budget(epochs=5, batch=16, learning_rate={"adam": 0.02, "adadelta": 2.0}[optimiser], optimiser=optimiser)
    _train(Scripted(script), data, test_images, budget, decay=decay)
    p, expected = torch.tensor(1.0, requires_grad=True), []
    make = {"adam": torch.optim.Adam, "adadelta": partial(torch.optim.Adadelta, rho=0.95, eps=1e-6)}[optimiser]
    reference = make([p], lr=budget.learning_rate)
    for step in range(20):
        expected.append(p.item())
        p.grad = 2 * p.detach()
        reference.param_groups[0]["lr"] = budget.learning_rate * (1 - step / 20 if decay else 1)
        reference.step()
    assert path == pytest.approx(expected, abs=1e-6)
    assert path[-1] < 0.95, "far enough to tell torch's own rho apart"


def test_the_loss_falls_in_bf16_to_nearly_the_same(spec: ImageSpec, data: TrainingData, test_images: Images) -> None:
    last = {}
    for precision in ("fp32", "bf16"):
        method = _vae(spec)
        rows = _train(method, data, test_images, Budget(epochs=6, batch=16, precision=precision)).rows
        assert all(p.dtype == torch.float32 for p in method.parameters())
        sums = [
            sum(row[4] for row in rows if row[0] == epoch and row[2] == split)
            for split in ("train", "test")
            for epoch in (1, 6)
        ]
        assert sums[1] < sums[0]
        assert sums[3] < sums[2]
        last[precision] = sums[1]
    assert last["bf16"] != last["fp32"]
    assert last["bf16"] == pytest.approx(last["fp32"], rel=0.03)


CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def _stepped(
    kind: type[Step], phase: Phase, method: AbstractMethod, data: TrainingData, budget: Budget, decay: bool = False
) -> Step:
    """A step after eight batches of eight on a GPU, captured after three where it can be."""
    images = Images(data.train.x.to("cuda"), data.train.y.to("cuda"))
    step = kind(method, phase, images, budget, decay)
    for number, batch in enumerate(torch.arange(64, device="cuda").remainder(50).view(8, 8)):
        if isinstance(step, GraphedStep) and number == 3:
            step.capture()
        step.warm_up(batch) if isinstance(step, GraphedStep) and number < 3 else step(batch)
    return step


@CUDA
@CONV
def test_a_captured_step_counts_steps_and_keeps_running_statistics(
    options: dict[str, str], spec: ImageSpec, data: TrainingData
) -> None:
    found = []
    for kind in (Step, GraphedStep):
        method = _joint(spec).to("cuda")
        step = _stepped(kind, Phase("train", method, method.terms), method, data, Budget(epochs=1, batch=8))
        assert method.optimiser_steps.item() == 8
        assert all(math.isfinite(value) for value in step.means(64).values())
        counts = [
            m.num_batches_tracked.item() for m in method.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
        ]
        assert set(counts) == {8}
        first = next(m for m in method.modules() if isinstance(m, nn.BatchNorm2d))
        found.append(first.running_mean)
    # The first layer sees the same images whatever noise is drawn behind it, and its weights move alike but for that noise.
    assert torch.allclose(found[0], found[1], atol=0.05)


@CUDA
@pytest.mark.parametrize("transform", ["affine", "affine5", "tps"])
@pytest.mark.parametrize("name", ["tvae", "dtvae"])
def test_a_pose_is_learned_in_a_captured_step_and_begun_anew(
    name: str, transform: str, spec: ImageSpec, data: TrainingData, test_images: Images
) -> None:
    """With deterministic algorithms on, as a cell has them; z is held to collapse, so that a second step is captured."""
    device = torch.device("cuda")
    deterministic()
    methods.load()

    def there(images: Images) -> Images:
        return Images(images.x.to(device), images.y.to(device))

    given = TrainingData(there(data.train), there(data.held_out), data.classes)
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        method = registry[name].cls(spec, latent=2, hidden=8, transform=transform, pose_prior="normal").to(device)
        method.weights = {"kl": 1e3}
        train(method, given, there(test_images), Budget(epochs=4, batch=8), 0, Clock(device))
        assert method.facts["restarts"] == 1
        u = method.pose_of(given.train.x.float() / 255).mean
        assert (u - method.pose.transform.identity).abs().max() > 1e-4
        found.append(_weights(method))
    assert torch.equal(*found), "the same seed, the same scores"


@CUDA
def test_a_captured_step_is_the_eager_one(spec: ImageSpec, data: TrainingData) -> None:
    adadelta = Budget(epochs=2, batch=8, learning_rate=1.0, optimiser="adadelta")
    adam = Budget(epochs=2, batch=8)
    bf16 = adam.changed(precision="bf16")
    for budget, decay in ((adam, False), (adam, True), (bf16, False), (adadelta, False), (adadelta, True)):
        found = []
        for kind in (Step, GraphedStep):
            method = _vae(spec).to("cuda")
            # Without noise: a captured step draws its own.
            phase = Phase(
                "train", method, lambda x, y, m=method: {"far": ((m.reconstruct(x, y) - x) ** 2).flatten(1).sum(1)}
            )
            step = _stepped(kind, phase, method, data, budget, decay)
            found.append((_weights(method), step.means(64)["far"]))
        assert torch.allclose(found[0][0], found[1][0], atol=1e-6)
        assert found[0][1] == pytest.approx(found[1][1], rel=1e-5)
