"""Sections of the screen and their columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len

from homerun.cli.screen.text import Line, Span, fit, line

WIDE = 110  # cells from which on there is room for more
GAP = "  "
_FLEXIBLE = 16  # cells below which other columns give way to the flexible one


@dataclass(frozen=True, kw_only=True)
class Section:
    """A title and the rows below it."""

    name: str
    title: Line
    rows: list[Line]
    least: int  # rows it keeps while others want more
    weight: int = 1  # rows it gets at a time
    most: int | None = None  # rows of a frame of any height


class Column(NamedTuple):
    """A column of a section; without a `rank` it stays however narrow the screen is."""

    cells: Sequence[Span]
    is_right: bool = False
    is_flexible: bool = False  # is narrowed to the room that is left
    rank: int = 0  # the higher, the sooner it gives way
    least: int = 0  # cells, so that little changes do not move what is beside it
    most: int = 1000


def table_rows(columns: Sequence[Column], keys: Sequence[str], width: int) -> list[Line]:
    """Return the rows of a table as wide as the screen."""
    shown = [column for column in columns if any(cell.text for cell in column.cells)]
    widths = [
        min(column.most, max([column.least, *(cell_len(cell.text) for cell in column.cells)]))
        for column in shown
    ]

    def left() -> int:
        fixed = [w for w, column in zip(widths, shown, strict=True) if not column.is_flexible]
        return width - sum(fixed) - len(GAP) * len(shown) - 1

    while left() < _FLEXIBLE and any(column.rank for column in shown):
        index = max(range(len(shown)), key=lambda i: shown[i].rank)
        del shown[index], widths[index]
    sizes = [
        min(size, max(0, left())) if column.is_flexible else size
        for column, size in zip(shown, widths, strict=True)
    ]
    return [
        line(
            *(
                Span(GAP + fit(cell.text, size, is_right=column.is_right), cell.style)
                for column, cell, size in zip(shown, cells, sizes, strict=True)
            ),
            key=key,
        )
        for key, cells in zip(
            keys, zip(*(column.cells for column in shown), strict=True), strict=True
        )
    ]
