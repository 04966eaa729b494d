"""What a metric is: a pure function of evidence, with its scores' units, directions and source declared beside it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

Better = Literal["lower", "higher", "none"]


@dataclass(frozen=True)
class Items:
    """A score measured item by item: the harness averages it, bootstraps its interval and, with groups, splits it by class.

    values: (N,) one value an item. groups: (N,) int64 class of each item, or None. of: what the items are, in order.
    """

    values: Tensor
    groups: Tensor | None = None
    of: str = "test images"


SAMPLES = "samples, as they were drawn"
"""Of whose items a score is that is not of the test images."""
TENTHS = 10
"""Parts that a set is cut into. Fewer items than these have no spread."""


@dataclass(frozen=True)
class OfSet:
    """A score of a set that is no mean of its items: the harness takes its interval by a delete-a-tenth jackknife.

    value: of the whole set. without: of the set without each of its `tenths`, TENTHS values; empty where it has no spread.
    of: what the items are; where the score is of two sets, both lose the same tenth.
    note: what is to be known of the spread, for the record: that it is another estimate's, or too wide.
    """

    value: float
    without: Sequence[float] = ()
    of: str = Items.of
    note: str = ""


def tenths(items: int) -> Tensor:
    """Which tenth each of N items belongs to, (N,) int64 in 0..9: a permutation, the same for every set of N items.

    Sizes differ by one at most. The items' own order is not used: images may lie by class, and labels may repeat every ten,
    so that a tenth by blocks or by strides could be a class. Two sets of one size are cut alike, so that an image and its
    reconstruction are left out together.
    """
    return torch.from_numpy(np.random.default_rng(0).permutation(items) % TENTHS)


def jackknifed(score: Callable[..., float], *parts: Tensor, of: str = Items.of) -> OfSet:
    """The score of tensors (N, ...) whose rows are the same items, and of them without each tenth of the items.

    For scores that are quick to compute. Raises what the score of the whole raises; no spread where a part raises Unavailable.
    """
    value = score(*parts)
    if len(parts[0]) < TENTHS:
        return OfSet(value, of=of)
    tenth = tenths(len(parts[0])).to(parts[0].device)
    try:
        return OfSet(value, [score(*(part[tenth != left] for part in parts)) for left in range(TENTHS)], of=of)
    except Unavailable:
        return OfSet(value, of=of)


class Neighbours(NamedTuple):
    """The nearest training images of each of M images, nearest first: indices (M,K) int64, distances (M,K) float64.

    Where nearness is a similarity, `distances` are those similarities, largest first.
    """

    indices: Tensor
    distances: Tensor


def at_once(images: Tensor, most: int) -> int:
    """How many of (N,C,H,W) to take at a time: `most` of up to 3x32x32 numbers, fewer of larger ones."""
    return max(1, min(most, most * 3 * 32 * 32 // images.shape[1:].numel()))


def correct(predicted: Tensor, y: Tensor, of: str = Items.of) -> Items:
    """1.0 where a prediction (N,) is the class (N,), else 0.0, by class."""
    y = y.cpu()
    return Items((predicted.cpu() == y).double(), groups=y, of=of)


@dataclass(frozen=True)
class Score:
    """Unit and direction of one reported number; floor: the table marks rows below it.

    no_interval: why it has none over items, where it has none.
    """

    unit: str
    better: Better
    floor: float | None = None
    no_interval: str = ""


Figure = Score
"""The old name, for plug-ins, for one version."""


def class_cosine(images: Tensor, labels: Tensor) -> float:
    """Mean over classes of the mean cosine similarity of all distinct pairs of a class; images uint8 (M,C,H,W), labels (M,).

    An image without ink has no direction and is left out. Raises Unavailable where no class has two images left.
    """
    return class_cosine_jackknifed(images, labels).value


def class_cosine_jackknifed(images: Tensor, labels: Tensor) -> OfSet:
    """`class_cosine` with its leave-outs, from the sums of each tenth's directions: the images are read once."""
    labels, tenth = labels.to(images.device), tenths(len(images)).to(images.device)
    by_class = [_pair_cosines(images[labels == label], tenth[labels == label]) for label in labels.unique()]
    whole, *without = [[one for one in means if one is not None] for means in zip(*by_class, strict=True)] or [[]]
    if not whole:
        raise Unavailable("no class has two generated images that are not blank")
    few = len(images) < TENTHS or not all(without)
    return OfSet(sum(whole) / len(whole), [] if few else [sum(left) / len(left) for left in without], of=SAMPLES)


