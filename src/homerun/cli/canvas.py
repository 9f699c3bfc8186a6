"""Curves and points in braille, with axes, ticks and a legend; the standard library is enough."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Literal

from homerun.cli import output
from homerun.cli.scales import Scale, scale_of

_LETTERS = "abcdefghijklmnopqrstuvwxyz"  # that tell series apart where there are no colours
STYLES = ("cyan", "yellow", "magenta", "green", "red", "blue", "bright_white", "bright_black")
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a dot: row, column
_BLANK = 0x2800  # of the block of braille: no dot
_TICK_CELLS, _TICK_ROWS = 14, 4  # about so much room for each tick
_LEAST_COLUMNS, _LEAST_ROWS = 8, 2
_MOST_LEGEND = 3  # lines
_FEW = 200  # points that are drawn larger than a dot
_LETTERED = 3  # cells of a box from which on it has room for its letter
_APART = 2  # dots less of a box, so that one that begins at its end is another one
_DASH = 4  # dots: two of them, then a gap of two


@dataclass(frozen=True, kw_only=True)
class Series:
    """Numbers that are drawn in one way; NaN makes a gap."""

    x: Sequence[float]
    y: Sequence[float]
    label: str = ""  # in the legend; empty: not there
    style: str = ""  # one of rich's simple styles: `cyan`, `dim`
    kind: Literal["line", "steps", "dashes", "dots", "boxes"] = "line"  # two points: a full box
    letter: str = ""  # stands for it where there are no colours
    texts: Sequence[str] = ()  # per point, written beside it where there is room
    end: str = ""  # a mark at its last point


def plot(
    series: Sequence[Series],
    width: int,
    height: int,
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    x_scale: Scale | None = None,
    y_scale: Scale | None = None,
    is_colored: bool = False,
) -> list[str]:
    """Return a picture of series in lines of at most `width` characters, `height` in all.

    Without scales the numbers decide; without colours series are told apart by letters.
    """
    series = _lettered(series)
    x_scale = x_scale or scale_of([n for one in series for n in one.x])
    y_scale = y_scale or scale_of([n for one in series for n in one.y])
    head = [painted(output.cut(title, width), "bold", is_colored)] if title else []
    head += _legend(series, y_label, width, is_colored=is_colored)
    rows = max(_LEAST_ROWS, height - len(head) - 2)
    y_ticks = y_scale.ticks(max(2, rows // _TICK_ROWS))
    gutter = min(max((output.cells(text) for _, text in y_ticks), default=0), width // 3)
    columns = max(_LEAST_COLUMNS, width - gutter - 2)
    canvas = Canvas(columns, rows, is_colored=is_colored)
    for one in series:
        canvas.add(one, x_scale, y_scale)
    at_row = {_index(y_scale.place(value), rows, is_down=True): text for value, text in y_ticks}
    lines = [
        f"{output.fitted(at_row.get(row, ''), gutter, is_right=True)} "
        f"{'┤' if row in at_row else '│'}{text}"
        for row, text in enumerate(canvas.lines())
    ]
    return [*head, *lines, *_foot(x_scale, x_label, gutter, columns)]


class Canvas:
    """Cells of two by four dots."""

    def __init__(self, columns: int, rows: int, *, is_colored: bool) -> None:
        self._columns, self._rows, self._is_colored = columns, rows, is_colored
        self._dots: dict[tuple[int, int], int] = {}  # by row and column
        self._letters: dict[tuple[int, int], str] = {}
        self._styles: dict[tuple[int, int], str] = {}

    def add(self, one: Series, x_scale: Scale, y_scale: Scale) -> None:
        """Draw a series over what is there."""
        places = [
            self._place(x_scale.place(x), y_scale.place(y))
            for x, y in zip(one.x, one.y, strict=True)
        ]
        present = [place for place in places if place is not None]
        if one.kind == "dots":
            few = "•" if len(present) <= _FEW else ""
            mark = one.letter if one.letter and not self._is_colored else few
            for place in present:
                self._dot(place[0], place[1], one.style)
                self._letter(place, mark, one.style)
        elif one.kind == "boxes":
            for low, high in zip(places[::2], places[1::2], strict=True):
                if low is not None and high is not None:
                    self._fill(low, high, one)
        else:
            self._draw_line(one, places)
            if present and not self._is_colored:
                for at in (present[len(present) // 2], present[-1]):
                    self._letter(at, one.letter, one.style)
        if present:
            self._letter(present[-1], one.end, one.style)
        for where, text in zip(places, one.texts, strict=False):
            if where is not None:
                self._write(where, text, one.style)

    def lines(self) -> Iterator[str]:
        """Return the rows as text."""
        for row in range(self._rows):
            cells = [
                (self._styles.get((row, column), ""), self._cell(row, column))
                for column in range(self._columns)
            ]
            parts = groupby(cells, key=lambda cell: cell[0])
            texts = (
                painted("".join(text for _, text in some), style, self._is_colored)
                for style, some in parts
            )
            yield "".join(texts).rstrip()

    def _cell(self, row: int, column: int) -> str:
        dots = self._dots.get((row, column))
        return self._letters.get((row, column)) or (chr(_BLANK + dots) if dots else " ")

    def _place(self, x: float | None, y: float | None) -> tuple[int, int] | None:
        """Return the dot for a place, counted from the upper left; far outside is just outside."""
        if x is None or y is None:
            return None
        wide, high = 2 * self._columns - 1, 4 * self._rows - 1
        x, y = min(max(x, -1.0), 2.0), min(max(y, -1.0), 2.0)
        return round(x * wide), round((1 - y) * high)

    def _draw_line(self, one: Series, places: Sequence[tuple[int, int] | None]) -> None:
        for start, end in pairwise(places):
            if start is None or end is None:
                continue
            corner = (end[0], start[1]) if one.kind == "steps" else end
            self._segment(start, corner, one)
            self._segment(corner, end, one)
        if len(places) == 1 and places[0] is not None:
            self._dot(*places[0], one.style)

    def _fill(self, low: tuple[int, int], high: tuple[int, int], one: Series) -> None:
        """Fill the box between its lower left and its upper right corner, up to the next box."""
        right = high[0] - _APART if high[0] - low[0] > 2 * _APART else high[0]
        for y in range(max(0, high[1]), min(low[1], 4 * self._rows - 1) + 1):
            for x in range(max(0, low[0]), min(right, 2 * self._columns - 1) + 1):
                self._dot(x, y, one.style)
        if not self._is_colored and high[0] - low[0] >= 2 * _LETTERED:
            middle = (low[0] + high[0]) // 2, (low[1] + high[1]) // 2
            self._letter(middle, one.letter, one.style)

    def _segment(self, start: tuple[int, int], end: tuple[int, int], one: Series) -> None:
        count = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for i in range(count + 1):
            x = round(start[0] + (end[0] - start[0]) * i / count)
            y = round(start[1] + (end[1] - start[1]) * i / count)
            if one.kind != "dashes" or (x + y) % _DASH < _DASH // 2:
                self._dot(x, y, one.style)

    def _dot(self, x: int, y: int, style: str) -> None:
        row, column = y // 4, x // 2
        if 0 <= row < self._rows and 0 <= column < self._columns:
            cell = row, column
            self._dots[cell] = self._dots.get(cell, 0) | _BITS[y % 4][x % 2]
            self._styles[cell] = style

    def _letter(self, place: tuple[int, int], letter: str, style: str) -> None:
        cell = place[1] // 4, place[0] // 2
        if letter and 0 <= cell[0] < self._rows and 0 <= cell[1] < self._columns:
            self._letters[cell], self._styles[cell] = letter, style

    def _write(self, place: tuple[int, int], text: str, style: str) -> None:
        """Write a text to the right of a point, else to its left; where no room is, nowhere."""
        row, column = place[1] // 4, place[0] // 2
        size = len(text)
        for start in (column + 2, column - size - 1):
            cells = [(row, at) for at in range(start, start + size)]
            is_free = not any(cell in self._dots or cell in self._letters for cell in cells)
            if text and start >= 0 and start + size <= self._columns and is_free:
                for cell, letter in zip(cells, output.plain(text), strict=True):
                    self._letters[cell], self._styles[cell] = letter, style
                return


def _lettered(series: Sequence[Series]) -> list[Series]:
    """Give letters to the series of the legend, where there are several."""
    named = [one for one in series if one.label]
    if len(named) < 2:
        return list(series)
    letters = {id(one): _LETTERS[i % len(_LETTERS)] for i, one in enumerate(named)}
    return [replace(one, letter=one.letter or letters.get(id(one), "")) for one in series]


def _legend(series: Sequence[Series], y_label: str, width: int, *, is_colored: bool) -> list[str]:
    """Return the name of the upright axis and those of the series, as lines."""
    entries = [("", output.plain(y_label))] if y_label else []
    for one in series:
        if one.label:
            sign = "●" if one.kind == "dots" else "━"
            mark = sign if is_colored else one.letter
            entries.append((one.style, f"{mark} {output.plain(one.label)}".lstrip()))
    lines: list[list[tuple[str, str]]] = [[]]
    used = 0
    for style, text in entries:
        size = output.cells(text)
        if lines[-1] and used + size > width:
            lines.append([])
            used = 0
        lines[-1].append((style, output.cut(text, width)))
        used += size + 2
    if len(lines) > _MOST_LEGEND:
        hidden = sum(map(len, lines[_MOST_LEGEND - 1 :]))
        lines[_MOST_LEGEND - 1 :] = [[("dim", f"and {hidden} more")]]
    return ["  ".join(painted(text, s, is_colored) for s, text in line) for line in lines if line]


def _foot(scale: Scale, label: str, gutter: int, columns: int) -> list[str]:
    """Return the line of the lower axis, and its ticks with the name of the axis."""
    axis, texts = ["─"] * columns, [" "] * columns
    room = columns - output.cells(label) - 2 if label else columns
    free = 0  # the first column that no text has
    for value, text in scale.ticks(max(2, columns // _TICK_CELLS)):
        at = _index(scale.place(value), columns)
        start = min(max(0, at - len(text) // 2), columns - len(text))
        if start >= free and start + len(text) <= room and text.isprintable():
            axis[at] = "┬"
            texts[start : start + len(text)] = text
            free = start + len(text) + 1
    if label and room > 0:
        texts[room + 2 :] = output.plain(label)
    margin = " " * (gutter + 1)
    return [f"{margin}└{''.join(axis)}", f"{margin} {''.join(texts)}".rstrip()]


def _index(place: float | None, count: int, *, is_down: bool = False) -> int:
    """Return the row or column of a place among so many; the same in which its dot is."""
    dots = (4 if is_down else 2) * count - 1
    at = 0.0 if place is None else place
    return round((1 - at if is_down else at) * dots) // (4 if is_down else 2)


def painted(text: str, style: str, is_colored: bool) -> str:
    """Return text in a style, where there are colours."""
    return output.painted(text, style) if is_colored else text
