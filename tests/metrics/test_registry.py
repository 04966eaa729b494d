"""The registry as a whole: names, needs, and the arrows of the imports."""

import ast
from pathlib import Path

import pytest

import metrics
from metrics.base import registry

EVIDENCE = {
    "x_test",
    "y_test",
    "y_train",
    "n_classes",
    "class_probabilities",
    "sampled_log_likelihood",
    "sampled_log_probability",
    "discrete_log_weights",
    "reconstructions",
    "elbo",
    "kl",
    "kl_pose",
    "log_weights",
    "latents_train",
    "latents_test",
    "posterior_means_test",
    "labels_test",
    "clusters_train",
    "clusters_test",
    "class_samples",
    "class_sample_labels",
    "class_sample_predictions",
    "category_probabilities_train",
    "category_probabilities_test",
    "category_sample_labels",
    "category_sample_predictions",
    "asked_labels",
    "svm_latents",
    "svm_y",
    "proposal_labels",
    "proposal_predictions",
    "proposals_accepted",
    "proposals_of_right_sources",
    "proposals_kept_at_z",
    "proposals_kept_decoded",
    "asked_by_class",
    "asked_predictions",
    "upright_neutral",
    "canonical_test",
    "upright_predictions",
    "rotated_predictions",
    "aligned_predictions",
    "upright_turn",
    "samples",
    "sample_predictions",
    "sample_confidences",
    "originals",
    "neutral",
    "neutral_features_train",
    "neutral_features_samples",
    "samples_in_neutral",
    "originals_in_neutral",
    "reconstructions_in_neutral",
    "inception",
    "samples_in_inception",
    "originals_in_inception",
    "reconstructions_in_inception",
    "seed",
    "train_seconds",
    "images_per_second",
    "peak_memory_bytes",
    "shared_train_seconds",
    "seconds_per_100_trials",
    "recognised_class_samples",
    "recognised_train",
    "recognised_test",
    "recognised_originals",
    "sample_seconds",
    "parameters",
    "epochs",
    *(f"near_{kind}{side}" for kind in ("mse", "ssim", "neutral") for side in ("", "_test", "_recon")),
    *(f"near_{kind}_own{side}" for kind in ("mse", "neutral") for side in ("", "_test", "_recon")),
    "spacing_mse",
    "spacing_neutral",
}
FIGURES = {
    "reconstruction_bce",
    "reconstruction_nll",
    "reconstruction_mse",
    "reconstruction_ssim",
    "elbo",
    "kl_continuous",
    "active_units",
    "nll_iw",
    "bound_gap",
    "bits_per_dim",
    "kl_pose",
    "svm_cv_accuracy",
    "svm_cv_sd",
    "svm_test_accuracy",
    "argmax_accuracy",
    "argmax_accuracy_matched",
    "category_use",
    "kl_discrete",
    "neutral_accuracy_matched",
    "cluster_accuracy",
    "nmi",
    "neutral_accuracy",
    "class_balance",
    "sample_confidence",
    "fid_org_vs_gen",
    "kid_org_vs_gen",
    "precision",
    "recall",
    "fd_neutral_org_vs_gen",
    "kd_neutral_org_vs_gen",
    "precision_neutral",
    "recall_neutral",
    "fid_org_vs_recon",
    "fid_recon_vs_gen",
    "fd_neutral_org_vs_recon",
    "fd_neutral_recon_vs_gen",
    "within_class_cosine",
    "upright_accuracy",
    "rotated_accuracy",
    "train_seconds",
    "images_per_second",
    "sample_seconds",
    "peak_memory_mib",
    "parameters",
    *(f"novelty_{kind}{side}" for kind in ("mse", "ssim", "neutral") for side in ("", "_test", "_recon")),
    *(
        f"{figure}_{kind}{side}"
        for figure in ("authenticity", "closer_than_training")
        for kind in ("mse", "neutral")
        for side in ("", "_test", "_recon")
    ),
}
FILES = sorted(Path(metrics.__file__).parent.glob("*.py"))


@pytest.fixture(autouse=True)
def _loaded():
    metrics.load()


def test_every_figure_is_there():
    assert {figure for one in registry.values() for figure in one.scores} >= FIGURES


def test_loading_twice_changes_nothing():
    before = dict(registry)
    metrics.load()
    assert registry == before


def test_metrics_of_other_packages_are_loaded_by_their_entry_point(monkeypatch):
    loaded = []

    class Plugin:
        def load(self):
            loaded.append(self)

    monkeypatch.setattr(metrics, "entry_points", lambda group: [Plugin()] if group == "bench.metrics" else [])
    metrics.load()
    assert len(loaded) == 1


def test_every_metric_reads_known_evidence_and_explains_itself():
    ours = [one for one in registry.values() if one.function.__module__.startswith("metrics.")]
    for one in ours:
        assert set(one.needs) <= EVIDENCE, one.name
        assert one.source
        assert one.function.__doc__, one.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_metric_imports_neither_another_metric_nor_bench_nor_methods(file):
    imported = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    ours = {name for name in imported if name.split(".")[0] in {"metrics", "bench", "methods", "leaderboards"}}
    assert ours <= {"metrics.base", "metrics.features"}
