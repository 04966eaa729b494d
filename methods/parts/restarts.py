"""Training that is begun anew, within the row's budget, where it ended in a bad minimum: a counted event, never silent."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from methods.parts.data import TrainingData

COLLAPSED = 0.5
"""Mean KL of z, in nats, below which training ended in the bad minimum of 002_250270577cfb522d.txt, section VI: one template, bent by u."""
LOOKED_AT = 1000


@dataclass
class Restarts:
    """At most `most` restarts of a module. nats: after each attempt, the mean of the term `kl`, of z, over the first training images."""

    module: nn.Module
    terms: Callable[[Tensor, Tensor], dict[str, Tensor]]
    most: int
    nats: list[float] = field(default_factory=list)

    def attempts(self, data: TrainingData, begin_anew: Callable[[], None]) -> Iterator[str]:
        """A name for each attempt: the first, and another as long as z says nothing."""
        for attempt in range(self.most + 1):
            if attempt:
                begin_anew()
            yield f"restart-{attempt}" if attempt else "train"
            self.nats.append(self._mean_kl(data))
            if not self.collapsed:
                return

    @property
    def collapsed(self) -> bool:
        """Whether the last attempt ended in the bad minimum."""
        return self.nats[-1] < COLLAPSED

    def caveats(self) -> dict[str, float]:
        """Nats of z at first, where it was begun anew, and at last, where it still says nothing."""
        first = {"restarted_at": self.nats[0]} if len(self.nats) > 1 else {}
        return first | ({"collapsed_at": self.nats[-1]} if self.collapsed else {})

    @torch.no_grad()
    def _mean_kl(self, data: TrainingData) -> float:
        self.module.eval()
        x, y = next(data.train.batches(LOOKED_AT))
        return float(self.terms(x, y)["kl"].mean())


def reset_parts(module: nn.Module) -> None:
    """Fresh weights for all that a module is made of, drawn from the noise stream on the device that is trained on."""
    for part in module.modules():
        if part is not module and callable(reset := getattr(part, "reset_parameters", None)):
            reset()
