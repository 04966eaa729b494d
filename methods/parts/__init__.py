"""The networks and distributions that every method shares."""

from methods.parts.clusters import lloyd, nearest, spread_seeds
from methods.parts.distributions import Bernoulli, Categorical, Distribution, Gaussian, Joint
from methods.parts.labels import one_hot
from methods.parts.networks import Backbone, BernoulliDecoder, Encoder, GaussianEncoder, mlp

__all__ = [
    "Backbone",
    "Bernoulli",
    "BernoulliDecoder",
    "Categorical",
    "Distribution",
    "Encoder",
    "Gaussian",
    "GaussianEncoder",
    "Joint",
    "lloyd",
    "mlp",
    "nearest",
    "one_hot",
    "spread_seeds",
]
