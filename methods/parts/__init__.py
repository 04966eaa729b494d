"""The networks and distributions that every method shares, and how a method asks for a search."""

from methods.parts.classifier import ReconstructionClassifier
from methods.parts.clusters import lloyd, nearest, spread_seeds
from methods.parts.data import Images, ImageSpec, TrainingData
from methods.parts.distributions import Bernoulli, Categorical, Distribution, Gaussian, Joint
from methods.parts.labels import one_hot
from methods.parts.mmd import bandwidth_of, mmd2
from methods.parts.moments import as_matrix, class_moments, mean_cosine, shortest
from methods.parts.networks import Backbone, BernoulliDecoder, Encoder, GaussianEncoder, mlp
from methods.parts.pose import Delta, Pose, PoseMean, PosePrior, UprightFirst
from methods.parts.search import Figures, Found, Point, Sampler, Search, Space, Span
from methods.parts.ssim import ssim
from methods.parts.transforms import Transformation

__all__ = [
    "Backbone",
    "Bernoulli",
    "BernoulliDecoder",
    "Categorical",
    "Delta",
    "Distribution",
    "Encoder",
    "Figures",
    "Found",
    "Gaussian",
    "GaussianEncoder",
    "ImageSpec",
    "Images",
    "Joint",
    "Point",
    "Pose",
    "PoseMean",
    "PosePrior",
    "ReconstructionClassifier",
    "Sampler",
    "Search",
    "Space",
    "Span",
    "TrainingData",
    "Transformation",
    "UprightFirst",
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
    "ssim",
]
