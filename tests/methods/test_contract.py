"""What every registered method must keep to. A new method is tested as soon as it is registered."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any, Literal, get_args, get_origin

import jaxtyping
import pytest
import torch
from helpers_methods import fit
from random_imagenet import vgg16_of_random_weights
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode

import methods
from bench.config.options import declared, resolve, spans
from bench.runtime.errors import UsageError
from methods import latent_generator
from methods.backbones import BACKBONES
from methods.base import (
    AbstractMethod,
    AbstractVAE,
    Entry,
    HasCategories,
    HasPose,
    Images,
    ImageSpec,
    Phase,
    TrainingData,
    check_capabilities,
    registry,
)
from methods.choices import Chosen
from methods.parts import IMAGENET_FILE, Found, Gaussian, Search

methods.load()
MAY_OVERRIDE = {"__init__", "terms", "phases", "attach", "forward"}
EQUATION = re.compile(r"(log p|q|KL|BCE|sum_i \w+)\(.*[=+|~]|[=+~].*(log p|q|KL|BCE|sum_i)")
"""A term of an objective, or a sum over images, on a line with a sign that joins it to others."""
each_method = pytest.mark.parametrize("entry", registry.values(), ids=registry)


# What makes a method's training dear, where it has such an option: one or two of each show as much.
CHEAP = {"trials": 2, "images": 10, "classifier_epochs": 1, "width": 4}
# ReGene's filter asks a trained classifier for its confidence: without training there is none (tests/methods/test_regene.py trains one).
CHEAP |= {"filter": "none"}


def _variants(kind: Callable[[type[AbstractMethod]], bool] = lambda cls: True) -> Iterator[Any]:
    """Every method of a kind as it stands, and with every value of each option that names a variant of it."""
    for entry in registry.values():
        if not kind(entry.cls):
            continue
        yield pytest.param(entry, {}, id=entry.name)
        for name, parameter in declared(entry.cls).items():
            for value in _named(parameter.annotation):
                if value != parameter.default and name != "filter":
                    yield pytest.param(entry, {name: value}, id=f"{entry.name}-{value}")


def _named(hint: Any) -> Iterable[str]:
    """The values of an option that names one of several things."""
    if Chosen("backbone") in getattr(hint, "__metadata__", ()):
        return BACKBONES
    return get_args(hint) if get_origin(hint) is Literal else ()


each_variant = pytest.mark.parametrize(("entry", "options"), list(_variants()))


@pytest.fixture(autouse=True, scope="module")
def _imagenet_and_a_short_grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """VGG-16's file, of random weights, where torchvision would keep it; 4 points for Simple's search in place of 44."""
    home = tmp_path_factory.mktemp("torch")
    (home / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(vgg16_of_random_weights(), home / "hub" / "checkpoints" / IMAGENET_FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(home))
        patch.setattr(latent_generator, "THETAS", (0.5, 1.0))
        patch.setattr(latent_generator, "DRAWS", (1, 2))
        yield


def _build(entry: Entry, options: dict[str, Any], spec: ImageSpec, seed: int = 0) -> AbstractMethod:
    torch.manual_seed(seed)
    cheap = {name: value for name, value in CHEAP.items() if name in declared(entry.cls)}
    return entry.cls(spec, **{**cheap, **options})


def _trained(entry: Entry, options: dict[str, Any], spec: ImageSpec, data: TrainingData) -> AbstractMethod:
    method = _build(entry, options, spec)
    fit(method, data, batch=25)
    return method.eval()


KEPT: dict[str, AbstractMethod] = {}
"""Variants that are trained, which tests only ask."""


@pytest.fixture
def trained(entry: Entry, options: dict[str, Any], spec: ImageSpec, data: TrainingData) -> AbstractMethod:
    name = f"{entry.name} {options}"
    if name not in KEPT:
        KEPT[name] = _trained(entry, options, spec, data)
    return KEPT[name]


def _phases(method: AbstractMethod, data: TrainingData) -> Iterator[Phase]:
    """The phases as the loop meets them at their first step, without the training between; searches find their space's low end."""
    stages: Any = method.phases(data)
    answer = None
    with suppress(StopIteration):
        while True:
            stage, answer = stages.send(answer), None
            if isinstance(stage, Search):
                ends = {name: one[0] if isinstance(one, tuple) else one.low for name, one in stage.space.items()}
                answer = Found(ends, stage.measure(ends, 2))
                continue
            if stage.each_epoch is not None:
                with torch.no_grad():
                    stage.each_epoch(data)
            yield stage


