"""Features of images as named networks see them, each image's once."""

import torch
from torch import Tensor

from bench.gathering import gathered
from bench.proposed import Proposed
from metrics.features import PREDICT_BATCH


class Featured(Proposed):
    """Evidence in the features of the neutral classifier and of Inception."""

    def _neutral_features(self, images: Tensor) -> Tensor:
        """The neutral classifier's penultimate features, (N, D) float32, of uint8 images (N, C, H, W)."""
        network = self.neutral
        return torch.cat([network.features(part.to(self.device).float() / 255) for part in images.split(PREDICT_BATCH)])

    @gathered
    def neutral_features_train(self) -> Tensor:
        """Of all training images."""
        return self._neutral_features(self.data.train.x)
