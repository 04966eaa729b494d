"""Images as torch-fidelity's Inception-v3 sees them."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

from metrics.base import Unavailable

INCEPTION_FILE = URL_INCEPTION_V3.rsplit("/", 1)[-1]
INCEPTION_HASH_PREFIX = INCEPTION_FILE.removesuffix(".pth").rsplit("-", 1)[-1]
INCEPTION_LAYER = "2048"
NAME_DIGITS = 16


def file_hash(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
