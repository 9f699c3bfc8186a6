"""How a run ended, in words a person can act on."""

import contextlib
import os
import signal
from collections.abc import Callable

from homerun.core import RunState

Verdict = tuple[RunState, str, int | None]  # state, reason, exit code


def verdict(
    status: int, *, last_line: str = "", was_out_of_memory: Callable[[], bool] = lambda: False
) -> Verdict:
    """Return what a wait status (see wait(2)) says about a program that nobody asked to stop."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL and was_out_of_memory():
            return RunState.FAILED, _OUT_OF_MEMORY, None
        reason = f"died of signal {signal_name(number)}"
        if number == signal.SIGKILL:
            reason += ": somebody or the system killed it"
        return RunState.CRASHED, reason, None
    code = os.WEXITSTATUS(status)
    if code == 0:
        return RunState.FINISHED, "", 0
    reason = f"exit code {code}"
    if code == 128 + signal.SIGKILL and was_out_of_memory():  # a shell around the program says so
        reason += f": {_OUT_OF_MEMORY}"
    elif last_line:
        reason += f": {last_line}"
    return RunState.FAILED, reason, code


_OUT_OF_MEMORY = (
    "out of memory: the kernel killed it; use a smaller batch or model, or fewer slots at once"
)


def signal_name(number: int) -> str:
    """Return a signal as people write it: `11 (SIGSEGV)`."""
    with contextlib.suppress(ValueError):
        return f"{number} ({signal.Signals(number).name})"
    return str(number)


def duration(seconds: float) -> str:
    """Return a duration as people write it: `1h30m`, `45s`, `0.5s`."""
    if seconds < 60:
        return f"{seconds:g}s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours}h" if hours else "", f"{minutes}m" if minutes else "")
    return "".join(parts) + (f"{rest_s}s" if rest_s else "")


def oom_kills(root: str = "/") -> int | None:
    """Return how many processes the kernel has killed for want of memory; None: it does not say.

    Of our own control group (version 2) if it counts them, else of the whole machine.
    """
    _, _, group = _read(f"{root}proc/self/cgroup").rpartition("0::/")
    events = _read(f"{root}sys/fs/cgroup/{group.rstrip()}/memory.events")
    for text in (events, _read(f"{root}proc/vmstat")):
        _, found, rest = text.partition("\noom_kill ")
        if found:
            return int(rest.partition("\n")[0])
    return None


def _read(path: str) -> str:
    try:
        with open(path) as file:  # noqa: PTH123  on the way of every run
            return file.read()
    except OSError:
        return ""
