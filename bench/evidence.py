"""Everything gathered from a trained method, each thing once: what metrics and pictures read."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.gathering import Costs, NotGiven, gathered
from bench.neutral import Neutral
from bench.seeds import stream
from bench.suite import Evaluation
from methods.base import AbstractMethod, AbstractVAE, Images, TrainingData
from metrics.base import Unavailable
from metrics.features import Extractor, predict, to_uint8

BATCH = 1000
LATENTS = 10_000
"""Decoded images held at once while importance weights are taken: bounds memory, changes no figure's meaning."""


class Evidence:
    """A trained method's evidence by name. Reading a name gathers it; a metric's argument names are names of this class."""

    originals_name = ""
    feature_cache = Path()

    def __init__(
        self,
        method: AbstractMethod,
        data: TrainingData,
        test: Images,
        settings: Evaluation,
        seed: int,
        costs: Costs,
        neutral: Callable[[], Neutral],
        inception: Callable[[], Extractor],
        originals_name: str,
        feature_cache: Path,
    ) -> None:
        self.method, self.data, self.test, self.settings, self.costs = method, data, test, settings, costs
        self.seed_of_cell, self.device = seed, test.x.device
        self.kept: dict[str, Any] = {}
        self.protocol: dict[str, Any] = {}
        self.originals_name, self.feature_cache = originals_name, feature_cache
        self._neutral, self._inception = neutral, inception

    def _capability(self, name: str) -> Callable[..., Tensor]:
        if not hasattr(self.method, name):
            raise NotGiven(name)
        return getattr(self.method, name)

    def _vae(self) -> AbstractVAE:
        if not isinstance(self.method, AbstractVAE):
            raise NotGiven("a bound on log p(x)")
        return self.method

    def _over(self, images: Images, function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        return torch.cat([function(x, y) for x, y in images.batches(BATCH)])

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

    # What the method makes of images.
    @gathered
    def _bound_terms(self) -> dict[str, Tensor]:
        method = self._vae()
        parts = [method.terms(x, y) for x, y in self.test.batches(BATCH)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    @gathered
    def sampled_log_likelihood(self) -> Tensor:
        return -self._bound_terms["reconstruction"]

    @gathered
    def kl(self) -> Tensor:
        return self._bound_terms["kl"]

    @gathered
    def elbo(self) -> Tensor:
        method = self._vae()
        return self._over(self.test, lambda x, y: method.elbo(x))

    @gathered
    def log_weights(self) -> Tensor:
        take, samples = self._capability("log_weight"), self.settings.importance_samples
        images = Images(self.test.x[: self.settings.importance_images], self.test.y[: self.settings.importance_images])
        weights = torch.cat([take(x, samples) for x, _ in images.batches(max(1, LATENTS // samples))])
        self.protocol["importance"] = {"images": len(weights), "samples": weights.shape[1]}
        return weights

    @gathered
    def reconstructions(self) -> Tensor:
        return self._over(self.test, self._capability("reconstruct"))

    @gathered
    def latents_train(self) -> Tensor:
        return self._over(self.data.train, self._capability("encode"))

    @gathered
    def latents_test(self) -> Tensor:
        return self._over(self.test, self._capability("encode"))

    @gathered
    def posterior_means_test(self) -> Tensor:
        self._vae()
        return self.latents_test

    @gathered
    def labels_test(self) -> Tensor:
        label = self._capability("label")
        return self._over(self.test, lambda x, y: label(x))

    @gathered
    def _clusters(self) -> tuple[Tensor, Tensor]:
        """Clusters of train and test: the method's own where it has them, else k-means on its latents with as many as classes."""
        if hasattr(self.method, "cluster"):
            own = self._capability("cluster")
            return self._over(self.data.train, lambda x, y: own(x)), self._over(self.test, lambda x, y: own(x))
        from sklearn.cluster import KMeans

        fitted = KMeans(self.n_classes, n_init=1, random_state=self.seed % 2**32).fit(self.latents_train.cpu().numpy())
        assigned = fitted.predict(self.latents_test.cpu().numpy())
        return torch.from_numpy(fitted.labels_).long(), torch.from_numpy(assigned).long()

    @gathered
    def clusters_train(self) -> Tensor:
        return self._clusters[0].to(self.device)

    @gathered
    def clusters_test(self) -> Tensor:
        return self._clusters[1].to(self.device)

    # What the method makes of nothing.
    def _generate(self, sizes: Iterable[int], make: Callable[[int], Tensor]) -> Tensor:
        """Samples in batches, quantised to uint8 at once."""
        return torch.cat([to_uint8(make(size)) for size in sizes])

    @gathered
    def samples(self) -> Tensor:
        return self._timed_samples[0]

    @gathered
    def sample_seconds(self) -> float:
        """Seconds for 10,000 samples: decoding and quantising, after a batch to warm up."""
        return self._timed_samples[1]

    @gathered
    def _timed_samples(self) -> tuple[Tensor, float]:
        make, count = self._capability("sample_any"), self.settings.samples
        make(min(BATCH, count))
        started = self._time()
        samples = self._generate((min(BATCH, count - done) for done in range(0, count, BATCH)), make)
        return samples, (self._time() - started) * 10_000 / count

    def _time(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    @gathered
    def class_sample_labels(self) -> Tensor:
        self._capability("sample")
        return torch.arange(self.n_classes, device=self.device).repeat_interleave(self.settings.samples_per_class)

    @gathered
    def class_samples(self) -> Tensor:
        make = self._capability("sample")
        return torch.cat([to_uint8(make(labels)) for labels in self.class_sample_labels.split(BATCH)])

    # What others make of its samples.
    @gathered
    def neutral(self) -> Any:
        """The neutral classifier; refused below the suite's floor."""
        found = self._neutral()
        self.protocol |= {"neutral_test_accuracy": found.test_accuracy, "neutral_hash": found.hash}
        if found.test_accuracy < self.settings.neutral_floor:
            raise Unavailable(
                f"the neutral classifier's test accuracy {found.test_accuracy:.4f} is below the suite's floor {self.settings.neutral_floor}"
            )
        return found.classifier

    @gathered
    def inception(self) -> Extractor:
        extractor = self._inception()
        self.protocol["inception_hash"] = extractor.hash
        return extractor

    @gathered
    def _sample_predictions(self) -> tuple[Tensor, Tensor]:
        return predict(self.neutral, self.samples)

    @gathered
    def sample_predictions(self) -> Tensor:
        return self._sample_predictions[0]

    @gathered
    def sample_confidences(self) -> Tensor:
        return self._sample_predictions[1]

    @gathered
    def class_sample_predictions(self) -> Tensor:
        return predict(self.neutral, self.class_samples)[0]

    # What it cost.
    @property
    def train_seconds(self) -> float:
        return self.costs.train_seconds

    @gathered
    def images_per_second(self) -> float:
        if self.costs.trained_images == 0:
            raise NotGiven("training by gradient steps")
        return self.costs.trained_images / self.costs.train_seconds

    @property
    def peak_memory_bytes(self) -> int:
        return self.costs.peak_memory_bytes

    @property
    def parameters(self) -> int:
        return self.costs.parameters
