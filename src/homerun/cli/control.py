"""`homerun kill`, `pause`, `resume`, `retry` and `move`: what becomes of runs."""

from collections.abc import Iterable, Sequence
from typing import Any

import click

from homerun.agent import kill, pause, resume
from homerun.cli import output
from homerun.cli.choose import choose, has_filter, numbers_of, tell_chosen
from homerun.cli.common import argument, find, is_served, json_option, open_home, yes_option
from homerun.core import (
    ALIVE,
    BAD,
    ENDED,
    NotFoundError,
    Run,
    RunState,
    SweepRecord,
    SweepState,
    UsageError,
    counted,
)
from homerun.store import (
    PAUSED,
    Store,
    move,
    next_attempt,
    priority_beyond,
    retry,
    set_priority,
    why_no_retry,
)

_GRACE_S = 10.0
_FEW = 10  # runs that are listed in a command
_refs = argument("refs", "run", "sweep", metavar="RUN|SWEEP...", nargs=-1, required=True)
_running = click.option("--running", is_flag=True, help="Of a sweep also the runs that run.")


@click.command("kill")
@_refs
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(min=0),
    default=_GRACE_S,
    show_default=True,
    metavar="SECONDS",
    help="Between SIGTERM, on which programs save their work, and SIGKILL.",
)
@yes_option
@json_option
def kill_command(*, refs: Sequence[str], grace_s: float, yes: bool, is_json: bool) -> None:
    """Stop runs with all their processes; of a sweep all runs, and it starts no more.

    Runs that wait in the queue will not start. What was recorded is kept. A RUN may also be
    numbers such as 3-7, or a filter. The exit code is 1 when some could not be killed.

    \b
    homerun kill 12 13
    homerun kill x3k9a2bc --grace 60
    homerun kill state=running,model=convnet
    """
    with open_home(is_looking=False) as store:
        found, sweeps = _chosen(store, refs, suits=lambda run: not run.is_ended, can="be killed")
        runs = {run.id: run for run in found if not run.is_ended}
        for run in found:
            if run.is_ended:
                output.say(f"run {run.number} has ended already: it is {run.state}")
        if has_filter(refs):
            tell_chosen(list(runs.values()), question="" if yes else "Kill them?")
        for sweep in sweeps:
            store.set_sweep(sweep.id, SweepState.CANCELED, "canceled by the user")
            wanted = store.runs(sweep=sweep.id, states=[RunState.PENDING, *ALIVE])
            runs.update({run.id: run for run in wanted})
        ends = kill(store, *runs.values(), grace_s=grace_s)
        output.say(f"{counted(len(ends), 'run')} killed")
        _report(store, runs, sweeps, is_json=is_json)
        left = [run for run in map(store.run, runs) if not run.is_ended]
    if left:
        output.say(f"still there: {numbers_of(left)}; see homerun show {left[0].number}")
        raise click.exceptions.Exit(1)


@click.command("pause")
@_refs
@_running
@json_option
def pause_command(*, refs: Sequence[str], running: bool, is_json: bool) -> None:
    """Have runs stand still, and let queued runs or sweeps wait.

    A run that runs is stopped with all its processes (SIGSTOP) and keeps its slot, its GPUs and
    their memory; no time limit goes on. Of a SWEEP agents take no more runs, and those that run go
    on. A RUN may also be numbers such as 3-7, or a filter.

    \b
    homerun pause 12
    homerun pause x3k9a2bc --running
    homerun pause state=pending,model=convnet
    """
    with open_home(is_looking=False) as store:
        runs, sweeps = _chosen(store, refs, suits=lambda run: not run.is_ended, can="be paused")
        _refuse(runs, ENDED, "paused")
        for sweep in sweeps:
            if sweep.state not in {SweepState.RUNNING, SweepState.PAUSED}:
                raise UsageError(f"sweep {sweep.id} is {sweep.state}, so it cannot be paused")
        if has_filter(refs):
            tell_chosen(runs)
        for sweep in sweeps:
            store.set_sweep(sweep.id, SweepState.PAUSED, PAUSED)
            active = store.runs(sweep=sweep.id, states=[RunState.RUNNING])
            goes_on = f"; {counted(len(active), 'run')} still running" if active else ""
            output.say(f"sweep {sweep.id} is paused{'' if running else goes_on}")
            runs += active if running else []
        done = pause(store, *runs)
        held = [run for run in done if run.is_waiting]
        stopped = [run for run in done if not run.is_waiting]
        if held:
            output.say(f"held in the queue: {numbers_of(held)}")
        if stopped:
            keeps = "it keeps its slot" if len(stopped) == 1 else "they keep their slots"
            output.say(f"paused: {numbers_of(stopped)}; {keeps}, GPUs and memory")
        if done:
            which = numbers_of(done) if len(done) <= _FEW else "state=paused"
            output.say(f"to go on: homerun resume {which}")
        _report(store, [run.id for run in runs], sweeps, is_json=is_json)
    _complain_of(runs, done, "paused")


