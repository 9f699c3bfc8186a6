"""How results look: a table on a terminal, tab separated when piped, or JSON."""

import json
import math
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import click

STATE_STYLES = {
    "pending": "dim",
    "running": "bold cyan",
    "paused": "yellow",
    "finished": "green",
    "failed": "red",
    "crashed": "bold red",
    "killed": "yellow",
    "preempted": "magenta",
    "canceled": "yellow",
    "superseded": "dim",
}
_GAP = "  "  # between two columns
_TSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_AT_ONCE = 1000  # lines in one write
EXTRA = 1000  # a column of this rank or more is left out rather than narrow another one


@dataclass
class Column:
    """A column of a table. `rank` 0 is always shown; the higher, the sooner it gives way."""

    title: str
    cells: Sequence[str]
    is_number: bool = False
    is_state: bool = False
    is_whole: bool = False  # never shortened; of numbers and states only the title may be
    narrow: int = 8  # text is not shortened to less than these characters
    rank: int = 0
    width: int = field(init=False)
    least: int = field(init=False)  # the width in characters below which the column says nothing

    def __post_init__(self) -> None:
        from rich.cells import cell_len  # noqa: PLC0415

        self.cells = [plain(cell) for cell in self.cells]
        content = max(map(cell_len, self.cells), default=0)
        self.width = max(content, cell_len(self.title))
        self.least = self.width if self.is_whole else min(self.width, self.narrow)
        if self.is_number or self.is_state:
            self.least = max(content, self.least)


def is_pretty() -> bool:
    """Tell whether a person looks at stdout, rather than a program."""
    return chosen_color() == "always" or bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def is_colored() -> bool:
    """Tell whether stdout may be coloured: --color, then NO_COLOR, then FORCE_COLOR decide."""
    if chosen_color() != "auto":
        return chosen_color() == "always"
    return not os.environ.get("NO_COLOR") and is_pretty()


def width() -> int:
    """Return how many characters fit on a line: $COLUMNS, else of the terminal, else 80."""
    import shutil  # noqa: PLC0415  loads three kinds of compression

    return shutil.get_terminal_size().columns


def print_table(columns: Sequence[Column]) -> list[str]:
    """Print a table as wide as the terminal; return the titles of columns that had no room."""
    shown, hidden = _fit(columns, width())
    titles = [_sized(column.title, column) for column in shown]
    lines = [styled(_GAP.join(titles).rstrip(), "bold")]
    for row in zip(*(column.cells for column in shown), strict=True):
        cells = [
            styled(_sized(cell, column), STATE_STYLES.get(cell, "") if column.is_state else "")
            for column, cell in zip(shown, row, strict=True)
        ]
        lines.append(_GAP.join(cells).rstrip())
    click.echo("\n".join(lines))  # not one by one: each echo is a write of its own
    return [column.title for column in hidden]


def _sized(text: str, column: Column) -> str:
    """Return text in exactly the width of a column, however wide its letters are."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415

    if cell_len(text) > column.width:
        return set_cell_size(text, column.width - 1) + "…"
    padding = " " * (column.width - cell_len(text))
    return padding + text if column.is_number else text + padding


def _fit(columns: Sequence[Column], room: int) -> tuple[list[Column], list[Column]]:
    """Choose the columns that fit and narrow their text, widest first; extras narrow no other."""
    shown = [column for column in columns if any(column.cells)]
    hidden = []
    while shown:
        last = max(shown, key=lambda column: column.rank)
        is_extra = last.rank >= EXTRA
        needed = sum((c.width if is_extra else c.least) + len(_GAP) for c in shown) - len(_GAP)
        if needed <= room or not last.rank:
            break
        shown.remove(last)
        hidden.append(last)
    over = sum(c.width + len(_GAP) for c in shown) - len(_GAP) - room
    while over > 0 and any(c.width > c.least for c in shown):
        widest = max((c for c in shown if c.width > c.least), key=lambda column: column.width)
        widest.width -= 1
        over -= 1
    return shown, sorted(hidden, key=lambda column: column.rank)


def print_tsv(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows for programs: tab separated, one line each, nothing shortened."""
    lines = chain(["\t".join(titles)], ("\t".join(map(_tsv_cell, row)) for row in rows))
    while some := list(islice(lines, _AT_ONCE)):
        click.echo("\n".join(some))


def print_json(document: Any) -> None:
    """Print one JSON document; what JSON has no number for (NaN, inf) is null."""
    click.echo(json.dumps(jsonable(document), indent=2, ensure_ascii=False, default=str))


def jsonable(value: Any) -> Any:
    """Return a value of which every number is one in JSON."""
    if isinstance(value, dict):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value


def say(text: str) -> None:
    """Tell the person something that is not the result."""
    click.echo(text, err=True)


def styled(text: str, style: str) -> str:
    """Return text in one of rich's simple styles (`bold red`), as it is without colours."""
    if not style or not is_colored():
        return text
    *attributes, last = style.split()
    options = dict.fromkeys(attributes, True)
    if last in {"bold", "dim"}:
        return click.style(text, **{**options, last: True})
    return click.style(text, fg=last, **options)


def plain(text: str) -> str:
    """Return text as one line that cannot move the cursor or change colours."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text.replace("\n", " ⏎ "))


def _tsv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    text = value if isinstance(value, str) else _value_text(value)
    return text if text.isalnum() else text.translate(_TSV_ESCAPES)


def _value_text(value: Any) -> str:
    return json.dumps(value, default=str) if isinstance(value, dict | list | tuple) else str(value)


def chosen_color() -> str:
    """Return what --color asks for: auto, always or never."""
    context = click.get_current_context(silent=True)
    chosen = context.find_root().obj if context else None
    return chosen if isinstance(chosen, str) else "auto"
