"""A metric with evidence of its own, in one file; a suite that names it takes it: python -m bench run --suite examples/my_suite.toml"""

from torch import Tensor

from bench.scoring.evidence import evidence
from metrics.base import Items, metric


@evidence
def brightness_test(reconstructions: Tensor, x_test: Tensor) -> tuple[Tensor, Tensor]:
    """Mean brightness of each reconstruction and of its original, (N,) each."""
    return reconstructions.flatten(1).mean(1), x_test.flatten(1).mean(1)


@metric(unit="", better="lower", source="difference in mean brightness of a test image and its reconstruction")
def brightness_gap(brightness_test: tuple[Tensor, Tensor]) -> Items:
    """Of each test image, (N,): the harness averages them and takes the interval."""
    again, original = brightness_test
    return Items((again - original).abs())
