"""Lines on a terminal that change where they are. Nothing of the terminal's modes is touched."""

import fcntl
import math
import os
import shutil
import struct
import sys
import termios
from collections.abc import Sequence

from rich.cells import cell_len

from homerun.cli import output
from homerun.cli.screen.text import Line


class Block:
    """Lines at the end of what a terminal shows; the cursor always waits below them.

    So whatever ends this leaves nothing to repair: no hidden cursor, no other screen. What is
    above the lines stays as it is, and can be scrolled to.
    """

    def __init__(self) -> None:
        self._shown: list[str] = []  # without colours
        self._styled: list[str] = []
        self._width = 0
        self._typed = 0  # bytes of input that wait for whoever reads next

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines instead; only those that differ are written."""
        if not _is_in_front():
            return
        width = terminal_width()
        plain = [line.text.rstrip() for line in lines]
        styled = [_styled(line, len(text)) for line, text in zip(lines, plain, strict=True)]
        if self._was_disturbed():
            self.leave()
        rows = self._rows(width)
        if width != self._width or len(plain) < len(self._shown):
            text = f"\r{_up(rows)}\x1b[J" + "".join(f"{one}\x1b[0m\n" for one in styled)
        else:
            text = self._changes(styled)
        self._shown, self._styled, self._width = plain, styled, width
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()

    def leave(self) -> None:
        """Leave the lines as they are; the next ones are drawn below."""
        self._shown, self._styled = [], []

    def _changes(self, styled: list[str]) -> str:
        """Return what to write for lines of which the first ones are there already."""
        count = len(self._styled)
        parts = []
        for index, (old, new) in enumerate(zip(self._styled, styled, strict=False)):
            if old != new:
                parts.append(f"\r{_up(count - index)}{new}\x1b[0m\x1b[K\r{_down(count - index)}")
        parts += [f"\r{new}\x1b[0m\x1b[K\n" for new in styled[count:]]
        return "".join(parts)

    def _rows(self, width: int) -> int:
        """Return how many rows the lines take now: another width has wrapped or joined them."""
        return sum(max(1, math.ceil(cell_len(text) / (width + 1))) for text in self._shown)

    def _was_disturbed(self) -> bool:
        """Tell whether somebody pressed Enter, which has moved the lines."""
        typed, self._typed = self._typed, _waiting_input()
        return self._typed != typed


def terminal_width() -> int:
    """Return the columns of the terminal; the last one is left free, where some would wrap."""
    return max(1, shutil.get_terminal_size().columns - 1)


def terminal_height() -> int:
    """Return how many lines can be drawn above the cursor."""
    return max(1, shutil.get_terminal_size().lines - 1)


def _styled(line: Line, length: int) -> str:
    """Return the first characters of a line in their colours."""
    parts = []
    for span in line.spans:
        text = span.text[:length]
        length -= len(text)
        parts.append(output.styled(text, span.style) if text else "")
    return "".join(parts)


def _up(rows: int) -> str:
    return f"\x1b[{rows}A" if rows else ""


def _down(rows: int) -> str:
    return f"\x1b[{rows}B" if rows else ""


def _is_in_front() -> bool:
    """Tell whether the terminal is ours to write on, and not the shell's after `bg`."""
    try:
        return os.tcgetpgrp(sys.stdout.fileno()) == os.getpgrp()
    except OSError:
        return True


def _waiting_input() -> int:
    """Return how many bytes were typed and not read; they are left to the shell."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(0, termios.FIONREAD, bytes(4)))[0])
    except (OSError, ValueError):  # no terminal, or closed
        return 0
