"""Processes that outlived their run because its supervisor was killed, too."""

import os
import signal
import time

from homerun.agent import processes
from homerun.agent.order import STRAY_GRACE_S, UNKILLABLE_S
from homerun.core import NotFoundError
from homerun.store import Store


class StrayHunt:
    """Ends strays: SIGTERM, a short grace, SIGKILL."""

    def __init__(self) -> None:
        self.is_due = True  # there may be strays
        self._seen: dict[int, float] = {}  # stray and when it was first found, monotonic seconds

    def go(self, store: Store) -> None:
        """Look for strays and signal them; `is_due` stays while there are any.

        A stray is known by its environment: a run of this home that has ended, and is in nobody's
        hands.
        """
        found = processes.tagged(store.home)
        found.pop(os.getpid(), None)
        ended = {run_id for run_id in set(found.values()) if _is_over(store, run_id)}
        now = time.monotonic()
        strays = {pid: self._seen.get(pid, now) for pid, run_id in found.items() if run_id in ended}
        for pid, since in strays.items():
            if pid not in self._seen:
                processes.send(pid, signal.SIGTERM)
                processes.send(pid, signal.SIGCONT)
            elif now - since > STRAY_GRACE_S:
                processes.send(pid, signal.SIGKILL)
        self._seen = strays
        self.is_due = any(now - since < UNKILLABLE_S for since in strays.values())


def _is_over(store: Store, run_id: str) -> bool:
    try:
        return store.run(run_id).is_ended and not store.folder(run_id).is_held()
    except NotFoundError:
        return True  # removed
