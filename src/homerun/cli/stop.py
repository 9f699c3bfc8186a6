"""`homerun kill` and `homerun rm`: ending runs, and forgetting them."""

import os
import shutil
import time
from collections.abc import Iterable, Sequence

import click

from homerun.agent import kill
from homerun.cli import output, words
from homerun.cli.common import (
    argument,
    counted,
    find,
    folder_size,
    location,
    open_home,
    yes_option,
)
from homerun.core import ALIVE, End, Run, RunState, SweepRecord, SweepState, UsageError
from homerun.store import Store

_GRACE_S = 10.0
_SHOWN = 10  # of what is to be removed


@click.command("kill")
@argument("refs", "run", "sweep", metavar="RUN|SWEEP...", nargs=-1, required=True)
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(min=0),
    default=_GRACE_S,
    show_default=True,
    metavar="SECONDS",
    help="Between SIGTERM, on which programs save their work, and SIGKILL.",
)
def kill_command(*, refs: Sequence[str], grace_s: float) -> None:
    """Stop runs with all their processes; of a sweep all runs, and it starts no more.

    Runs that wait in the queue will not start. What was recorded is kept.

    \b
    homerun kill 12 13
    homerun kill x3k9a2bc --grace 60
    """
    with open_home() as store:
        runs: dict[str, Run] = {}
        for noun in [find(store, ref) for ref in refs]:
            if isinstance(noun, SweepRecord):
                store.set_sweep(noun.id, SweepState.CANCELED, "canceled by the user")
                wanted = store.runs(sweep=noun.id, states=[RunState.PENDING, *ALIVE])
                runs.update({run.id: run for run in wanted})
            elif noun.is_ended:
                output.say(f"run {noun.number} has ended already: it is {noun.state}")
            else:
                runs[noun.id] = noun
        ends = kill(store, *runs.values(), grace_s=grace_s)
        output.say(f"{counted(len(ends), 'run')} killed")
        left = [run for run in runs.values() if not store.run(run.id).is_ended]
    if left:
        numbers = ", ".join(str(run.number) for run in left)
        output.say(f"still there: {numbers}; see homerun show {left[0].number}")
        raise click.exceptions.Exit(1)


@click.command("rm")
@argument("refs", "run", "sweep", metavar="RUN|SWEEP...", nargs=-1, required=True)
@yes_option
def rm_command(*, refs: Sequence[str], yes: bool) -> None:
    """Remove runs, and sweeps with all their runs: records, points, output and files.

    What is going to be removed is shown first. A run that is running is never removed.

    \b
    homerun rm 12
    homerun rm x3k9a2bc -y
    """
    with open_home() as store:
        nouns = {noun.id: noun for noun in (find(store, ref) for ref in refs)}
        sweeps = [noun for noun in nouns.values() if isinstance(noun, SweepRecord)]
        runs = {noun.id: noun for noun in nouns.values() if isinstance(noun, Run)}
        for sweep in sweeps:
            runs.update({run.id: run for run in store.runs(sweep=sweep.id)})
        _refuse_running(runs.values())
        if not yes:
            _ask(store, sweeps, list(runs.values()))
        for sweep in sweeps:
            store.set_sweep(sweep.id, SweepState.CANCELED, "being removed")
        end = End(state=RunState.KILLED, reason="being removed", ended_at=time.time())
        store.withdraw(dict.fromkeys(runs, end))  # no agent takes them from now on
        _refuse_running(store.run(run_id) for run_id in runs)
        store.delete(list(runs))
        for sweep in sweeps:
            store.delete_sweep(sweep.id)
        for run_id in runs:
            shutil.rmtree(store.folder(run_id).path, ignore_errors=True)
    gone = [counted(len(sweeps), "sweep")] if sweeps else []
    output.say(f"removed {' and '.join([*gone, counted(len(runs), 'run')])}")


def _refuse_running(runs: Iterable[Run]) -> None:
    alive = [run for run in runs if run.state in ALIVE]
    if alive:
        numbers = " ".join(str(run.number) for run in alive[:_SHOWN])
        raise UsageError(
            f"run {alive[0].number} is {alive[0].state}, so nothing was removed; "
            f"first: homerun kill {numbers}"
        )


def _ask(store: Store, sweeps: list[SweepRecord], runs: list[Run]) -> None:
    for sweep in sweeps:
        output.say(output.plain(f"sweep {sweep.id}  {location(sweep.project, sweep.name)}"))
    for run in runs[:_SHOWN]:
        where = location(run.project, run.name)
        output.say(output.plain(f"run {run.number}  {run.state}  {where}"))
    if len(runs) > _SHOWN:
        output.say(f"and {counted(len(runs) - _SHOWN, 'more run')}")
    size = sum(folder_size(store.folder(run.id).path) for run in runs)
    if not os.isatty(0):
        raise UsageError("nobody can be asked here, so nothing was removed; add -y to remove it")
    click.confirm(f"Remove this, {words.size(size)} of files included?", abort=True, err=True)
