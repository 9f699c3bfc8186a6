"""`homerun rm`: forgetting runs and sweeps."""

import os
import shutil
import time
from collections.abc import Iterable, Sequence

import click

from homerun.cli import output, words
from homerun.cli.choose import choose
from homerun.cli.common import argument, folder_size, json_option, location, open_home, yes_option
from homerun.core import ALIVE, End, Run, RunState, SweepRecord, SweepState, UsageError, counted
from homerun.store import Store, held_up, reusing

_SHOWN = 10  # of what is to be removed


@click.command("rm")
@argument("refs", "run", "sweep", metavar="RUN|SWEEP...", nargs=-1, required=True)
@yes_option
@json_option
def rm_command(*, refs: Sequence[str], yes: bool, is_json: bool) -> None:
    """Remove runs, and sweeps with all their runs: records, points, output and files.

    What is going to be removed is shown first. A run that is running is never removed. A RUN may
    also be numbers such as 3-7, or a filter.

    \b
    homerun rm 12
    homerun rm x3k9a2bc -y
    homerun rm state=crashed,tag=draft
    """
    with open_home(is_looking=False) as store:
        chosen = choose(store, refs, suits=lambda run: not _is_active(run), can="be removed")
        nouns = {noun.id: noun for noun in chosen}
        sweeps = [noun for noun in nouns.values() if isinstance(noun, SweepRecord)]
        runs = {noun.id: noun for noun in nouns.values() if isinstance(noun, Run)}
        for sweep in sweeps:
            runs.update({run.id: run for run in store.runs(sweep=sweep.id)})
        _refuse_running(runs.values())
        _refuse_awaited(store, runs.values())
        for sweep_id, count in reusing(store, runs).items():
            if sweep_id not in nouns:
                output.say(f"{counted(count, 'run')} of these count in sweep {sweep_id}, too")
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
    if is_json:
        removed = [{"number": run.number, "id": run.id} for run in runs.values()]
        output.print_json({"runs": removed, "sweeps": [{"id": sweep.id} for sweep in sweeps]})
    gone = [counted(len(sweeps), "sweep")] if sweeps else []
    output.say(f"removed {' and '.join([*gone, counted(len(runs), 'run')])}")


def _is_active(run: Run) -> bool:
    return run.state in ALIVE and not run.is_waiting


def _refuse_running(runs: Iterable[Run]) -> None:
    alive = [run for run in runs if _is_active(run)]
    if alive:
        numbers = " ".join(str(run.number) for run in alive[:_SHOWN])
        raise UsageError(
            f"run {alive[0].number} is {alive[0].state}, so nothing was removed; "
            f"first: homerun kill {numbers}"
        )


def _refuse_awaited(store: Store, runs: Iterable[Run]) -> None:
    """Refuse to remove a run that another one waits for, for that would start at once."""
    numbers = {run.number for run in runs}
    for number, other, _ in held_up(store):
        if other in numbers and number not in numbers:
            raise UsageError(
                f"run {number} waits for run {other}, so nothing was removed; "
                f"first: homerun rm {number}"
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
