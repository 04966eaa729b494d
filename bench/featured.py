"""Features of images as named networks see them, each image's once."""

import torch
from torch import Tensor

from bench.gathering import gathered
from bench.generated import Generated
from metrics.base import at_once
from metrics.features import PREDICT_BATCH


class Featured(Generated):
    """Evidence in the features of the neutral classifier and of Inception."""

    def _neutral_features(self, images: Tensor) -> Tensor:
        """The neutral classifier's penultimate features, (N, D) float32, of uint8 images (N, C, H, W)."""
        network = self.neutral
        parts = images.split(at_once(images, PREDICT_BATCH))
        return torch.cat([network.features(part.to(self.device).float() / 255) for part in parts])

    @gathered
    def neutral_features_train(self) -> Tensor:
        """Of all training images."""
        return self._neutral_features(self.data.train.x)
