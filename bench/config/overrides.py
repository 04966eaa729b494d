"""What the command line changes in a suite."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.config.choices import OPTIMISERS
from bench.config.plugins import register
from bench.config.rows import settle_rows
from bench.config.suite import Suite, load_suite, parse_seeds
from bench.runtime.errors import UsageError, nearest
from methods.backbones import BACKBONES


@dataclass(frozen=True)
class SuiteOverrides:
    """Which suite, and what the command line changes in it."""

    suite: str
    methods: str | None = None
    seeds: str | None = None
    epochs: int | None = None
    dataset: str | None = None
    settings: tuple[str, ...] = ()
    precision: str | None = None
    backbone: str | None = None
    optimiser: str | None = None
    likelihood: str | None = None
    neutral_epochs: int | None = None

    def settle(self, plugins: Sequence[str] = ()) -> Suite:
        """The suite with the changes, its methods and those of the plug-ins registered. Raises UsageError."""
        suite = load_suite(self.suite)
        register(suite, plugins)
        suite = settle_rows(suite, self.methods, self.settings)
        changes: dict[str, object] = {}
        if self.seeds is not None:
            changes["seeds"] = parse_seeds(self.seeds)
        if self.dataset is not None:
            changes["dataset"] = [self.dataset]
        if self.backbone is not None:
            changes["backbone"] = _known("--backbone", self.backbone, BACKBONES, "backbone")
        if self.likelihood is not None:
            changes["likelihood"] = self.likelihood
        if self.neutral_epochs is not None:
            changes["evaluation"] = suite.evaluation.model_copy(update={"neutral_epochs": self.neutral_epochs})
        if self.optimiser is not None:
            _known("--optimiser", self.optimiser, OPTIMISERS, "optimiser")
        budget = {"epochs": self.epochs, "precision": self.precision, "optimiser": self.optimiser}
        changes["budget"] = suite.budget.changed(**budget)
        return suite.model_copy(update=changes)


def _known(flag: str, name: str, known: Iterable[str], what: str) -> str:
    """Raises UsageError with the nearest name."""
    if name not in known:
        raise UsageError(f"{flag}: {nearest(name, known, what)}")
    return name
