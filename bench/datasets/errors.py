"""The one exception for everything that can go wrong with data."""

from __future__ import annotations

from bench.runtime.errors import UsageError


class DataError(UsageError):
    """One clear line for the user: the thing, what is wrong with it, what to do."""
