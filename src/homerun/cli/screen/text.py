"""Lines of a screen: pieces of text with styles, cut and filled to a width."""

import re
from typing import NamedTuple

from rich.cells import cell_len

from homerun.cli import output

_COLORS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_SGR = {"1": "bold", "2": "dim", "7": "reverse"} | {
    f"{base + i}": f"{prefix}{color}"
    for base, prefix in ((30, ""), (90, "bright_"))
    for i, color in enumerate(_COLORS)
}


class Span(NamedTuple):
    """Text in one of rich's simple styles (`bold red`)."""

    text: str
    style: str = ""


class Line(NamedTuple):
    """A line of the screen; one with a key can be selected."""

    spans: tuple[Span, ...] = ()
    key: str = ""  # id of a run

    @property
    def text(self) -> str:
        """The line without styles."""
        return "".join(span.text for span in self.spans)


def line(*parts: Span | str, key: str = "") -> Line:
    """Return a line of pieces."""
    return Line(tuple(part if isinstance(part, Span) else Span(part) for part in parts), key)


def styled_line(text: str) -> Line:
    """Return a line that was printed with colours (ECMA-48, 8.3.117) as pieces with styles."""
    spans, words = [], list[str]()
    for part in re.split(r"(\x1b\[[\d;]*m)", text):
        if not part.startswith("\x1b["):
            spans += [Span(output.plain(part), " ".join(words))] if part else []
            continue
        for code in part[2:-1].split(";"):
            words = [*words, _SGR[code]] if code in _SGR else []
    return line(*spans)


def fit(text: str, width: int, *, is_right: bool = False) -> str:
    """Return text as one line in exactly so many cells, with `…` where it was cut."""
    return output.fitted(output.plain(text), width, is_right=is_right)


def between(left: Line, right: Line, width: int) -> Line:
    """Return a line with one text at its left end and another at its right one."""
    gap = width - cell_len(left.text) - cell_len(right.text)
    if gap < 2:
        return cut(left, width)
    return Line((*left.spans, Span(" " * gap), *right.spans))


def cut(full: Line, width: int) -> Line:
    """Return a line in exactly so many cells."""
    spans, left = [], width
    for span in full.spans:
        length = cell_len(span.text)
        if length > left:
            spans.append(Span(fit(span.text, left), span.style))
            left = 0
            break
        spans.append(span)
        left -= length
    return Line((*spans, Span(" " * left)) if left else tuple(spans), full.key)
