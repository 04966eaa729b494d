"""The networks and distributions that every method shares, and how a method asks for a search."""

from methods.choices import Backbone, Likelihood, Sampler
from methods.parts.classifier import ReconstructionClassifier
from methods.parts.clusters import k_means, lloyd, nearest, spread_seeds
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
    standard_normal,
)
from methods.parts.labels import one_hot
from methods.parts.mlp import mlp
from methods.parts.mmd import bandwidth_of, mmd2
from methods.parts.moments import as_matrix, class_moments, mean_cosine, quantised, shortest
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
from methods.parts.ssim import SSIM, SSIM_SMALLEST
from methods.parts.stages import Figures, Found, Phase, Phases, Point, Scores, Search, Space, Span, Terms
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
