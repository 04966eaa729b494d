"""What evidence starts from: the method, the data, the settings, and what training cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from bench.runtime.seeds import stream
from bench.scoring.gathering import Cost, MissingCapability, gathered, joined
from methods.base import AbstractMethod, AbstractVAE, Images, TrainingData
from metrics.base import Unavailable

if TYPE_CHECKING:
    from bench.config.suite import Evaluation
    from bench.scoring.cache import Cache
    from bench.scoring.classifier import Neutral
    from metrics.features import Extractor


class Given:
    """The data and the costs by name; what a method can be asked."""

    def __init__(
        self,
        method: AbstractMethod,
        data: TrainingData,
        test: Images,
        settings: Evaluation,
        seed: int,
        costs: Cost,
        neutral: Callable[[], Neutral],
        inception: Callable[[], Extractor],
        originals_name: str,
        train_name: str,
        cache: Cache,
        upright: Callable[[], Neutral] | None = None,
    ) -> None:
        self.method, self.data, self.test, self.settings, self.costs = method, data, test, settings, costs
        self.seed_of_cell, self.device = seed, test.x.device
        self.kept: dict[str, Any] = {}
        self.protocol: dict[str, Any] = {}
        self.originals_name, self.train_name, self.cache = originals_name, train_name, cache
        self._neutral, self._inception, self._upright = neutral, inception, upright

    def _capability(self, name: str) -> Callable[..., Tensor]:
        if not hasattr(self.method, name):
            raise MissingCapability(name)
        return getattr(self.method, name)

    @property
    def vae(self) -> AbstractVAE:
        """The method, where it is one of latent variables."""
        if not isinstance(self.method, AbstractVAE):
            raise MissingCapability("a bound on log p(x)")
        return self.method

    def _over(self, images: Images, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        return joined((function(x, y) for x, y in images.batches()), len(images))

    # The data.
    @gathered
    def x_test(self) -> Tensor:
        return self.test.x.float() / 255

    @property
    def y_test(self) -> Tensor:
        return self.test.y

    @property
    def y_train(self) -> Tensor:
        return self.data.train.y

    @property
    def n_classes(self) -> int:
        return self.data.classes

    @property
    def class_probabilities(self) -> Tensor:
        return self.data.class_frequencies()

    @property
    def originals(self) -> Tensor:
        """Real test images, uint8, as many as there are samples, or all."""
        return self.test.x[: self.settings.samples]

    @property
    def seed(self) -> int:
        return stream(self.seed_of_cell, "metrics")

    # What it cost.
    def _check_timed_alike(self) -> None:
        if len(self.costs.beside) > 1:
            counts = " and ".join(map(str, sorted(self.costs.beside)))
            raise Unavailable(f"parts of it were timed apart: {counts} cells side by side")

    @property
    def train_seconds(self) -> float:
        self._check_timed_alike()
        return self.costs.train_seconds

    @gathered
    def images_per_second(self) -> float:
        if self.costs.trained_images == 0:
            raise MissingCapability("training by gradient steps")
        searching = self.costs.search_seconds + self.costs.confirm_seconds
        return self.costs.trained_images / (self.train_seconds - searching)

    @gathered
    def shared_train_seconds(self) -> float:
        if not self.costs.shared_seconds:
            raise MissingCapability("phases that are shared")
        self._check_timed_alike()
        return self.costs.shared_seconds

    @gathered
    def seconds_per_100_trials(self) -> float:
        if not self.costs.trials:
            raise MissingCapability("a search")
        self._check_timed_alike()
        return 100 * self.costs.search_seconds / self.costs.trials

    @property
    def peak_memory_bytes(self) -> int:
        return self.costs.peak_memory_bytes

    @property
    def parameters(self) -> int:
        return self.costs.parameters
