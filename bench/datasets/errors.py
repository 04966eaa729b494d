"""The one exception for everything that can go wrong with data."""

from __future__ import annotations


class DataError(ValueError):
    """One clear line for the user: the thing, what is wrong with it, what to do."""
