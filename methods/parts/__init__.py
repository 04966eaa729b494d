"""The networks and distributions that every method shares, and how a method asks for a search."""

from methods.parts.classifier import ReconstructionClassifier
from methods.parts.clusters import lloyd, nearest, spread_seeds
from methods.parts.distributions import Bernoulli, Categorical, Distribution, Gaussian, Joint
from methods.parts.labels import one_hot
from methods.parts.mmd import bandwidth_of, mmd2
from methods.parts.moments import as_matrix, class_moments, mean_cosine, shortest
from methods.parts.networks import Backbone, BernoulliDecoder, Encoder, GaussianEncoder, mlp
from methods.parts.search import Figures, Found, Point, Sampler, Search, Space, Span

__all__ = [
    "Backbone",
    "Bernoulli",
    "BernoulliDecoder",
    "Categorical",
    "Distribution",
    "Encoder",
    "Figures",
    "Found",
    "Gaussian",
    "GaussianEncoder",
    "Joint",
    "Point",
    "ReconstructionClassifier",
    "Sampler",
    "Search",
    "Space",
    "Span",
    "as_matrix",
    "bandwidth_of",
    "class_moments",
    "lloyd",
    "mean_cosine",
    "mlp",
    "mmd2",
    "nearest",
    "one_hot",
    "shortest",
    "spread_seeds",
]
