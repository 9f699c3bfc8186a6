"""How a run ends: told by finish(), or found out when the interpreter exits."""

import atexit
import sys
import threading
from types import TracebackType
from typing import NamedTuple

from homerun.core import RunState, redact_text
from homerun.track import current

_DETAIL_LIMIT = 16_000  # characters of a traceback, its end
_REASON_LIMIT = 300
_INTERRUPTED = 130  # what a shell shows for a program that Ctrl-C ended


class Ending(NamedTuple):
    """State, exit code, reason and traceback with which a run ends."""

    state: RunState
    exit_code: int
    reason: str = ""
    detail: str = ""


def of_code(exit_code: int) -> Ending:
    """Return the end that finish(exit_code) announces."""
    if exit_code == 0:
        return Ending(RunState.FINISHED, 0)
    return Ending(RunState.FAILED, exit_code, f"the program called finish(exit_code={exit_code})")


def of_exception(error: BaseException) -> Ending:
    """Return the end that an exception leads to when nobody catches it."""
    if isinstance(error, SystemExit):
        return _of_exit(error.code)
    if isinstance(error, GeneratorExit):
        return of_code(0)
    if isinstance(error, KeyboardInterrupt):
        return Ending(RunState.KILLED, _INTERRUPTED, "interrupted by the user")
    import traceback  # noqa: PLC0415 - not needed by a program that goes well

    lines = "".join(traceback.format_exception(error))
    first = (str(error).strip().splitlines() or [""])[0]
    reason = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return Ending(
        RunState.FAILED,
        1,
        redact_text(reason)[:_REASON_LIMIT],
        redact_text(lines)[-_DETAIL_LIMIT:],
    )


def end_runs(error: BaseException | None) -> Ending:
    """End the runs of this process as an uncaught exception, or none, ends a program."""
    how = of_code(0) if error is None else of_exception(error)
    for run in current.active():
        if not run.is_guest:
            run.end(how)
    return how


class Watch:
    """Notices why the interpreter exits; W&B's way, by sys.excepthook and sys.exit.

    `raise SystemExit(3)` outside of `with homerun.init()` cannot be seen from inside; a supervisor
    sees it.
    """

    def __init__(self) -> None:
        self._last = of_code(0)
        self._hook = sys.excepthook
        self._exit = sys.exit
        sys.excepthook = self._on_exception
        sys.exit = self._on_exit  # type: ignore[assignment]
        atexit.register(self._on_end)

    def forget(self) -> None:
        """Forget an exit that somebody has prevented: a run begins, so the program goes on."""
        self._last = of_code(0)

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not hasattr(sys, "ps1"):  # at a prompt the session goes on
            self._last = of_exception(error)
        self._hook(kind, error, trace)

    def _on_exit(self, status: object = None) -> None:
        if threading.current_thread() is threading.main_thread():
            self._last = _of_exit(status)
        self._exit(status)  # type: ignore[arg-type]

    def _on_end(self) -> None:
        for run in current.active():
            run.end(self._last)


_watch: Watch | None = None


def watch_exit() -> None:
    """See to it that runs which are not finished at the interpreter's exit are ended then."""
    global _watch  # noqa: PLW0603
    _watch = _watch or Watch()
    _watch.forget()


def _of_exit(status: object) -> Ending:
    if status is None:
        return of_code(0)
    if not isinstance(status, int):
        return Ending(RunState.FAILED, 1, redact_text(str(status))[:_REASON_LIMIT])
    code = status & 0xFF  # as the system keeps it
    if code == 0:
        return of_code(0)
    return Ending(RunState.FAILED, code, f"the program exited with code {code}")
