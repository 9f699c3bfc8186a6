"""What an agent does, as a person sees it: a line an event; on a terminal, `live.py`."""

import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from homerun.agent import (
    Ended,
    Event,
    Progress,
    Remark,
    Started,
    Stopping,
    Tally,
    Trouble,
    Waiting,
)
from homerun.cli import output, words
from homerun.cli.common import one_line
from homerun.core import BAD, Metric, Run, SweepRecord, flat
from homerun.store import WatchedRun

if TYPE_CHECKING:
    from homerun.cli.live import Block

_SHORT = 3  # letters of a name where there is little room


@contextmanager
def watching(tally: Tally, sweep: SweepRecord | None = None) -> Iterator["Lines | Block"]:
    """Give the view that suits stderr; the terminal is left as it was, however this ends."""
    varying = varying_parameters(sweep.spec.get("parameters") or {}) if sweep else []
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield Lines(tally, varying)
        return
    from homerun.cli.live import Block  # noqa: PLC0415  asks rich for widths

    block = Block(tally, varying)
    with block.going():
        yield block


class Lines:
    """Writes one line for each event, for logs and pipes."""

    def __init__(self, tally: Tally, varying: Sequence[str]) -> None:
        self.tally, self._varying = tally, varying
        self._is_first = True

    def on_event(self, event: Event) -> None:
        """Take an event in and write it down."""
        self.tally = self.tally.after(event)
        match event:
            case Started(run=run, is_adopted=is_adopted):
                verb = "taken over" if is_adopted else "started"
                self._say(f"run {run.number} {verb}", config_text(run, self._varying))
            case Ended(run=run, end=end):
                took = f" in {words.duration(end.runtime_s)}" if end.runtime_s is not None else ""
                result = result_text(run, self.tally.metric)
                far = self.tally.progress.in_words()
                self._say(f"run {run.number} {run.state}{took}", result, far)
            case Progress() if self._is_first:
                self._say(event.in_words(), self.tally.best.text if self.tally.best else "")
                self._is_first = False
            case (
                Waiting(reason=text) | Trouble(text=text) | Remark(text=text) | Stopping(text=text)
            ):
                self._say(text)

    def _say(self, *parts: str) -> None:
        text = output.plain(", ".join(part for part in parts if part))
        with suppress(OSError):  # whoever read the log is gone; the runs matter more
            click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


def config_text(run: Run | WatchedRun, varying: Sequence[str], *, room: float = math.inf) -> str:
    """Return what sets a run apart from the others of its sweep; else its command.

    Where there is no room, names are cut short, and then left out.
    """
    config = flat(dict(run.config))
    if run.source:
        return run.name
    if not config:
        return one_line(run.argv)
    config = {key: config[key] for key in varying or config if key in config}
    short = {key.rpartition(".")[2][:_SHORT]: value for key, value in config.items()}
    shorter = [words.settings(short)] if len(short) == len(config) else []
    texts = [words.settings(config), *shorter, " ".join(map(words.exact, config.values()))]
    return next((text for text in texts if output.cells(text) <= room), texts[-1])


def result_text(run: Run, metric: Metric | None) -> str:
    """Return the metric of a run, or why there is none."""
    if run.state in BAD or run.reason:
        return run.reason
    value = metric.value_in(run.summary) if metric else None
    return f"{metric.name} {words.number(value)}" if metric and value is not None else ""


def varying_parameters(parameters: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the parameters of a sweep that can have more than one value, nested ones dotted."""
    names = []
    for name, space in parameters.items():
        if isinstance(space, dict) and "parameters" in space:
            names += varying_parameters(space["parameters"], f"{prefix}{name}.")
        elif isinstance(space, dict) and len(space.get("values", space)) > 1:
            names.append(f"{prefix}{name}")
    return names
