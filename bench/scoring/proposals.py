"""What a method proposes before a filter of its own, and what becomes of it."""

from typing import Any

import torch
from torch import Tensor

from bench.scoring.gathering import gathered
from bench.scoring.samples import Generated
from metrics.features import predict, to_uint8


class Proposed(Generated):
    """Evidence of proposals, one a class sample: images, the filter's verdict, the classes that the method's own classifier sees."""

    @gathered
    def proposal_labels(self) -> Tensor:
        self._capability("propose")
        return torch.arange(self.n_classes, device=self.device).repeat_interleave(self.settings.samples_per_class)

    @gathered
    def _proposals(self) -> dict[str, Tensor]:
        propose: Any = self._capability("propose")
        parts = []
        for labels in self.proposal_labels.split(self.test.at_once):
            made = propose(labels)
            parts.append({"images": to_uint8(made.images), "accepted": made.accepted, "right": made.sources_right})
            parts[-1] |= {"at_z": made.at_z == labels, "at_image": made.at_image == labels}
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    @gathered
    def proposals_accepted(self) -> Tensor:
        return self._proposals["accepted"]

    @gathered
    def proposals_of_right_sources(self) -> Tensor:
        """Whether the method's own classifier is right on all images that were combined."""
        return self._proposals["right"]

    @gathered
    def proposals_kept_at_z(self) -> Tensor:
        """Whether it sees the class asked for in the combined code."""
        return self._proposals["at_z"]

    @gathered
    def proposals_kept_decoded(self) -> Tensor:
        """Whether it sees the class asked for in the decoded image."""
        return self._proposals["at_image"]

    @gathered
    def proposal_predictions(self) -> Tensor:
        self._capability("propose")  # asked first: a method without it has nothing that could be refused
        return predict(self.neutral, self._proposals["images"])[0]
