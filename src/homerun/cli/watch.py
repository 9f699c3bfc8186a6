"""`homerun watch`: follow a sweep, a run or the home until nothing is left to run."""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from homerun.cli import output
from homerun.cli.common import argument, find, open_home
from homerun.cli.top import gpu_looks, refresh_option
from homerun.core import NotFoundError, Run, RunState, SweepState
from homerun.store import Store

if TYPE_CHECKING:
    from homerun.cli.screen.story import Event, Story
    from homerun.cli.screen.text import Line
    from homerun.cli.screen.view import View

_LOCK_S = 2.0  # that a look waits for a database that another program has locked
_FAILURES = 3  # that are shown
_UNENDED = (RunState.PENDING, RunState.RUNNING, RunState.PAUSED)


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """What is watched: one sweep, one run, or the whole home."""

    home: Path
    sweep: str | None = None  # ids
    run: str | None = None


@click.command("watch")
@argument("ref", "sweep", "run", metavar="[SWEEP|RUN]", required=False)
@click.option("--exit-on-failure", is_flag=True, help="Leave as soon as a run has failed for good.")
@refresh_option
@click.option("--json", "is_json", is_flag=True, help="Print a JSON object for each event.")
def watch_command(
    *, ref: str | None, exit_on_failure: bool, refresh_s: float, is_json: bool
) -> None:
    """Follow what runs, and leave when nothing is left to run.

    On a terminal it shows progress, GPUs, running runs, the best so far and failures in place;
    elsewhere it prints a line for each event. Ctrl-C leaves; nothing that runs is touched.
    Where no agent is at work, it says so and waits for one.

    The exit code is 0 when all runs did well, 1 when some failed and were not tried again, 130
    after Ctrl-C.

    \b
    homerun watch
    homerun watch x3k9a2bc
    ssh gpu1 homerun watch x3k9a2bc && homerun best x3k9a2bc
    homerun watch x3k9a2bc --json | jq -r 'select(.event == "best") | .value'
    """
    subject = _subject(ref)
    is_live = not is_json and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    show: _Block | _Lines = _Block() if is_live else _Lines(is_json=is_json)
    with Store(subject.home, timeout_s=_LOCK_S, may_be_read_only=True) as store:
        code = _follow(store, subject, show, refresh_s=refresh_s, leaves_on_failure=exit_on_failure)
    if not is_json:
        output.say(f"next: homerun {_next(subject)}")
    if code:
        raise click.exceptions.Exit(code)


def _subject(ref: str | None) -> _Subject:
    with open_home() as store:
        if ref is None:
            return _Subject(home=store.home)
        noun = find(store, ref)
        if isinstance(noun, Run):
            return _Subject(home=store.home, sweep=noun.sweep, run=noun.id)
        return _Subject(home=store.home, sweep=noun.id)


def _next(subject: _Subject) -> str:
    if subject.run is not None:
        return f"show {subject.run}"
    return f"ls {subject.sweep}" if subject.sweep else "ls"


def _follow(
    store: Store,
    subject: _Subject,
    show: "_Block | _Lines",
    *,
    refresh_s: float,
    leaves_on_failure: bool,
) -> int:
    """Show what happens until nothing is left to run; return the exit code."""
    from homerun.cli.screen.story import Story  # noqa: PLC0415  with cells of rich
    from homerun.cli.screen.view import Watcher, Wish  # noqa: PLC0415

    watcher = Watcher(store, gpu_looks(), sweep=subject.sweep)
    story = Story(store, sweep=subject.sweep, run=subject.run)
    with _pauses(show) as pause:
        view = watcher.look()
        begin = story.begin(view)
        while True:
            events = [*begin, *story.next(view)]
            begin = []
            show.take(events, view, story)
            failed = any(event.is_failure for event in events) and story.failures() > 0
            if (leaves_on_failure and failed) or _is_over(store, subject, view):
                code = int(story.failures() > 0)
                show.end(story.end(view, code), view, story)
                return code
            if subject.sweep is None:  # what was seen is followed to its end
                seen = {progress.record.id for progress in view.snapshot.sweeps}
                watcher.wish = Wish(also=watcher.wish.also | seen)
            pause(watcher.pause_s(refresh_s))
            if not store.path.exists():
                raise NotFoundError(f"the home {subject.home} was removed while it was watched")
            view = watcher.look()


