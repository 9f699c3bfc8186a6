"""A table as HTML: a page that sorts itself, a piece for a notebook, text for a terminal."""

import contextlib
import os
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from homerun.charts.figure import Figure
from homerun.charts.live import START_ALL, module_of, place_of, style_of
from homerun.charts.pages import page
from homerun.charts.writing import save
from homerun.core import MissingExtraError, markup, printable

WIDTH = 80  # columns of text
# Two classes outdo what notebooks say of tables.
_STYLE = """
.homerun-table {font: 14px/1.4 system-ui, sans-serif; margin: 0}
.homerun-table h1 {font-size: 17px; margin: 0 0 6px; overflow-wrap: anywhere}
.homerun-table p {margin: 4px 0; opacity: .75; overflow-wrap: anywhere}
.homerun-table .wide {overflow-x: auto}
.homerun-table table {border-collapse: collapse; font-variant-numeric: tabular-nums;
  color: inherit; margin: 4px 0}
.homerun-table .wide :is(th, td) {padding: 2px 12px 2px 4px; text-align: left; background: none;
  border-bottom: 1px solid #8884; white-space: nowrap; max-width: 26em; overflow: hidden;
  text-overflow: ellipsis; color: inherit; font-size: inherit}
.homerun-table tr {background: none}
.homerun-table tbody tr:hover td {background-color: #8882}
.homerun-table tbody td:first-child {min-width: 8em}
.homerun-table .wide .number {text-align: right}
.homerun-table td.bar {background: linear-gradient(90deg, #2f7fd14d var(--share), #0000 0)
  no-repeat 0 50% / 100% 74%}
.homerun-table .best {font-weight: 700; box-shadow: inset 3px 0 #009e73}
.homerun-table .not-finished td {opacity: .6}
.homerun-table thead th {vertical-align: bottom; font-weight: 600}
.homerun-table thead button {all: unset; cursor: pointer}
.homerun-table thead button:focus-visible {outline: 2px solid #2f7fd1}
.homerun-table [aria-sort=ascending] button::after {content: " \\2191"}
.homerun-table [aria-sort=descending] button::after {content: " \\2193"}
.homerun-table path {fill: none; stroke: #2f7fd1; stroke-width: 1.3}
.homerun-table svg {display: block; overflow: visible}
.homerun-table summary {cursor: pointer; opacity: .75; margin: 8px 0 0}
.homerun-table tbody th[scope=rowgroup] {padding-top: 14px; opacity: .75; font-weight: 600}
@media print {.homerun-table .wide {overflow: visible}}
"""
# Sorting is done by the values behind the texts; what is missing stays last.
_SORTING = """
function sortable(root) {
  for (const button of root.querySelectorAll('thead button')) {
    button.onclick = () => {
      const head = button.closest('th')
      const column = [...head.parentNode.children].indexOf(head)
      const sign = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1
      for (const other of head.parentNode.children) other.removeAttribute('aria-sort')
      head.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending')
      const body = head.closest('table').tBodies[0]
      const keys = new Map([...body.rows].map(row => {
        const cell = row.cells[column]
        const text = cell.dataset.value ?? cell.textContent
        return [row, cell.dataset.value === undefined ? text : Number(text)]
      }))
      const isMissing = key => key === '' || Number.isNaN(key)
      body.append(...[...body.rows].sort((one, other) => {
        const [a, b] = [keys.get(one), keys.get(other)]
        if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b)
        return sign * (a < b ? -1 : a > b ? 1 : 0)
      }))
    }
  }
}
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """A cell of a table; the text is plain, not HTML."""

    text: str
    value: float | None = None  # that it is sorted by; None: by its text
    share: float | None = None  # 0 .. 1 of the cell is filled by a bar
    is_best: bool = False
    curve: Sequence[tuple[float, float]] = ()  # a line in the cell, x and y from 0 to 1
    title: str = ""  # more of it, on hover


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Rows under one head."""

    head: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    is_folded: bool = False
    is_sortable: bool = False
    order: tuple[int, Literal["ascending", "descending"]] | None = None  # it comes sorted by it
    numeric: frozenset[int] = field(default_factory=frozenset)  # columns set to the right
    faint: frozenset[int] = field(default_factory=frozenset)  # rows that did not finish


