"""What an agent does, as a person sees it: a live block on a terminal, else a line an event."""

import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from homerun.agent import Ended, Event, Progress, Remark, Started, Stopping, Trouble, Waiting
from homerun.cli import output, words
from homerun.cli.common import Metric, metric_of, one_line
from homerun.core import BAD, Run, SweepRecord, flat

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_BAR = 24  # characters
_SHOWN = 8  # running runs that are shown
_REFRESH_HZ = 4


class Tally:
    """How far a sweep is, or whatever an agent works on, from what the agent tells."""

    def __init__(
        self, sweep: SweepRecord | None = None, best: tuple[int, float] | None = None
    ) -> None:
        self.metric: Metric | None = metric_of(sweep) if sweep else None
        self.best = best  # number of the run, value
        self.best_config = ""
        self.ended = self.failed = 0  # that this agent saw
        planned = sweep.planned if sweep else 0
        self.progress = Progress(done=0, planned=planned, running=0, failed=0, eta_s=None)
        self.running: dict[str, tuple[Run, float]] = {}  # with the start on our clock
        self.note = ""
        parameters = (sweep.spec.get("parameters") or {}) if sweep else {}
        self._varying = varying_parameters(parameters)

    def take(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case Started(run=run):
                self.running[run.id] = (run, time.monotonic())
                self.note = ""
            case Ended(run=run):
                self.running.pop(run.id, None)
                is_bad = run.state in BAD
                self.ended, self.failed = self.ended + 1, self.failed + is_bad
                far = self.progress  # until the agent has counted again
                self.progress = replace(far, done=far.done + 1, failed=far.failed + is_bad)
                self._take_result(run)
            case Progress():
                self.progress = event
            case Waiting(reason=text) | Trouble(text=text) | Stopping(text=text):
                self.note = text

    def config_text(self, run: Run) -> str:
        """Return what sets a run apart from the others of its sweep; else its command."""
        config = flat(run.config)
        if run.source:
            return run.name
        if not config:
            return one_line(run.argv)
        named = [key for key in self._varying or config if key in config]
        return " ".join(f"{key}={words.exact(config[key])}" for key in named)

    def result_text(self, run: Run) -> str:
        """Return the metric of a run, or why there is none."""
        if run.state in BAD or run.reason:
            return run.reason
        value = self._value(run)
        if self.metric is None or value is None:
            return ""
        return f"{self.metric.name} {words.number(value)}"

    def best_text(self) -> str:
        """Return the best value so far, and whose it is."""
        if self.metric is None or self.best is None:
            return ""
        return f"best {self.metric.name} {words.number(self.best[1])} by run {self.best[0]}"

    def far_text(self) -> str:
        """Return how far the sweep is: `13 of 48 done, 1 failed, ETA 3m20s`."""
        far = self.progress
        of = f" of {far.planned}" if far.planned is not None else ""
        failed = f", {far.failed} failed" if far.failed else ""
        is_over = far.done == far.planned
        eta = f", ETA {words.duration(far.eta_s)}" if far.eta_s and not is_over else ""
        return f"{far.done}{of} done{failed}{eta}"

    def _value(self, run: Run) -> float | None:
        value = flat(run.summary).get(self.metric.name) if self.metric else None
        return value if isinstance(value, int | float) and not math.isnan(value) else None

    def _take_result(self, run: Run) -> None:
        value = self._value(run)
        if self.metric is None or value is None:
            return
        is_better = self.best is None or (
            value > self.best[1] if self.metric.is_maximized else value < self.best[1]
        )
        if is_better:
            self.best, self.best_config = (run.number, value), self.config_text(run)


@contextmanager
def watching(tally: Tally) -> Iterator["Lines | Block"]:
    """Give the view that suits stderr; the terminal is left as it was, however this ends."""
    console = _console() if _may_be_terminal() else None
    if console is None or not console.is_terminal or console.is_dumb_terminal:
        yield Lines(tally)
        return
    from rich.live import Live  # noqa: PLC0415

    block = Block(tally, console)
    with Live(
        console=console,
        get_renderable=block.render,
        refresh_per_second=_REFRESH_HZ,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="crop",
    ):
        console.show_cursor(True)  # so that no death, however sudden, leaves it hidden
        yield block


class Lines:
    """Writes one line for each event, for logs and pipes."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._is_first = True

    def on_event(self, event: Event) -> None:
        """Take an event in and write it down."""
        self._tally.take(event)
        match event:
            case Started(run=run, is_adopted=is_adopted):
                verb = "taken over" if is_adopted else "started"
                self._say(f"run {run.number} {verb}", self._tally.config_text(run))
            case Ended(run=run, end=end):
                took = f" in {words.duration(end.runtime_s)}" if end.runtime_s is not None else ""
                result = self._tally.result_text(run)
                self._say(f"run {run.number} {run.state}{took}", result, self._tally.far_text())
            case Progress() if self._is_first:
                self._say(self._tally.far_text(), self._tally.best_text())
                self._is_first = False
            case (
                Waiting(reason=text) | Trouble(text=text) | Remark(text=text) | Stopping(text=text)
            ):
                self._say(text)

    def _say(self, *parts: str) -> None:
        text = output.plain(", ".join(part for part in parts if part))
        with suppress(OSError):  # whoever read the log is gone; the runs matter more
            click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


class Block:
    """Lines that stay at the bottom of the terminal and change; ended runs scroll by above."""

    def __init__(self, tally: Tally, console: "Console") -> None:
        self._tally, self._console = tally, console

    def on_event(self, event: Event) -> None:
        """Take an event in; the block shows it with its next refresh."""
        self._tally.take(event)
        if isinstance(event, Remark):
            self._console.print(output.plain(event.text), style="dim")
        if isinstance(event, Ended):
            run = event.run
            line = _text(
                (f"{run.number:5} ", ""),
                (f"{run.state:9} ", output.STATE_STYLES.get(run.state, "")),
                (f"{words.duration(event.end.runtime_s):>6}  ", ""),
                (output.plain(self._tally.result_text(run)), ""),
                (f"  {output.plain(self._tally.config_text(run))}", "dim"),
            )
            self._console.print(line, no_wrap=True, overflow="ellipsis")

    def render(self) -> "RenderableType":
        """Return the block as it is now."""
        from rich.console import Group  # noqa: PLC0415

        tally = self._tally
        lines = [*self._running(), _text(*self._bar())]
        if tally.best_text():
            lines.append(_text((tally.best_text(), "bold"), (f"  {tally.best_config}", "dim")))
        if tally.note:
            lines.append(_text((output.plain(tally.note), "yellow")))
        elif tally.progress.planned is None:
            lines.append(_text(("without end: press Ctrl-C to finish what runs", "dim")))
        return Group(*lines[-max(1, self._console.height - 1) :])

    def _bar(self) -> list[tuple[str, str]]:
        far = self._tally.progress
        parts: list[tuple[str, str]] = []
        if far.planned:
            full = min(_BAR, _BAR * far.done // far.planned)
            parts += [("━" * full, "green"), ("─" * (_BAR - full), "dim"), ("  ", "")]
        of = "" if far.planned is None else f"/{far.planned}"
        parts.append((f"{far.done}{of} done", "bold"))
        parts.append((f"  {far.running} running", output.STATE_STYLES["running"]))
        if far.failed:
            parts.append((f"  {far.failed} failed", output.STATE_STYLES["failed"]))
        if far.eta_s is not None:
            parts.append((f"  ETA {words.duration(far.eta_s)}", ""))
        return parts

    def _running(self) -> Iterator["Text"]:
        running = list(self._tally.running.values())
        for run, since in running[:_SHOWN]:
            yield _text(
                (f"{run.number:5} ", ""),
                ("running   ", output.STATE_STYLES["running"]),
                (f"{words.duration(time.monotonic() - since):>6}  ", ""),
                (output.plain(self._tally.config_text(run)), "dim"),
            )
        if len(running) > _SHOWN:
            yield _text((f"      and {len(running) - _SHOWN} more", "dim"))


def _may_be_terminal() -> bool:
    """Tell whether to ask rich, which takes long to load."""
    is_forced = output.chosen_color() == "always" or bool(os.environ.get("FORCE_COLOR"))
    return is_forced or sys.stderr.isatty()


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415

    color = output.chosen_color()
    return Console(
        stderr=True,
        highlight=False,
        markup=False,
        emoji=False,
        no_color=True if color == "never" else None,
        force_terminal=True if color == "always" else None,
    )


def _text(*parts: tuple[str, str]) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def varying_parameters(parameters: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the parameters of a sweep that can have more than one value, nested ones dotted."""
    names = []
    for name, space in parameters.items():
        if isinstance(space, dict) and "parameters" in space:
            names += varying_parameters(space["parameters"], f"{prefix}{name}.")
        elif isinstance(space, dict) and len(space.get("values", space)) > 1:
            names.append(f"{prefix}{name}")
    return names
