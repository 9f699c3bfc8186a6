"""Which port a failed program wanted and could not have, and who has it."""

import re
import socket
from collections.abc import Iterable, Sequence

from homerun.agent.last_words import last_words

_IN_USE = re.compile(
    r"Address already in use|EADDRINUSE|\[Errno 98\]|errno: 98|code: -98|"
    r"[Pp]ort \d+ is (?:already )?in use|port \d+, it was already in use",
    re.IGNORECASE,
)
_PORTS = (  # how programs write one, the surest first
    re.compile(r"\bport(?:[:=]| number)? *(\d{1,5})\b", re.IGNORECASE),
    re.compile(r"\('[^']*', (\d{1,5})\b"),  # an address in Python
    re.compile(r"(?:\d+\.\d+\.\d+\.\d+|\[[\da-f:.]*\]|::|localhost|\*):(\d{1,5})\b"),
    re.compile(r"(?://[\w.-]+|\s):(\d{1,5})\b"),  # tcp://gpu1:80, listen tcp :80
)
_CODE = re.compile(r"\(\(? *[\"'][^\"']*[\"'], *(\d{1,5})\b")  # .bind(("", 80)) in a traceback
_NUMBER = re.compile(r"(?<!\d)\d{2,5}(?!\d)")
_LAST = 10  # lines in which a program that is not Python says it
_CODE_LINES = 30  # of a traceback
_LENGTH = 1000  # characters of a line that are looked at
_COMMAND = 80  # characters of a command line


def port_in_use(last_lines: str, hints: Iterable[str] = ()) -> str:
    """Return which port a failed program could not have, and who has it; empty: that was not it.

    Some programs do not say which port it was: then one that is taken and named in the `hints`, its
    command line say, is meant.
    """
    words = last_words(last_lines, count=_LAST)
    telling = [line for line in words if _IN_USE.search(line)]
    if not telling:
        return ""
    takers = _takers()
    port = _port_in(telling, _PORTS) or _port_in(words, _PORTS[:1])
    port = port or _port_in(last_lines.splitlines()[-_CODE_LINES:], (_CODE,))
    if port is None and takers:
        numbers = (int(number) for hint in hints for number in _NUMBER.findall(hint))
        port = next((number for number in numbers if number in takers), None)
    if port is None:
        return f"a port that it wants is in use: {telling[-1].strip()[:200]}"
    if takers is None:
        return f"port {port} is in use; end what has it or give it another port"
    if port not in takers:
        return f"port {port} was in use, now it is free; try again: homerun retry"
    return f"port {port} is in use by {_who(takers[port])}; end that or give it another port"


def _port_in(lines: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> int | None:
    """Return the port in the last line that has one, by the first pattern that finds one."""
    for pattern in patterns:
        for line in reversed(lines):
            for match in pattern.finditer(line[:_LENGTH]):
                if 0 < int(match[1]) < 1 << 16:
                    return int(match[1])
    return None


def _takers() -> dict[int, int | None] | None:
    """Return the ports of this machine that are taken, each with the pid if we may know it."""
    import psutil  # noqa: PLC0415  rarely needed

    takers: dict[int, int | None] = {}
    try:
        for connection in psutil.net_connections("inet"):
            is_open = connection.status == psutil.CONN_LISTEN
            if connection.laddr and (is_open or connection.type == socket.SOCK_DGRAM):
                takers[connection.laddr.port] = connection.pid or takers.get(connection.laddr.port)
    except (psutil.Error, OSError):  # macOS tells it to root alone
        return None
    return takers


def _who(pid: int | None) -> str:
    import psutil  # noqa: PLC0415  rarely needed

    from homerun.core import redact_argv  # noqa: PLC0415

    if pid is None:
        return "a process of another user"
    try:
        command = " ".join(redact_argv(psutil.Process(pid).cmdline()))
    except (psutil.Error, OSError):
        return f"pid {pid}"
    return f"pid {pid} ({command if len(command) <= _COMMAND else command[:_COMMAND] + '...'})"
