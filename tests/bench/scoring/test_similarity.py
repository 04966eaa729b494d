"""Similarity of reconstructions against torchmetrics, in batches, and where the window does not fit."""

from collections.abc import Callable

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

import metrics
from bench.scoring import similarity
from bench.scoring.evidence import Evidence
from bench.scoring.score import score
from bench.scoring.selection import choose
from methods.base import Images

metrics.load()
Make = Callable[..., Evidence]


def test_every_reconstruction_has_its_similarity_whatever_the_batches(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = make("vae")
    found = score(evidence, choose(["reconstruction_ssim"])).items["reconstruction_ssim"]
    again = evidence.reconstructions
    expected = structural_similarity_index_measure(again, evidence.x_test, data_range=1.0, reduction="none")
    assert isinstance(expected, torch.Tensor)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    monkeypatch.setattr(similarity, "images_at_once", lambda images: 3)
    torch.testing.assert_close(similarity.reconstruction_similarities(evidence.x_test, again), found)


def test_images_smaller_than_the_window_have_none_and_say_so(make: Make) -> None:
    evidence = make("vae")
    evidence.kept["reconstructions"] = evidence.reconstructions[:, :, :5]
    evidence.test = Images(evidence.test.x[:, :, :5], evidence.test.y)
    found = score(evidence, choose(["reconstruction_ssim", "reconstruction_mse"]))
    assert "6 pixels, got (5, 12)" in found.unavailable["reconstruction_ssim"]
    assert "reconstruction_mse" in found.metrics