def _is_over(store: Store, subject: _Subject, view: "View") -> bool:
    if subject.run is not None:
        return store.run(subject.run).is_ended
    if any(view.snapshot.counts.get(state) for state in _UNENDED):
        return False
    states = {progress.record.state for progress in view.snapshot.sweeps}
    if any(progress.is_open for progress in view.snapshot.sweeps) or SweepState.PAUSED in states:
        return False
    # An agent is about to say that its sweep is finished.
    return not (view.helpers and SweepState.RUNNING in states)


class _Lines:
    """A line for each event, or a JSON object."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json

    def take(self, events: "list[Event]", _view: "View", _story: "Story") -> None:
        """Write events down."""
        for event in events:
            self._write(event)

    def end(self, event: "Event", _view: "View", _story: "Story") -> None:
        """Write down how all has ended."""
        self._write(event)

    def _write(self, event: "Event") -> None:
        if self._is_json:
            facts = {"event": event.kind, "time": time.time(), **event.facts}
            text = json.dumps(output.jsonable(facts), ensure_ascii=False, default=str)
        else:
            text = f"{time.strftime('%H:%M:%S')} {output.plain(event.text)}"
        click.echo(text)


class _Block:
    """Lines on a terminal that change in place."""

    def __init__(self) -> None:
        from homerun.cli.screen.inplace import Block  # noqa: PLC0415  asks rich for widths

        self._block = Block(sys.stdout)

    def take(self, _events: "list[Event]", view: "View", story: "Story") -> None:
        """Show how things stand."""
        self._block.draw(_picture(view, story, self._block.width, self._block.height))

    def end(self, event: "Event", view: "View", story: "Story") -> None:
        """Leave the last picture behind; a run that has ended is no part of it."""
        self.take([], view, story)
        if story.run is not None:
            click.echo(output.plain(event.text))

    def leave(self) -> None:
        """Draw below from now on: something else was written here."""
        self._block.leave()


def _picture(view: "View", story: "Story", width: int, height: int) -> "list[Line]":
    """Return the lines that a terminal shows."""
    from homerun.cli.screen.frame import shares  # noqa: PLC0415
    from homerun.cli.screen.sections import header, sections  # noqa: PLC0415
    from homerun.cli.screen.story import best_text  # noqa: PLC0415
    from homerun.cli.screen.text import Span, cut, line  # noqa: PLC0415

    if story.run is not None:
        alive = tuple(run for run in view.snapshot.alive if run.id == story.run)
        view = replace(view, snapshot=replace(view.snapshot, alive=alive, failures=()))
    parts = [part for part in sections(view, width) if part.name != "queue"]
    parts = [
        replace(part, rows=part.rows[:_FAILURES]) if part.name == "failed" else part
        for part in parts
    ]
    lines = header(view, width)
    named = view.snapshot.named
    below = [line(Span(f" {best_text(best, named)}", "bold")) for best in story.best.values()]
    if view.trouble:
        below.append(line(Span(f" {view.trouble}", "bold yellow")))
    titled = [part for part in parts if part.name != "gpus"]
    room = shares(parts, max(0, height - len(lines) - len(below) - len(titled)))
    for part, count in zip(parts, room, strict=True):
        lines += [*([part.title] if part in titled else []), *part.rows[:count]]
    return [cut(text, width) for text in (*lines, *below)][:height]


@contextmanager
def _pauses(show: _Block | _Lines) -> Iterator[Callable[[float], None]]:
    """Give a function that waits, less long where the terminal changes or the reader leaves."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # as signals want it
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    handlers = {}
    if isinstance(show, _Block):
        told = {signal.SIGWINCH: lambda *_: None, signal.SIGCONT: lambda *_: show.leave()}
        handlers = {name: signal.signal(name, handler) for name, handler in told.items()}
    else:
        with suppress(OSError, ValueError):  # stdout is no file
            poll.register(sys.stdout.fileno(), 0)  # POLLERR comes unasked when nobody reads it
    before = signal.set_wakeup_fd(writing)

    def pause(seconds: float) -> None:
        for fd, _ in poll.poll(seconds * 1000):
            if fd != reading:
                raise click.exceptions.Exit(1)
            os.read(reading, 4096)

    try:
        yield pause
    finally:
        signal.set_wakeup_fd(before)
        for name, handler in handlers.items():
            signal.signal(name, handler)
        os.close(reading)
        os.close(writing)
