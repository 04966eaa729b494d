"""The method contract: what the harness may ask of a method, and the arithmetic that every latent-variable method shares.

A method is an `nn.Module` that knows nothing of the harness. It states a loss as named per-image terms in nats; weighing,
averaging and logging happen once, in the training loop. Concrete methods override no concrete method but `terms` and
`phases` (a test checks it), so what is inherited means the same everywhere.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Lt
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.parts import Distribution, Images, ImageSpec, Pixels, Search, TrainingData  # noqa: F401 (ImageSpec is the contract's)
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

Count = Annotated[int, Ge(1)]
"""An option that counts something: an integer of at least 1."""
Positive = Annotated[float, Gt(0), Lt(math.inf)]
NonNegative = Annotated[float, Ge(0), Lt(math.inf)]

Terms = dict[str, Tensor]
"""Named per-image loss terms in nats, each of shape (N,)."""


@dataclass(frozen=True)
class Phase:
    """One stretch of training: the parameters of `module` on `terms`, with the method's weights.

    each_epoch, where given, is called before every epoch, the first included, without gradients and in eval mode. epochs: where None
    `share` of the budget's, at least one. view: makes the images that are trained on from the data's, once, like each_epoch without
    gradients and in eval mode.
    shared: where given, the phase is trained once for all methods that come to it in the same state, on the same data, seed and budget,
    with the same `shared`: whatever else its result hangs on, options say. All that the phase leaves behind must be in state_dict.
    """

    name: str
    module: nn.Module
    terms: Callable[[Tensor, Tensor], Terms]
    each_epoch: Callable[[TrainingData], None] | None = None
    epochs: int | None = None
    share: float = 1.0
    view: Callable[[Images], Images] | None = None
    shared: Mapping[str, Any] | None = None


Phases = Generator[Phase | Search, Any, None]
"""What `phases` gives: stretches of training, and searches, each answered with what it Found."""


class AbstractMethod(nn.Module, ABC):
    """What every method is. What it can do beside training it says by having the members of a capability: Encodes, Samples, ..."""

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
        self.weights: dict[str, float | Callable[[Tensor], Tensor]] = {}
        self.facts: dict[str, Any] = {}
        """What the method settled on by itself, for the record: plain numbers, texts, lists and dicts."""
        self.register_buffer("optimiser_steps", torch.zeros((), dtype=torch.int64))

    def terms(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Terms:
        """Named per-image terms to minimise. Free of host-device syncs and of shapes that depend on data."""
        raise TypeError(f"{type(self).__name__} has no terms: it is not trained by gradient steps")

    def phases(self, data: TrainingData) -> Iterator[Phase] | Phases:
        """The stages of training, in order, and searches; plain code before, between and after the phases runs when the loop gets there."""
        yield Phase("train", self, self.terms)

    def objective(self, terms: Terms) -> Float[Tensor, ""]:
        """The scalar to minimise: the batch mean of each term times its weight (1 where none is stated), summed.

        A weight that can be called is given the batch mean itself, for objectives such as |KL - C|.
        """
        total = None
        for name, values in terms.items():
            weight = self.weights.get(name, 1.0)
            mean = values.mean()
            part = weight(mean) if callable(weight) else weight * mean
            total = part if total is None else total + part
        assert total is not None
        return total

    def capacity_weight(
        self, weight: float, capacity: float, ramp_steps: int, most: float = math.inf
    ) -> Callable[[Tensor], Tensor]:
        """A weight for `objective`: weight * |mean - C|, C rising from 0 to `capacity` in a straight line over the ramp's optimiser steps.

        004_a631cee4b8c415db.txt, eq. 7 (Burgess et al. 2018), on the batch's mean KL, as the authors of Joint-VAE have it, and not image by
        image. C never passes `most`, a bound that the term itself has.
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
        """A bound on log p(x) = log sum_y p(y) p(x|y), labels averaged over, at one sampled z for each network input.

        Where the networks do not read the label: log sum_y p(y) exp(ELBO(x|y)), one z for all y. Where they do, each y has a z of its own,
        whose noise inside a log-sum-exp would lift the bound; there it is sum_y q(y|x) [log p(y) + ELBO(x|y) - log q(y|x)], q(y|x) from the
        bounds at the posterior means, which do not see the noise.
        """
        self._check_bound()
        bounds, guesses = [], []
        for k in range(len(self.log_components)):
            y = torch.full((len(x),), k, device=x.device)
            if k == 0 or self.labels_at_test:
                q = self.posterior(x, y)
                log_likelihood = self.likelihood(q.sample(), y).log_prob(x)
            rest = self.log_components[k] - q.kl(self.prior(y))
            bounds.append(log_likelihood + rest)
            if self.labels_at_test:
                guesses.append(self.likelihood(q.mode, y).log_prob(x) + rest)
        if not self.labels_at_test:
            return torch.stack(bounds).logsumexp(0)
        log_q = torch.stack(guesses).log_softmax(0)
        parts = log_q.exp() * (torch.stack(bounds) - log_q)
        return torch.where(log_q.isfinite(), parts, 0.0).sum(0)  # a class that never occurs has q(y|x) = 0

    def log_weight(self, x: Float[Tensor, "n c h w"], samples: int) -> Float[Tensor, "n s"]:
        """Log importance weights of p(x): log p(x) ~ logsumexp over s, minus log S. S is `samples`, rounded up to whole strata.

        Where the networks read the label, the samples are shared evenly among all labels (strata); else every sample is weighed
        by the whole mixture p(z) = sum_y p(y) p(z|y).
        """
        self._check_bound()
        strata = len(self.log_components) if self.labels_at_test else 1
        each = math.ceil(samples / strata)
        weights = []
        for k in range(strata):
            y = torch.full((len(x),), k, device=x.device)
            q = self.posterior(x, y).repeat(each)
            y, z = y.repeat(each), q.sample()
            log_p_z = self._log_prior(z, k) + math.log(strata)
            log_likelihood = self.likelihood(z, y).log_prob(x.repeat(each, 1, 1, 1))
            weights.append((log_likelihood + log_p_z - q.log_prob(z)).view(each, len(x)))
        return torch.cat(weights).T

    def _check_bound(self) -> None:
        if not self.has_bound:
            raise TypeError(f"nothing bounds log p(x) here: a part of {type(self).__name__}'s code has no prior")

    def _log_prior(self, z: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
        """log p(y=k) p(z|y=k) for methods whose networks read the label; log p(z), summed over components, for the others."""
        components = [k] if self.labels_at_test else range(len(self.log_components))
        joint = [
            self.log_components[c] + self.prior(torch.full((len(z),), c, device=z.device)).log_prob(z)
            for c in components
        ]
        return torch.stack(joint).logsumexp(0)


class AbstractClassVAE(AbstractVAE):
    """A VAE whose components are the classes: it learns from labels and gives images of a class asked for."""

    labels_in_training: ClassVar[bool] = True

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        """p(y) is the share of each class among the training images; then one phase."""
        self.log_components.copy_(data.class_frequencies().log())
        yield Phase("train", self, self.terms)

    def sample(self, y: Int[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
        """Images of the classes asked for: E[x|z,y] at z ~ p(z|y)."""
        return self.sample_component(y)


@dataclass(frozen=True)
class Entry:
    """A registered method: its class, the paper file and place that it comes from, and a line on what it is."""

    name: str
    cls: type[AbstractMethod]
    source: str
    about: str = field(default="")
    plugin: str = ""
    """The plug-in's file that registers it, which may be another than its class's."""


registry: dict[str, Entry] = {}


def method(name: str, *, source: str) -> Callable[[type[AbstractMethod]], type[AbstractMethod]]:
    """Register a class as a method under a name. `source`: the paper file and section. The docstring's first line says what it is."""

    def register(cls: type[AbstractMethod]) -> type[AbstractMethod]:
        if name in registry and registry[name].cls.__module__ != cls.__module__:
            raise ValueError(
                f"method {name!r} is defined twice: in {registry[name].cls.__module__} and in {cls.__module__}"
            )
        registry[name] = Entry(name, cls, source, (cls.__doc__ or "").strip().split("\n")[0])
        return cls

    return register
