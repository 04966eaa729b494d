"""Images as networks see them: the neutral classifier's features, those of torch-fidelity's Inception-v3, and their statistics."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

from metrics.base import Unavailable, at_once

INCEPTION_FILE = URL_INCEPTION_V3.rsplit("/", 1)[-1]
INCEPTION_HASH_PREFIX = INCEPTION_FILE.removesuffix(".pth").rsplit("-", 1)[-1]
INCEPTION_LAYER = "2048"
NAME_DIGITS = 16
PREDICT_BATCH = 500


def to_uint8(x: Tensor) -> Tensor:
    """Images in [0,1], any shape, as uint8: rounded to the nearest of 256 levels, clamped. NaN becomes 0."""
    return (x.float() * 255).round().clamp(0, 255).nan_to_num(0.0).to(torch.uint8)


def file_hash(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Classifier(nn.Module):
    """A classifier of original images: its features and the linear layer on them. What the harness trains once per data set.

    shape: (C,H,W) of the images, sides of 4 pixels and more. n_classes: K. Raises ValueError for less.
    """

    head: nn.Linear

    def __init__(self, shape: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        if min(shape[1:]) < 4 or n_classes < 2:
            raise ValueError(f"expected sides of at least 4 pixels and 2 classes, got {shape} and {n_classes} classes")

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (N,D), not negative, of images (N,C,H,W) in [0,1]."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N,K) of images (N,C,H,W) in [0,1]."""
        return self.head(self.features(x))

    def hash(self) -> str:
        """sha256 of all weights and running statistics by name, in hexadecimal."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


class NeutralClassifier(Classifier):
    """The small convolutional one.

    Strided convolutions instead of pooling: their backward pass is deterministic on a GPU as well.
    """

    def __init__(self, shape: tuple[int, int, int], n_classes: int, *, width: int = 16, n_features: int = 128) -> None:
        super().__init__(shape, n_classes)
        channels, height, width_pixels = shape
        self.convolutions = nn.Sequential(
            *_block(channels, width, stride=1),
            *_block(width, 2 * width, stride=2),
            *_block(2 * width, 4 * width, stride=2),
            nn.Flatten(),
        )
        cells = ((height + 3) // 4) * ((width_pixels + 3) // 4)
        self.hidden = nn.Linear(4 * width * cells, n_features)
        self.head = nn.Linear(n_features, n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Penultimate features (N,128), not negative, of images (N,C,H,W) in [0,1]."""
        return torch.relu(self.hidden(self.convolutions(x)))


def _block(channels: int, filters: int, stride: int) -> list[nn.Module]:
    # no bias: the batch norm that follows has one
    convolution = nn.Conv2d(channels, filters, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(filters), nn.ReLU(inplace=True)]


@torch.no_grad()
def features_of(classifier: Classifier, images: Tensor) -> Tensor:
    """Penultimate features (M,D) of uint8 images (M,C,H,W), on the classifier's device.

    Raises ValueError for a classifier in train mode, whose batch norm would mix the images, and for images not uint8.
    """
    if classifier.training:
        raise ValueError("the neutral classifier is in train mode: call .eval() first")
    if images.dtype != torch.uint8:
        raise ValueError(f"expected uint8 images, got {images.dtype}: use to_uint8 first")
    device = next(classifier.parameters()).device
    return torch.cat(
        [classifier.features(part.to(device).float() / 255) for part in images.split(at_once(images, PREDICT_BATCH))]
    )


@torch.no_grad()
def classes_of(classifier: Classifier, features: Tensor) -> tuple[Tensor, Tensor]:
    """Class (M,) int64 and highest softmax (M,) of its features (M,D)."""
    confidences, predictions = classifier.head(features).softmax(1).max(1)
    return predictions, confidences


