"""What an agent does on a terminal: lines that change at its end, ended runs scroll by above."""

import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

import click

from homerun.agent import Ended, Event, Progress, Remark, Tally
from homerun.cli import output, words
from homerun.cli.progress import config_text, result_text
from homerun.cli.screen import inplace
from homerun.cli.screen.text import Line, Span, cut, line
from homerun.core import Run
from homerun.store import WatchedRun

_BAR = 24  # characters
_SHOWN = 8  # running runs that are shown
_REFRESH_S = 0.25
_VALUE = 9  # characters of the value of a metric, so that what follows is aligned


class Block:
    """Shows a tally, and above it what has happened."""

    def __init__(self, tally: Tally, varying: Sequence[str]) -> None:
        self.tally, self._varying = tally, varying
        self._news: list[Ended | Remark] = []  # not shown yet
        self._terminal = inplace.Block(sys.stderr)
        self._width = self._terminal.width
        self._is_moved = False

    def on_event(self, event: Event) -> None:
        """Take an event in; the terminal shows it a moment later."""
        if not isinstance(event, Remark):
            self.tally = self.tally.after(event)
        if isinstance(event, Ended | Remark):
            self._news.append(event)

    @contextmanager
    def going(self) -> Iterator[None]:
        """Draw it again and again, in a thread; at the end only what has happened stays."""
        is_over = threading.Event()

        def draw() -> None:
            with suppress(OSError):  # the terminal is gone; the runs matter more
                self._draw()
                while not is_over.wait(_REFRESH_S):
                    self._draw()

        before = signal.signal(signal.SIGCONT, self._on_continue)
        thread = threading.Thread(target=draw, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
            signal.signal(signal.SIGCONT, before)
            with suppress(OSError):
                self._end()

    def _on_continue(self, *_: object) -> None:
        """Draw below from now on: the shell has written of the halt here."""
        self._is_moved = True

    def _draw(self) -> None:
        if self._is_moved:
            self._is_moved = False
            self._terminal.leave()
        before, self._width = self._width, self._terminal.width
        if self._width != before:  # it may have changed once more by now: tmux tells of it late
            return
        news = tuple(self._news)
        lines = tally_lines(self.tally, self._varying, self._width)[-self._terminal.height :]
        if self._terminal.draw(lines, above=self._lines_of(news, self._width)):
            del self._news[: len(news)]

    def _end(self) -> None:
        above = self._lines_of(self._news, self._terminal.width)
        if not self._terminal.draw([], above=above):  # in the background
            click.echo("".join(f"{one.text.rstrip()}\n" for one in above), err=True, nl=False)

    def _lines_of(self, news: Sequence[Ended | Remark], width: int) -> list[Line]:
        lines = []
        for event in news:
            if isinstance(event, Ended):
                lines.append(ended_line(event, self.tally, self._varying, width))
            else:
                text = textwrap.wrap(output.plain(event.text), width)
                lines += [line(Span(part, "dim")) for part in text]
        return lines


def ended_line(event: Ended, tally: Tally, varying: Sequence[str], width: int) -> Line:
    """Return what became of a run, in a line as wide as the terminal."""
    run = event.run
    result = output.plain(result_text(run, tally.metric))
    room = len(tally.metric.name) + 1 + _VALUE if tally.metric else 0
    return _run_line(
        run,
        varying,
        width,
        Span(f"{run.number:5} "),
        Span(f"{run.state:9} ", output.STATE_STYLES.get(run.state, "")),
        Span(f"{words.duration(event.end.runtime_s):>6}  "),
        Span(f"{result:{room}}  " if result else ""),
    )


def tally_lines(tally: Tally, varying: Sequence[str], width: int) -> list[Line]:
    """Return how things stand, in lines as wide as the terminal."""
    now = time.time()
    running = tally.running
    lines = [
        _run_line(
            run,
            varying,
            width,
            Span(f"{run.number:5} "),
            Span("running   ", output.STATE_STYLES["running"]),
            Span(f"{words.duration(now - (run.started_at or now)):>6}  "),
        )
        for run in islice(running.values(), _SHOWN)
    ]
    if len(running) > _SHOWN:
        lines.append(line(Span(f"      and {len(running) - _SHOWN} more", "dim")))
    lines.append(line(*_bar(tally.progress)))
    if tally.best is not None:
        lines.append(
            _run_line(tally.best.run, varying, width, Span(f"{tally.best.text}  ", "bold"))
        )
    if tally.note:
        lines.append(line(Span(output.plain(tally.note), "yellow")))
    elif tally.progress.planned is None:
        lines.append(line(Span("without end: press Ctrl-C to finish what runs", "dim")))
    return [cut(one, width) for one in lines]


def _run_line(run: Run | WatchedRun, varying: Sequence[str], width: int, *head: Span) -> Line:
    """Return a line about a run: in the room that its head leaves, what sets the run apart."""
    room = width - sum(output.cells(span.text) for span in head)
    about = output.plain(config_text(run, varying, room=room))
    return cut(line(*head, Span(about, "dim")), width)


def _bar(far: Progress) -> Iterator[Span]:
    if far.planned:
        full = min(_BAR, _BAR * far.done // far.planned)
        yield from (Span("━" * full, "green"), Span("─" * (_BAR - full), "dim"), Span("  "))
    of = "" if far.planned is None else f"/{far.planned}"
    yield Span(f"{far.done}{of} done", "bold")
    yield Span(f"  {far.running} running", output.STATE_STYLES["running"])
    if far.failed:
        yield Span(f"  {far.failed} failed", output.STATE_STYLES["failed"])
    if far.eta_s is not None:
        yield Span(f"  ETA {words.duration(far.eta_s)}")
