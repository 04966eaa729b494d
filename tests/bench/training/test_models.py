"""A trained method and its loaded copy say the same, and what keeps it from that is named."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from helpers_methods import fit
from torch import Tensor

import methods
from bench.config.options import build, find, resolve
from bench.records.storage import keep_tensors, kept_tensors
from bench.training.loop import state_digest
from bench.training.models import check_loaded, loaded, state_of
from methods.base import AbstractMethod, ImageSpec, Phase, TrainingData

methods.load()


def trained(make: Callable[[], AbstractMethod], data: TrainingData) -> AbstractMethod:
    method = make()
    fit(method, data)
    return method.eval()


def made(name: str, spec: ImageSpec, options: dict[str, Any]) -> AbstractMethod:
    entry = find(name)
    return build(name, entry, spec, resolve(name, entry, options))


class Shifting(AbstractMethod):
    """Encodes by what training left: where `kept` says, in a buffer, an attribute, of the data, or as drawn."""

    shift: Any

    def __init__(self, spec: ImageSpec, kept: str) -> None:
        super().__init__()
        self.kept, self.mean, self.spec = kept, None, spec
        self.register_buffer("shift", None if kept == "new buffer" else torch.zeros(1))

    def attach(self, data: TrainingData) -> None:
        self.images = data.train.x if self.kept == "attached" else None

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        if self.kept == "attribute":
            self.mean = data.train.x.float().mean()
        elif self.kept == "data in phases":
            self.images = data.train.x
        elif self.kept.endswith("buffer"):
            self.shift = data.train.x.float().mean((0, 2, 3))
        yield from ()

    def encode(self, x: Tensor, y: Tensor) -> Tensor:
        shift = self.shift if self.shift is not None and self.kept.endswith("buffer") else 0
        first = 0 if self.images is None else self.images[0, 0, 0, 0] / 255
        return x.flatten(2).mean(2) + shift + (0 if self.mean is None else self.mean) + first


@pytest.mark.parametrize("kept", ["nothing", "wider buffer", "new buffer", "attached"])
def test_buffers_of_any_shape_and_attached_data_are_loaded(spec: ImageSpec, data: TrainingData, kept: str) -> None:
    first = trained(lambda: Shifting(spec, kept), data)
    copy = loaded(lambda: Shifting(spec, kept), state_of(first), first.facts, data)
    check_loaded(first, copy, data, 0)
    x, y = next(data.train.batches())
    assert torch.equal(first.encode(x, y), copy.encode(x, y))


@pytest.mark.parametrize(("kept", "named"), [("attribute", "mean"), ("data in phases", "images")])
def test_what_is_kept_elsewhere_is_an_error_that_names_it(
    spec: ImageSpec, data: TrainingData, kept: str, named: str
) -> None:
    first = trained(lambda: Shifting(spec, kept), data)
    copy = loaded(lambda: Shifting(spec, kept), state_of(first), first.facts, data)
    with pytest.raises(ValueError, match=rf"Shifting does not encode.*\b{named}\b"):
        check_loaded(first, copy, data, 0)


def test_a_state_of_another_method_is_refused(spec: ImageSpec, data: TrainingData) -> None:
    state = state_of(Shifting(spec, "nothing"))
    with pytest.raises(RuntimeError):
        loaded(lambda: made("vae", spec, {}), state, {}, data)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vae", {}),
        ("kmeans-vae", {"clusters": 3}),
        ("latent-generator", {"theta": 0.5, "n": 3, "classifier_epochs": 1}),
        ("regene", {"filter": "none", "width": 2}),
        ("tvae", {"pose_prior": "normal"}),
        ("training-copy", {}),
        ("pca", {"latent": 4}),
    ],
)
def test_a_method_says_the_same_once_it_is_loaded(
    spec: ImageSpec, data: TrainingData, tmp_path: Any, name: str, options: dict
) -> None:
    def make() -> AbstractMethod:
        return made(name, spec, options)

    first = trained(make, data)
    keep_tensors(tmp_path / "state.safetensors", state_of(first))
    state = kept_tensors(tmp_path / "state.safetensors")
    assert state is not None
    assert state_digest(state) == state_digest(first.state_dict()), "whatever the order of the file"
    check_loaded(first, loaded(make, state, first.facts, data), data, 0)


def test_a_digest_hangs_on_names_shapes_types_and_values() -> None:
    state = {"a": torch.arange(4.0), "b": torch.zeros(2)}
    others = [
        {"a": torch.arange(4.0), "c": torch.zeros(2)},
        {"a": torch.arange(4.0).view(2, 2), "b": torch.zeros(2)},
        {"a": torch.arange(4), "b": torch.zeros(2)},
        {"a": torch.arange(4.0), "b": torch.ones(2)},
    ]
    digests = {state_digest(one) for one in [state, *others]}
    assert len(digests) == 5
    assert state_digest(dict(reversed(state.items()))) == state_digest(state)