@dataclass(frozen=True, kw_only=True, eq=False)
class HtmlTable:
    """A table of runs: a notebook shows it as HTML, `print` as text of 80 columns."""

    kind: Literal["table", "diff"]
    title: str
    parts: tuple[Part, ...]
    caption: str = ""
    figures: tuple[Figure, ...] = ()
    text_rows: int = 20  # of each part

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as a page of its own, whole or not at all; the name ends in .html."""
        return save(path, {".html": lambda: self.to_html().encode()})

    def to_html(self, *, refresh_s: float | None = None) -> str:
        """Return it as a page that loads nothing but itself, after `refresh_s` seconds.

        A click on a head sorts.
        """
        places = "\n".join(map(place_of, self.figures))
        module = f"{_SORTING}\n{module_of() if self.figures else ''}"
        return page(
            self.title,
            module=module,
            data=None,
            start=f"sortable(document)\n{START_ALL if self.figures else ''}",
            body=f"<main>{self._html(is_live=True)}\n{places}</main>",
            style=_STYLE + (style_of() if self.figures else ""),
            refresh_s=refresh_s,
        )

    def _repr_html_(self) -> str:
        pictures = ""
        with contextlib.suppress(MissingExtraError):  # then the table alone
            pictures = "\n".join(figure.to_svg(is_inline=True) for figure in self.figures)
        return f"<style>{_STYLE}</style>{self._html(is_live=False)}{pictures}"

    def __repr__(self) -> str:
        blocks = [self.title, *(_text(part, self.text_rows) for part in self.parts), self.caption]
        return "\n\n".join(block for block in blocks if block)

    def _html(self, *, is_live: bool) -> str:
        parts = "\n".join(_part(part, is_live) for part in self.parts)
        caption = f"\n<p>{markup.text(self.caption)}</p>" if self.caption else ""
        title = markup.text(self.title)
        return f'<div class="homerun-table">\n<h1>{title}</h1>\n{parts}{caption}</div>'


def _part(part: Part, is_live: bool) -> str:
    if not part.rows:
        return ""
    css = [' class="number"' if at in part.numeric else "" for at in range(len(part.head))]
    is_button = is_live and part.is_sortable
    names = [
        f"<button>{markup.text(n)}</button>" if is_button else markup.text(n) for n in part.head
    ]
    if part.order is not None:
        column, direction = part.order
        css[column] += f' aria-sort="{direction}"'
    head = "".join(f'<th scope="col"{of}>{name}</th>' for name, of in zip(names, css, strict=True))
    faint = ' class="not-finished"'
    rows = "\n".join(
        f"<tr{faint if at in part.faint else ''}>"
        + "".join(_cell(cell, column in part.numeric) for column, cell in enumerate(row))
        + "</tr>"
        for at, row in enumerate(part.rows)
    )
    table = (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>'
        "</table></div>"
    )
    if part.is_folded:
        return f"<details><summary>{markup.text(part.title)}</summary>{table}</details>"
    return f"{f'<p>{markup.text(part.title)}</p>' if part.title else ''}{table}"


def _cell(cell: Cell, is_number: bool) -> str:
    names = [
        name
        for name, is_so in (
            ("number", is_number),
            ("bar", cell.share is not None),
            ("best", cell.is_best),
        )
        if is_so
    ]
    attributes = f' class="{" ".join(names)}"' if names else ""
    if cell.share is not None:
        attributes += f' style="--share:{100 * cell.share:.0f}%"'
    if cell.value is not None:
        attributes += f' data-value="{cell.value!r}"'
    elif is_number:
        attributes += ' data-value="NaN"'
    if cell.title:
        attributes += f' title="{markup.text(cell.title)}"'
    return f"<td{attributes}>{_curve(cell) if cell.curve else markup.text(cell.text)}</td>"


def _curve(cell: Cell) -> str:
    path = "L".join(f"{1 + 78 * x:.1f} {17 - 16 * y:.1f}" for x, y in cell.curve)
    name = markup.text(cell.text)
    return f'<svg width="80" height="18" role="img" aria-label="{name}"><path d="M{path}"/></svg>'


def _text(part: Part, most: int) -> str:
    """Return a part as text: the columns that fit, the first rows."""
    if not part.rows:
        return ""
    if part.is_folded:
        same = ", ".join(f"{row[0].text} {row[1].text}" for row in part.rows)
        return textwrap.fill(f"{part.title}: {same}", WIDTH)
    lines = [list(part.head), *([cell.text for cell in row] for row in part.rows[:most])]
    columns = [at for at in range(len(part.head)) if not any(row[at].curve for row in part.rows)]
    widths = {at: max(_wide(line[at]) for line in lines) for at in columns}
    for limit in (24,) if part.is_sortable else range(40, 10, -1):
        widths = {at: min(width, limit) for at, width in widths.items()}
        if sum(widths.values()) + 2 * len(widths) - 2 <= WIDTH:
            break
    shown, used = list[int](), 0
    for at in columns:
        if used + widths[at] <= WIDTH:
            shown.append(at)
            used += widths[at] + 2
    made = [
        "  ".join(_sized(line[at], widths[at], at in part.numeric) for at in shown).rstrip()
        for line in lines
    ]
    left = [part.head[at] for at in columns if at not in shown]
    hidden = len(part.rows) - most
    more = [f"... and {hidden} more rows"] if hidden > 0 else []
    more += [_cut(f"and columns {', '.join(left)}", WIDTH)] if left else []
    return "\n".join([*([part.title] if part.title else []), *made, *more])


def _sized(text: str, width: int, is_right: bool) -> str:
    text = _cut(printable(text), width)
    blank = " " * (width - _wide(text))
    return blank + text if is_right else text + blank


def _cut(text: str, width: int) -> str:
    if _wide(text) <= width:
        return text
    while text and _wide(text) > width - 1:
        text = text[:-1]
    return f"{text}~"


def _wide(text: str) -> int:
    """Return the columns that a text takes in a terminal."""
    return len(text) + sum(unicodedata.east_asian_width(c) in "WF" for c in text)
