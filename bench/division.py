"""What of a data set a cell trains on, holds out, and is scored on."""

import torch
from torch import Tensor

from bench.datasets.base import Dataset, split
from bench.records.plan import ScoreOn
from bench.runtime.seeds import stream
from methods.base import Images, TrainingData


def divide(
    dataset: Dataset, held_out: int, seed: int, score_on: ScoreOn, device: torch.device
) -> tuple[TrainingData, Images]:
    """The training data, and the images that a cell of this seed is scored on, on the device.

    Where nothing is held out they are the data set's own memory, on a CPU. Else the two parts of the training split are copied, so
    let go of the data set then: `Dataset.without_images` says all that is asked of it later.
    """

    def placed(x: Tensor, y: Tensor) -> Images:
        return Images(x.to(device), y.to(device))

    x, y = dataset.x_train, dataset.y_train
    kept, held = split(dataset, held_out, stream(seed, "split"))
    train = placed(x[kept], y[kept]) if len(held) else placed(x, y)
    held_images = placed(x[held], y[held])
    if score_on == "held_out":  # settings are being chosen: the test split stays unseen
        held_images, test = Images(held_images.x[:0], held_images.y[:0]), held_images
    else:
        test = placed(dataset.x_test, dataset.y_test)
    return TrainingData(train, held_images, dataset.n_classes, tuple(dataset.classes)), test
