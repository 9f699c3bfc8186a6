"""`homerun agent`, and how any command shows an agent at work and ends as its runs did."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from homerun.agent import (
    Done,
    Outcome,
    Tally,
    Wishes,
    tally_of,
    work_folder,
    work_home,
    work_sweep,
)
from homerun.cli import output
from homerun.cli.accepted import agent_options, say_ignored
from homerun.cli.common import argument, location, open_home
from homerun.cli.listing import states_text
from homerun.cli.options import arguments_of, python_option, settled_option, use_options, wishes_of
from homerun.cli.progress import watching
from homerun.core import AgentRecord, NotFoundError, SweepRecord, UsageError
from homerun.store import Store, agents, parse_identity

LOG_VARIABLE = "HOMERUN_AGENT_LOG"  # where a detached agent writes, told to its process
_START_S = 20.0  # for a detached agent to sign in

count_option = click.option(
    "--count", "limit", type=click.IntRange(min=1), metavar="N", help="Start N runs at most."
)
max_failures_option = click.option(
    "--max-failures",
    "--max-consecutive-failed-runs",
    "max_failures",
    type=click.IntRange(min=0),
    metavar="N",
    help="Pause a sweep after N failures in a row without a success; 0: never.",
)


@click.command("agent")
@argument("ref", "sweep", metavar="[SWEEP]", required=False)
@use_options
@click.option(
    "--cpu-slots",
    type=click.IntRange(min=0),
    metavar="N",
    help="Of the whole queue: runs without GPU at once, beside those on GPUs. Default: 1.",
)
@count_option
@max_failures_option
@settled_option
@python_option
@click.option("--stay", is_flag=True, help="Of the whole queue: wait for more when it is empty.")
@click.option("--detach", is_flag=True, help="Work on in the background, without this terminal.")
@agent_options
def agent_command(
    *,
    ref: str | None,
    limit: int | None,
    max_failures: int | None,
    stay: bool,
    detach: bool,
    entity: str | None,
    project: str | None,
    forward_signals: bool,
    term_timeout: float | None,
    **use: Any,
) -> None:
    """Take runs from a sweep and keep GPUs and slots busy with them until none is left.

    Without SWEEP it takes whatever is queued: commands of homerun add, and the runs of all sweeps.
    Several agents may work at once; no two take the same run or the same GPU. Ctrl-C finishes what
    runs, a second one stops it. The exit code is 0 when all runs finished, 1 when some failed, 130
    when it was interrupted.

    \b
    homerun agent x3k9a2bc --slots 2
    homerun agent x3k9a2bc --gpus 1,2 --gpu-memory learned
    homerun agent --stay --detach
    """
    if stay and ref is not None:
        raise UsageError("--stay waits for more in the whole queue; leave SWEEP out")
    say_ignored(entity=entity, forward_signals=forward_signals, term_timeout=term_timeout)
    wishes = wishes_of(**use)
    with open_home(is_looking=False) if ref is not None else Store() as store:
        record = _sweep_of(store, ref, project) if ref is not None else None
        if wishes.stops_when_settled and record is not None and record.metric is None:
            raise UsageError(
                f"sweep {record.id} has no metric: that could settle; leave --stop-when-settled out"
            )
        argv = ["agent", *([record.id] if record else []), *arguments_of(wishes)]
        argv += ["--stay"] if stay else []
        argv += [f"--count={limit}"] if limit is not None else []
        argv += [f"--max-failures={max_failures}"] if max_failures is not None else []
        if detach:
            say_detached(start_detached(store, argv, cwd=Path.cwd()))
            return
        serve(
            store,
            record,
            wishes,
            argv=argv,
            is_staying=stay,
            limit=limit,
            max_failures=max_failures,
        )


def _sweep_of(store: Store, ref: str, project: str | None) -> SweepRecord:
    """Return the sweep that `[[entity/]project/]id` means; raise NotFoundError when none is it."""
    found = store.sweep(ref)
    named = ref.split("/")[-2] if "/" in ref else project
    if named and found.project != named:
        raise NotFoundError(
            f"sweep {found.id} is in project {found.project!r}, not in {named!r}; homerun ls"
        )
    return found


def serve(
    store: Store,
    record: SweepRecord | None,
    wishes: Wishes,
    *,
    argv: Sequence[str] = (),
    is_staying: bool = False,
    limit: int | None = None,
    max_failures: int | None = None,
) -> None:
    """Be an agent of a sweep, or of the whole home; end with the fitting exit code."""
    options = {"count": limit, "max_failures": max_failures, **_known_by(argv)}
    if record is None:
        output.say(f"the queue of {store.home}")
        work = partial(work_home, store, wishes=wishes, is_staying=is_staying, **options)
        conclude(*_show(work, Tally()), next_="homerun ls", again="homerun agent")
        return
    output.say(output.plain(f"{location(record.project, record.name)} ({record.id})"))
    work = partial(work_sweep, store, record, wishes=wishes, **options)
    done, tally = _show(work, tally_of(store, record), record)
    best = f"; {tally.best.text}" if tally.best else ""
    counts = states_text(store.counts(record.id)) or "no run"
    click.echo(output.plain(f"{counts}{best}"))
    again = f"homerun agent {record.id}"
    if done.outcome == Outcome.PAUSED:
        again = f"homerun resume {record.id}; {again}"
    conclude(done, tally, next_=f"homerun ls {record.id}", again=again)


def serve_folder(
    store: Store,
    path: Path,
    wishes: Wishes,
    *,
    exits: bool,
    project: str,
    argv: Sequence[str] = (),
) -> None:
    """Run the scripts of a folder; end with the fitting exit code."""
    options = {"exits": exits, "project": project, "wishes": wishes, **_known_by(argv)}
    ended = _show(partial(work_folder, store, path, **options), Tally())
    conclude(*ended, next_=f"homerun ls {project}", again=f"homerun poll {path}")


def _known_by(argv: Sequence[str]) -> dict[str, Any]:
    return {"argv": argv, "log": os.environ.pop(LOG_VARIABLE, "")}


def _show(
    work: Callable[..., Done], tally: Tally, sweep: SweepRecord | None = None
) -> tuple[Done, Tally]:
    """Show an agent at work; return how it ended and what it told until then."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # who watches may leave; the runs go on
    with watching(tally, sweep) as view:
        return work(on_event=view.on_event), view.tally


