"""What scoring takes: every evidence and metric alone, on shares of the images that grow as long as they are quick, then carried on.

What does not ask the method is as quick for any row of a data set whose tensors have that shape: it is measured for the first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from bench.pictures.draw import draw
from bench.runner.pricing.part import Part
from bench.runtime.now import now
from bench.scoring.cache import Cache, Tensors, code_of
from bench.scoring.evidence import Definition, Evidence, MissingCapability, registry
from bench.scoring.score import score
from metrics.base import Metric, Unavailable

SHARES = (1 / 64, 1 / 16, 1 / 4, 1.0)
LEAST_IMAGES = 250
"""Training images of the smallest share."""
PATIENCE_AGAIN, PATIENCE, PATIENCE_STEEP = 0.15, 1.0, 6.0
"""Seconds: what would take longer at a share is not measured there, but carried on from the shares before it. Less for what was followed
for a row before."""
WARM = 0.5
"""Seconds up to which what is gathered for the first time in a process is gathered once more."""
STEEP, STEEPEST = 1.1, 2.0
"""Powers of the number of images: from which a time is steep, and with which it grows at most, that of all pairs."""


class TooLong(Unavailable):
    """It would take longer than is worth it."""


def shares(images: int) -> list[float]:
    """Those that leave enough training images; all of them at least."""
    return [share for share in SHARES if images * share >= LEAST_IMAGES] or [1.0]


def strided(count: int, share: float, least: int) -> Tensor:
    """Indices of so large a share of `count` images, evenly spread: whatever their order, all classes are among them."""
    return torch.linspace(0, count - 1, min(count, max(least, round(count * share)))).round().long()


Curve = dict[float, float]
"""Share to seconds."""


def power(curve: Curve) -> float:
    """Of the share, by which the last two seconds grow: 1 where there is but one."""
    known = sorted(curve.items())[-2:]
    if len(known) < 2 or not all(seconds > 0 for _, seconds in known):
        return 1.0
    (before, less), (last, more) = known
    return min(STEEPEST, max(0.0, math.log(more / less) / math.log(last / before)))


def carried(curve: Curve, share: float) -> float:
    """Seconds at a share, measured or carried on from the largest."""
    last = max(curve)
    return curve[share] if share in curve else curve[last] * (share / last) ** power(curve)


def asks(name: str) -> bool:
    """Whether evidence of that name asks the method itself."""
    return name in registry and "method" in registry[name].reads.values()


@dataclass
class Times:
    """Seconds by name and share. others: of other rows, by name; the way that they grow is taken where they were followed further."""

    others: dict[str, Curve] = field(default_factory=dict)
    measured: dict[str, Curve] = field(default_factory=lambda: defaultdict(dict))

    def at(self, name: str, share: float) -> float:
        """Measured or carried on; 0 where nothing was measured."""
        own, other = self.measured[name], self.others.get(name, {})
        if not own:
            return 0.0
        last = max(own)
        if share > last and last in other and max(other) > last and other[last] > 0:
            return own[last] * min(carried(other, share) / other[last], (share / last) ** STEEPEST)
        return carried(own, share)

    def too_long(self, name: str, share: float) -> bool:
        """Whether it is not worth the wait. What grows faster than the images is waited for longer, once: it may not go on so."""
        steep = power(self.measured[name]) > STEEP
        again = name in self.others
        return self.at(name, share) > (PATIENCE_AGAIN if again else PATIENCE_STEEP if steep else PATIENCE)

    def keep(self) -> None:
        """For the rows that come; what asks the method grows in each method's own way."""
        for name, curve in self.measured.items():
            if curve and not asks(name) and max(curve) >= max(self.others.get(name, {0.0: 0.0})):
                self.others[name] = curve