def _batch(data: TrainingData, size: int = 6) -> tuple[Tensor, Tensor]:
    return next(data.train.batches(size))


def test_shapes_are_checked_in_tests() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        Gaussian(torch.zeros(3), torch.zeros(3))


@each_method
def test_says_what_it_is_and_where_it_comes_from(entry: Entry) -> None:
    assert inspect.getdoc(entry.cls)
    assert entry.about
    assert entry.source
    assert inspect.getdoc(inspect.getmodule(entry.cls))


@each_method
def test_the_papers_equation_and_its_prior_stand_first(entry: Entry) -> None:
    first = inspect.getsource(inspect.getmodule(entry.cls)).splitlines()[:60]
    assert entry.cls.__module__ == "methods.baselines" or any(map(EQUATION.search, first))
    assert not issubclass(entry.cls, AbstractVAE) or any("def prior(" in line for line in first)


@each_method
def test_options_are_keywords_with_types_and_defaults(entry: Entry) -> None:
    spec, *others = inspect.signature(entry.cls).parameters.values()
    assert spec.annotation is ImageSpec
    kinds = {parameter.kind for parameter in others if parameter.name != "components"}
    assert kinds <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
    for parameter in declared(entry.cls).values():
        assert parameter.default is not inspect.Parameter.empty
        assert parameter.annotation is not Any


@each_method
def test_defaults_pass_the_checks_that_given_values_must_pass(entry: Entry) -> None:
    defaults = resolve("row", entry, {})
    assert resolve("row", entry, defaults) == defaults


@each_method
def test_an_option_of_a_wrong_type_is_refused_by_row_and_name(entry: Entry) -> None:
    for name in declared(entry.cls):
        with pytest.raises(UsageError, match=rf"^row\.{name}"):
            resolve("row", entry, {name: [None]})


@each_method
def test_a_span_lies_within_its_options_own_bounds(entry: Entry) -> None:
    for name, span in spans(entry.cls).items():
        for end in (span.low, span.high):
            value = int(end) if span.whole else float(end)
            assert value == end
            assert resolve("row", entry, {name: value})[name] == value


@each_method
def test_overrides_nothing_concrete_but_terms_phases_and_attach(entry: Entry) -> None:
    bases = entry.cls.__mro__[1 : entry.cls.__mro__.index(AbstractMethod) + 1]
    assert all(base.__name__.startswith("Abstract") for base in bases), "a method is no base of another"
    for name, value in vars(entry.cls).items():
        inherited = [vars(base)[name] for base in bases if name in vars(base)]
        concrete = [f for f in inherited if isinstance(f, FunctionType) and not hasattr(f, "__isabstractmethod__")]
        assert name in MAY_OVERRIDE or not concrete, name
        assert name in MAY_OVERRIDE or not (isinstance(value, FunctionType) and hasattr(nn.Module, name)), name


def test_a_method_that_leaves_out_a_distribution_is_refused_when_made() -> None:
    stated = dict.fromkeys(("prior", "posterior"), lambda *given: Gaussian.unit(torch.zeros(1, 1)))
    with pytest.raises(TypeError, match="likelihood"):
        type("NoLikelihood", (AbstractVAE,), stated)()


