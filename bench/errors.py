"""Which errors are the user's to mend, and so one line instead of a traceback."""

import errno


def is_usage(problem: BaseException) -> bool:
    """UsageError, DataError, TrackingError, what leaderboards say of a results folder; a disk or folder that can't be written."""
    if isinstance(problem, OSError):
        return problem.errno in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EPERM)
    return type(problem) is ValueError or type(problem).__name__ in ("UsageError", "DataError", "TrackingError")
