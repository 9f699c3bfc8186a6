"""The end of a run: told to the journal first, then to the database, and only then let go."""

import contextlib
import os
import time
from pathlib import Path

from homerun.core import RunState
from homerun.store import journal
from homerun.track.ending import Ending
from homerun.track.recorder import Recorder
from homerun.track.registry import record_end, settle_end
from homerun.track.run import Part
from homerun.track.terminal import termwarn


def close(home: Path, run_id: str, part: Part, recorder: Recorder, how: Ending) -> None:
    """Record how a run ended.

    The lock is the last thing to go: whoever finds it free finds the end in the journal.
    """
    if part.keeper is not None:
        part.keeper.close()
    now = time.time()
    is_told = True
    if part.is_first or how.exit_code:
        is_told = recorder.write(journal.END, now, _record(how, is_supervised=part.lock is None))
    is_there = recorder.close()
    if part.resume_note is not None and not how.exit_code:
        with contextlib.suppress(OSError):  # then it is resumed once more
            part.resume_note.unlink(missing_ok=True)
    if part.lock is not None:
        if not is_told:
            record_end(home, run_id, how, ended_at=now)
        # After Ctrl-C nothing more is loaded: that would make Python forget how it is to exit, and
        # a user who waits wants it to be over. The next reader does the rest.
        if how.state != RunState.KILLED:
            settle_end(home, run_id)
        os.close(part.lock)
    _say_what_is_lost(run_id, recorder.dropped, is_there=is_there)


def _record(how: Ending, *, is_supervised: bool) -> dict[str, object]:
    return {
        "state": str(how.state),
        "exit_code": how.exit_code,
        "reason": how.reason,
        "detail": how.detail,
        "supervised": is_supervised,
    }


def _say_what_is_lost(run_id: str, dropped: int, *, is_there: bool) -> None:
    if dropped:
        termwarn(f"{dropped} records of run {run_id} are lost: its journal could not be written")
    if not is_there:
        termwarn(f"what run {run_id} logged is lost: its journal was deleted while it ran")