@each_variant
def test_terms_are_finite_figures_of_each_image_and_the_same_from_the_same_seed(
    entry: Entry, options: dict, spec: ImageSpec, data: TrainingData
) -> None:
    found = []
    for _ in range(2):
        method = _build(entry, options, spec, seed=3)
        found.append([phase.terms(*_batch(data)) for phase in _phases(method, data)])
    for terms, again in zip(*found, strict=True):
        assert terms
        assert terms.keys() == again.keys()
        for name, values in terms.items():
            assert values.shape == (6,)
            assert values.dtype == torch.float32
            assert values.isfinite().all()
            assert torch.equal(values, again[name])
    assert set(method.weights) <= {name for terms in found[0] for name in terms}


@each_variant
def test_every_gradient_arrives(entry: Entry, options: dict, spec: ImageSpec, data: TrainingData) -> None:
    method = _build(entry, options, spec)
    for phase in _phases(method, data):
        trained = {name: p for name, p in phase.module.named_parameters() if p.requires_grad}
        assert trained
        first = torch.optim.Adam(trained.values(), lr=1e-3)
        for _ in range(3):  # a layer that starts at zero lets nothing through to what lies before it until it has moved
            method.objective(phase.terms(*_batch(data, 50))).backward()
            if all(p.grad is not None and p.grad.any() for p in trained.values()):
                break
            first.step()
        assert not [name for name, p in trained.items() if p.grad is None or not p.grad.any()]


def _tensors(q: Any) -> Iterator[Tensor]:
    """What a distribution is stated by: the tensors in its fields and in those of its parts."""
    for field in fields(q):
        value = getattr(q, field.name)
        if isinstance(value, Tensor):
            yield value
        elif is_dataclass(value):
            yield from _tensors(value)


@pytest.mark.parametrize(("entry", "options"), _variants(lambda cls: issubclass(cls, AbstractVAE)))
def test_both_moments_and_the_likelihood_are_learned(
    entry: Entry, options: dict, spec: ImageSpec, data: TrainingData
) -> None:
    method = _build(entry, options, spec)
    x, y = _batch(data)
    q = method.posterior(x, y)
    for values in (*_tensors(q), method.likelihood(q.mean.detach(), y).mean):
        assert values.requires_grad


# No waiting for the device within a step.


def _step_without_values(method: AbstractMethod, phase: Phase, x: Tensor, y: Tensor) -> None:
    """Parameters and buffers stand without values: whatever asks for a value, or for a shape that hangs on one, raises."""
    every = [held for module in method.modules() for held in (module._parameters, module._buffers)]
    real = [dict(held) for held in every]
    with FakeTensorMode() as mode:
        for held in every:
            held.update({name: mode.from_tensor(value) for name, value in held.items() if value is not None})
        method.objective(phase.terms(mode.from_tensor(x), mode.from_tensor(y))).backward()
    for held, values in zip(every, real, strict=True):
        held.update(values)


@each_variant
def test_a_step_needs_no_value_on_the_host(entry: Entry, options: dict, spec: ImageSpec, data: TrainingData) -> None:
    method = _build(entry, options, spec)
    for phase in _phases(method, data):
        _step_without_values(method, phase, *_batch(data))


@pytest.mark.parametrize(
    "values",
    [
        lambda x, y: x.flatten(1).sum(1) * y.float().mean().item(),
        lambda x, y: x.flatten(1).sum(1) if y.max() > 0 else x.flatten(1).mean(1),
        lambda x, y: x[y > 0].flatten(1).sum(1),
    ],
    ids=["asks for a number", "branches", "selects"],
)
def test_the_check_for_host_values_can_fail(values: Any, data: TrainingData) -> None:
    method = AbstractMethod()
    scale = nn.Parameter(torch.ones(()))
    method.register_parameter("scale", scale)
    phase = Phase("train", method, lambda x, y: {"bad": method.scale * values(x, y)})
    with pytest.raises((DataDependentOutputException, DynamicOutputShapeException)):
        _step_without_values(method, phase, *_batch(data))


# What a trained method can give.


