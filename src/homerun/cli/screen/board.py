"""The board: everything that goes on, and one run chosen among it."""

import time
from pathlib import Path

from homerun.cli.screen.commands import kill_run, pause_or_resume, retry_run
from homerun.cli.screen.frame import Cursor, Size, frame, select, selectable
from homerun.cli.screen.pages import Do, Help, Leave, Output, Page, keys_line
from homerun.cli.screen.sections import detail, header, label, sections
from homerun.cli.screen.tail import Tail
from homerun.cli.screen.text import Line, Span, line
from homerun.cli.screen.view import View
from homerun.core import ENDED
from homerun.store import WatchedRun, run_folder

_TALL = 30  # lines from which on there is room for what is selected
_MESSAGE_S = 8.0
_GLANCE, _GLANCE_BYTES = 4, 8192  # of its output: lines, and what is read for them


class Board:
    """The first page."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._cursor = Cursor()
        self._message, self._told_at = "", 0.0
        self._question: tuple[str, Do] | None = None
        self._page_size = 10
        self._keys: list[str] = []  # of the rows that can be selected
        self._tail: Tail | None = None  # of the selected run

    def lines(self, size: Size) -> list[Line]:
        """Return what the screen shows."""
        height = size.height or 24
        self._page_size = max(1, height // 2)
        parts = sections(self.view, size.width, by_metric=self._cursor.by_metric)
        self._keys = selectable(parts)
        select(self._cursor, self._keys)
        run = self.selected()
        if run is not None and height >= _TALL:
            last = self._glance(run, size.width - 4)
            parts.append(detail(run, self.view.snapshot.named, last, size.width))
        return frame(header(self.view, size.width), parts, size, self._cursor, self._footer())

    def tell(self, text: str) -> None:
        """Show a message for a while, in the place of the keys."""
        self._message, self._told_at = text, time.monotonic()

    def selected(self) -> WatchedRun | None:
        """Return the run that is chosen."""
        return self._runs().get(self._cursor.selected)

    def press(self, key: str) -> Page | Do | Leave | None:
        """Do what a key means."""
        if self._question is not None:
            _, to_do = self._question
            self._question = None
            return to_do if key == "y" else None
        self.tell("")
        match key:
            case "q" | "escape":
                return Leave.QUIT
            case "question_mark" | "h":
                return Help()
            case "s":
                self._cursor.by_metric = not self._cursor.by_metric
                order = "its metric, best first" if self._cursor.by_metric else "age"
                self.tell(f"what runs is ordered by {order}")
        self._move(key)
        run = self.selected()
        return None if run is None else self._command(key, run)

    def _command(self, key: str, run: WatchedRun) -> Page | Do | None:
        match key:
            case "l" | "enter":
                about = label(run, self.view.snapshot.named)
                return Output(run, about, self._output(run), self._state)
            case "p":
                return Do(pause_or_resume, run)
            case "r":
                return Do(retry_run, run)
            case "k" if run.state in ENDED:
                self.tell(f"run {run.number} has ended already: it is {run.state}")
            case "k":
                verb, start = "take it from the queue", ""
                if run.started_at is not None:
                    verb = "kill it"
                    start = f"killing run {run.number}; it has 10 seconds to save its work"
                self._question = (f"run {run.number}: {verb}? y/n", Do(kill_run, run, start))
        return None

    def _move(self, key: str) -> None:
        keys = self._keys
        steps = {
            "up": -1,
            "down": 1,
            "j": 1,
            "pageup": -self._page_size,
            "pagedown": self._page_size,
            "home": -len(keys),
            "end": len(keys),
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
        return self._tail.rows(width)[-_GLANCE:]

    def _footer(self) -> Line:
        if self._question is not None:
            return line(Span(f" {self._question[0]} ", "bold reverse"))
        if self._message and time.monotonic() - self._told_at < _MESSAGE_S:
            return line(Span(f" {self._message}", "bold"))
        if self.view.trouble:
            return line(Span(f" {self.view.trouble}", "bold yellow"))
        return keys_line("p pause", "k kill", "r retry", "l log", "s sort", "? help", "q quit")
