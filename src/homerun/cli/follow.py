"""The outputs of several runs as one: each line behind the run that wrote it."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from homerun.cli import output
from homerun.core import Run

_BLOCK = 1 << 16
_COLORS = (
    "cyan",
    "green",
    "magenta",
    "blue",
    "yellow",
    "bright_red",
    "bright_cyan",
    "bright_green",
)
_NAME_WIDTH = 20  # characters of a run's name
_LINE_LIMIT = 64 * 1024  # bytes of an unfinished line that are waited with
_REWRITES_S = 10.0  # a progress bar is shown once in so many seconds, and when it is complete
_STYLE = re.compile(r"(\x1b\[[\d;]*m)")
_ESCAPE = re.compile(r"\x1b(?:\[[\d;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class Lines:
    """Turns what is added to a log into whole lines; of a rewritten line its last state counts."""

    def __init__(self) -> None:
        self._rest = b""
        self._shown = b""  # the state of the unfinished line that was shown
        self._due_at = 0.0

    def feed(self, data: bytes, now: float) -> list[str]:
        """Take the next bytes of a log and return the lines to show at this time (seconds)."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [_last_state(line) for line in lines]
        if found:
            found = found[1:] if found[0] == self._shown != b"" else found
            self._shown, self._due_at = b"", now + _REWRITES_S
        state = _last_state(self._rest)
        is_due = b"\r" in self._rest and now >= self._due_at and state != self._shown
        if is_due or len(self._rest) > _LINE_LIMIT:
            found.append(state)
            self._shown, self._due_at = state, now + _REWRITES_S
            self._rest = b"\r" + state if is_due else b""
        return [line.decode(errors="replace") for line in found]

    def flush(self) -> list[str]:
        """Return the unfinished line as it is now, if it was not shown."""
        state, self._rest = _last_state(self._rest), b""
        return [state.decode(errors="replace")] if state and state != self._shown else []


class Log:
    """The output of one run, read as it grows."""

    def __init__(self, path: Path, *, last: int | None = None) -> None:
        self._path, self._last = path, last
        self._offset: int | None = None  # None: not begun
        self._lines = Lines()

    def read(self, now: float) -> Iterator[str]:
        """Yield the lines that have come; begins with the last ones, where a number is given."""
        try:
            with self._path.open("rb") as file:
                if self._offset is None:
                    is_whole = self._last is None
                    self._offset = 0 if is_whole else start_of_last_lines(file, self._last or 0)
                file.seek(self._offset)
                while data := file.read(_BLOCK):
                    self._offset += len(data)
                    yield from self._lines.feed(data, now)
        except FileNotFoundError:  # nothing was written yet, or the run was removed
            return
        yield from self._lines.feed(b"", now)

    def rest(self) -> Iterator[str]:
        """Yield what is left when no more will come."""
        yield from self.read(-1.0)  # no time to show what is not complete
        yield from self._lines.flush()


class Prefixes:
    """What stands before the lines of each run: number and name, aligned and coloured."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._width = 0
        self._digits = 0
        for run in runs:
            self._widen(run)

    def of(self, run: Run) -> str:
        """Return what stands before a line of this run."""
        self._widen(run)
        name = output.plain(run.name)
        shown = name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"
        text = f"{run.number:>{self._digits}} {shown:<{self._width}} │ "
        return output.styled(text, _COLORS[run.number % len(_COLORS)])

    def _widen(self, run: Run) -> None:
        self._width = max(self._width, min(_NAME_WIDTH, len(output.plain(run.name))))
        self._digits = max(self._digits, len(str(run.number)))


def print_lines(prefix: str, lines: Iterable[str]) -> None:
    """Print lines of a run; nothing in them can move the cursor or colour what follows."""
    for line in lines:
        sys.stdout.write(f"{prefix}{clean(line)}\n")
    sys.stdout.flush()


def clean(line: str) -> str:
    """Return a line without control characters; its colours stay where there are any."""
    if line.isprintable():
        return line
    parts = _STYLE.split(line)
    parts[::2] = ["".join(filter(_is_shown, _ESCAPE.sub("", text))) for text in parts[::2]]
    if len(parts) == 1:
        return parts[0]
    return "".join(parts) + "\x1b[0m" if output.is_colored() else "".join(parts[::2])


def copy(file: BinaryIO, count: int | None) -> None:
    """Print a file byte by byte from where it stands, or its last lines."""
    if count is not None:
        file.seek(start_of_last_lines(file, count))
    while block := file.read(_BLOCK):
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def start_of_last_lines(file: BinaryIO, count: int) -> int:
    """Return the offset at which the last `count` lines begin."""
    position = file.seek(0, 2)
    if count == 0:
        return position
    file.seek(max(0, position - 1))
    missing = count + (file.read(1) == b"\n")  # the newline at the very end begins no line
    while position > 0:
        start = max(0, position - _BLOCK)
        file.seek(start)
        block = file.read(position - start)
        found = block.count(b"\n")
        if found >= missing:
            at = len(block)
            for _ in range(missing):
                at = block.rindex(b"\n", 0, at)
            return start + at + 1
        missing -= found
        position = start
    return 0


def _last_state(line: bytes) -> bytes:
    """Return what a terminal shows of a line that was rewritten with carriage returns."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def _is_shown(character: str) -> bool:
    return character.isprintable() or character == "\t"
