"""How close distributions of images are: generated, reconstructed and original ones, in the features of a named network."""

from __future__ import annotations

from metrics.base import TENTHS, Better, OfSet, Score, metric
from metrics.features import FeatureSet, check_sizes, compare, frechet, frechet_without

BOTH = "samples and of originals"
WIDE = "conservative, as each ball hangs on a few neighbours"
SOURCE = (
    "Heusel et al. 2017 (Fréchet, by torch-fidelity 0.4), Bińkowski et al. 2018 (KID, unbiased, over all pairs), "
    "Kynkäänniemi et al. 2019 (precision and recall, k=3), Naeem et al. 2020 (density and coverage, k=5)"
)
INCEPTION = "Inception-v3, 2048 features"
NEUTRAL = "the neutral classifier's penultimate features (128 of the small CNN, 64 of ResNet-56)"
REGENE = "001_9c71068f65ebe130.txt, Table 1; torch-fidelity 0.4: Heusel et al. 2017 (Fréchet)"


def _frechet(first: FeatureSet, second: FeatureSet, of: str) -> OfSet:
    smaller = check_sizes(first, second)
    return OfSet(frechet(first, second), frechet_without(first, second) if smaller >= TENTHS else [], of)


def _register_fidelity(name: str, seen_by: str, about: str, *scores: str) -> None:
    """FID, KID, precision, recall, density and coverage of samples against as many originals, or all, in a network's features."""
    better: tuple[Better, ...] = ("lower", "lower", "higher", "higher", "higher", "higher")

    @metric(
        name=name,
        source=f"{SOURCE}; {about}",
        scores={score: Score("", way) for score, way in zip(scores, better, strict=True)},
        reads={"samples": f"samples_in_{seen_by}", "originals": f"originals_in_{seen_by}"},
    )
    def fidelity(samples: FeatureSet, originals: FeatureSet) -> dict[str, OfSet]:
        """The six. Raises Unavailable for fewer than two images a side.

        On normal features (300 to 2,000 a side, 8 and 32 dimensions) jackknife and true standard error agree within 6 % for both
        distances; for precision and recall the jackknife's is 1.3 to 1.8 times the true one, the side that Efron & Stein 1981 prove of
        leaving one out.
        """
        kernel, *shares = compare(samples, originals)
        found = [_frechet(samples, originals, BOTH), OfSet(*kernel, BOTH), *(OfSet(*one, BOTH, WIDE) for one in shares)]
        return dict(zip(scores, found, strict=True))


def _register_distance(name: str, seen_by: str, about: str, first_set: str, second_set: str) -> None:
    """The Fréchet distance of two sets of images: originals to their reconstructions, quantised to uint8, is what decoding alone costs;
    reconstructions to samples is what is left once decoding costs both alike."""

    @metric(
        name=name,
        source=f"{REGENE}; {about}",
        better="lower",
        reads={"first": f"{first_set}_in_{seen_by}", "second": f"{second_set}_in_{seen_by}"},
    )
    def distance(first: FeatureSet, second: FeatureSet) -> OfSet:
        """Raises Unavailable for fewer than two images a side."""
        return _frechet(first, second, f"{first_set} and of {second_set}")


MANIFOLD = ("precision", "recall", "density", "coverage")
GENERAL = ("fid_org_vs_gen", "kid_org_vs_gen", *MANIFOLD)
OWN = ("fd_neutral_org_vs_gen", "kd_neutral_org_vs_gen", *(f"{one}_neutral" for one in MANIFOLD))
_register_fidelity("inception_fidelity", "inception", INCEPTION, *GENERAL)
_register_fidelity("neutral_fidelity", "neutral", NEUTRAL, *OWN)
for prefix, network, about in (("fid", "inception", INCEPTION), ("fd_neutral", "neutral", NEUTRAL)):
    _register_distance(f"{prefix}_org_vs_recon", network, about, "originals", "reconstructions")
    _register_distance(f"{prefix}_recon_vs_gen", network, about, "reconstructions", "samples")
