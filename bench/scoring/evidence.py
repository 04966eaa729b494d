"""Everything gathered from a trained method, each thing once: what metrics and pictures read."""

from bench.scoring.neighbours import Near


class Evidence(Near):
    """A trained method's evidence by name. Reading a name gathers it; a metric's argument names are names of this class."""
