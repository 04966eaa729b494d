"""Images as networks see them: the neutral classifiers' features, those of torch-fidelity's Inception-v3, and their statistics."""

from metrics.features.inception import Extractor, file_hash, inception_extractor, inception_file
from metrics.features.manifold import compare
from metrics.features.networks import Classifier, NeutralClassifier, classes_of, features_of, predict, to_uint8
from metrics.features.pairs import Own, apart, smallest
from metrics.features.resnet import ResNet56
from metrics.features.sets import FeatureSet, check_sizes, frechet, frechet_without

__all__ = [
    "Classifier",
    "Extractor",
    "FeatureSet",
    "NeutralClassifier",
    "Own",
    "ResNet56",
    "apart",
    "check_sizes",
    "classes_of",
    "compare",
    "features_of",
    "file_hash",
    "frechet",
    "frechet_without",
    "inception_extractor",
    "inception_file",
    "predict",
    "smallest",
    "to_uint8",
]
