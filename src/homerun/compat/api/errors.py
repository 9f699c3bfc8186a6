"""The error for what W&B's Api cannot find."""

from homerun.core import NotFoundError


class CommError(NotFoundError, ValueError):
    """No run, sweep, project or file answers to a path: what W&B tells with CommError."""
