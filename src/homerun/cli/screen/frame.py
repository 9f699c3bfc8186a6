"""The whole screen as lines: how much of each section is shown, and what is selected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from homerun.cli.screen.columns import Section
from homerun.cli.screen.text import Line, Span, cut, line

_AIRY = 18  # lines from which on sections have an empty line between them
_UNBOUNDED = 10  # rows of the queue, and failures, of a frame without a height


@dataclass
class Cursor:
    """Where a person is on the screen."""

    selected: str = ""  # id of a run
    index: int = 0  # of the selected row, among all
    offsets: dict[str, int] = field(default_factory=dict)  # first row shown, by section


class Size(NamedTuple):
    """Columns and lines of the screen; no height: as high as needed."""

    width: int
    height: int | None


def frame(
    top: Sequence[Line],
    parts: Sequence[Section],
    size: Size,
    cursor: Cursor | None = None,
    footer: Line | None = None,
) -> list[Line]:
    """Return the lines of the screen: what is on top, as much of each section as fits, the footer.

    Where there is no cursor, nothing is selected.
    """
    cursor = Cursor() if cursor is None else cursor
    is_airy = size.height is None or size.height >= _AIRY
    if size.height is None:
        room = [min(len(part.rows), part.most or _UNBOUNDED) for part in parts]
    else:
        used = len(top) + (footer is not None) + len(parts) * (1 + is_airy)
        room = shares(parts, max(0, size.height - used))
    lines = list(top)
    for part, count in zip(parts, room, strict=True):
        lines += [*([line()] if is_airy else []), part.title, *_window(part, count, cursor)]
    if size.height is not None:
        body = size.height - (footer is not None)
        lines = [*lines[:body], *[line()] * (body - len(lines))]
    lines = [_marked(text, cursor, size.width) for text in lines]
    return lines if footer is None else [*lines, cut(footer, size.width)]


def select(cursor: Cursor, keys: Sequence[str]) -> None:
    """Stay on the same run; when it has left the screen, on the same row."""
    if not keys:
        cursor.selected, cursor.index = "", 0
    elif cursor.selected in keys:
        cursor.index = keys.index(cursor.selected)
    else:
        cursor.index = min(cursor.index, len(keys) - 1)
        cursor.selected = keys[cursor.index]


def selectable(parts: Sequence[Section]) -> list[str]:
    """Return the keys of all rows that can be selected, from top to bottom."""
    return [row.key for part in parts for row in part.rows if row.key]


def shares(parts: Sequence[Section], room: int) -> list[int]:
    """Share lines among sections: to each its least, then in turn to those that want more."""
    wanted = [len(part.rows) for part in parts]
    given = [0] * len(parts)
    for limit in ([part.least for part in parts], wanted):
        is_growing = True
        while room and is_growing:
            is_growing = False
            for index, part in enumerate(parts):
                more = min(part.weight, wanted[index] - given[index], limit[index] - given[index])
                more = min(more, room)
                if more > 0:
                    given[index] += more
                    room -= more
                    is_growing = True
    return given


def _window(part: Section, count: int, cursor: Cursor) -> list[Line]:
    """Return the rows of a section that have room, moved so that the selected one is there."""
    keys = [row.key for row in part.rows]
    first = min(cursor.offsets.get(part.name, 0), len(keys) - count)
    if cursor.selected in keys:
        at = keys.index(cursor.selected)
        first = min(max(first, at - count + 1), at)
    cursor.offsets[part.name] = max(0, first)
    return part.rows[max(0, first) : max(0, first) + count]


def _marked(text: Line, cursor: Cursor, width: int) -> Line:
    """Return a line as wide as the screen; the selected one is marked, with or without colour."""
    if not text.key or text.key != cursor.selected:
        return cut(text, width)
    plain = cut(text, width).text
    return Line((Span(">" + plain[1:], "reverse"),), text.key)