@click.command("resume")
@_refs
@_running
@json_option
def resume_command(*, refs: Sequence[str], running: bool, is_json: bool) -> None:
    """Let what was paused go on, whoever stopped it.

    Of a SWEEP, also one that was stopped or canceled, agents take runs again; with --running its
    paused runs go on, too. A RUN may also be numbers such as 3-7, or a filter.

    \b
    homerun resume 12
    homerun resume state=paused
    """
    with open_home(is_looking=False) as store:
        runs, sweeps = _chosen(
            store, refs, suits=lambda run: run.state == RunState.PAUSED, can="be resumed"
        )
        _refuse(runs, frozenset(RunState) - {RunState.PAUSED}, "resumed")
        for sweep in sweeps:
            if sweep.state == SweepState.RUNNING and not running:
                raise UsageError(f"sweep {sweep.id} is {sweep.state}, so it cannot be resumed")
        if has_filter(refs):
            tell_chosen(runs)
        for sweep in sweeps:
            paused = store.runs(sweep=sweep.id, states=[RunState.PAUSED])
            runs += paused if running else []
            if sweep.state != SweepState.RUNNING:
                store.set_sweep(sweep.id, SweepState.RUNNING)
                verb = "watch" if is_served(store, sweep.id) else "agent"
                output.say(f"sweep {sweep.id} is running; next: homerun {verb} {sweep.id}")
            if paused and not running:
                output.say(
                    f"still paused: {numbers_of(paused)}; homerun resume {sweep.id} --running"
                )
        done = resume(store, *runs)
        if done:
            output.say(f"resumed: {numbers_of(done)}")
        _report(store, [run.id for run in runs], sweeps, is_json=is_json)
    _complain_of(runs, done, "resumed")


@click.command("retry")
@argument("refs", "run", "sweep", metavar="[RUN|SWEEP]...", nargs=-1)
@click.option("--failed", is_flag=True, help="All that failed or crashed: of a SWEEP, of the home.")
@click.option("--force", is_flag=True, help="Also runs that finished.")
@yes_option
@json_option
def retry_command(
    *, refs: Sequence[str], failed: bool, force: bool, yes: bool, is_json: bool
) -> None:
    """Run again what failed: each run gets a new one in the queue, with the same configuration.

    A failure that was tried again already is left out; given by name, its last attempt counts.
    A RUN may also be numbers such as 3-7, or a filter.

    \b
    homerun retry 12
    homerun retry x3k9a2bc --failed
    homerun retry --failed
    homerun retry state=killed,model=convnet
    """
    with open_home(is_looking=False) as store:
        runs = _to_retry(store, refs, failed=failed, force=force)
        if failed or has_filter(refs):
            tell_chosen(runs, question="" if yes else "Run them again?")
        attempts = list(map(store.run, retry(store, runs)))
        output.say(f"queued again: {counted(len(attempts), 'run')}, {numbers_of(attempts)}")
        sweeps = [store.sweep(ref) for ref in dict.fromkeys(run.sweep or "" for run in runs) if ref]
        for sweep in sweeps:
            if sweep.state == SweepState.PAUSED:
                output.say(f"sweep {sweep.id} is paused; first: homerun resume {sweep.id}")
            verb = "watch" if is_served(store, sweep.id) else "agent"
            output.say(f"next: homerun {verb} {sweep.id}")
        if any(run.sweep is None for run in runs):
            output.say(f"next: homerun {'watch' if is_served(store) else 'agent'}")
        if is_json:
            documents = [
                {**_document(attempt), "retry_of": run.number}
                for run, attempt in zip(runs, attempts, strict=True)
            ]
            output.print_json({"runs": documents, "sweeps": list(map(_sweep_document, sweeps))})


@click.command("move")
@_refs
@click.option("--first", is_flag=True, help="Before all else that waits.")
@click.option("--last", is_flag=True, help="Behind all else that waits.")
@click.option("--before", metavar="RUN", help="Right before this one.")
@click.option("--priority", type=int, metavar="N", help="Higher ones start first; default: 0.")
@json_option
def move_command(
    *,
    refs: Sequence[str],
    first: bool,
    last: bool,
    before: str | None,
    priority: int | None,
    is_json: bool,
) -> None:
    """Change the order in which queued runs start.

    Runs keep the order in which they are given. A SWEEP moves with all its runs that wait and
    will come. A RUN may also be numbers such as 3-7, or a filter.

    \b
    homerun move 12 9 --first
    homerun move model=convnet --before 30
    homerun move x3k9a2bc --priority 5
    """
    if [first, last, before is not None, priority is not None].count(True) != 1:
        raise UsageError("give one of --first, --last, --before RUN and --priority N")
    with open_home(is_looking=False) as store:
        runs, sweeps = _chosen(store, refs, suits=lambda run: run.is_waiting, can="be moved")
        for run in runs:
            _refuse_started(run)
        if sweeps and before is not None:
            raise UsageError("a sweep is moved with --first, --last or --priority N")
        if has_filter(refs):
            tell_chosen(runs)
        for sweep in sweeps:
            beyond = priority_beyond(store, sweep.id, is_last=last)
            set_priority(store, beyond if priority is None else priority, sweep=sweep.id)
        run_ids = [run.id for run in runs]
        if priority is not None:
            set_priority(store, priority, runs=run_ids)
        elif runs:
            other = _waiting_run(store, before, run_ids) if before is not None else ""
            move(store, run_ids, before=other, is_last=last)
        moved = [counted(len(runs), "run")] if runs else []
        moved += [counted(len(sweeps), "sweep")] if sweeps else []
        output.say(f"moved {' and '.join(moved)}")
        _report(store, run_ids, sweeps, is_json=is_json)


