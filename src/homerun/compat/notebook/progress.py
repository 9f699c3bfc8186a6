"""An agent that was started in a notebook: one display that changes in place."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from homerun.agent import (
    Done,
    Ended,
    Event,
    Progress,
    Remark,
    Started,
    Stopping,
    Trouble,
    Waiting,
)
from homerun.compat.notebook.frames import is_plain
from homerun.core import BAD, Run, SweepRecord, duration, flat, kernel, markup, number, shown
from homerun.store import Store, find_runs, found_runs

_PAUSE_S = 0.25  # between two looks
_SHOWN = 8  # running runs
_FAILURES = 3  # the last ones that are shown

Tell = Callable[[Event], None]


def in_notebook() -> bool:
    """Tell whether this is the kernel of a notebook, of Jupyter or marimo."""
    return not is_plain() and (kernel() is not None or _marimo() is not None)


@contextmanager
def showing(record: SweepRecord, best: "Best | None") -> Iterator["Board"]:
    """Give a board that a notebook shows as it changes; its last state stays."""
    board = Board(record, best=best)
    look = _display(board)
    board.changed = look
    look(board)
    try:
        yield board
    finally:
        board.is_over = True
        look(board)


class Best(NamedTuple):
    """The best run so far."""

    number: int
    value: float
    config: str  # in one line


class Board:
    """What an agent does, for one sweep, from what it tells."""

    def __init__(self, record: SweepRecord, *, best: Best | None = None) -> None:
        self.changed: Callable[[Board], None] = lambda _: None
        self.is_over = False
        self.note = ""
        self._record = record
        metric = record.spec.get("metric") or {}
        self._metric = str(metric.get("name") or "")
        self._is_maximized = metric.get("goal") == "maximize"
        self._best = best
        self._far = Progress(done=0, planned=record.planned, running=0, failed=0, eta_s=None)
        self._running: dict[str, tuple[Run, float]] = {}  # with the moment of its start
        self._failures: list[Run] = []
        self._shown_at = 0.0

    def tell(self, event: Event) -> None:
        """Take an event in and show it.

        Starts and ends may come by the hundred; what is skipped comes with the next progress, which
        agents tell a few times a second.
        """
        match event:
            case Started(run=run):
                self._running[run.id] = (run, time.time())
                self.note = ""
            case Ended(run=run):
                self._running.pop(run.id, None)
                self._take_result(run)
            case Progress():
                self._far = event
            case (
                Waiting(reason=said) | Trouble(text=said) | Remark(text=said) | Stopping(text=said)
            ):
                self.note = said
            case Done(reason=said) if said:
                self.note = said
        now = time.monotonic()
        if not isinstance(event, Started | Ended) or now - self._shown_at >= _PAUSE_S:
            self._shown_at = now
            self.changed(self)

    def _take_result(self, run: Run) -> None:
        if run.state in BAD:
            self._failures.append(run)
        value = value_of(run.summary, self._metric)
        if value is None:
            return
        best = self._best.value if self._best else None
        if best is None or (value > best if self._is_maximized else value < best):
            self._best = Best(run.number, value, config_text(run.config))

    def _far_text(self) -> str:
        far = self._far
        parts = [f"{far.done}{'' if far.planned is None else f' of {far.planned}'} done"]
        if far.running and not self.is_over:
            parts.append(f"{far.running} running")
        if far.failed:
            parts.append(f"{far.failed} failed")
        if far.eta_s is not None and not self.is_over:
            parts.append(f"ETA {duration(far.eta_s)}")
        return ", ".join(parts)

    def _best_text(self) -> str:
        if self._best is None:
            return ""
        return f"best {self._metric} {number(self._best.value)} by run {self._best.number}"

    def _title(self) -> str:
        return f"{self._record.project} > {self._record.name}"

    def __repr__(self) -> str:
        lines = [f"{self._title()} ({self._record.id}): {self._far_text()}"]
        if self._best is not None:
            lines.append(f"{self._best_text()}: {self._best.config}")
        if not self.is_over:
            lines += [
                f"run {run.number} running: {config_text(run.config)}"
                for run, _ in list(self._running.values())[:_SHOWN]
            ]
        lines += [
            f"run {run.number} {run.state}: {run.reason}" for run in self._failures[-_FAILURES:]
        ]
        return "\n".join([*lines, *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        far = self._far
        counts = {
            "finished": far.done - far.failed,
            "failed": far.failed,
            "running": 0 if self.is_over else far.running,
        }
        parts = [
            markup.heading(self._title(), more=f"sweep {self._record.id}"),
            markup.counts_bar(counts, far.planned),
            f"<div>{markup.text(self._far_text())}</div>",
        ]
        if self._best is not None:
            parts.append(
                f"<div><b>{markup.text(self._best_text())}</b>"
                f' <span style="opacity:0.65">{markup.text(self._best.config)}</span></div>'
            )
        runs = [] if self.is_over else list(self._running.values())[:_SHOWN]
        rows = [(run, f"since {time.strftime('%H:%M:%S', time.localtime(at))}") for run, at in runs]
        rows += [(run, run.reason) for run in self._failures[-_FAILURES:]]
        if rows:
            going = {run.id for run, _ in runs}
            states = ["running" if run.id in going else run.state for run, _ in rows]
            parts.append(
                markup.table(
                    [
                        markup.Column(title="run", cells=[str(run.number) for run, _ in rows]),
                        markup.Column(title="state", cells=[markup.state(one) for one in states]),
                        markup.Column(title="", cells=[markup.cell(why) for _, why in rows]),
                        markup.Column(
                            title="configuration",
                            cells=[markup.cell(config_text(run.config)) for run, _ in rows],
                            is_faint=True,
                        ),
                    ]
                )
            )
        return markup.block([*parts, *([markup.note(self.note)] if self.note else [])])


def config_text(config: Mapping[str, Any]) -> str:
    """Return a configuration in one line."""
    return " ".join(f"{name}={shown(value)}" for name, value in config.items())


def value_of(summary: Mapping[str, Any], metric: str) -> float | None:
    """Return the number that a metric has in a summary; its name may be dotted."""
    value = flat(summary).get(metric)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)


def best_so_far(store: Store, record: SweepRecord) -> Best | None:
    """Return the best run of a sweep by its metric; None: there is none yet."""
    metric = record.spec.get("metric") or {}
    name = metric.get("name")
    if not name:
        return None
    sign = "-" if metric.get("goal") == "maximize" else "+"
    key = f"summary_metrics.{name}"
    has_value = {key: {"$exists": True, "$ne": None}}
    numbers = find_runs(store, has_value, order=f"{sign}{key}", sweep=record.id, limit=1)
    for run in found_runs(store, numbers):
        value = value_of(run.summary, str(name))
        if value is not None:
            return Best(run.number, value, config_text(run.config))
    return None


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
