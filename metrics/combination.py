"""What becomes of convex combinations of a class's latents: before the filter, by the filter, under the method's own classifier."""

from __future__ import annotations

from torch import Tensor

from metrics.base import Items, Score, Unavailable, correct, metric

PROPOSALS = "combinations, as they were drawn"


@metric(
    unit="", better="higher", source="001_9c71068f65ebe130.txt, section 5.2: share of combinations that pass both steps"
)
def accept_rate(proposals_accepted: Tensor, proposal_labels: Tensor) -> Items:
    """Whether each combination, (M,), passes the filter, by class."""
    return Items(proposals_accepted.cpu().double(), groups=proposal_labels.cpu(), of=PROPOSALS)


@metric(
    unit="",
    better="higher",
    source="001_9c71068f65ebe130.txt, section 5.1: share of combinations, before the filter, that a classifier of originals agrees with",
)
def neutral_accuracy_unfiltered(proposal_predictions: Tensor, proposal_labels: Tensor) -> Items:
    """Whether the neutral classifier finds in each combination, (M,), the class that was asked for, by that class."""
    return correct(proposal_predictions, proposal_labels, of=PROPOSALS)


@metric(
    source="001_9c71068f65ebe130.txt, Lemma 1: over combinations of latents that the method's own head classifies rightly",
    scores={"class_kept_at_z": Score("", "higher"), "class_kept_decoded": Score("", "higher")},
)
def lemma_1(
    proposals_of_right_sources: Tensor,
    proposals_kept_at_z: Tensor,
    proposals_kept_decoded: Tensor,
    proposal_labels: Tensor,
) -> dict[str, Items]:
    """Whether a combination, (M,), keeps its class under the linear head, which the lemma says of all, and after decoding.

    The head's K classes meet in half-spaces by pairs, so that what it says of two classes holds for the likeliest of K. Raises Unavailable
    where no combination is of rightly classified latents alone.
    """
    right = proposals_of_right_sources.cpu()
    if not right.any():
        raise Unavailable("no combination is of latents that the head classifies rightly")
    y = proposal_labels.cpu()[right]
    at_z, decoded = (kept.cpu()[right].double() for kept in (proposals_kept_at_z, proposals_kept_decoded))
    of = f"{PROPOSALS}, without those of a latent that it classifies wrongly"
    return {"class_kept_at_z": Items(at_z, groups=y, of=of), "class_kept_decoded": Items(decoded, groups=y, of=of)}