@dataclass
class Known:
    """What rows of a data set have measured: seconds and values by name and the shapes that they were made of."""

    seconds: dict[Any, float] = field(default_factory=dict)
    values: dict[Any, Any] = field(default_factory=dict)
    warm: set[str] = field(default_factory=set)
    """Names that were gathered before: the first time in a process takes longer."""
    curves: dict[str, Curve] = field(default_factory=dict)
    protocols: dict[float, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    """What gathering stated, by share."""


class Priced(Evidence):
    """Evidence that takes the time of each name, without what it is gathered from."""

    def __init__(self, share: float, times: Times, known: Known, **handed: Any) -> None:
        super().__init__(**handed)
        self.share, self.times, self.book, self.spent = share, times, known, 0.0

    def _gathered(self, one: Definition) -> Any:
        if one.function is None:
            return super()._gathered(one)
        if self.times.too_long(one.name, self.share):
            raise TooLong(one.name)
        if one.capability is not None and not isinstance(self.method, one.capability):
            raise MissingCapability(str(one.capability))
        key = one.name, self.share, shape(self.arguments(one.function, one.reads))
        if asks(one.name) or key not in self.book.seconds:
            gather = partial(super()._gathered, one)  # what it reads is gathered by now
            self.book.values[key] = self._timed(key, gather)
        self.times.measured[one.name][self.share] = self.book.seconds[key]
        return self.book.values[key]

    def _timed(self, key: tuple[str, float, Any], work: Callable[[], Any]) -> Any:
        began = started = now(self.device)
        value = work()
        if key[0] not in self.book.warm and now(self.device) - began < WARM:
            started = now(self.device)
            value = work()
        self.book.warm.add(key[0])
        ended = now(self.device)
        self.book.seconds[key] = ended - started
        self.spent += ended - began
        return value

    def metric(self, metric: Metric) -> None:
        """Take the time of a metric, with its intervals. One that cannot be computed here takes none."""
        name = f"metric {metric.name}"
        if self.times.too_long(name, self.share):
            return
        try:
            key = name, self.share, shape(self.arguments(metric.function, metric.reads))
        except (MissingCapability, Unavailable):
            return
        if key not in self.book.seconds:
            self._timed(key, lambda: score(self, [metric]))
        self.times.measured[name][self.share] = self.book.seconds[key]


def shape(value: Any) -> Any:
    """What of a value decides how long it takes to work on it: its numbers' shape and kind, not the numbers."""
    if isinstance(value, Tensor):
        return tuple(value.shape), value.dtype
    if isinstance(value, nn.Module):
        return type(value).__qualname__
    if isinstance(value, Mapping):
        return tuple((name, shape(one)) for name, one in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(shape, value))
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(shape(getattr(value, one.name)) for one in fields(value))
    return value if isinstance(value, int | str | type) else type(value).__qualname__


@dataclass(frozen=True)
class NoCache(Cache):
    """A cache that keeps nothing, and gives what is made."""

    def get(self, name: str, makers: Any, make: Any, fits: Any = None) -> Tensors:
        return make()


class There(Unavailable):
    """It is kept, so that nobody makes it."""


@dataclass(frozen=True)
class Peek(Cache):
    """A cache that only says whether something is kept."""

    def get(self, name: str, makers: Any, make: Any, fits: Any = None) -> Tensors:
        kept = (self.folder / f"{name}-{code_of(*makers)[:8]}.safetensors").is_file()
        raise There(name) if kept else Unavailable(name)


def is_there(evidence: Evidence, name: str) -> bool:
    """Whether evidence of the whole data, with a cache that peeks, is kept. What else keeps it from being gathered is no sign of it."""
    try:
        getattr(evidence, name)
    except There:
        return True
    except (MissingCapability, Unavailable):
        pass
    return False


def reaches(name: str, what: str) -> bool:
    """Whether evidence is gathered from this, itself or through what it reads."""
    return name == what or (name in registry and any(reaches(one, what) for one in registry[name].reads.values()))


def score_parts(times: Times, whole: Evidence) -> Iterable[Part]:
    """All that was measured, carried on to all images. What hangs on the data alone and is cached is paid once, or is there already."""
    for name in times.measured:
        alone = name in registry and reaches(name, "cache") and not reaches(name, "method")
        if not (alone and is_there(whole, name)):
            by_seed = bool(len(whole.data.held_out)) and reaches(name, "data")
            yield Part(f"score {name}", times.at(name, 1.0), whole.originals_name + name if alone else "", by_seed)


def picture_seconds(evidence: Priced, phases: Iterable[str], classes: tuple[str, ...], known: Known) -> float:
    """Of all pictures; as of the first row whose pictures show the same evidence and phases."""
    rows = [f"{epoch},{phase},{split},loss,1.0" for phase in phases for split in ("train", "test") for epoch in (1, 2)]
    given = sorted(name for name, value in evidence.kept.items() if not isinstance(value, Exception))
    key = "pictures", len(rows), tuple(given)
    if key not in known.seconds:
        with TemporaryDirectory() as folder:
            (Path(folder) / "curves.csv").write_text("\n".join(["epoch,phase,split,term,value", *rows, ""]))
            began = now(evidence.device) - evidence.spent
            draw(Path(folder), evidence, classes)
            known.seconds[key] = now(evidence.device) - evidence.spent - began
    return known.seconds[key]
