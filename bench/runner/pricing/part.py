"""What a price is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Seconds of one piece of a cell's work.

    once: names what the first cell that needs it pays for all; empty where each cell pays. by_seed: for those of its seed.
    """

    name: str
    seconds: float
    once: str = ""
    by_seed: bool = True
