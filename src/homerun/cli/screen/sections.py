"""What the sections of the screen say: GPUs, running runs, the queue, failures."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len, chop_cells

from homerun.cli import output, words
from homerun.cli.canvas import Series, plot
from homerun.cli.common import location, one_line
from homerun.cli.progress import varying_parameters
from homerun.cli.screen.columns import GAP, WIDE, Column, Section, table_rows
from homerun.cli.screen.gpus import gpu_section
from homerun.cli.screen.text import Line, Span, between, cut, fit, line
from homerun.cli.screen.view import View
from homerun.cli.spark import bar, sparkline
from homerun.core import Run, RunState, SweepRecord, SweepState, counted, flat, friendly_name
from homerun.store import WatchedRun, hostname

_PLACE = 20  # cells of the name of a sweep
_BAR = 40  # cells of the bar of progress
_CURVE, _WIDE_CURVE = 12, 40  # cells of the course of a metric
_LEAST_PLOT = 4  # lines of a plot with its axes
_LEAST_PATH = 8  # cells of the path of the home that still say something


def header(view: View, width: int) -> list[Line]:
    """Return the lines at the top: where this is, how far it is, when it will be done."""
    sweeps = view.snapshot.sweeps
    about = f"{len(sweeps)} sweeps" if len(sweeps) > 1 else ""
    if view.sweep is not None:
        about = output.plain(location(view.sweep.project, view.sweep.name))
    clock = time.strftime("%H:%M", time.localtime(view.now))
    right = line(Span(f"{hostname()}  {clock} ", "dim"))
    left = line(Span(" homerun", "bold"), Span(about and f"  {about}"))
    room = width - cell_len(left.text) - cell_len(right.text) - 2 * len(GAP)
    path = _short(view.home)
    if len(path) > room:
        path = f"…{path[-room + 1 :]}" if room > _LEAST_PATH else ""
    where = Span(f"  {output.plain(path)}", "dim")
    first = between(line(*left.spans, where), right, width)
    progress = _progress(view, width)
    return [first, cut(progress, width)] if progress.text.strip() else [first]


def sections(view: View, width: int) -> list[Section]:
    """Return the sections that have something to say, from top to bottom."""
    return [
        *([gpu_section(view, width)] if view.gpus else []),
        *([_sweeps(view, width)] if len(view.snapshot.sweeps) > 1 else []),
        _running(view, width),
        *([_queue(view, width)] if view.snapshot.queue else []),
        *([_failed(view, width)] if view.snapshot.failures else []),
    ]


def label(run: Run | WatchedRun, sweeps: Mapping[str, SweepRecord]) -> str:
    """Return what sets a run apart: what varies in its sweep, its name, script or command."""
    record = sweeps.get(run.sweep or "")
    if record is not None:
        config = flat(dict(run.config))
        keys = varying_parameters(record.spec.get("parameters") or {})
        text = words.settings({key: config[key] for key in keys if key in config})
        if text:
            return text
    if run.source:
        return Path(run.source).name
    is_named = run.name not in {friendly_name(run.id), friendly_name(run.id, run.number)}
    return run.name if is_named or not run.argv else one_line(run.argv)


def detail(run: WatchedRun, view: View, last: Sequence[str], *, width: int, height: int) -> Section:
    """Return a run in so many rows: its whole label, the course of its metric, its last words."""
    sweeps = view.snapshot.named
    record = sweeps.get(run.sweep or "")
    where = location(run.project, record.name if record else "", run.name)
    about = Span(f"  {output.plain(where)}", "dim")
    texts = [label(run, sweeps), *([run.reason] if run.reason else [])]
    rows = [
        line(Span(f"  {fit(part, width - 2)}"))
        for text in texts
        for part in chop_cells(output.plain(text), width - 3)[:2]
    ][: max(0, height - _LEAST_PLOT) // 2]
    room = height - len(rows)
    drawn: list[str] = []
    half = 0
    if view.course is not None and view.course_of == run.id and view.course.points:
        steps, values = zip(*view.course.points, strict=True)
        half = width // 2
        drawn = plot([Series(x=steps, y=values)], half - 2, room)
        about = Span(f"  {output.plain(view.course.key)}{about.text}", "dim")
    for at in range(room):
        curve = fit(f" {drawn[at]}" if at < len(drawn) else "", half)
        said = fit(last[at - room], width - half - 2) if room - at <= len(last) else ""
        rows.append(line(Span(curve, "cyan"), Span(said, "dim")))
    title = line(Span(f" RUN {run.number}", "bold"), about)
    return Section(name="detail", title=title, rows=rows, least=len(rows))


def _progress(view: View, width: int) -> Line:
    """Return how far all that goes on is; the bar takes the room that is left."""
    snapshot = view.snapshot
    done = sum(progress.done for progress in snapshot.sweeps)
    planned = [progress.record.planned for progress in snapshot.sweeps]
    total = None if None in planned else sum(filter(None, planned))
    spans = [Span(f"{done:,}{f' of {total:,}' if total else ''} done")] if planned else []
    if view.eta_s is not None:
        at = time.strftime("%H:%M", time.localtime(view.now + view.eta_s))
        clock = f" ({at})" if width >= WIDE else ""
        spans.append(Span(f"  ETA {words.duration(view.eta_s)}{clock}", "bold"))
    for count, word, style in (
        (snapshot.counts.get(RunState.RUNNING, 0), "running", "bold cyan"),
        (snapshot.counts.get(RunState.PAUSED, 0), "paused", "yellow"),
        (snapshot.counts.get(RunState.PENDING, 0), "queued", ""),
        (_failed_count(view), "failed", "red"),
    ):
        if count:
            spans.append(Span(f"  {count:,} {word}", style))
    room = min(_BAR, width - cell_len(line(*spans).text) - len(GAP) - 2)
    if total and room > 4:
        spans = [Span(bar(done / total, room), "green"), Span(GAP), *spans]
    return line(Span(" "), *spans)


def _sweeps(view: View, width: int) -> Section:
    """Return how far each sweep is, where there are several."""
    several = view.snapshot.sweeps
    records = [progress.record for progress in several]
    bars = [
        Span(bar(progress.done / (progress.record.planned or 1), 12), "green")
        if progress.record.planned
        else Span("")
        for progress in several
    ]
    dones = [
        f"{p.done:,}" if p.record.planned is None else f"{p.done:,} of {p.record.planned:,}"
        for p in several
    ]
    etas = [view.eta_of(progress) for progress in several]
    columns = [
        Column([Span(location(r.project, r.name)) for r in records], is_flexible=True),
        Column([Span("" if r.state == SweepState.RUNNING else r.state, "yellow") for r in records]),
        Column(bars, rank=1),
        Column([Span(f"{done} done") for done in dones], is_right=True),
        Column(
            [Span("" if eta is None else f"ETA {words.duration(eta)}") for eta in etas], least=9
        ),
    ]
    title = line(Span(" SWEEPS", "bold"), Span(f"  {len(several)}", "dim"))
    rows = table_rows(columns, [""] * len(several), width)
    return Section(name="sweeps", title=title, rows=rows, least=2)


def _running(view: View, width: int) -> Section:
    snapshot = view.snapshot
    runs = snapshot.alive
    gpus = {gpu.look.gpu.id: str(gpu.look.gpu.index) for gpu in view.gpus}
    keys = {run.curve.key for run in runs if run.curve}
    values = [_value(run.curve.last) if run.curve else "" for run in runs]
    if len(keys) > 1:
        values = [
            f"{run.curve.key} {value}" if run.curve else ""
            for run, value in zip(runs, values, strict=True)
        ]
    size = _WIDE_CURVE if width >= WIDE else _CURVE
    curves = [sparkline(run.curve.points, size) if run.curve else "" for run in runs]
    is_told = bool(gpus) and width < WIDE  # by the section of the GPUs
    devices = [",".join(gpus.get(name, name[:8]) for name in run.devices) for run in runs]
    columns = [
        Column([Span(str(run.number)) for run in runs], is_right=True),
        Column([_elapsed(run, view.now) for run in runs], is_right=True, least=6),
        Column(
            [Span("" if is_told or not name else f"gpu {name}", "dim") for name in devices],
            rank=3,
            most=12,
        ),
        Column([Span(value, "bold") for value in values], is_right=True, least=8, most=24),
        Column([Span(curve, "cyan") for curve in curves], rank=2, least=_CURVE),
        Column([Span(label(run, snapshot.named)) for run in runs], is_flexible=True),
        _places(runs, snapshot.named),
    ]
    title = line(Span(" RUNNING", "bold"), *_slots(view, keys))
    rows = table_rows(columns, [run.id for run in runs], width)
    return Section(name="running", title=title, rows=rows, least=3, weight=3, most=len(rows))


def _value(value: Any) -> str:
    """Return a value that changes often, with as many digits each time."""
    if isinstance(value, float) and 0.001 <= abs(value) < 1000:
        return f"{value:.4f}"
    return words.cell(value)


def _slots(view: View, keys: Iterable[str]) -> list[Span]:
    """Return how many slots there are, for whom they wait, and which metric is shown."""
    agents = view.helpers
    busy = view.snapshot.counts.get(RunState.RUNNING, 0)
    spans = [Span(f"  {busy}", "dim")]
    if agents:
        slots = sum(agent.slots for agent in agents)
        spans = [Span(f"  {busy} in {counted(slots, 'slot')} of {counted(len(agents), 'agent')}")]
    if view.sweep is not None and view.sweep.state != SweepState.RUNNING:
        reason = view.sweep.reason and f": {view.sweep.reason}"
        style = "" if view.sweep.state == SweepState.FINISHED else "yellow"
        spans.append(Span(f"  the sweep is {view.sweep.state}{output.plain(reason)}", style))
    elif view.waits_for_agent:
        spans.append(Span(f"  {view.waits_for_agent}", "yellow"))
    elif not view.snapshot.alive and not view.snapshot.queue:
        spans.append(Span("  nothing waits either: queue something with homerun sweep or add"))
    names = list(keys)
    if len(names) == 1:
        spans.append(Span(f"  {output.plain(names[0])}"))
    return [Span(span.text, span.style or "dim") for span in spans]


def _elapsed(run: WatchedRun, now: float) -> Span:
    if run.state == RunState.PAUSED:
        return Span("paused", "yellow")
    if run.started_at is None:
        return Span("")
    # Tenths of a second would change with every look, and say nothing.
    seconds = max(0, int(now - run.started_at))
    return Span(f"{seconds}s" if seconds < 10 else words.duration(seconds), "cyan")


def _queue(view: View, width: int) -> Section:
    snapshot = view.snapshot
    runs = snapshot.queue
    columns = [
        Column([Span(str(run.number)) for run in runs], is_right=True),
        Column([Span(label(run, snapshot.named)) for run in runs], is_flexible=True),
        Column([Span(_held(run, snapshot.named), "yellow") for run in runs], rank=1),
        _places(runs, snapshot.named),
    ]
    waits = next((agent.waits_for for agent in snapshot.agents if agent.waits_for), "")
    title = line(
        Span(" QUEUE", "bold"),
        Span(f"  {snapshot.counts.get(RunState.PENDING, 0):,}", "dim"),
        Span(f"  {output.plain(waits)}", "yellow"),
    )
    rows = table_rows(columns, [run.id for run in runs], width)
    return Section(name="queue", title=title, rows=rows, least=2)


def _held(run: WatchedRun, sweeps: Mapping[str, SweepRecord]) -> str:
    """Return what keeps a run in the queue, beside those before it."""
    record = sweeps.get(run.sweep or "")
    if run.state == RunState.PAUSED:
        return "paused"
    if record is not None and record.state != SweepState.RUNNING:
        return f"sweep {record.state}"
    return f"after {' '.join(map(str, run.after))}" if run.after else ""


def _failed(view: View, width: int) -> Section:
    snapshot = view.snapshot
    runs = snapshot.failures
    columns = [
        Column([Span(str(run.number)) for run in runs], is_right=True),
        Column([Span(words.ago(run.ended_at, view.now), "dim") for run in runs], is_right=True),
        *(
            [Column([Span(label(run, snapshot.named), "dim") for run in runs], most=32)]
            if width >= WIDE
            else []
        ),
        Column([_why(run) for run in runs], is_flexible=True),
    ]
    count = max(_failed_count(view), len(runs))
    title = line(Span(" FAILED", "bold"), Span(f"  {count:,}", "dim"))
    rows = table_rows(columns, [run.id for run in runs], width)
    return Section(name="failed", title=title, rows=rows, least=2)


def _failed_count(view: View) -> int:
    counts = view.snapshot.counts
    return counts.get(RunState.FAILED, 0) + counts.get(RunState.CRASHED, 0)


def _why(run: WatchedRun) -> Span:
    """Return why a run failed, and its last words unless the reason has them already."""
    reason, is_again, _ = run.reason.partition("tried again ")
    text = reason.rstrip("; ") or run.state
    if run.last_line and run.last_line not in text:
        text += f": {run.last_line}"
    return Span(f"tried again; {text}", "dim") if is_again else Span(text, "red")


def _places(runs: Sequence[WatchedRun], sweeps: Mapping[str, SweepRecord]) -> Column:
    """Return the column that tells runs of several sweeps apart."""
    if len({run.sweep for run in runs}) < 2:
        return Column([Span("")] * len(runs), rank=1)
    records = [sweeps.get(run.sweep or "") for run in runs]
    names = [
        record.name if record else run.project for run, record in zip(runs, records, strict=True)
    ]
    return Column([Span(name, "dim") for name in names], rank=1, most=_PLACE)


def _short(path: Path) -> str:
    """Return a path with `~` for the home folder of the user."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
