"""An agent that was started in a notebook: one display that changes in place."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from homerun.agent import Ended, Event, Started, Tally
from homerun.compat.notebook.frames import is_plain
from homerun.core import SweepRecord, kernel, markup, shown

_PAUSE_S = 0.25  # between two looks
_SHOWN = 8  # running runs


def in_notebook() -> bool:
    """Tell whether this is the kernel of a notebook, of Jupyter or marimo."""
    return not is_plain() and (kernel() is not None or _marimo() is not None)


@contextmanager
def showing(record: SweepRecord, tally: Tally) -> Iterator["Board"]:
    """Give a board that a notebook shows as it changes; its last state stays."""
    board = Board(record, tally)
    look = _display(board)
    board.changed = look
    look(board)
    try:
        yield board
    finally:
        board.end()
        look(board)


class Board:
    """What an agent does for one sweep, as a notebook shows it."""

    def __init__(self, record: SweepRecord, tally: Tally) -> None:
        self.changed: Callable[[Board], None] = lambda _: None
        self.note = ""  # beside what the agent says
        self._record, self._tally = record, tally
        self._shown_at = 0.0

    def tell(self, event: Event) -> None:
        """Take an event in and show it.

        Starts and ends may come by the hundred; what is skipped comes with the next progress, which
        agents tell a few times a second.
        """
        self._tally = self._tally.after(event)
        now = time.monotonic()
        if not isinstance(event, Started | Ended) or now - self._shown_at >= _PAUSE_S:
            self._shown_at = now
            self.changed(self)

    def end(self) -> None:
        """Show no more runs as running: the agent is gone."""
        far = replace(self._tally.progress, running=0, eta_s=None)
        self._tally = replace(self._tally, running={}, progress=far)

    def _note(self) -> str:
        return "; ".join(filter(None, [self._tally.note, self.note]))

    def _title(self) -> str:
        return f"{self._record.project} > {self._record.name}"

    def __repr__(self) -> str:
        tally = self._tally
        far = tally.progress.in_words(with_running=True)
        lines = [f"{self._title()} ({self._record.id}): {far}"]
        if tally.best is not None:
            lines.append(f"{tally.best.text}: {config_text(tally.best.run.config)}")
        lines += [
            f"run {run.number} running: {config_text(run.config)}"
            for run in list(tally.running.values())[:_SHOWN]
        ]
        lines += [f"run {run.number} {run.state}: {run.reason}" for run in tally.failures]
        return "\n".join(filter(None, [*lines, self._note()]))

    def _repr_html_(self) -> str:
        tally, far = self._tally, self._tally.progress
        counts = {"finished": far.done - far.failed, "failed": far.failed, "running": far.running}
        parts = [
            markup.heading(self._title(), more=f"sweep {self._record.id}"),
            markup.counts_bar(counts, far.planned),
            f"<div>{markup.text(far.in_words(with_running=True))}</div>",
        ]
        if tally.best is not None:
            config = config_text(tally.best.run.config)
            parts.append(
                f"<div><b>{markup.text(tally.best.text)}</b>"
                f' <span style="opacity:0.65">{markup.text(config)}</span></div>'
            )
        going = list(tally.running.values())[:_SHOWN]
        since = [time.strftime("%H:%M:%S", time.localtime(run.started_at)) for run in going]
        rows = [(run, "running", f"since {at}") for run, at in zip(going, since, strict=True)]
        rows += [(run, run.state.value, run.reason) for run in tally.failures]
        columns = [
            markup.Column(title="run", cells=[str(run.number) for run, *_ in rows]),
            markup.Column(title="state", cells=[markup.state(state) for _, state, _ in rows]),
            markup.Column(title="", cells=[markup.cell(why) for *_, why in rows]),
            markup.Column(
                title="configuration",
                cells=[markup.cell(config_text(run.config)) for run, *_ in rows],
                is_faint=True,
            ),
        ]
        parts += [markup.table(columns)] if rows else []
        parts += [markup.note(self._note())] if self._note() else []
        return markup.block(parts)


def config_text(config: Mapping[str, Any]) -> str:
    """Return a configuration in one line."""
    return " ".join(f"{name}={shown(value)}" for name, value in config.items())


def _display(board: Board) -> Callable[[Board], None]:
    """Show a board, and return what shows its changes in the same place."""
    marimo = _marimo()
    if marimo is not None:
        return lambda board: marimo.output.replace(marimo.Html(board._repr_html_()))
    from IPython.display import display  # noqa: PLC0415  this is its kernel

    handle = display(board, display_id=True)
    update: Callable[[Board], None] = handle.update
    return update


def _marimo() -> Any:
    """Return marimo where a cell of its notebook runs."""
    marimo = sys.modules.get("marimo")
    is_running = getattr(marimo, "running_in_notebook", None)
    return marimo if is_running is not None and is_running() else None
