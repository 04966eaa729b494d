"""What of a data set a cell trains on, holds out, and is scored on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.datasets.draws import stratified

if TYPE_CHECKING:
    import torch

    from bench.records.plan import ScoreOn
    from methods.parts import Images, TrainingData


def divide(
    train: Images,
    test: Images,
    classes: tuple[str, ...],
    held_out: int,
    seed: int,
    score_on: ScoreOn,
    device: torch.device,
) -> tuple[TrainingData, Images]:
    """Of a data set's two splits the training data, and the images that a cell of this seed is scored on, on the device.

    Where nothing is held out they are the data set's own memory, on a CPU. Else the two parts of the training split are copied, so
    let go of the data set then: `Dataset.without_images` says all that is asked of it later.
    """
    from bench.runtime.seeds import stream
    from methods.parts import Images, TrainingData

    def placed(images: Images) -> Images:
        return Images(images.x.to(device), images.y.to(device))

    rows, held_rows = stratified(train.y, held_out, stream(seed, "split"))
    kept = placed(Images(train.x[rows], train.y[rows]) if held_out else train)
    held = placed(Images(train.x[held_rows], train.y[held_rows]))
    if score_on == "held_out":  # settings are being chosen: the test split stays unseen
        return TrainingData(kept, Images(held.x[:0], held.y[:0]), len(classes), classes), held
    return TrainingData(kept, held, len(classes), classes), placed(test)
