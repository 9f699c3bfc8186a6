"""What every question gives back: a sentence, its table, a verdict, and what to beware of."""

import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homerun.core import markup
from homerun.insight.table import show

if TYPE_CHECKING:
    from pandas import DataFrame

_WIDTH = 80
_ROWS = 40  # that are shown; the table has them all


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What a table of runs says to one question, and how sure that is.

    `print` it for text at 80 columns; a notebook shows it as HTML; `to_dict()` is plain JSON data.
    """

    sentence: str
    table: "DataFrame"
    verdict: str
    notes: tuple[str, ...] = ()  # what was left out, and what does not compare
    facts: Mapping[str, Any] = field(default_factory=dict)  # the numbers behind the sentence

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data for JSON: gaps and what is not finite are None."""
        return {
            "sentence": self.sentence,
            "verdict": self.verdict,
            "facts": {name: _plain(value) for name, value in self.facts.items()},
            "notes": list(self.notes),
            "table": [
                {str(name): _plain(value) for name, value in row.items()}
                for row in self.table.to_dict("records")
            ],
        }

    def __str__(self) -> str:
        parts = [textwrap.fill(self.sentence, _WIDTH)]
        if len(self.table):
            parts.append(_text_table(self.table))
        if self.notes:
            parts.append("\n".join(_bullet(note) for note in self.notes))
        return "\n\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cells = _cells(self.table)
        columns = [
            markup.Column(
                title=str(name),
                cells=[markup.text(row[at]) for row in cells],
                is_number=self.table.dtypes.iloc[at].kind in "iuf",
            )
            for at, name in enumerate(self.table.columns)
        ]
        more = _more(self.table)
        notes = [*([more] if more else []), *self.notes]
        return markup.block(
            [
                f"<p><b>{markup.text(self.sentence)}</b></p>",
                markup.table(columns) if cells else "",
                *map(markup.note, notes),
            ]
        )


def _text_table(table: "DataFrame") -> str:
    """Return a table as text that is at most 80 columns wide: names and texts are cut."""
    rows = [[str(name) for name in table.columns], *_cells(table)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    right = [table.dtypes.iloc[at].kind in "iuf" for at in range(len(widths))]
    # A number is never cut, only the name above it.
    least = [
        max(3, *(len(row[at]) for row in rows[1:])) if is_right else 6
        for at, is_right in enumerate(right)
    ]
    gap = "  " if sum(widths) + 2 * len(widths) <= _WIDTH else " "
    while sum(widths) + len(gap) * (len(widths) - 1) > _WIDTH:
        over = [width - low for width, low in zip(widths, least, strict=True)]
        if max(over) <= 0:
            break
        widths[over.index(max(over))] -= 1
    lines = []
    for row in rows:
        cells = [
            _fit(cell, width).rjust(width) if is_right else _fit(cell, width).ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ]
        lines.append(gap.join(cells).rstrip())
    return "\n".join([*lines, *([_more(table)] if _more(table) else [])])


def _cells(table: "DataFrame") -> list[list[str]]:
    return [
        [_cell(value) for value in row]
        for row in table.head(_ROWS).itertuples(index=False, name=None)
    ]


def _cell(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return ""
    if not isinstance(value, float):
        return show(value)
    if 0 < abs(value) < 5e-4:
        return f"{value:.0e}"
    return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:.3g}"


def _fit(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 1]}~"


def _more(table: "DataFrame") -> str:
    hidden = len(table) - _ROWS
    return f"... and {hidden} more rows in .table" if hidden > 0 else ""


def _bullet(note: str) -> str:
    return textwrap.fill(note, _WIDTH, initial_indent="- ", subsequent_indent="  ")


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: numpy's numbers as Python's, gaps as None."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    text = str(value)
    return None if text in {"<NA>", "NaT"} else json.loads(json.dumps(text))
