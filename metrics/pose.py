"""What a classifier of upright images sees in images of any pose, and in what a method makes of them by removing the pose."""

from __future__ import annotations

from torch import Tensor

from metrics.base import Items, Score, correct, metric


@metric(
    unit="",
    better="higher",
    source="share of test images, their pose removed by the method, that a classifier of the upright data set names rightly",
)
def upright_accuracy(upright_predictions: Tensor, y_test: Tensor) -> Items:
    """Whether the neutral classifier of upright images finds the class (N,) in the image without its pose, (N,), by class."""
    return correct(upright_predictions, y_test)


@metric(
    source="upright_accuracy up to one transformation for all images, which data without an upright pose leave open: in the mean pose of "
    "the training images, after the one turn of twelve that is right most often on them",
    scores={
        "upright_accuracy_aligned": Score("", "higher"),
        "upright_turn": Score("degrees", "none", no_interval="a choice among twelve turns"),
    },
)
def aligned(aligned_predictions: Tensor, upright_turn: int, y_test: Tensor) -> dict[str, float | Items]:
    """Whether that classifier finds the class in the image in the mean pose, turned as all are, (N,), by class; and the turn."""
    return {"upright_accuracy_aligned": correct(aligned_predictions, y_test), "upright_turn": float(upright_turn)}


@metric(
    unit="",
    better="none",
    source="share of test images, as they are, that a classifier of the upright data set names rightly",
)
def rotated_accuracy(rotated_predictions: Tensor, y_test: Tensor) -> Items:
    """Whether the neutral classifier of upright images finds the class in the image as it is, (N,), by class: the data's own."""
    return correct(rotated_predictions, y_test)
