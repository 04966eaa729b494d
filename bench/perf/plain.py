"""The plain way to scores, as a script with the libraries has it: what our scoring is set beside."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from bench.scoring.evidence import Evidence

SEED = 0
SSIM_BATCH = 100
Values = dict[str, float]


def svm(evidence: Evidence) -> Values:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    z, y, folds = (one.cpu().numpy() for one in (evidence.svm_latents, evidence.svm_y, evidence.svm_folds))
    z, z_test, y_test = (
        z.astype(np.float64),
        evidence.latents_test.cpu().double().numpy(),
        evidence.y_test.cpu().numpy(),
    )
    found: Values = {}
    for suffix in ("", "_raw"):
        scale = [] if suffix else [StandardScaler()]
        fresh = lambda scale=scale: make_pipeline(*scale, LinearSVC(dual="auto", tol=1e-3))  # noqa: E731
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a plain script goes on where LinearSVC has not converged
            right = [
                fresh().fit(z[folds != k], y[folds != k]).score(z[folds == k], y[folds == k]) for k in np.unique(folds)
            ]
            found[f"svm_test_accuracy{suffix}"] = fresh().fit(z, y).score(z_test, y_test)
        found[f"svm_cv_accuracy{suffix}"], found[f"svm_cv_sd{suffix}"] = float(np.mean(right)), float(np.std(right))
    return found


def clusters(evidence: Evidence) -> Values:
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score

    y, y_test = evidence.y_train.cpu().numpy(), evidence.y_test.cpu().numpy()
    fitted = KMeans(evidence.n_classes, n_init=10, random_state=SEED).fit(evidence.latents_train.cpu().numpy())
    said = fitted.predict(evidence.latents_test.cpu().numpy())
    names = [np.bincount(y[fitted.labels_ == k]).argmax() for k in range(evidence.n_classes)]
    return {
        "cluster_accuracy": float((np.array(names)[said] == y_test).mean()),
        "nmi": float(normalized_mutual_info_score(y_test, said)),
    }


def sets(evidence: Evidence) -> Values:
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    made, real = (one.values.cpu().double() for one in (evidence.samples_in_neutral, evidence.originals_in_neutral))
    subset = min(1000, len(made), len(real))
    distance = fid_statistics_to_metric(*map(fid_features_to_statistics, (made, real)), verbose=False)[KEY_METRIC_FID]
    kernel = kid_features_to_metric(made, real, kid_subset_size=subset, verbose=False)[KEY_METRIC_KID_MEAN]
    shares = prc_features_to_metric(made, real, verbose=False)
    radii = torch.cdist(real, real).kthvalue(6, dim=1).values
    within = torch.cdist(made, real) <= radii
    return {
        "fd_neutral_org_vs_gen": float(distance),
        "kd_neutral_org_vs_gen": kernel,
        "precision_neutral": float(shares[KEY_METRIC_PRECISION]),
        "recall_neutral": float(shares[KEY_METRIC_RECALL]),
        "density_neutral": within.double().sum(1).mean().item() / 5,
        "coverage_neutral": within.any(0).double().mean().item(),
    }


def ssim(evidence: Evidence) -> Values:
    from torchmetrics.functional.image import structural_similarity_index_measure

    pairs = zip(evidence.x_test.split(SSIM_BATCH), evidence.reconstructions.split(SSIM_BATCH), strict=True)
    each = [structural_similarity_index_measure(b, a, data_range=1.0, reduction="none") for a, b in pairs]
    return {
        "reconstruction_ssim": torch.cat([one.reshape(-1) for one in each if isinstance(one, Tensor)]).mean().item()
    }