def predict(classifier: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """Class (M,) int64 and highest softmax (M,) of uint8 images (M,C,H,W), on the classifier's device. Raises as features_of does."""
    return classes_of(classifier, features_of(classifier, images))


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features (N,D) of a set of images, with the statistics of their Fréchet distance taken once, when first asked for.

    known: statistics that were taken before, as `statistics` gives them.
    """

    values: Tensor
    known: Mapping[str, Any] | None = None

    @cached_property
    def statistics(self) -> Mapping[str, Any]:
        """Mean (D,) and covariance (D,D), float64, by torch-fidelity."""
        return self.known or fid_features_to_statistics(self.values.double().cpu())


def frechet(first: FeatureSet, second: FeatureSet) -> float:
    """The Fréchet distance of two sets, Heusel et al. 2017, by torch-fidelity's eigenvalues in float64.

    Raises Unavailable for fewer than two images a side.
    """
    check_sizes(first, second)
    return float(fid_statistics_to_metric(first.statistics, second.statistics, verbose=False)[KEY_METRIC_FID])


def check_sizes(first: FeatureSet, second: FeatureSet) -> int:
    """The smaller number of images. Raises Unavailable where it is below two."""
    smaller = min(len(first.values), len(second.values))
    if smaller < 2:
        raise Unavailable(f"a distance of distributions needs two images a side, got {smaller}")
    return smaller


class Extractor(FeatureExtractorBase):
    """What torch-fidelity builds by name: uint8 images (N,C,H,W) to float64 features (N,D) of one layer of one network.

    float64, so that means, covariances, kernels and distances downstream are taken in float64 as well.
    """

    network: ClassVar[nn.Module]
    layer: ClassVar[str]
    hash: ClassVar[str]

    def __init__(self, name: str, features_list: list[str], **options: object) -> None:
        super().__init__(name, features_list)  # options: torch-fidelity passes all of its own, none is for this one

    @classmethod
    def get_provided_features_list(cls) -> tuple[str, ...]:
        """The one layer."""
        return (cls.layer,)

    @classmethod
    def get_default_feature_layer_for_metric(cls, metric: str) -> str:
        """The one layer, whatever the metric."""
        return cls.layer

    @staticmethod
    def can_be_compiled() -> bool:
        """Never: compiled arithmetic would depend on the machine."""
        return False

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Features (N,D) of uint8 images (N,C,H,W), in a tuple of one, on the images' device."""
        # shared by all extractors of this name: torch-fidelity builds one for every call
        network = self.network.to(images.device)
        return (network(images).double(),)


class _InceptionFeatures(nn.Module):
    def __init__(self, inception: FeatureExtractorInceptionV3) -> None:
        super().__init__()
        self.inception = inception

    def forward(self, images: Tensor) -> Tensor:
        # Inception reads colour: a grey image is repeated to three channels
        return self.inception(images.expand(-1, 3, -1, -1))[0]


def inception_extractor(weights: Path | None = None, *, download: bool = False) -> Extractor:
    """torch-fidelity's Inception-v3, 2048 features, registered as `inception-<hash>`; its `hash` is the file's sha256.

    weights: a file of its weights, else the one in torch hub's cache, else (with `download`) fetched into that cache.
    Raises Unavailable where there is no such file or no network, ValueError where the file does not hold these weights.
    """
    path = weights or Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE
    if weights is None and download and not path.is_file():
        _download(path)
    if not path.is_file():
        raise Unavailable(f"Inception's weights are missing: put {INCEPTION_FILE} at {path} ({URL_INCEPTION_V3})")
    digest = file_hash(path)
    name = _name("inception", digest)
    if name in FEATURE_EXTRACTORS_REGISTRY:
        return FEATURE_EXTRACTORS_REGISTRY[name](name, [INCEPTION_LAYER])
    try:
        torch.load(path, map_location="cpu", weights_only=True)  # torch-fidelity itself would run any pickled code
        network = FeatureExtractorInceptionV3("inception-v3-compat", [INCEPTION_LAYER], str(path))
    except (RuntimeError, pickle.UnpicklingError, EOFError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} does not hold torch-fidelity's Inception weights: {error}") from error
    return _register("inception", _InceptionFeatures(network), INCEPTION_LAYER, digest)


def _download(path: Path) -> None:
    """Fetch Inception's weights to `path`, checked against the hash in the file's name, or Unavailable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), INCEPTION_HASH_PREFIX, progress=False)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash is a RuntimeError
        raise Unavailable(f"Inception's weights could not be downloaded from {URL_INCEPTION_V3}: {error}") from error


def _name(kind: str, digest: str) -> str:
    return f"{kind}-{digest[:NAME_DIGITS]}"


def _register(kind: str, features: nn.Module, feature_layer: str, digest: str) -> Extractor:
    """An extractor of these features, under a name that torch-fidelity knows from now on in this process."""
    name = _name(kind, digest)
    if name not in FEATURE_EXTRACTORS_REGISTRY:
        members = {"network": features.eval(), "layer": feature_layer, "hash": digest}
        register_feature_extractor(name, type("Registered", (Extractor,), members))
    return FEATURE_EXTRACTORS_REGISTRY[name](name, [feature_layer])
