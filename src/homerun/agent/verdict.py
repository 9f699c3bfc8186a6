"""How a run ended, in words a person can act on."""

import contextlib
import os
import re
import signal
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from homerun.core import RunState

_KERNEL = "out of memory: the kernel killed it"
_ADVICE = {
    "gpu": "use a smaller batch or model, or fewer runs on one GPU",
    "host": "use a smaller batch or model, or fewer slots at once",
}
# How programs tell that one of their processes was killed.
_CHILD_KILLED = re.compile(r"killed by signal: Killed|SIGKILL|terminated abruptly|exitcode: -9\b")


class Verdict(NamedTuple):
    """How a run ended; `out_of_memory` is `gpu` or `host` when it died of that."""

    state: RunState
    reason: str
    exit_code: int | None = None
    out_of_memory: str = ""


def verdict(
    status: int,
    *,
    last_lines: str = "",
    was_out_of_memory: Callable[[], bool] = lambda: False,
    hints: Sequence[str] = (),
) -> Verdict:
    """Return what a wait status (see wait(2)) says about a program that nobody asked to stop.

    `hints` at the ports that it wants: its command line.
    """
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
        return Verdict(RunState.FINISHED, "", 0)
    killed = f"{_KERNEL}; {_ADVICE['host']}"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL and was_out_of_memory():
            return Verdict(RunState.FAILED, killed, None, "host")
        reason = f"died of signal {signal_name(number)}"
        why, memory = out_of_memory(last_lines)
        if number == signal.SIGKILL:
            why = why or "somebody or the system killed it"
        return Verdict(RunState.CRASHED, f"{reason}: {why}" if why else reason, None, memory)
    code = os.WEXITSTATUS(status)
    # A shell around the program tells with its exit code that it was killed.
    is_kill = code == 128 + signal.SIGKILL or _CHILD_KILLED.search(last_lines)
    if is_kill and was_out_of_memory():
        return Verdict(RunState.FAILED, f"exit code {code}: {killed}", code, "host")
    why, memory = out_of_memory(last_lines)
    why = why or _port_in_use(last_lines, hints) or last_line(last_lines)
    reason = f"exit code {code}{f': {why}' if why else ''}"
    return Verdict(RunState.FAILED, reason, code, memory)


def last_line(text: str) -> str:
    """Return the last line that is not empty, at most 200 characters of it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def out_of_memory(last_lines: str) -> tuple[str, str]:
    """Return what a failed program said of it, in one line, and which memory; empty: nothing."""
    if not _has_any(last_lines, "memory", "alloc", "oom"):
        return "", ""
    from homerun.agent.memory_faults import memory_fault  # noqa: PLC0415  rarely needed

    fault = memory_fault(last_lines)
    if fault is None:
        return "", ""
    kind = "out of GPU memory" if fault.memory == "gpu" else "out of memory"
    return f"{kind}: {fault.line[:200]}; {_ADVICE[fault.memory]}", fault.memory


def _port_in_use(last_lines: str, hints: Sequence[str]) -> str:
    if not _has_any(last_lines, "in use", "eaddrinuse", "98"):
        return ""
    from homerun.agent.ports import port_in_use  # noqa: PLC0415  rarely needed

    return port_in_use(last_lines, hints)


def _has_any(text: str, *words: str) -> bool:
    """Tell whether a closer look is worth while: it loads what most failures do not need."""
    lower = text.lower()
    return any(word in lower for word in words)


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
    events = _read(f"{root}sys/fs/cgroup/{_control_group(root)}/memory.events")
    for text in (events, _read(f"{root}proc/vmstat")):
        _, found, rest = text.partition("\noom_kill ")
        if found:
            return int(rest.partition("\n")[0])
    return None


@cache
def _control_group(root: str) -> str:
    return _read(f"{root}proc/self/cgroup").rpartition("0::/")[2].rstrip()


def _read(path: str) -> str:
    try:
        with open(path) as file:  # noqa: PTH123  on the way of every run
            return file.read()
    except OSError:
        return ""
