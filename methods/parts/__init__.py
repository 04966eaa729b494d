"""The networks and distributions that every method shares, and how a method asks for a search."""

from methods.choices import Backbone, Likelihood, Sampler
from methods.parts.classifier import ReconstructionClassifier
from methods.parts.clusters import lloyd, nearest, spread_seeds
from methods.parts.combinations import Proposals, RowsByClass, check_combination, check_images
from methods.parts.data import Images, ImageSpec, TrainingData
from methods.parts.distributions import (
    Bernoulli,
    Categorical,
    DiscretisedLogistic,
    Distribution,
    Gaussian,
    Joint,
    Pixels,
)
from methods.parts.labels import one_hot
from methods.parts.mlp import mlp
from methods.parts.mmd import bandwidth_of, mmd2
from methods.parts.moments import as_matrix, class_moments, mean_cosine, shortest
from methods.parts.networks import (
    AbstractBackbone,
    BernoulliDecoder,
    Encoder,
    GaussianEncoder,
    LogisticDecoder,
    PixelDecoder,
    backbone,
    decoder_of,
)
from methods.parts.pose import Delta, Pose, PoseMean, PosePrior, UprightFirst
from methods.parts.search import Figures, Found, Point, Scores, Search, Space, Span
from methods.parts.ssim import SSIM, SSIM_SMALLEST, ssim
from methods.parts.transforms import Transformation
from methods.parts.vgg import (
    IMAGENET_FILE,
    ImageNetFeatures,
    VGGClassifier,
    VGGDecoder,
    blocks_for,
    file_hash,
    imagenet_file,
    perceptual_file,
)

__all__ = [
    "IMAGENET_FILE",
    "SSIM",
    "SSIM_SMALLEST",
    "AbstractBackbone",
    "Backbone",
    "Bernoulli",
    "BernoulliDecoder",
    "Categorical",
    "Delta",
    "DiscretisedLogistic",
    "Distribution",
    "Encoder",
    "Figures",
    "Found",
    "Gaussian",
    "GaussianEncoder",
    "ImageNetFeatures",
    "ImageSpec",
    "Images",
    "Joint",
    "Likelihood",
    "LogisticDecoder",
    "PixelDecoder",
    "Pixels",
    "Point",
    "Pose",
    "PoseMean",
    "PosePrior",
    "Proposals",
    "ReconstructionClassifier",
    "RowsByClass",
    "Sampler",
    "Scores",
    "Search",
    "Space",
    "Span",
    "TrainingData",
    "Transformation",
    "UprightFirst",
    "VGGClassifier",
    "VGGDecoder",
    "as_matrix",
    "backbone",
    "bandwidth_of",
    "blocks_for",
    "check_combination",
    "check_images",
    "class_moments",
    "decoder_of",
    "file_hash",
    "imagenet_file",
    "lloyd",
    "mean_cosine",
    "mlp",
    "mmd2",
    "nearest",
    "one_hot",
    "perceptual_file",
    "shortest",
    "spread_seeds",
    "ssim",
]
