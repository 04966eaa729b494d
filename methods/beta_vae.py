"""The beta-VAE, with or without capacity."""

from typing import Annotated, Any

from torch import Tensor

from methods.base import AbstractPlainVAE, Count, ImageSpec, NonNegative, method
from methods.parts.distributions import Gaussian, standard_normal
from methods.parts.stages import Span


@method(
    "beta-vae",
    source="003_b71d894c057c3002.txt, section 3.1 (Higgins et al. 2017); capacity: 004_a631cee4b8c415db.txt, eq. 7 (Burgess et al. 2018)",
)
class BetaVAE(AbstractPlainVAE):
    """beta-VAE: the VAE with its KL term weighed by beta, or held near a capacity that rises.

    Minimises BCE(x, x') + beta * |KL(q(z|x) || N(0, I)) - C|, the KL averaged over the batch before C is taken off, as the public code of
    Joint-VAE does it. C rises from 0 to `capacity` nats in a straight line over `ramp_steps` optimiser steps. capacity = 0 is the beta-VAE
    of Higgins et al., as KL >= 0; beta = 1 beside it is the VAE. Eq. 7's text calls its factor gamma; beta, as printed in it, is meant.
    """

    def __init__(
        self,
        spec: ImageSpec,
        *,
        beta: Annotated[NonNegative, Span(0.1, 20.0, log=True)] = 5.0,
        capacity: Annotated[NonNegative, Span(0.0, 50.0)] = 0.0,
        ramp_steps: Count = 25_000,
        **plain: Any,
    ) -> None:
        super().__init__(spec, **plain)
        self.weights = {"kl": self.capacity_weight(beta, capacity, ramp_steps)}

    def prior(self, y: Tensor) -> Gaussian:
        return standard_normal(len(y), self.latent, y.device)
