"""What a method says of settings that can be searched: spans of its options, and searches that it asks the harness to run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from methods.choices import Sampler

Value = float | int | str
Point = dict[str, Value]
"""One setting of everything that is searched, by name."""
Scores = dict[str, float]
Figures = Scores
"""The old name, for plug-ins, for one version."""


@dataclass(frozen=True)
class Span:
    """Where a number is searched, both ends included; a type's `Annotated` may carry it beside an option's own bounds.

    log: evenly over its logarithm. whole: integers alone.
    """

    low: int | float
    high: int | float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"span from {self.low} to {self.high}: low must be below high, and above 0 with log")


Space = Mapping[str, Span | tuple[Value, ...]]
"""Name to a span, or to the values that it may take."""


@dataclass(frozen=True)
class Search:
    """A search that a method asks for while it is trained: `found = yield Search(...)`. The harness runs it and sends the best point.

    measure: scores of a point on so many images of a class, from draws of the default generators; the harness sets their seed, the
    same for every point. value: what the answer is chosen by, the lowest, from these scores; guide: what the sampler minimises and a
    first look is judged by, a value without cliffs. costs: names of the scores that nsga2 minimises together. The whole grid is tried
    where `trials` is None. A point of `start` is tried first. looks: images of a class that a point gets at a first look, after which it
    may be pruned, and in full. The `confirmed` best are measured again on other draws, four times as
    many images; the best of these is the answer, its scores from draws that nothing was chosen by.
    """

    name: str
    space: Space
    measure: Callable[[Point, int], Scores]
    value: Callable[[Scores], float]
    trials: int | None
    looks: tuple[int, int]
    guide: Callable[[Scores], float]
    sampler: Sampler = "tpe"
    costs: tuple[str, ...] = ()
    start: Sequence[Point] = ()
    confirmed: int = 5


@dataclass(frozen=True)
class Found:
    """The answer to a Search: the best point, and its scores on draws that the search had not seen."""

    point: Point
    scores: Scores

    @property
    def figures(self) -> Scores:
        """The old name, for plug-ins, for one version."""
        return self.scores
