"""The method contract: what the harness may ask of a method, and what every latent-variable method shares.

A method is an `nn.Module` that knows nothing of the harness. It states a loss as named per-image terms in nats; weighing, averaging and
logging happen once, in the training loop. Concrete methods override no concrete method but `terms` and `phases` (a test checks it).
"""

import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Lt
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.choices import Backbone, Likelihood
from methods.parts import bounds
from methods.parts.capabilities import (  # noqa: F401 (the contract's)
    AlignsPose,
    Clusters,
    Decodes,
    Encodes,
    HasCategories,
    HasPose,
    KeepsCodes,
    Labels,
    Proposes,
    Recognises,
    Reconstructs,
    RemovesPose,
    Samples,
    SamplesCategories,
    SamplesClasses,
    Weighs,
    check_capabilities,
)
from methods.parts.data import Images, ImageSpec, TrainingData  # noqa: F401 (the contract's)
from methods.parts.distributions import Distribution, Gaussian, Pixels
from methods.parts.networks import GaussianEncoder, decoder_of
from methods.parts.stages import Phase, Phases, Span, Terms

Count = Annotated[int, Ge(1)]
"""An option that counts something: an integer of at least 1."""
Positive = Annotated[float, Gt(0), Lt(math.inf)]
NonNegative = Annotated[float, Ge(0), Lt(math.inf)]
Weight = Callable[[Tensor], Tensor]
Latent = Annotated[Count, Span(2, 64, log=True, whole=True)]
"""D, the size of z."""


