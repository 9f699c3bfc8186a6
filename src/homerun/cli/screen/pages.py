"""Pages: what fills the screen and answers keys. None of them knows Textual."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Protocol

from homerun.cli import output
from homerun.cli.screen.commands import Command
from homerun.cli.screen.frame import Size
from homerun.cli.screen.tail import Tail
from homerun.cli.screen.text import Line, Span, between, cut, line
from homerun.store import WatchedRun

_KEYS = (
    ("up down", "choose a run; also k and j, page up and page down, g and G, home and end"),
    ("enter", "open the page of the run: what homerun show prints"),
    ("l", "open the output of the run, and follow it"),
    ("p", "pause the run, or let it go on"),
    ("K", "kill the run; asks first"),
    ("r", "retry a run that failed"),
    ("o", "draw the sweep and open the page in the browser"),
    ("s S", "order what runs by age, metric or a setting; turn the order around"),
    ("f /", "show only runs with these words, or for which an expression is true:"),
    ("", "lr < 0.01 and arch == 'resnet18'; escape shows all again"),
    ("?", "this page"),
    ("q", "leave; nothing that runs is touched"),
)


class Leave(Enum):
    """Where to go from a page."""

    BACK = auto()
    QUIT = auto()


@dataclass(frozen=True)
class Do:
    """Something to do to a run in the background; `start` is said until it is done."""

    command: Command
    run: WatchedRun
    start: str = ""


class Page(Protocol):
    """Something that fills the screen."""

    def lines(self, size: Size) -> list[Line]:
        """Return what the screen shows."""

    def press(self, key: str, letters: str = "") -> "Page | Do | Leave | None":
        """Do what a key means, or take letters in; return what is beyond the page."""


class Scroll:
    """How far down a text is shown, and the keys that change that."""

    def __init__(self) -> None:
        self.first = 0  # row at the top
        self.height = 10

    def window(self, rows: Sequence[Line], height: int) -> list[Line]:
        """Return the rows that are shown."""
        self.height = max(1, height)
        self.first = max(0, min(self.first, len(rows) - self.height))
        shown = list(rows[self.first : self.first + self.height])
        return [*shown, *[line()] * (self.height - len(shown))]

    def press(self, key: str) -> None:
        """Scroll."""
        top, end = -(10**9), 10**9
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "home": top, "g": top, "end": end, "G": end}
        steps |= {"pageup": -self.height, "pagedown": self.height, "space": self.height}
        self.first += steps.get(key, 0)


class Sheet:
    """The page of a run: what a command prints about it, for this width of the screen."""

    def __init__(self, run: WatchedRun, read: Callable[[int], list[Line]]) -> None:
        self._run, self._read = run, read  # called in a thread of its own
        self._scroll = Scroll()
        self._rows = [line("  reading …")]
        self._width = 0

    def lines(self, size: Size) -> list[Line]:
        """Return what the screen shows."""
        if size.width != self._width:
            self._width = size.width
            threading.Thread(target=self._fetch, args=(size.width,), daemon=True).start()
        shown = self._scroll.window(self._rows, (size.height or 24) - 1)
        keys = keys_line("up down scroll", "enter again", "esc back", "q quit")
        return [cut(row, size.width) for row in (*shown, keys)]

    def press(self, key: str, _letters: str = "") -> Leave | None:
        """Do what a key means."""
        match key:
            case "escape" | "left" | "backspace":
                return Leave.BACK
            case "q":
                return Leave.QUIT
            case "enter":
                self._width = 0
        self._scroll.press(key)
        return None

    def _fetch(self, width: int) -> None:
        self._rows = self._read(width)


class Output:
    """What a run wrote, and writes."""

    def __init__(
        self, run: WatchedRun, about: str, path: Path, state: Callable[[WatchedRun], str]
    ) -> None:
        self._run, self._about, self._state = run, about, state
        self._tail = Tail(path)
        self._above = 0  # lines between the end and what is shown; 0: it follows
        self._height = 10

    def lines(self, size: Size) -> list[Line]:
        """Return what the screen shows."""
        self._height = max(1, (size.height or 24) - 2)
        before = self._tail.count
        rows = self._tail.rows(size.width)
        if self._above:  # what is looked at stays where it is
            self._above += self._tail.count - before
        self._above = max(0, min(self._above, len(rows) - self._height))
        last = len(rows) - self._above
        shown = rows[max(0, last - self._height) : last] or ["it has written nothing yet"]
        state = self._state(self._run)
        title = line(
            Span(f" run {self._run.number}", "bold"),
            Span(f"  {state}", output.STATE_STYLES.get(state, "dim")),
            Span(f"  {output.plain(self._about)}", "dim"),
        )
        shown += [""] * (self._height - len(shown))
        place = Span(f"{self._above:,} lines below " if self._above else "at the end ", "dim")
        keys = keys_line("up down scroll", "end follow", "esc back", "q quit")
        all_lines = [title, *map(line, shown), between(keys, line(place), size.width)]
        return [cut(row, size.width) for row in all_lines]

    def press(self, key: str, _letters: str = "") -> Leave | None:
        """Do what a key means."""
        steps = {"up": 1, "k": 1, "down": -1, "j": -1}
        steps |= {"pageup": self._height, "pagedown": -self._height, "space": -self._height}
        match key:
            case "escape" | "l" | "left" | "backspace":
                return Leave.BACK
            case "q":
                return Leave.QUIT
            case "home" | "g":
                self._above = self._tail.count
            case "end" | "G" | "f":
                self._above = 0
            case _:
                self._above = max(0, self._above + steps.get(key, 0))
        return None


class Help:
    """What the keys do."""

    def lines(self, size: Size) -> list[Line]:
        """Return what the screen shows."""
        text = [line(Span(" The keys of homerun top", "bold")), line()]
        text += [line(Span(f"  {keys:9}", "bold"), what) for keys, what in _KEYS]
        height = size.height or len(text) + 1
        text = [*text[: height - 1], *[line()] * (height - 1 - len(text))]
        return [cut(row, size.width) for row in (*text, keys_line("esc back"))]

    def press(self, key: str, _letters: str = "") -> Leave:
        """Go back, whatever the key but `q`."""
        return Leave.QUIT if key == "q" else Leave.BACK


def keys_line(*keys: str) -> Line:
    """Return what keys do: each text is a key and a word or two."""
    spans = [Span(" ")]
    for text in keys:
        key, _, what = text.rpartition(" ")
        spans += [Span(key, "bold"), Span(f" {what}   ", "dim")]
    return line(*spans)
