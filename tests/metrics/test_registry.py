"""The registry as a whole: every score that there is, and what each metric reads and says of itself."""

import pytest
import torch

import metrics
from bench.scoring import evidence
from metrics.base import registry

SCORES = {
    *("reconstruction_bce", "reconstruction_nll", "reconstruction_mse", "reconstruction_ssim", "elbo"),
    *("kl_continuous", "active_units", "nll_iw", "bound_gap", "bits_per_dim", "kl_pose"),
    *("svm_cv_accuracy", "svm_cv_sd", "svm_test_accuracy", "argmax_accuracy", "argmax_accuracy_matched"),
    *("svm_cv_accuracy_raw", "svm_cv_sd_raw", "svm_test_accuracy_raw"),
    *("category_use", "kl_discrete", "neutral_accuracy_matched", "cluster_accuracy", "nmi"),
    *("neutral_accuracy", "class_balance", "sample_confidence", "fid_org_vs_gen", "kid_org_vs_gen"),
    *("precision", "recall", "fd_neutral_org_vs_gen", "kd_neutral_org_vs_gen", "precision_neutral"),
    *("recall_neutral", "fid_org_vs_recon", "fid_recon_vs_gen", "fd_neutral_org_vs_recon"),
    *("fd_neutral_recon_vs_gen", "within_class_cosine", "upright_accuracy", "rotated_accuracy"),
    *("train_seconds", "images_per_second", "sample_seconds", "peak_memory_mib", "parameters"),
}
metrics.load()
evidence.registry.load()


def test_every_score_is_there() -> None:
    assert {score for one in registry.values() for score in one.scores} >= SCORES


def test_loading_twice_changes_nothing() -> None:
    before = dict(registry), dict(evidence.registry)
    metrics.load()
    evidence.registry.load()
    assert (registry, evidence.registry) == before


def test_a_score_has_a_spread_over_items_or_says_why_not() -> None:
    """A bare number is what has none; the run's own test holds records to it."""
    for one in registry.values():
        if one.function.__module__.startswith("metrics."):
            bare = "float" in one.function.__annotations__["return"]
            assert bare == any(score.no_interval for score in one.scores.values()), one.name


@pytest.mark.parametrize(
    "name",
    ["argmax_accuracy", "generation_accuracy", "neutral_accuracy_unfiltered", "rotated_accuracy", "upright_accuracy"],
)
def test_an_accuracy_is_the_share_of_right_predictions_with_the_class_of_each_image(name: str) -> None:
    y = torch.tensor([0, 0, 1, 2])
    found = registry[name].function(torch.tensor([0, 1, 1, 0]), y)
    assert found.values.tolist() == [1.0, 0.0, 1.0, 0.0]
    assert torch.equal(found.groups, y)


def test_every_metric_reads_evidence_that_there_is_and_explains_itself() -> None:
    for one in registry.values():
        if one.function.__module__.startswith("metrics."):
            assert set(one.needs) <= evidence.registry.keys(), one.name
            assert one.source
            assert one.function.__doc__, one.name
