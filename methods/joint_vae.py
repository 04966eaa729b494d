"""Joint-VAE and its supervised form (004_a631cee4b8c415db.txt): a continuous latent z beside a category c.

BCE(x, x') + beta * |KL(q(z|x) || N(0, I)) - C_z| + gamma * |T - C_c|; they differ in T alone, eqs. 7 to 9 and 11.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.base import AbstractVAE, Count, Latent, NonNegative, Positive, method
from methods.choices import Backbone, Likelihood
from methods.parts.data import ImageSpec, TrainingData
from methods.parts.distributions import Categorical, Gaussian, Joint, Pixels, standard_normal
from methods.parts.labels import one_hot
from methods.parts.networks import Encoder, decoder_of
from methods.parts.stages import Phase, Span, Terms

Capacity = Annotated[NonNegative, Span(0.0, 5.0)]
Factor = Annotated[NonNegative, Span(0.5, 100.0, log=True)]


class AbstractJointVAE(AbstractVAE):
    """z ~ N(0, I) and c ~ p(c) over K categories, both read off the image: q(z, c|x) = q(z|x) q(c|x). A code is [z, c].

    Training draws c from the Gumbel-softmax, evaluation one-hot. The bound and the samples are those of a VAE on the joint code.
    """

    log_categories: Float[Tensor, " k"]

    def prior(self, y: Int[Tensor, " n"]) -> Joint:
        z = standard_normal(len(y), self.latent, y.device)
        return Joint(z, Categorical(self.log_categories.expand(len(y), -1)))

    def posterior(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Joint:
        mu, log_var, logits = self.encoder(x).split([self.latent, self.latent, self.categories], 1)
        return Joint(Gaussian(mu, log_var), Categorical(logits, self.temperature if self.training else None))

    def likelihood(self, z: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> Pixels:
        return self.decoder(z)

    @abstractmethod
    def category_term(self, c: Categorical, y: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """T: what draws q(c|x) to its prior, in nats."""

    def terms(self, x: Float[Tensor, "n c h w"], y: Int[Tensor, " n"]) -> Terms:
        """`kl` of z and `kl_discrete` of c apart, the latter as each method trains on it; the metric of that name is eq. 9's for both."""
        q = self.posterior(x, y)
        return {
            "reconstruction": -self.likelihood(q.sample(), y).log_prob(x),
            "kl": q.z.kl(self.prior(y).z),
            "kl_discrete": self.category_term(q.rest, y),
        }

    def sample_category(self, c: Int[Tensor, " n"]) -> Float[Tensor, "n c h w"]:
        """E[x|z,c] at z ~ N(0, I), for the categories asked for."""
        return self.likelihood(torch.cat([self.prior(c).z.sample(), one_hot(c, self.categories)], 1), c).mean

    def __init__(
        self,
        spec: ImageSpec,
        *,
        latent: Latent = 20,
        categories: Count | None = None,
        backbone: Backbone = "mlp",
        hidden: Count | None = None,
        likelihood: Likelihood = "bernoulli",
        beta: Factor = 30.0,
        gamma: Factor = 30.0,
        capacity: Annotated[NonNegative, Span(0.0, 50.0)] = 5.0,
        ramp_steps: Count = 25_000,
        discrete_capacity: Capacity = 5.0,
        discrete_ramp_steps: Count = 25_000,
        temperature: Annotated[Positive, Span(0.1, 2.0, log=True)] = 0.67,
    ) -> None:
        super().__init__()
        if self.categories_are_classes and categories not in (None, spec.classes):
            raise ValueError(
                f"categories={categories}, but the data have {spec.classes} classes, and a category is a class here: "
                f"set categories to {spec.classes} or leave it out"
            )
        self.latent, self.categories, self.temperature = latent, categories or spec.classes, temperature
        most = math.inf if self.categories_are_classes else math.log(self.categories)
        self.weights = {
            "kl": self.capacity_weight(beta, capacity, ramp_steps),
            "kl_discrete": self.capacity_weight(gamma, discrete_capacity, discrete_ramp_steps, most),
        }
        self.register_buffer("log_categories", torch.full((self.categories,), -math.log(self.categories)))
        self.encoder = Encoder(spec.shape, 2 * latent + self.categories, backbone, hidden)
        self.decoder = decoder_of(likelihood, spec.shape, latent + self.categories, backbone, hidden)


@method("joint-vae", source="004_a631cee4b8c415db.txt, section 2.4 (Dupont 2018)")
class JointVAE(AbstractJointVAE):
    """Joint-VAE: a Gaussian z beside a category c, without labels.

    Minimises BCE(x, x') + beta * |KL(q(z|x) || N(0, I)) - C_z| + gamma * |KL(q(c|x) || Uniform(K)) - C_c|. Each KL is averaged over the
    batch before its capacity is taken off, as the authors of Joint-VAE do it (their public code; the paper's eq. 8 leaves it open). C_z
    rises to `capacity` over `ramp_steps` optimiser steps, C_c to `discrete_capacity` over `discrete_ramp_steps`, but never past log K,
    which that KL can't pass. categories: K, None for as many as classes. temperature: of the Gumbel-softmax, 0.67 as in the authors'
    code; the paper gives none. gamma = 0 and capacity = 0 is the beta-VAE on the joint code.
    """

    def category_term(self, c: Categorical, y: Tensor) -> Tensor:
        """Eq. 9: at most log K."""
        return c.kl(self.prior(y).rest)


@method("supervised-joint-vae", source="004_a631cee4b8c415db.txt, section 3")
class SupervisedJointVAE(AbstractJointVAE):
    """Supervised Joint-VAE: Joint-VAE whose category is the class.

    Minimises BCE(x, x') + beta * |KL(q(z|x) || N(0, I)) - C_z| + gamma * |-log q(c = y|x) - C_c|, batch means as in Joint-VAE: the
    label's cross-entropy under q(c|x), used as the paper uses it, though it is no KL of q against p. As a generator it draws c by the
    share of each class among the training images. Options are Joint-VAE's.
    """

    labels_in_training = True
    categories_are_classes = True

    def category_term(self, c: Categorical, y: Tensor) -> Tensor:
        """Eq. 11."""
        return c.cross_entropy(y)

    def __init__(self, spec: ImageSpec, *, discrete_capacity: Capacity = 0.0, **joint_vae: Any) -> None:
        super().__init__(spec, discrete_capacity=discrete_capacity, **joint_vae)

    def phases(self, data: TrainingData) -> Iterator[Phase]:
        """p(c) is the share of each class among the training images, a trace for one without images; then one phase."""
        self.log_categories.copy_(data.class_frequencies().clamp(min=1e-12).log())
        yield Phase("train", self, self.terms)

    def sample(self, y: Tensor) -> Tensor:
        """Images of the classes asked for."""
        return self.sample_category(y)
