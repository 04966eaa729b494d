"""Everything gathered from a trained method, each thing once: what metrics and pictures read."""

from bench.scoring.neighbours import Near

NEUTRAL = {"neutral", "sample_predictions", "sample_confidences", "class_sample_predictions"}
NEUTRAL |= {"category_sample_predictions", "asked_predictions", "neutral_features_train", "neutral_features_samples"}
NEUTRAL |= {"samples_in_neutral", "originals_in_neutral", "reconstructions_in_neutral", "mixtures"}
NEUTRAL |= {"proposal_predictions"}
NEUTRAL |= {f"near_neutral{own}{side}" for own in ("", "_own") for side in ("", "_test", "_recon")} | {
    "spacing_neutral"
}
"""Evidence that takes the neutral classifier."""
INCEPTION = {"inception", "samples_in_inception", "originals_in_inception", "reconstructions_in_inception", "mixtures"}
"""Evidence that takes Inception, all of it or a part."""
UPRIGHT = {"upright_neutral", "upright_predictions", "rotated_predictions", "upright_turn", "aligned_predictions"}
"""Evidence that takes the neutral classifier of the data set in which the classes stand upright."""


class Evidence(Near):
    """A trained method's evidence by name. Reading a name gathers it; a metric's argument names are names of this class."""
