"""How near images lie to the training images."""

from bench.featured import Featured


class Near(Featured):
    """Evidence of nearest training images."""
