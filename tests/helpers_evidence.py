"""What evidence there is, and what reaches what."""

from bench.scoring import evidence
from bench.scoring.selection import reached

evidence.load()
GATHERED = list(evidence.registry)


def reaching(name: str) -> set[str]:
    """All that is gathered, by way of other evidence or at once, from this one."""
    return {one for one in GATHERED if name in reached([one])}
