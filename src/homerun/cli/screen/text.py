"""Lines of a screen: pieces of text with styles, cut and filled to a width."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from homerun.cli import output

_LEVELS = "▁▂▃▄▅▆▇█"


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


def fit(text: str, width: int, *, is_right: bool = False) -> str:
    """Return text as one line in exactly so many cells, with `…` where it was cut."""
    text = output.plain(text)
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    padding = " " * (width - length)
    return padding + text if is_right else text + padding


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


def bar(share: float, width: int) -> str:
    """Return a bar that is filled to a share of 0 to 1."""
    full = round(min(1.0, max(0.0, share)) * width)
    return "━" * full + "─" * (width - full)


def sparkline(values: Iterable[float], width: int) -> str:
    """Return the course of numbers in so many characters at most; neighbours are averaged."""
    numbers = [value for value in values if math.isfinite(value)]
    if not numbers or width < 1:
        return ""
    if len(numbers) > width:
        edges = [index * len(numbers) // width for index in range(width + 1)]
        numbers = [_mean(numbers[a:b]) for a, b in itertools.pairwise(edges)]
    low, high = min(numbers), max(numbers)
    scale = high / 2 - low / 2  # halved: their difference may be beyond a float
    if not scale:
        return _LEVELS[3] * len(numbers)
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[round(top * ((n / 2 - low / 2) / scale))] for n in numbers)


def _mean(numbers: Sequence[float]) -> float:
    return sum(number / len(numbers) for number in numbers)
