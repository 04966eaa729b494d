"""Rotated MNIST: which images, how far they are turned, and that it is the same for ever."""

import numpy as np
import pytest
import torch
from scipy.ndimage import rotate
from scipy.stats import chisquare

from bench.datasets import load
from bench.datasets.rotated import TEST_SEED, TRAIN_SEED, angles
from bench.datasets.vision import RAW

DIGEST = "6e8e9e510135105e02fc8feee4d45371fa4a8e8d9a155c338127dbbff6c88ecc"


def _check_turned(upright, turned, degrees):
    """Against scipy's rotation, where the turned image still shows the upright one: Pillow cuts fractions of a level off."""
    for one, other, angle in zip(upright[:, 0].double().numpy(), turned[:, 0].double().numpy(), degrees, strict=True):
        inside = rotate(np.ones_like(one), angle, reshape=False, order=1) > 0.999
        difference = rotate(one, angle, reshape=False, order=1)[inside] - other[inside]
        assert inside.mean() > 0.75
        assert difference.min() > -0.01
        assert difference.max() < 1.01


def test_a_small_mnist_is_taken_whole_and_every_image_turned(tiny_mnist):
    upright, turned = (load(name, tiny_mnist, download=False) for name in ("mnist", "rot-mnist"))
    assert (turned.shape, turned.classes, turned.upright) == (upright.shape, upright.classes, "mnist")
    assert torch.equal(turned.y_train, upright.y_train)
    assert torch.equal(turned.y_test, upright.y_test)
    _check_turned(upright.x_train, turned.x_train, angles(20, TRAIN_SEED))
    _check_turned(upright.x_test, turned.x_test, angles(10, TEST_SEED))
    assert load("rot-mnist", tiny_mnist).digest == turned.digest


def test_a_class_gives_150_images_in_order_or_all_it_has(tiny_mnist, write_idx):
    raw, count = tiny_mnist / "MNIST" / "raw", 400
    y = np.where(np.arange(count) % 20 == 0, 7, np.arange(count) % 2)  # 20 of class 7, more than 150 of 0 and 1
    levels = np.arange(count) * 200 // count + 50  # of a 4x4 square in the middle: ascending, and never turned away
    x = np.zeros((count, 28, 28))
    x[:, 12:16, 12:16] = levels[:, None, None]
    write_idx(raw / RAW[0], x)
    write_idx(raw / RAW[1], y)
    turned = load("rot-mnist", tiny_mnist)
    assert turned.y_train.bincount().tolist() == [150, 150, 0, 0, 0, 0, 0, 20]
    assert (turned.x_train[:, 0, 13, 13].diff().int() >= -1).all(), "fractions of a level are cut off"


@pytest.mark.parametrize("seed", [TRAIN_SEED, TEST_SEED])
def test_angles_are_uniform_over_the_whole_circle(seed):
    drawn = np.array(angles(10_000, seed))
    assert drawn.min() >= 0
    assert drawn.max() < 360
    assert chisquare(np.histogram(drawn, 72, (0, 360))[0]).pvalue > 0.01
    assert angles(100, seed) == drawn[:100].tolist()
    assert abs(np.corrcoef(angles(1500, TRAIN_SEED), angles(1500, TEST_SEED))[0, 1]) < 0.1


def test_rotated_mnist_whole(real_data):
    turned = load("rot-mnist", real_data, download=False)
    assert turned.digest == DIGEST, "other bytes than those that are published: see which of NumPy and Pillow changed"
    assert turned.y_train.bincount().tolist() == [150] * 10
