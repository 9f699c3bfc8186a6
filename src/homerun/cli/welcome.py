"""`homerun` without a command: where everything is, what runs, what to do next."""

import os
import time
from pathlib import Path

import click

from homerun.cli import output, words
from homerun.cli.common import has_database, location, open_home
from homerun.cli.gpu_lines import gpu_lines
from homerun.cli.listing import states_text
from homerun.cli.spark import bar, sparkline
from homerun.cli.table import result_text
from homerun.core import BAD, RunState, SweepRecord, counted
from homerun.store import (
    RunLine,
    Snapshot,
    Store,
    SweepProgress,
    WatchedRun,
    eta_s,
    find_home,
    run_lines,
    watch,
)

_LABEL = 9  # characters
_RECENT = 30  # runs with the highest numbers, of which the last to end is named
_SHOWN = 5  # runs, and sweeps, that are named
_BAR, _CURVE = 12, 8  # characters
_FIRST = {
    "homerun sweep sweep.yaml": "make a sweep: says its id, and how many runs",
    "homerun run sweep.yaml": "make a sweep and run it to the end",
    "homerun run -- python train.py": "run any command as one run",
}


def welcome() -> None:
    """Print where the home is, what is running and what can be done."""
    home = find_home()
    why = "named by HOMERUN_HOME" if os.environ.get("HOMERUN_HOME") else "the nearest .homerun/"
    if home.name == ".homerun" and home.parent == home.home() and "HOMERUN" not in why:
        why = "the default"
    click.echo(_labelled("home", f"{home} ({why})"))
    if has_database(home):
        with open_home() as store:
            _print_state(store)
    else:
        click.echo(_labelled("", "nothing is kept there yet; homerun init makes a home here"))
        _print_steps(_FIRST)
    click.echo("\nhomerun --help lists all commands, homerun COMMAND --help explains one")


def _print_state(store: Store) -> None:
    sweeps = {sweep.id: sweep for sweep in store.sweeps()}
    here = _here(list(sweeps.values()))
    seen = watch(store)
    total = store.counts()
    lines = [
        ("here", here),
        ("kept", f"{counted(len(sweeps), 'sweep')}, {counted(sum(total.values()), 'run')}"),
        ("", states_text(total)),
        *_titled("open", [_open_text(one, seen) for one in seen.sweeps if one.is_open]),
        *_titled("running", [_run_text(run, seen) for run in seen.alive]),
    ]
    for label, text in lines:
        if text:
            click.echo(_line(label, text))
    for text in gpu_lines(store):
        click.echo(text)
    for state, states in (("finished", (RunState.FINISHED,)), ("failed", BAD)):
        found = run_lines(store, states=states, limit=_RECENT)
        if found:
            last = max(found, key=lambda run: run.ended_at or 0)
            click.echo(_line(state, _last_text(last, sweeps.get(last.sweep or ""))))
    _print_steps(_steps(seen, list(sweeps.values())) if total else _FIRST)


def _here(sweeps: list[SweepRecord]) -> str:
    """Return what of the home this folder is about: the sweep whose file lies here."""
    folder = Path.cwd()
    for sweep in reversed(sweeps):
        source = Path(sweep.source)
        if source.is_absolute() and source.parent == folder and source.exists():
            return f"{location(sweep.project, sweep.name)} ({sweep.id}), made from {source.name}"
    file = folder / "sweep.yaml"
    return "sweep.yaml, of which no sweep was made yet" if file.exists() else ""


def _titled(label: str, texts: list[str]) -> list[tuple[str, str]]:
    more = [("", f"and {len(texts) - _SHOWN} more")] if len(texts) > _SHOWN else []
    return [(label if i == 0 else "", text) for i, text in enumerate(texts[:_SHOWN])] + more


def _open_text(progress: SweepProgress, seen: Snapshot) -> str:
    record = progress.record
    far = f"{progress.done:,} done"
    drawn = ""
    if record.planned:
        far = f"{progress.done:,} of {record.planned:,} done"
        drawn = f"{bar(progress.done / record.planned, _BAR)} "
    eta = eta_s([progress], seen.alive, time.time())
    left = f", ETA {words.duration(eta)}" if eta else ""
    return f"{drawn}{record.id} {location(record.project, record.name)}: {far}{left}"


def _run_text(run: WatchedRun, seen: Snapshot) -> str:
    sweep = seen.named.get(run.sweep or "")
    where = location(run.project, sweep.name if sweep else "", run.name)
    parts = [f"{run.number} {where}"]
    if run.state != RunState.RUNNING:
        parts.append(run.state)
    if run.started_at is not None:
        parts.append(words.duration(time.time() - run.started_at))
    if run.curve is not None:
        drawn = sparkline(run.curve.points, _CURVE)
        parts.append(f"{run.curve.key} {words.cell(run.curve.last)} {drawn}".rstrip())
    return ", ".join(parts)


def _last_text(run: RunLine, sweep: SweepRecord | None) -> str:
    where = location(run.project, sweep.name if sweep else "", run.name)
    metric = sweep.metric if sweep else None
    parts = [
        f"{run.number} {where}",
        words.ago(run.ended_at),
        run.reason or result_text(run, metric),
    ]
    return ", ".join(filter(None, parts))


def _steps(seen: Snapshot, sweeps: list[SweepRecord]) -> dict[str, str]:
    """Return what is worth doing now, and why, by command."""
    steps = {}
    if seen.alive:
        steps["homerun top"] = "watch what runs"
    waiting = [one.record for one in seen.sweeps if one.is_open]
    if waiting and not seen.agents:
        steps[f"homerun agent {waiting[0].id}"] = "run what is left of it"
    if seen.failures:
        steps[f"homerun logs {seen.failures[0].number}"] = "what the last one that failed said"
    if sweeps:
        steps[f"homerun ls {sweeps[-1].id}"] = "the runs of the latest sweep, best first"
        steps[f"homerun show {sweeps[-1].id}"] = "how far it is, and what to do with it"
    else:
        steps["homerun ls"] = "the latest runs"
    return steps


def _line(label: str, text: str) -> str:
    """Return a line that a terminal does not wrap."""
    text = output.plain(text)
    room = output.width() - _LABEL
    return _labelled(label, output.fitted(text, room) if output.cells(text) > room > 1 else text)


def _labelled(label: str, text: str) -> str:
    style = output.STATE_STYLES.get(label, "dim")
    return f"{output.styled(f'{label:{_LABEL - 1}}', style)} {text}"


def _print_steps(steps: dict[str, str]) -> None:
    click.echo()
    for command, text in steps.items():
        click.echo(f"{command:32}{text}".rstrip())
