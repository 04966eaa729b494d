"""A method has a capability by its members alone; an attribute that only looks like one is refused when the method is built."""

import pytest
import torch
from torch import Tensor

from bench.config.options import build
from bench.runtime.errors import UsageError
from methods.base import (
    AbstractMethod,
    Encodes,
    Entry,
    HasCategories,
    HasPose,
    ImageSpec,
    RemovesPose,
    Samples,
    SamplesClasses,
    check_capabilities,
)

SPEC = ImageSpec(1, 8, 8, 4)


class Plain(AbstractMethod):
    """Encodes; anything else is given to it."""

    def __init__(self, spec: ImageSpec, *, name: str = "encode", value: object = None) -> None:
        super().__init__()
        if name != "encode":
            setattr(self, name, value)

    def encode(self, x: Tensor, y: Tensor) -> Tensor:
        return x.flatten(1)


def test_capabilities_are_told_by_members() -> None:
    method = Plain(SPEC)
    assert isinstance(method, Encodes)
    assert not any(isinstance(method, kind) for kind in (Samples, SamplesClasses, HasCategories, HasPose))
    method.categories, method.sample_any, method.canonical = 3, lambda n: torch.zeros(n, 1, 8, 8), lambda x: x
    assert all(isinstance(method, kind) for kind in (Samples, HasCategories, RemovesPose))
    assert not isinstance(method, HasPose)
    check_capabilities(method)


@pytest.mark.parametrize(
    ("name", "value", "capability"),
    [
        ("sample", None, "SamplesClasses"),
        ("log_weight", 0.5, "Weighs"),
        ("canonical", "upright", "RemovesPose"),
        ("categories", None, "HasCategories"),
        ("categories", 0, "HasCategories"),
        ("pose_size", 6, "HasPose"),
    ],
)
def test_what_only_looks_like_a_capability_is_refused_by_name(name: str, value: object, capability: str) -> None:
    entry = Entry("plain", Plain, "a test")
    with pytest.raises(UsageError, match=rf"^row: Plain.*{name}.*{capability}"):
        build("row", entry, SPEC, {"name": name, "value": value})
