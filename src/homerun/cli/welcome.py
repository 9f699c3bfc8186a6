"""`homerun` without a command: where everything is, what runs, what to do first."""

import os

import click

from homerun.cli import output, words
from homerun.cli.common import counted, has_database, location, open_home
from homerun.cli.listing import done
from homerun.core import ALIVE, RunState, SweepState
from homerun.store import Store, find_home, run_lines, sweep_counts

_RUNNING = 5  # runs that are named
_FIRST = (
    ("homerun sweep sweep.yaml", "make a sweep: says how many runs it has, and its id"),
    ("homerun run sweep.yaml", "make a sweep and run it to the end"),
    ("homerun run -- python train.py", "run any command as one run"),
)
_NEXT = (
    ("homerun ls", "sweeps, and the latest runs"),
    ("homerun ls SWEEP", "the runs of a sweep, best first"),
    ("homerun show RUN", "everything about a run"),
    ("homerun df SWEEP -o runs.csv", "all runs as a table"),
)


def welcome() -> None:
    """Print where the home is, what is running and what can be done."""
    home = find_home()
    why = "named by HOMERUN_HOME" if os.environ.get("HOMERUN_HOME") else "the nearest .homerun/"
    if home.name == ".homerun" and home.parent == home.home() and "HOMERUN" not in why:
        why = "the default"
    click.echo(f"home     {home} ({why})")
    if has_database(home):
        with open_home() as store:
            _print_state(store)
    else:
        click.echo("         nothing is kept there yet; homerun init makes a home in this folder")
        _print_steps(_FIRST)
    click.echo("\nhomerun --help lists all commands, homerun COMMAND --help explains one")


def _print_state(store: Store) -> None:
    counts = sweep_counts(store)
    sweeps = {sweep.id: sweep for sweep in store.sweeps()}
    total = sum(store.counts().values())
    click.echo(f"kept     {counted(len(sweeps), 'sweep')}, {counted(total, 'run')}")
    running = run_lines(store, states=ALIVE)
    for index, line in enumerate(running[:_RUNNING]):
        sweep = sweeps.get(line.sweep or "")
        where = location(line.project, sweep.name if sweep else "", line.name)
        text = f"{line.number} {where}, {line.state}, started {words.ago(line.started_at)}"
        click.echo(output.plain(f"{'running' if index == 0 else '':9}{text}"))
    if len(running) > _RUNNING:
        click.echo(f"         and {len(running) - _RUNNING} more")
    for sweep_id, states in counts.items():
        sweep = sweeps[sweep_id]
        left = states.get(RunState.PENDING, 0)
        is_open = sweep.planned is not None and done(states) < sweep.planned
        if sweep.state == SweepState.RUNNING and (left or is_open):
            planned = sweep.planned if sweep.planned is not None else "?"
            text = f"{location(sweep.project, sweep.name)}: {done(states)} of {planned} done"
            click.echo(output.plain(f"open     {text}; homerun agent {sweep_id}"))
    _print_steps(_NEXT if total else _FIRST)


def _print_steps(steps: tuple[tuple[str, str], ...]) -> None:
    click.echo()
    for command, text in steps:
        click.echo(f"{command:32}{text}")
