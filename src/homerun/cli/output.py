"""How results look: a table on a terminal, tab separated when piped, or JSON."""

import json
import math
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, Any

import click

from homerun.core import printable

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
    "early stop": "dim green",  # killed by a rule of its sweep: that is a result, too
}
_GAP = "  "  # between two columns
_TSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_AT_ONCE = 1000  # lines in one write
_NAMED = 8  # columns that had no room, and are named
_MANY = 200  # elements of a list that nobody reads by eye
WIDE = 110  # columns of a terminal from which on there is room for more
_LEAST_WIDE, _MOST_WIDE = 40, 100  # columns of a line that is read well
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
    style: str = ""  # of its cells, unless they are states
    width: int = field(init=False)
    least: int = field(init=False)  # the width in characters below which the column says nothing

    def __post_init__(self) -> None:
        self.cells = [plain(cell) for cell in self.cells]
        content = max(map(cells, self.cells), default=0)
        self.width = max(content, cells(self.title))
        self.least = self.width if self.is_whole else min(self.width, self.narrow)
        if self.is_number or self.is_state:
            self.least = max(content, self.least)


def is_pretty(stream: IO[str] | None = None) -> bool:
    """Tell whether a person looks at a stream (None: stdout), rather than a program."""
    is_forced = chosen_color() == "always" or bool(os.environ.get("FORCE_COLOR"))
    return is_forced or (stream or sys.stdout).isatty()


def is_colored(stream: IO[str] | None = None) -> bool:
    """Tell whether a stream (None: stdout) may be coloured.

    --color, then NO_COLOR, then FORCE_COLOR decide.
    """
    if chosen_color() != "auto":
        return chosen_color() == "always"
    if os.environ.get("NO_COLOR") or not is_pretty(stream):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or os.environ.get("TERM") != "dumb"


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
            styled(
                _sized(cell, column),
                STATE_STYLES.get(cell, "") if column.is_state else column.style,
            )
            for column, cell in zip(shown, row, strict=True)
        ]
        lines.append(_GAP.join(cells).rstrip())
    click.echo("\n".join(lines))  # not one by one: each echo is a write of its own
    return [column.title for column in hidden]


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes; some letters are two wide."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415

    return cell_len(text)


def fitted(text: str, room: int, *, is_right: bool = False) -> str:
    """Return text in exactly so many columns of a terminal, with `…` where it was cut."""
    size = cells(text)
    if size > room:
        if text.isascii():
            return f"{text[: room - 1]}…" if room > 0 else ""
        from rich.cells import set_cell_size  # noqa: PLC0415

        return f"{set_cell_size(text, room - 1)}…" if room > 0 else ""
    padding = " " * (room - size)
    return padding + text if is_right else text + padding


def cut(text: str, room: int) -> str:
    """Return text as one line of at most so many columns of a terminal."""
    return fitted(plain(text), room).rstrip()


def wrapped(text: str, *, first: str = "", others: str = "") -> str:
    """Return text in lines as wide as the terminal, which part no number from its percent sign.

    What is longer than a line, as a path, stays in one piece.
    """
    import textwrap  # noqa: PLC0415

    whole = plain(text).replace(" %", "\u00a0%")
    room = min(max(_LEAST_WIDE, width()), _MOST_WIDE)
    lines = textwrap.fill(
        whole,
        room,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace("\u00a0", " ")


def _sized(text: str, column: Column) -> str:
    return fitted(text, column.width, is_right=column.is_number)


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
    """Print one JSON document; what JSON has no number for (NaN, inf) is null.

    A long list has an element a line, for which Python's encoder is many times as fast.
    """
    if isinstance(document, list) and len(document) > _MANY:
        click.echo("[\n" + ",\n".join(map(_compact, document)) + "\n]")
    else:
        click.echo(json.dumps(jsonable(document), indent=2, ensure_ascii=False, default=str))


def _compact(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):  # what has to be made fit for JSON first is rare
        return json.dumps(jsonable(value), ensure_ascii=False, default=str)


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
    return painted(text, style) if is_colored() else text


def say_hidden(titles: Sequence[str]) -> None:
    """Tell which columns of a table had no room."""
    if titles:
        more = f" and {len(titles) - _NAMED:,} more" if len(titles) > _NAMED else ""
        say(plain(f"no room for: {', '.join(titles[:_NAMED])}{more}"))


def painted(text: str, style: str) -> str:
    """Return text in a style, whatever the terminal is."""
    if not style:
        return text
    *attributes, last = style.split()
    options = dict.fromkeys(attributes, True)
    if last in {"bold", "dim"}:
        return click.style(text, **{**options, last: True})
    return click.style(text, fg=last, **options)


def plain(text: str) -> str:
    """Return text as one line that cannot move the cursor or change colours."""
    return text if text.isprintable() else printable(text.replace("\n", " ⏎ "))


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
