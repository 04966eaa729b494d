"""How close distributions of images are: generated, reconstructed and original ones, in the features of a named network."""

from __future__ import annotations

from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric
from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

from metrics.base import Better, Items, Score, metric
from metrics.features import FeatureSet, check_sizes, frechet

KID_SUBSET = 1000
NEIGHBOURS = 3
DISTANCE_ROWS = 500
SOURCE = "torch-fidelity 0.4: Heusel et al. 2017 (Fréchet), Bińkowski et al. 2018 (KID), Kynkäänniemi et al. 2019 (P/R)"
INCEPTION = "Inception-v3, 2048 features"
NEUTRAL = "the neutral classifier's penultimate features (128 of the small CNN, 64 of ResNet-56)"
REGENE = "001_9c71068f65ebe130.txt, Table 1; torch-fidelity 0.4: Heusel et al. 2017 (Fréchet)"


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


def _register_fidelity(name: str, seen_by: str, about: str, *scores: str) -> None:
    """FID, KID, precision and recall of samples against as many originals, or all, in a network's features."""
    better: tuple[Better, ...] = ("lower", "lower", "higher", "higher")

    @metric(
        name=name,
        source=f"{SOURCE}; {about}",
        scores={score: Score("", way) for score, way in zip(scores, better, strict=True)},
        reads={"samples": f"samples_in_{seen_by}", "originals": f"originals_in_{seen_by}"},
    )
    def fidelity(samples: FeatureSet, originals: FeatureSet, seed: int) -> dict[str, float | Items]:
        """The four. Raises Unavailable for fewer than two images a side."""
        return dict(zip(scores, _compare(samples, originals, seed), strict=True))


def _register_distance(name: str, seen_by: str, about: str, first: str, second: str) -> None:
    """The Fréchet distance of two sets of images: originals to their reconstructions, quantised to uint8, is what decoding alone costs;
    reconstructions to samples is what is left once decoding costs both alike."""

    @metric(
        name=name,
        source=f"{REGENE}; {about}",
        better="lower",
        reads={"first": f"{first}_in_{seen_by}", "second": f"{second}_in_{seen_by}"},
    )
    def distance(first: FeatureSet, second: FeatureSet) -> float:
        """Raises Unavailable for fewer than two images a side."""
        return frechet(first, second)


GENERAL = ("fid_org_vs_gen", "kid_org_vs_gen", "precision", "recall")
OWN = ("fd_neutral_org_vs_gen", "kd_neutral_org_vs_gen", "precision_neutral", "recall_neutral")
_register_fidelity("inception_fidelity", "inception", INCEPTION, *GENERAL)
_register_fidelity("neutral_fidelity", "neutral", NEUTRAL, *OWN)
for prefix, network, about in (("fid", "inception", INCEPTION), ("fd_neutral", "neutral", NEUTRAL)):
    _register_distance(f"{prefix}_org_vs_recon", network, about, "originals", "reconstructions")
    _register_distance(f"{prefix}_recon_vs_gen", network, about, "reconstructions", "samples")