def _pair_cosines(images: Tensor, tenth: Tensor) -> list[float | None]:
    """Mean cosine over the n(n-1)/2 pairs of (n,C,H,W), then of those without each tenth, (n,); None where fewer than two are left.

    The squared length of the sum of n unit vectors is n plus twice the sum over pairs: no (n,n) matrix is needed.
    """
    flat = images.flatten(1).double()
    lengths = flat.norm(dim=1)
    directions = flat[lengths > 0] / lengths[lengths > 0, None]
    tenth, total = tenth[lengths > 0], directions.sum(0)
    sums = [(total, len(directions))]
    for left in range(TENTHS):
        out = directions[tenth == left]
        sums.append((total - out.sum(0), len(directions) - len(out)))
    return [None if n < 2 else float((one.square().sum() - n) / (n * (n - 1))) for one, n in sums]


Measured = float | Items | OfSet | Mapping[str, float | Items | OfSet]


@dataclass(frozen=True)
class Metric:
    """A registered function. reads: argument to the name of the evidence that it takes; scores: what it reports."""

    name: str
    function: Callable[..., Measured]
    source: str
    family: str
    reads: Mapping[str, str]
    scores: dict[str, Score]
    plugin: str = ""
    """The plug-in's file that registers it, which may be another than its function's."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the evidence that it takes."""
        return tuple(self.reads.values())


def read_by(function: Callable[..., Any]) -> dict[str, str]:
    """Argument to the name of the evidence that it takes: its own."""
    return {name: name for name in inspect.signature(function).parameters}


def match_one_to_one(numbers: Tensor, classes: Tensor) -> Tensor:
    """The class of each number, (K,) int64, under the one-to-one matching of numbers (N,) with classes (N,) that is right most often.

    scipy's linear_sum_assignment on the table of counts. Where there are more numbers than classes, one left over has class -1.
    """
    k, n = int(numbers.max()) + 1, int(classes.max()) + 1
    table = torch.bincount(numbers.cpu() * n + classes.cpu(), minlength=k * n).reshape(k, n)
    matched = torch.full((k,), -1)
    rows, columns = linear_sum_assignment(table.numpy(), maximize=True)
    matched[torch.from_numpy(rows)] = torch.from_numpy(columns)
    return matched


class Unavailable(Exception):
    """Raised by evidence or a metric that cannot be measured here; the message is the reason, shown in record and table."""


registry: dict[str, Metric] = {}
_Function = TypeVar("_Function", bound=Callable[..., Measured])


def metric(
    *,
    source: str,
    unit: str = "",
    better: Better = "none",
    no_interval: str = "",
    scores: dict[str, Score] | None = None,
    figures: dict[str, Score] | None = None,
    name: str = "",
    reads: Mapping[str, str] | None = None,
) -> Callable[[_Function], _Function]:
    """Register a function as a metric.

    Its arguments name the evidence it needs. With `unit` and `better` it reports one score under its own name and returns
    a float, `Items` or `OfSet`; with `scores`, where one computation gives several, a dict of exactly those names.
    name: where not the function's. reads: arguments that take evidence of another name than their own.
    `figures` is the old name of `scores`, for one version. Raises ValueError where a name is taken.
    """

    def register(function: _Function) -> _Function:
        own = name or function.__name__
        reported = {**(scores or {}), **(figures or {})} or {own: Score(unit, better, no_interval=no_interval)}
        taken = {one for other in registry.values() for one in other.scores} & set(reported)
        if taken or own in registry:
            raise ValueError(f"metric {own!r}: the name {', '.join(sorted(taken)) or own} is already registered")
        family = function.__module__.rsplit(".", 1)[-1]
        registry[own] = Metric(own, function, source, family, read_by(function) | dict(reads or {}), reported)
        return function

    return register
