"""What a suite chooses by name for all of its rows, and a method for its searches: the types of such options. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Annotated, Literal


@dataclass(frozen=True)
class Chosen:
    """Marks an option whose value is a name of a registry of this kind."""

    kind: str


Backbone = Annotated[str, Chosen("backbone")]
"""The shared network of encoder and decoder, a name of methods.backbones."""

Likelihood = Literal["bernoulli", "discretised-logistic"]
"""p(x|z) of a pixel. bernoulli: minus the binary cross-entropy of values in [0, 1], the papers' BCE. discretised-logistic: a probability of
256 levels, for colour; where a method says BCE, its negative logarithm stands. Their scores in nats don't compare."""

Sampler = Literal["tpe", "nsga2"]
"""tpe: one value is minimised (Bergstra et al. 2011). nsga2: several costs at once (Deb et al. 2002)."""
