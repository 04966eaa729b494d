"""pythae's VAE under pythae's own trainer, with the same networks as ours: imported only where pythae is installed."""

import logging
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor

from methods.base import AbstractVAE, Images, ImageSpec


class _Encoder(BaseEncoder):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.network = module.encoder

    def forward(self, x: Tensor) -> ModelOutput:
        q = self.network(x)
        return ModelOutput(embedding=q.mu, log_covariance=q.log_var)


class _Decoder(BaseDecoder):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.network = module.decoder

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(z).mean)


def loop(module: AbstractVAE, images: Images, spec: ImageSpec, batch: int) -> Iterator[tuple[float, float]]:
    """An epoch of pythae's `train_step` at each turn, without the model copies that its `train` makes: (seconds, mean loss)."""
    logging.disable(logging.WARNING)  # each of its modules has a logger and handler of its own
    shape = (spec.channels, spec.height, spec.width)
    config = VAEConfig(input_dim=shape, latent_dim=module.latent, reconstruction_loss="bce")
    model = VAE(config, encoder=_Encoder(module), decoder=_Decoder(module))
    folder = tempfile.TemporaryDirectory()
    training = BaseTrainerConfig(
        output_dir=folder.name,
        per_device_train_batch_size=batch,
        learning_rate=1e-3,
        num_epochs=1,
        seed=1,
        no_cuda=images.x.device.type == "cpu",
    )
    trainer = BaseTrainer(model, BaseDataset(images.x.cpu().float() / 255, images.y.cpu()), training_config=training)
    trainer.prepare_training()
    logging.disable(logging.NOTSET)
    trainer.callback_handler.callbacks.clear()  # its progress bar would fill the screen and cost time

    while True:
        assert folder.name  # the folder lives as long as the loop
        began = time.perf_counter()
        loss = trainer.train_step(1)
        if images.x.device.type == "cuda":
            torch.cuda.synchronize()
        yield time.perf_counter() - began, loss
