"""Images as torch-fidelity's Inception-v3 sees them."""

from __future__ import annotations

import hashlib
import pickle
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from metrics.base import Unavailable

INCEPTION_LAYER = "2048"


def file_hash(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Extractor(nn.Module):
    """torch-fidelity's Inception-v3: uint8 images (N,C,H,W), C 1 or 3, to float64 features (N,2048) on the images' device.

    float64, so that means, covariances, kernels and distances downstream are taken in float64 as well. hash: of its file of weights.
    """

    def __init__(self, inception: nn.Module, digest: str) -> None:
        super().__init__()
        self.inception, self.hash = inception, digest
        self.name = f"inception-{digest[:16]}"

    def forward(self, images: Tensor) -> Tensor:
        # Inception reads colour: a grey image is repeated to three channels
        features: Tensor = self.to(images.device).inception(images.expand(-1, 3, -1, -1))[0]
        return features.double()


def inception_extractor(weights: Path | None = None, *, download: bool = False) -> Extractor:
    """The extractor whose weights lie in a file: the one named, else that in torch hub's cache, else (with `download`) fetched into it.

    Raises Unavailable where there is no such file or no network, ValueError where the file does not hold these weights.
    """
    path = weights or inception_file()
    if weights is None and download and not path.is_file():
        _download(path)
    if not path.is_file():
        raise Unavailable(f"Inception's weights are missing: put {path.name} at {path} ({_url()})")
    return _loaded(path, file_hash(path))


def inception_file() -> Path:
    """Where torch hub keeps the weights."""
    return Path(torch.hub.get_dir()) / "checkpoints" / _url().rsplit("/", 1)[-1]


# torch-fidelity takes two seconds to import: only where images are seen.


def _url() -> str:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    return str(URL_INCEPTION_V3)


@cache
def _loaded(path: Path, digest: str) -> Extractor:
    """One for each file and content, in a process."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    try:
        torch.load(path, map_location="cpu", weights_only=True)  # torch-fidelity itself would run any pickled code
        network = FeatureExtractorInceptionV3("inception-v3-compat", [INCEPTION_LAYER], str(path))
    except (RuntimeError, pickle.UnpicklingError, EOFError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} does not hold torch-fidelity's Inception weights: {error}") from error
    return Extractor(network, digest).eval()


def _download(path: Path) -> None:
    """Fetch Inception's weights to `path`, checked against the hash in the file's name, or Unavailable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(_url(), str(path), path.stem.rsplit("-", 1)[-1], progress=False)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash is a RuntimeError
        raise Unavailable(f"Inception's weights could not be downloaded from {_url()}: {error}") from error
