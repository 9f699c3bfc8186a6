"""Runs that were pickled: another process logs to the same run, with a journal of its own."""

from typing import Any

from homerun.track import current
from homerun.track.run import ActiveRun


def join(facts: dict[str, Any], config: dict[str, Any]) -> ActiveRun:
    """Return the run with these facts: the one of this process, else a handle to it."""
    for run in current.active():
        if run.id == facts["id"]:
            return run
    guest = ActiveRun(facts)
    guest.recorder.announce(guest.late_note)
    guest.config.start(config, {})
    current.add(guest, as_current=current.run() is None)
    return guest
