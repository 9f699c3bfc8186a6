"""The runs of this process that are not finished, and the one that `homerun.log` writes to."""

import os
from typing import TYPE_CHECKING

from homerun.core import UsageError

if TYPE_CHECKING:
    from homerun.track.run import ActiveRun

_active: list["ActiveRun"] = []
_current: "ActiveRun | None" = None


def active() -> list["ActiveRun"]:
    """Return the runs that are not finished, the newest first."""
    return _active[::-1]


def run() -> "ActiveRun | None":
    """Return the run that was last made the current one, None when there is none."""
    return _current


def need(what: str) -> "ActiveRun":
    """Return the current run; raise UsageError when init was not called."""
    if _current is None:
        raise UsageError(f"You must call homerun.init() before homerun.{what}")
    return _current


def add(new: "ActiveRun", *, as_current: bool) -> None:
    """Take note of a run that begins."""
    global _current  # noqa: PLW0603
    if not _active:
        _watch_forks()
    _active.append(new)
    if as_current:
        _current = new


def remove(old: "ActiveRun") -> None:
    """Take note of a run that has finished."""
    global _current  # noqa: PLW0603
    if old in _active:
        _active.remove(old)
    if _current is old:
        _current = None


_forks_watched = False


def _watch_forks() -> None:
    global _forks_watched  # noqa: PLW0603
    if not _forks_watched and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)
        _forks_watched = True


def _after_fork() -> None:
    for one in _active:
        one.after_fork()
