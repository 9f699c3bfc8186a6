"""What a failed program said at its end, as far as it tells why.

A program may well write of an error, get over it, and fail of something else. So of Python's
tracebacks only the exception that ended the program counts, with what it was raised from; other
programs say it in their last lines.
"""

import re
from collections.abc import Sequence

_LENGTH = 2000  # characters of a line that are looked at
_RANK = re.compile(r"^\[rank\d+\]: ?")  # what torchrun puts before a line
_HEADER = "Traceback (most recent call last):"
_FRAME = '  File "'
_CAUSE = "The above exception was the direct cause of the following exception:"
# They only tell of the end of another process, whose own traceback stands before.
_LAUNCHER = re.compile(
    r"^(?:\w+\.)*(?:ChildFailedError|CalledProcessError|Process(?:Exited|Raised)Exception)\b"
)


def last_words(text: str, *, count: int) -> list[str]:
    """Return the lines of an output that tell why its program ended: `count` if it is no Python."""
    lines = [_RANK.sub("", line[:_LENGTH]).rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    return _last_exception(lines) or lines[-count:]


def _last_exception(lines: Sequence[str]) -> list[str]:
    """Return what stands in the last traceback, and in those it was raised from, beside code."""
    starts = [index for index, line in enumerate(lines) if line.endswith(_HEADER)]
    if any(line.startswith(_FRAME) for line in lines[: starts[0] if starts else None]):
        starts.insert(0, 0)  # its header is no longer among the last lines
    if not starts:
        return []
    start = starts.pop()
    if any(map(_LAUNCHER.match, lines[start:])):
        start = 0
    while starts and start and lines[start - 1] == _CAUSE:
        start = starts.pop()
    return [line for line in lines[start:] if not line[0].isspace()]