def _chosen(
    store: Store, refs: Iterable[str], **options: Any
) -> tuple[list[Run], list[SweepRecord]]:
    nouns = choose(store, refs, **options)
    runs = [noun for noun in nouns if isinstance(noun, Run)]
    return runs, [noun for noun in nouns if isinstance(noun, SweepRecord)]


def _refuse(runs: Iterable[Run], states: frozenset[RunState], what: str) -> None:
    for run in runs:
        if run.state in states:
            raise UsageError(f"run {run.number} is {run.state}, so it cannot be {what}")


def _complain_of(runs: Sequence[Run], done: Sequence[Run], what: str) -> None:
    """End with exit code 1 if something did not become what it was to be."""
    left = [run for run in runs if run.id not in {one.id for one in done}]
    if left:
        output.say(f"not {what}: {numbers_of(left)}; see homerun show {left[0].number}")
        raise click.exceptions.Exit(1)


def _to_retry(store: Store, refs: Sequence[str], *, failed: bool, force: bool) -> list[Run]:
    """Return the runs that are to be tried again, each the last attempt so far."""
    if not refs and not failed:
        raise UsageError("say which runs: homerun retry RUN..., or homerun retry --failed")
    allowed = ENDED if force else ENDED - {RunState.FINISHED}

    def suits(run: Run) -> bool:
        return run.state in allowed and _is_left(store, run) and not why_no_retry(store, run)

    named, sweeps = _chosen(store, refs, suits=suits, can="be tried again, or all of them were")
    if sweeps and not failed:
        raise UsageError(f"say which runs of the sweep: homerun retry {sweeps[0].id} --failed")
    runs = {run.id: run for run in (_last_attempt(store, run) for run in named)}
    _refuse(runs.values(), frozenset(RunState) - ENDED, "tried again")
    for run in runs.values():
        if run.state not in allowed:
            raise UsageError(f"run {run.number} finished; to run it again: add --force")
        if why := why_no_retry(store, run):
            raise UsageError(why)
    if failed:
        for sweep in [sweep.id for sweep in sweeps] if refs else [None]:
            runs.update({run.id: run for run in _failed(store, sweep)})
    if not runs:
        where = f"sweep {sweeps[0].id}" if sweeps else "this home"
        raise NotFoundError(f"nothing in {where} failed that was not tried again already")
    return list(runs.values())


def _failed(store: Store, sweep: str | None) -> list[Run]:
    """Return what failed or crashed, in a sweep or the home, and was not tried again."""
    left = [run for run in store.runs(sweep=sweep, states=BAD) if _is_left(store, run)]
    unfit = {run.id: why for run in left if (why := why_no_retry(store, run))}
    if unfit:
        numbers = numbers_of([run for run in left if run.id in unfit])
        output.say(f"left out: {numbers}; {next(iter(unfit.values()))}")
    return [run for run in left if run.id not in unfit]


def _is_left(store: Store, run: Run) -> bool:
    return next_attempt(store, run.id) is None


def _last_attempt(store: Store, run: Run) -> Run:
    while attempt := next_attempt(store, run.id):
        run = store.run(attempt)
    return run


def _refuse_started(run: Run) -> None:
    if not run.is_waiting:
        raise UsageError(f"run {run.number} is {run.state}; only runs that wait can be moved")


def _waiting_run(store: Store, ref: str, moved: Iterable[str]) -> str:
    other = find(store, ref)
    if not isinstance(other, Run) or other.id in moved:
        raise UsageError(f"--before {ref}: name one run that is not moved itself")
    _refuse_started(other)
    return other.id


def _report(
    store: Store, run_ids: Iterable[str], sweeps: Iterable[SweepRecord], *, is_json: bool
) -> None:
    """Print what runs and sweeps are now."""
    if is_json:
        runs = [_document(run) for run in map(store.run, run_ids)]
        now = [_sweep_document(store.sweep(sweep.id)) for sweep in sweeps]
        output.print_json({"runs": runs, "sweeps": now})


def _document(run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "id": run.id,
        "state": run.state,
        "reason": run.reason,
        "priority": run.priority,
    }


def _sweep_document(sweep: SweepRecord) -> dict[str, Any]:
    return {"id": sweep.id, "state": sweep.state, "reason": sweep.reason}