class AbstractMethod(nn.Module, ABC):
    """What every method is. What it can do beside training it says by having the members of a capability: Encodes, Samples, ...

    All that training changes is in its parameters and buffers, flags and counters included, and in `facts`: it is scored as it is loaded.
    """

    labels_in_training: ClassVar[bool] = False
    labels_at_test: ClassVar[bool] = False
    categories_are_classes: ClassVar[bool] = False
    """Whether category k is class k, of a method with a categorical latent."""
    drawn_pose: str = ""
    """In which pose its samples are, where there is one."""
    canonical_name: ClassVar[str] = "pose removed"
    """What `canonical` gives, of a method with a pose latent."""
    optimiser_steps: Int[Tensor, ""]
    """Optimiser steps taken: the training loop counts them within the step, so that a step captured in a CUDA graph counts on."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: dict[str, float | Weight] = {}
        self.facts: dict[str, Any] = {}
        """What the method settled on by itself, for the record: numbers and short names, in lists and dicts."""
        self.register_buffer("optimiser_steps", torch.zeros((), dtype=torch.int64))

    def add_caveats(self, caveats: Mapping[str, Any]) -> None:
        """Facts that a reader of the scores has to know first: a short name for each, with its numbers."""
        if caveats:
            self.facts.setdefault("caveats", {}).update(caveats)

    def terms(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Terms:
        """Named per-image terms to minimise. Free of host-device syncs and of shapes that depend on data."""
        raise TypeError(f"{type(self).__name__} has no terms: it is not trained by gradient steps")

    def attach(self, data: TrainingData) -> None:
        """Take what it needs of the data beside its state, as images that it copies: called before training and after loading."""

    def phases(self, data: TrainingData) -> Iterator[Phase] | Phases:
        """The stages of training, in order, and searches; plain code before, between and after the phases runs when the loop gets there."""
        yield Phase("train", self, self.terms)

    def objective(self, terms: Terms) -> Float[Tensor, ""]:
        """The scalar to minimise: the batch mean of each term times its weight (1 where none is stated), summed.

        A weight that can be called is given the batch mean itself, for objectives such as |KL - C|.
        """
        parts = []
        for name, values in terms.items():
            weight, mean = self.weights.get(name, 1.0), values.mean()
            parts.append(weight(mean) if callable(weight) else mean if weight == 1 else weight * mean)
        return sum(parts[1:], parts[0])

    def capacity_weight(self, weight: float, capacity: float, ramp_steps: int, most: float = math.inf) -> Weight:
        """weight * |mean - C| for `objective`, C rising from 0 to `capacity` in a straight line over the ramp's steps, never past `most`.

        004_a631cee4b8c415db.txt, eq. 7 (Burgess et al. 2018), on the batch's mean KL, as the authors of Joint-VAE have it.
        """
        return partial(self._from_capacity, weight, capacity / ramp_steps, min(capacity, most))

    def _from_capacity(self, weight: float, rise: float, top: float, mean: Tensor) -> Tensor:
        return weight * (mean - (self.optimiser_steps * rise).clamp(max=top)).abs()


class AbstractVAE(AbstractMethod):
    """A latent-variable method: it states three distributions, and everything else follows from them.

    log p(x|y) >= E_q[log p(x|z,y)] - KL(q(z|x,y) || p(z|y)). `y` names a component of the prior: the class for methods that use
    labels, a cluster for K-Means, always 0 for the rest. Where a method uses labels, log p(x) = log sum_y p(y) p(x|y).
    """

    log_components: Float[Tensor, " k"]
    has_bound: bool = True
    """False where a part of the code is a function of the image, without a prior: then nothing bounds log p(x)."""

    def __init__(self, components: int = 1) -> None:
        super().__init__()
        self.register_buffer("log_components", torch.full((components,), -math.log(components)))

    @abstractmethod
    def prior(self, y: Int[Tensor, " n"]) -> Distribution:
        """p(z|y)"""

    @abstractmethod
    def posterior(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Distribution:
        """q(z|x,y)"""

    @abstractmethod
    def likelihood(self, z: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> Pixels:
        """p(x|z,y)"""

    def terms(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Terms:
        """The two terms of the negative bound, at one sampled z."""
        q = self.posterior(x, y)
        return {"reconstruction": -self.likelihood(q.sample(), y).log_prob(x), "kl": q.kl(self.prior(y))}

    def encode(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """The posterior mean."""
        return self.posterior(x, y).mean

    def reconstruct(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
        """E[x'|z] at the posterior mode: for a Gaussian its mean, for a category the likeliest one."""
        return self.likelihood(self.posterior(x, y).mode, y).mean

    def sample_component(self, y: Int[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
        """E[x|z] at z ~ p(z|y) for the components asked for."""
        return self.likelihood(self.prior(y).sample(), y).mean

    def sample_any(self, n: int) -> Float[Tensor, "n c h w"]:
        """E[x|z] at z ~ p(z), components drawn by their frequency."""
        return self.sample_component(torch.multinomial(self.log_components.exp(), n, replacement=True))

    def elbo(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
        """A bound on log p(x), labels averaged over, at sampled z. Raises TypeError where there is none."""
        return bounds.elbo(self, x)

    def log_weight(self, x: Float[Tensor, "n c h w"], samples: int) -> Float[Tensor, "n s"]:
        """Log importance weights of p(x), `samples` or a few more. Raises TypeError where there is no bound."""
        return bounds.log_weight(self, x, samples)


class AbstractPlainVAE(AbstractVAE):
    """q(z|x) is a Gaussian that the backbone's encoder gives, p(x|z) what its decoder gives, neither reads y: p(z|y) is left to state."""

    def __init__(
        self,
        spec: ImageSpec,
        components: int = 1,
        *,
        latent: Latent = 20,
        backbone: Backbone = "mlp",
        hidden: Count | None = None,
        likelihood: Likelihood = "bernoulli",
    ) -> None:
        super().__init__(components)
        self.latent = latent
        self.encoder = GaussianEncoder(spec.shape, latent, backbone, hidden)
        self.decoder = decoder_of(likelihood, spec.shape, latent, backbone, hidden)

    def posterior(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Gaussian:
        return self.encoder(x)

    def likelihood(self, z: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> Pixels:
        return self.decoder(z)


class AbstractClassVAE(AbstractVAE):
    """A VAE whose components are the classes: it learns from labels and gives images of a class asked for."""

    labels_in_training = True

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        """p(y) is the share of each class among the training images; then one phase."""
        self.log_components.copy_(data.class_frequencies().log())
        yield Phase("train", self, self.terms)

    def sample(self, y: Int[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
        """Images of the classes asked for: E[x|z,y] at z ~ p(z|y)."""
        return self.sample_component(y)


@dataclass(frozen=True)
class Entry:
    """A registered method: its class, the paper file and place that it comes from, a line on what it is, and the plug-in's file, if any."""

    name: str
    cls: type[AbstractMethod]
    source: str
    about: str = ""
    plugin: str = ""


registry: dict[str, Entry] = {}


def method(name: str, *, source: str) -> Callable[[type[AbstractMethod]], type[AbstractMethod]]:
    """Register a class as a method under a name. `source`: the paper file and section. The docstring's first line says what it is."""

    def register(cls: type[AbstractMethod]) -> type[AbstractMethod]:
        if name in registry and registry[name].cls.__module__ != cls.__module__:
            first = registry[name].cls.__module__
            raise ValueError(f"method {name!r} is defined twice: in {first} and in {cls.__module__}")
        registry[name] = Entry(name, cls, source, (cls.__doc__ or "").strip().split("\n")[0])
        return cls

    return register


def part(name: str, spec: ImageSpec, **options: Any) -> Any:
    """A registered method as a part of another, which trains it by `yield from self.vae.phases(data)`. Raises ValueError for no method."""
    if name not in registry:
        importlib.import_module("methods").load()
    if name not in registry:
        raise ValueError(f"there is no method {name!r} to build on: there are {', '.join(sorted(registry))}")
    return registry[name].cls(spec, **options)  # type: ignore[call-arg]  # each method has options of its own
