"""What training is made of, phases and searches that a method asks the harness to run, and the spans in which options are searched."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from methods.choices import Sampler
from methods.parts.data import Images, TrainingData

Terms = dict[str, Tensor]
"""Named per-image loss terms in nats, each of shape (N,)."""
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


@dataclass(frozen=True)
class Phase:
    """One stretch of training: the parameters of `module` on `terms`, with the method's weights.

    each_epoch, where given, is called before every epoch, the first included, without gradients and in eval mode. epochs: where None
    `share` of the budget's, at least one. view: makes the images that are trained on from the data's, once, like each_epoch without
    gradients and in eval mode.
    shared: where given, the phase is trained once for all methods of a seed, on the same data and budget, that come to it with such a
    module, the same terms and the same `shared`: whatever else its result hangs on, options say. The module begins anew: its parts that
    have `reset_parameters` are reset from a stream of the module's own, from which order and noise are drawn as well; a method that is a
    part of another draws what it would draw as a row by itself. All that the phase leaves behind must be in the module's state_dict.
    reads: modules whose state a shared phase reads beside its own; where None, all of the method's, unless it calls the module alone.
    """

    name: str
    module: nn.Module
    terms: Callable[[Tensor, Tensor], Terms]
    each_epoch: Callable[[TrainingData], None] | None = None
    epochs: int | None = None
    share: float = 1.0
    view: Callable[[Images], Images] | None = None
    shared: Mapping[str, Any] | None = None
    reads: Sequence[nn.Module] | None = None


Phases = Generator[Phase | Search, Any, None]
"""What `phases` gives: stretches of training, and searches, each answered with what it Found."""