def _answers(method: Any, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """What a trained method gives for a batch, by the function that gives it."""
    n, first = len(x), torch.zeros_like(y)
    arguments: dict[str, tuple[Any, ...]] = {
        "encode": (x, y),
        "reconstruct": (x, y),
        "sample": (y,),
        "sample_any": (n,),
    }
    arguments |= dict.fromkeys(("label", "cluster", "recognise", "canonical", "in_mean_pose"), (x,))
    arguments |= {"sample_component": (first,), "sample_category": (y % getattr(method, "categories", 1),)}
    bounds: dict[str, tuple[Any, ...]] = {"log_weight": (x, 5), "elbo": (x,)}
    with torch.no_grad():
        if getattr(method, "has_bound", True):
            arguments |= bounds
        for name in bounds.keys() - arguments.keys():
            with pytest.raises(TypeError):
                getattr(method, name)(*bounds[name])
        if hasattr(method, "reference"):
            arguments["reference"] = (method.encode(x, y),)
        return {name: getattr(method, name)(*given) for name, given in arguments.items() if hasattr(method, name)}


@each_variant
def test_capabilities_give_what_the_contract_says(
    trained: AbstractMethod, spec: ImageSpec, test_images: Images
) -> None:
    method: Any = trained
    before = {name: value.clone() for name, value in method.state_dict().items()}
    check_capabilities(method)
    x, y = next(test_images.batches())
    n, shape = len(x), x.shape[1:]
    found = _answers(method, x, y)
    assert found, "a method that can do nothing"
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items()), "it stays as it is"
    assert all(len(values) == n and (~values.isfinite()).sum() == 0 for values in found.values())
    pictures = {"reconstruct", "sample", "sample_any", "sample_component", "sample_category"}
    pictures |= {"canonical", "in_mean_pose", "reference"}
    for name in pictures & set(found):
        assert found[name].shape == (n, *shape), name
        assert found[name].dtype == torch.float32, name
        assert 0 <= found[name].min() <= found[name].max() <= 1, name
    assert found.get("encode", x[:, 0, 0]).ndim == 2
    assert found.get("elbo", x[:, 0, 0, 0]).shape == (n,)
    if "log_weight" in found:
        assert found["log_weight"].ndim == 2
        assert 5 <= found["log_weight"].shape[1] < 5 + spec.classes
    for name in {"label", "cluster", "recognise"} & set(found):
        assert found[name].dtype == torch.int64
        assert found[name].shape == (n,)
        assert found[name].min() >= 0
    assert found.get("label", y).max() < spec.classes
    if isinstance(method, AbstractVAE):
        assert method.log_components.exp().sum().item() == pytest.approx(1, abs=1e-5)
    if isinstance(method, HasPose):
        assert method.pose.mean_pose.shape == (method.pose_size,)
        assert found["encode"].shape[1] > method.pose_size
    if isinstance(method, HasCategories):
        assert "sample_category" in found
        assert torch.allclose(found["encode"][:, -method.categories :].sum(1), torch.ones(n)), "probabilities, last"
        assert not method.categories_are_classes or (method.categories == spec.classes and "sample" in found)


@each_variant
def test_labels_are_not_read_at_test_time_unless_said(
    trained: AbstractMethod, spec: ImageSpec, test_images: Images
) -> None:
    x, y = next(test_images.batches())
    asked = [getattr(trained, name) for name in ("encode", "reconstruct") if hasattr(trained, name)]
    with torch.no_grad():
        changed = any(not torch.equal(take(x, y), take(x, (y + 1) % spec.classes)) for take in asked)
    assert changed == trained.labels_at_test


@pytest.mark.parametrize(("entry", "options"), _variants(lambda cls: not cls.labels_in_training))
def test_labels_are_not_learned_from_unless_said(
    trained: AbstractMethod, entry: Entry, options: dict, spec: ImageSpec, data: TrainingData
) -> None:
    shuffled = Images(data.train.x, data.train.y.roll(1))
    other = _trained(entry, options, spec, TrainingData(shuffled, data.held_out, data.classes)).state_dict()
    assert all(torch.equal(value, other[name]) for name, value in trained.state_dict().items())
