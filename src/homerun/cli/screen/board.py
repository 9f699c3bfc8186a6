"""The board: everything that goes on, and one run chosen among it."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from homerun.cli.screen.choice import Choice, chosen, next_order, order_text, trouble_of
from homerun.cli.screen.columns import Section
from homerun.cli.screen.commands import kill_run, open_chart, pause_or_resume, retry_run
from homerun.cli.screen.frame import Cursor, Size, frame, select, selectable
from homerun.cli.screen.pages import Do, Help, Leave, Output, Page, Sheet, keys_line
from homerun.cli.screen.sections import detail, header, label, sections
from homerun.cli.screen.tail import Tail
from homerun.cli.screen.text import Line, Span, line
from homerun.cli.screen.view import View, Wish
from homerun.core import ENDED
from homerun.store import WatchedRun, run_folder

_TALL = 28  # lines below the header from which on there is always room for what is selected
_DETAIL, _MOST_DETAIL = 4, 24  # rows of it; fewer say nothing, more say nothing new
_GIVEN_UP = 3  # rows that the queue, and failures, keep when there is hardly room
_MESSAGE_S = 8.0
_KEYS = ("p pause", "K kill", "r retry", "l log", "enter page", "o chart", "s sort", "f filter")
_GIVING_WAY = ("o chart", "enter page", "s sort", "r retry", "f filter", "l log", "p pause")
_GLANCE_BYTES = 8192  # of its output, that are read

ReadPage = Callable[[WatchedRun, int], list[Line]]  # of a run, for a width


class Board:
    """The first page."""

    def __init__(self, view: View, read_page: ReadPage) -> None:
        self.view = view
        self._read_page = read_page
        self._cursor = Cursor()
        self._choice = Choice()
        self._is_typing = False  # what is looked for
        self._message, self._told_at = "", 0.0
        self._question: tuple[str, Do] | None = None
        self._page_size = 10
        self._keys: list[str] = []  # of the rows that can be selected
        self._tail: Tail | None = None  # of the selected run

    @property
    def wish(self) -> Wish:
        """What the next look is to find for it."""
        return Wish(run=self._cursor.selected, is_deep=bool(self._choice.text))

    def lines(self, size: Size) -> list[Line]:
        """Return what the screen shows."""
        height = size.height or 24
        self._page_size = max(1, height // 2)
        view = chosen(self.view, self._choice)
        parts, top = sections(view, size.width), header(self.view, size.width)
        self._keys = selectable(parts)
        select(self._cursor, self._keys)
        run, room = self.selected(), _room(parts, height - len(top))
        if run is not None and room >= _DETAIL:
            last = self._glance(run, size.width - 4)
            parts.append(detail(run, view, last, width=size.width, height=room))
        return frame(top, parts, size, self._cursor, self._footer(size.width))

    def tell(self, text: str) -> None:
        """Show a message for a while, in the place of the keys."""
        self._message, self._told_at = text, time.monotonic()

    def selected(self) -> WatchedRun | None:
        """Return the run that is chosen."""
        return self._runs().get(self._cursor.selected)

    def press(self, key: str, letters: str = "") -> Page | Do | Leave | None:
        """Do what a key means, or take letters in."""
        if self._question is not None:
            _, to_do = self._question
            self._question = None
            return to_do if key == "y" else None
        if self._is_typing:
            self._type(key, letters)
            return None
        self.tell("")
        match key:
            case "escape" if self._choice.text:
                self._choice = replace(self._choice, text="")
            case "q" | "escape":
                return Leave.QUIT
            case "question_mark" | "h":
                return Help()
            case "s" | "S":
                self._order(is_reversed=key != "s")
            case "f" | "slash":
                self._is_typing = True
        self._move(key)
        run = self.selected()
        return None if run is None else self._command(key, run)

    def _command(self, key: str, run: WatchedRun) -> Page | Do | None:
        match key:
            case "enter":
                return Sheet(run, lambda width: self._read_page(run, width))
            case "l":
                about = label(run, self.view.snapshot.named)
                return Output(run, about, self._output(run), self._state)
            case "o":
                return Do(open_chart, run, "drawing the sweep")
            case "p":
                return Do(pause_or_resume, run)
            case "r":
                return Do(retry_run, run)
            case "K" if run.state in ENDED:
                self.tell(f"run {run.number} has ended already: it is {run.state}")
            case "K":
                verb, start = "take it from the queue", ""
                if run.started_at is not None:
                    verb = "kill it"
                    start = f"killing run {run.number}; it has 10 seconds to save its work"
                self._question = (f"run {run.number}: {verb}? y/n", Do(kill_run, run, start))
        return None

    def _order(self, *, is_reversed: bool) -> None:
        if is_reversed:
            self._choice = replace(self._choice, is_reversed=not self._choice.is_reversed)
        else:
            self._choice = next_order(self._choice, self.view)
        self.tell(order_text(self._choice))

    def _type(self, key: str, letters: str) -> None:
        """Change what is looked for."""
        text = self._choice.text
        match key:
            case "enter":
                self._is_typing = False
            case "escape":
                self._is_typing, text = False, ""
            case "backspace":
                text = text[:-1]
            case "ctrl+u":
                text = ""
            case _ if letters.isprintable():
                text += letters
        self._choice = replace(self._choice, text=text)

    def _move(self, key: str) -> None:
        keys = self._keys
        steps = {
            "up": -1,
            "k": -1,
            "down": 1,
            "j": 1,
            "pageup": -self._page_size,
            "pagedown": self._page_size,
            "home": -len(keys),
            "g": -len(keys),
            "end": len(keys),
            "G": len(keys),
        }
        if keys and key in steps:
            index = min(max(0, self._cursor.index + steps[key]), len(keys) - 1)
            self._cursor.index, self._cursor.selected = index, keys[index]

    def _runs(self) -> dict[str, WatchedRun]:
        snapshot = self.view.snapshot
        return {run.id: run for run in (*snapshot.alive, *snapshot.queue, *snapshot.failures)}

    def _state(self, run: WatchedRun) -> str:
        now = self._runs().get(run.id)
        return now.state if now else "ended"

    def _output(self, run: WatchedRun) -> Path:
        return run_folder(self.view.home, run.id).output

    def _glance(self, run: WatchedRun, width: int) -> list[str]:
        """Return the last lines of the output of the selected run."""
        path = self._output(run)
        if self._tail is None or self._tail.path != path:
            self._tail = Tail(path, most_bytes=_GLANCE_BYTES)
        return self._tail.rows(width)[-_MOST_DETAIL:]

    def _footer(self, width: int) -> Line:
        text = self._choice.text
        if self._is_typing:
            why = trouble_of(text, self.view)
            return line(
                Span(" show only: ", "bold"),
                Span(f"{text}█"),
                Span(f"  {why or 'words, or an expression: lr < 0.01'}", "dim"),
            )
        if self._question is not None:
            return line(Span(f" {self._question[0]} ", "bold reverse"))
        if self._message and time.monotonic() - self._told_at < _MESSAGE_S:
            return line(Span(f" {self._message}", "bold"))
        if self.view.trouble:
            return line(Span(f" {self.view.trouble}", "bold yellow"))
        if text:
            found = f" {len(self._keys):,} with {text}"
            return line(Span(found, "bold yellow"), *keys_line("esc all", "f change").spans)
        return _keys(width)


def _keys(width: int) -> Line:
    """Return as many keys as there is room for; help and the way out stay to the last."""
    keys = [*_KEYS, "? help", "q quit"]
    for key in _GIVING_WAY:
        if len(keys_line(*keys).text.rstrip()) <= width:
            break
        keys.remove(key)
    return keys_line(*keys)


def _room(parts: list[Section], height: int) -> int:
    """Return how many rows there are for the selected run, beside what has to be shown."""
    used = sum(2 + _needed(part) for part in parts)
    left = height - used - 3  # its title and the footer
    return min(_MOST_DETAIL, max(left, height // 3 if height >= _TALL else 0))


def _needed(part: Section) -> int:
    return min(len(part.rows), _GIVEN_UP) if part.most is None else len(part.rows)
