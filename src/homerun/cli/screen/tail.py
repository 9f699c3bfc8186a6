"""The end of a file that grows, as lines of a screen."""

import codecs
import re
from pathlib import Path

from rich.cells import chop_cells

from homerun.cli import output

_MOST_BYTES = 1 << 18  # of the end of the file, in one look
_MOST = 5000  # lines that are kept
# ECMA-48, 5.4: control sequences; and what sets titles of windows.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")


class Tail:
    """What a program wrote lately; every look takes in what has come since."""

    def __init__(self, path: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self.path = path
        self.count = 0  # rows on the screen, of all that is kept
        self._most_bytes = most_bytes
        self._offset: int | None = None
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._lines: list[str] = []
        self._open = ""  # the last line, as long as it has no end
        self._rows: list[str] = []  # the lines, wrapped
        self._width = 0

    def rows(self, width: int) -> list[str]:
        """Return all lines, wrapped to a width; nothing in them can move the cursor."""
        new = self._read()
        if width != self._width:
            self._width, self._rows, new = width, [], self._lines
        for text in new:
            self._rows += _wrapped(text, width)
        del self._rows[:-_MOST]
        last = _wrapped(_shown(self._open), width) if self._open else []
        self.count = len(self._rows) + len(last)
        return [*self._rows, *last]

    def _read(self) -> list[str]:
        """Take in what was written since; return the lines that were ended by it."""
        try:
            with self.path.open("rb") as file:
                start = max(0, file.seek(0, 2) - self._most_bytes)
                if self._offset is None or self._offset < start:  # nobody reads so fast
                    self._offset, self._open = start, ""
                file.seek(self._offset)
                data = file.read()
                self._offset = file.tell()
        except OSError:  # nothing written yet, or removed
            return []
        *ended, self._open = (self._open + self._decode(data)).split("\n")
        new = [_shown(text) for text in ended]
        self._lines += new
        del self._lines[:-_MOST]
        return new


def _shown(text: str) -> str:
    """Return a line as a terminal would leave it: without colours, rewritten parts replaced."""
    parts = [part for part in _ESCAPES.sub("", text).split("\r") if part]
    return output.plain(parts[-1].expandtabs(8)) if parts else ""


def _wrapped(text: str, width: int) -> list[str]:
    if text.isascii():
        return [text[at : at + width] for at in range(0, len(text), width)] or [""]
    return chop_cells(text, width) or [""]