def conclude(done: Done, tally: Tally, *, next_: str, again: str) -> None:
    """Say why an agent ended and what to do next; raise Exit with the fitting exit code."""
    if done.reason:
        output.say(output.plain(done.reason))
    if done.outcome in {
        Outcome.PAUSED,
        Outcome.INTERRUPTED,
        Outcome.STOPPED,
        Outcome.COUNT,
        Outcome.LEFT,
    }:
        output.say(f"to go on: {again}")
    output.say(f"next: {next_}")
    if done.outcome in {Outcome.INTERRUPTED, Outcome.LEFT}:
        raise click.exceptions.Exit(130)
    if tally.failed or done.outcome in {Outcome.PAUSED, Outcome.CANCELED}:
        raise click.exceptions.Exit(1)


def start_detached(store: Store, argv: Sequence[str], *, cwd: Path) -> AgentRecord:
    """Start an agent that outlives this terminal, and return it once it is at work.

    Raises UsageError with what it said when it ends at once.
    """
    folder = store.home / "agents"
    folder.mkdir(mode=0o700, exist_ok=True)
    log = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from homerun.cli import main; main()", *argv],
            cwd=cwd,
            env={**os.environ, "HOMERUN_HOME": str(store.home), LOG_VARIABLE: str(log)},
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=fd,
            start_new_session=True,
        )
    finally:
        os.close(fd)
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        for record in agents(store):
            if record.log == str(log):
                process.returncode = 0  # it is not ours to wait for
                return record
        if process.poll() is not None:
            said = log.read_text(errors="replace").strip()
            if process.returncode == 0:
                raise UsageError(f"it had nothing to do: {said.splitlines()[-1]}")
            raise UsageError(f"the agent ended at once and said: {said}")
        time.sleep(0.05)
    raise UsageError(f"the agent did not sign in within {_START_S:.0f} s; see {log}")


def say_detached(record: AgentRecord) -> None:
    """Tell of an agent that works without a terminal."""
    who = parse_identity(record.id)
    click.echo(record.number)
    output.say(
        f"agent {record.number} (pid {who.pid if who else '?'}) works on without this terminal; "
        f"watch it: homerun attach {record.number}; end it: homerun stop {record.number}"
    )
