"""Errors: each says what came, what is allowed and what to do next."""

import os
from itertools import takewhile

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")  # noqa: PTH118, PTH120


class HomerunError(Exception):
    """Base of every error homerun raises on purpose; the command line prints it as one line."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the line that called us, and ours; IPython asks for it."""
        import traceback  # noqa: PLC0415  rarely needed

        frames = traceback.extract_tb(self.__traceback__)
        callers = list(takewhile(lambda frame: not frame.filename.startswith(_PACKAGE), frames))
        called = [f"---> {one.lineno} {one.line}" for one in callers[-1:]]
        return [*called, f"{type(self).__name__}: {self}"]


class SpecError(HomerunError, ValueError):
    """A sweep file or sweep dictionary is not valid."""


class UsageError(HomerunError, ValueError):
    """A call was made with arguments, or at a time, that make no sense."""


class ConfigError(HomerunError, ValueError):
    """A configuration value would have been changed behind the user's back."""


class NotFoundError(HomerunError, LookupError):
    """No run, sweep or file answers to the given name."""


class StoreError(HomerunError, RuntimeError):
    """The home or its database cannot be used as it is."""


class MissingExtraError(HomerunError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class ArtifactStatusError(HomerunError, AttributeError):
    """An artifact is not in a state for what is asked of it."""


class ArtifactNotLoggedError(ArtifactStatusError):
    """What was asked for is known once the artifact is logged."""


class ArtifactFinalizedError(ArtifactStatusError):
    """An artifact that was logged cannot be changed; a new version can be made."""


class WaitTimeoutError(HomerunError, TimeoutError):
    """Something was waited for in vain."""
