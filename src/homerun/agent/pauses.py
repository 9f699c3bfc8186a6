"""Standing still, as the supervisor of a run sees it: by request, or by a signal from outside."""

import math
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from homerun.agent import processes
from homerun.store import PAUSE_FILE, RunFolder, is_at_rest

_FREEZE_S = 2.0  # a process in the middle of a disk access stands still only after that


class Pauses:
    """When the program of a supervisor stood still; its time limit does not count that."""

    def __init__(self) -> None:
        self.since: float | None = None  # monotonic seconds; None: it runs
        self._past_s = 0.0  # in the pauses that are over

    def note(self, *, is_stopped: bool) -> bool:
        """Note whether the program stands still now; tell whether that is news."""
        now = time.monotonic()
        if is_stopped == (self.since is not None):
            return False
        self._past_s, self.since = self.total_s(now), now if is_stopped else None
        return True

    def total_s(self, now: float) -> float:
        """Return for how long the program has stood still until now, all in all."""
        return self._past_s + (0.0 if self.since is None else now - self.since)

    def deadline(self, at: float) -> float:
        """Return when something is due that was due at a moment, had there been no pause."""
        return at + self._past_s if self.since is None else math.inf

    def facts(self) -> dict[str, object]:
        """Return what process.json is to say, for a supervisor that comes after this one."""
        return {"paused_s": self._past_s, "paused_monotonic": self.since}

    def remember(self, process: Mapping[str, Any]) -> None:
        """Take over what the supervisor before has written."""
        self._past_s = float(process.get("paused_s") or 0.0)
        self.since = process.get("paused_monotonic")


def is_pause_wanted(folder: RunFolder) -> bool:
    """Tell whether somebody has left word that a run is to stand still."""
    return (folder.path / PAUSE_FILE).exists()


def forget_pause(folder: RunFolder) -> None:
    """Take that word back."""
    (folder.path / PAUSE_FILE).unlink(missing_ok=True)


def freeze(find: Callable[[], Iterable[int]]) -> None:
    """Stop processes with SIGSTOP until all that `find` finds stand still, late children too."""
    deadline = time.monotonic() + _FREEZE_S
    while moving := [pid for pid in find() if not is_at_rest(pid)]:
        for pid in moving:
            processes.send(pid, signal.SIGSTOP)
        if time.monotonic() > deadline:
            return
        time.sleep(0.002)


def thaw(find: Callable[[], Iterable[int]]) -> None:
    """Let stopped processes go on."""
    for pid in find():
        processes.send(pid, signal.SIGCONT)
