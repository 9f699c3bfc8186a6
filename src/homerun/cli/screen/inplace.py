"""Lines on a terminal that change where they are. Nothing of the terminal's modes is touched."""

import fcntl
import math
import os
import struct
import termios
from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len

from homerun.cli import output
from homerun.cli.screen.text import Line


class Block:
    """Lines at the end of what a terminal shows; the cursor always waits below them.

    So whatever ends this leaves nothing to repair: no hidden cursor, no other screen. What is
    above the lines stays as it is, and can be scrolled to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._is_colored = stream, output.is_colored(stream)
        self._shown: list[str] = []  # without colours
        self._styled_lines: list[str] = []
        self._width = 0
        self._typed = 0  # bytes of input that wait for whoever reads next

    @property
    def width(self) -> int:
        """The columns of the terminal; the last one is left free, where some would wrap."""
        return max(1, self._size()[0] - 1)

    @property
    def height(self) -> int:
        """How many lines can be drawn above the cursor."""
        return max(1, self._size()[1] - 1)

    def draw(self, lines: Sequence[Line], *, above: Sequence[Line] = ()) -> bool:
        """Show these lines instead of those before, below some that stay; only news are written.

        False: nothing was written, since the terminal is the shell's after `bg`.
        """
        if not self._is_in_front():
            return False
        width = self.width
        plain = [line.text.rstrip() for line in lines]
        styled = [self._styled(line) for line in lines]
        if self._was_disturbed():
            self.leave()
        rows = self._rows(width)
        if above or width != self._width or len(plain) < len(self._shown):
            every = [*map(self._styled, above), *styled]
            text = f"\r{_up(rows)}\x1b[J" + "".join(f"{one}\x1b[0m\n" for one in every)
        else:
            text = self._changes(styled)
        self._shown, self._styled_lines, self._width = plain, styled, width
        if text:
            self._stream.write(text)
            self._stream.flush()
        return True

    def leave(self) -> None:
        """Leave the lines as they are; the next ones are drawn below."""
        self._shown, self._styled_lines = [], []

    def _changes(self, styled: list[str]) -> str:
        """Return what to write for lines of which the first ones are there already."""
        count = len(self._styled_lines)
        parts = []
        for index, (old, new) in enumerate(zip(self._styled_lines, styled, strict=False)):
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

    def _styled(self, line: Line) -> str:
        """Return a line in its colours, without the blanks at its end."""
        length = len(line.text.rstrip())
        parts = []
        for span in line.spans:
            text = span.text[:length]
            length -= len(text)
            parts.append(output.painted(text, span.style if text and self._is_colored else ""))
        return "".join(parts)

    def _size(self) -> tuple[int, int]:
        """Return columns and lines; those of a terminal that does not know its size are usual."""
        columns, lines = os.get_terminal_size(self._stream.fileno())
        return columns or 80, lines or 24

    def _is_in_front(self) -> bool:
        """Tell whether the terminal is ours to write on, and not the shell's after `bg`."""
        try:
            return os.tcgetpgrp(self._stream.fileno()) == os.getpgrp()
        except OSError:
            return True


def _up(rows: int) -> str:
    return f"\x1b[{rows}A" if rows else ""


def _down(rows: int) -> str:
    return f"\x1b[{rows}B" if rows else ""


def _waiting_input() -> int:
    """Return how many bytes were typed and not read; they are left to the shell."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(0, termios.FIONREAD, bytes(4)))[0])
    except (OSError, ValueError):  # no terminal, or closed
        return 0
