"""How close distributions of images are: generated, reconstructed and original ones, in the features of a named network."""

from __future__ import annotations

from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from metrics.base import Items, Score, metric
from metrics.features import FeatureSet, check_sizes, frechet

KID_SUBSET = 1000
NEIGHBOURS = 3
DISTANCE_ROWS = 500
SOURCE = "torch-fidelity 0.4: Heusel et al. 2017 (Fréchet), Bińkowski et al. 2018 (KID), Kynkäänniemi et al. 2019 (P/R)"
INCEPTION = "Inception-v3, 2048 features"
NEUTRAL = "the neutral classifier's penultimate features (128 of the small CNN, 64 of ResNet-56)"
REGENE = "001_9c71068f65ebe130.txt, Table 1; torch-fidelity 0.4: Heusel et al. 2017 (Fréchet)"


@metric(
    source=f"{SOURCE}; {INCEPTION}",
    scores={
        "fid_org_vs_gen": Score("", "lower"),
        "kid_org_vs_gen": Score("", "lower"),
        "precision": Score("", "higher"),
        "recall": Score("", "higher"),
    },
)
def inception_fidelity(
    samples_in_inception: FeatureSet, originals_in_inception: FeatureSet, seed: int
) -> dict[str, float | Items]:
    """FID, KID, precision and recall of samples against as many originals, or all.

    Raises Unavailable for fewer than two images a side.
    """
    frechet_distance, kernel, precision, recall = _compare(samples_in_inception, originals_in_inception, seed)
    return {"fid_org_vs_gen": frechet_distance, "kid_org_vs_gen": kernel, "precision": precision, "recall": recall}


@metric(
    source=f"{SOURCE}; {NEUTRAL}",
    scores={
        "fd_neutral_org_vs_gen": Score("", "lower"),
        "kd_neutral_org_vs_gen": Score("", "lower"),
        "precision_neutral": Score("", "higher"),
        "recall_neutral": Score("", "higher"),
    },
)
def neutral_fidelity(
    samples_in_neutral: FeatureSet, originals_in_neutral: FeatureSet, seed: int
) -> dict[str, float | Items]:
    """The same four of samples against originals, in features that need no download.

    Raises Unavailable for fewer than two images a side.
    """
    frechet_distance, kernel, precision, recall = _compare(samples_in_neutral, originals_in_neutral, seed)
    return {
        "fd_neutral_org_vs_gen": frechet_distance,
        "kd_neutral_org_vs_gen": kernel,
        "precision_neutral": precision,
        "recall_neutral": recall,
    }


@metric(source=f"{REGENE}; {INCEPTION}", better="lower")
def fid_org_vs_recon(originals_in_inception: FeatureSet, reconstructions_in_inception: FeatureSet) -> float:
    """FID of the originals' reconstructions, quantised to uint8, against the originals: what decoding alone costs.

    Raises Unavailable for fewer than two images.
    """
    return frechet(originals_in_inception, reconstructions_in_inception)


@metric(source=f"{REGENE}; {INCEPTION}", better="lower")
def fid_recon_vs_gen(reconstructions_in_inception: FeatureSet, samples_in_inception: FeatureSet) -> float:
    """FID of samples against reconstructions of the originals, both quantised: what is left once decoding costs both alike.

    Raises Unavailable for fewer than two images a side.
    """
    return frechet(reconstructions_in_inception, samples_in_inception)


@metric(source=f"{REGENE}; {NEUTRAL}", better="lower")
def fd_neutral_org_vs_recon(originals_in_neutral: FeatureSet, reconstructions_in_neutral: FeatureSet) -> float:
    """As fid_org_vs_recon, in features that need no download."""
    return frechet(originals_in_neutral, reconstructions_in_neutral)


@metric(source=f"{REGENE}; {NEUTRAL}", better="lower")
def fd_neutral_recon_vs_gen(reconstructions_in_neutral: FeatureSet, samples_in_neutral: FeatureSet) -> float:
    """As fid_recon_vs_gen, in features that need no download."""
    return frechet(reconstructions_in_neutral, samples_in_neutral)


def _compare(samples: FeatureSet, originals: FeatureSet, seed: int) -> tuple[float, float, float, float]:
    """Fréchet distance, kernel distance, precision and recall, as calculate_metrics gives them with samples as its input 1.

    The library reads precision as the share of input 1 within the manifold of input 2.
    """
    smaller = check_sizes(samples, originals)
    generated, real = samples.values.double(), originals.values.double()
    kernel = kid_features_to_metric(
        generated, real, kid_subset_size=min(KID_SUBSET, smaller), rng_seed=seed % 2**32, verbose=False
    )
    manifold = prc_features_to_metric(
        generated,
        real,
        prc_neighborhood=min(NEIGHBOURS, smaller - 1),
        prc_batch_size=DISTANCE_ROWS,
        save_cpu_ram=True,  # distances a block of rows at a time
        verbose=False,
    )
    return (
        frechet(samples, originals),
        float(kernel[KEY_METRIC_KID_MEAN]),
        float(manifold[KEY_METRIC_PRECISION]),
        float(manifold[KEY_METRIC_RECALL]),
    )
