"""What evidence there is, and what reaches what."""

from bench.scoring.evidence import Evidence
from bench.scoring.gathering import gathered
from bench.scoring.selection import reached

DESCRIPTORS = {
    name: value for base in Evidence.__mro__ for name, value in vars(base).items() if isinstance(value, gathered)
}


def reaching(name: str) -> set[str]:
    """All that is gathered, by way of other evidence or at once, from this one."""
    return {one for one in DESCRIPTORS if name in reached([one])}
