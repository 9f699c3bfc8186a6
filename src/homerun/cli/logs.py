"""`homerun logs` and `fg`: what the programs of runs wrote."""

import shutil
import time
from collections.abc import Sequence
from typing import BinaryIO

import click

from homerun.cli import output
from homerun.cli.choose import choose
from homerun.cli.common import argument, json_option, open_home
from homerun.cli.follow import Log, Prefixes, copy, print_lines
from homerun.core import ALIVE, BAD, Run, RunState, SweepRecord, SweepState, UsageError, counted
from homerun.store import Store, settle

_POLL_S = 0.1
_SETTLE_S = 1.0  # between two looks at whether a run that gives no sign still lives
_LAST = 10  # lines of each run that are shown where there may be many runs


@click.command("logs")
@argument("refs", "run", "sweep", metavar="[RUN|SWEEP]...", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Wait for more until all have ended.")
@click.option(
    "-n", "count", type=click.IntRange(min=0), metavar="N", help="Only the last N lines of each."
)
@click.option("--errors", is_flag=True, help="Why runs failed, and the last lines of each.")
@json_option
def logs_command(
    *, refs: Sequence[str], follow: bool, count: int | None, errors: bool, is_json: bool
) -> None:
    """Print what the programs of runs wrote to stdout and stderr (secrets are removed).

    One run is printed byte by byte. Of several, and of a sweep, each line stands behind its run;
    a progress bar is one line. --errors without a sweep looks at all runs there are.

    \b
    homerun logs 12 -n 20
    homerun logs -f x3k9a2bc
    homerun logs --errors x3k9a2bc
    """
    if not refs and not errors:
        raise UsageError("whose output? give runs or a sweep, or --errors; homerun ls shows them")
    if is_json and not errors:
        raise UsageError("output is printed as it is; --json is for --errors")
    if errors and follow:
        raise UsageError("--errors shows what has ended, so there is nothing to follow; drop -f")
    with open_home() as store:
        chosen = Chosen(store, refs)
        if errors:
            _print_errors(store, chosen.runs(), _LAST if count is None else count, is_json=is_json)
        elif chosen.is_one_run:
            _print_one(store, chosen.runs()[0], follow=follow, count=count)
        elif follow:
            _follow_all(store, chosen, count)
        else:
            _print_all(store, chosen.runs(), count)


@click.command("fg")
@argument("ref", "run", metavar="RUN")
def fg_command(*, ref: str) -> None:
    """Follow the output of a run until it ends; Ctrl-C leaves it running.

    A paused run goes on, one in the queue is waited for. The exit code is that of the run.

    \b
    homerun fg 12
    """
    with open_home() as store:
        run = store.run(ref)
        if run.state == RunState.PAUSED:
            from homerun.agent import resume  # noqa: PLC0415  rarely needed

            resume(store, run)
        screenful = max(1, shutil.get_terminal_size().lines - 1)
        try:
            run = _follow(store, run, screenful)
        except KeyboardInterrupt:
            run = store.run(run.id)
            if not run.is_ended:
                is_waiting = run.state == RunState.PENDING
                goes_on = "stays in the queue" if is_waiting else "goes on"
                end_it = f"homerun kill {run.number}"
                output.say(
                    f"\nrun {run.number} {goes_on}; back: homerun fg {run.number}, end it: {end_it}"
                )
                return
    if run.exit_code is not None:
        raise click.exceptions.Exit(run.exit_code)
    if run.state != RunState.FINISHED:
        raise click.exceptions.Exit(130 if run.state == RunState.KILLED else 1)


class Chosen:
    """The runs that the words of a command line name; a sweep may get more of them."""

    def __init__(self, store: Store, refs: Sequence[str]) -> None:
        nouns = choose(store, refs)
        self._store = store
        self._sweeps = [noun.id for noun in nouns if isinstance(noun, SweepRecord)]
        self._runs = [noun.id for noun in nouns if isinstance(noun, Run)]
        self.is_one_run = not self._sweeps and len(set(self._runs)) == 1

    def runs(self) -> list[Run]:
        """Return the runs as they are now, oldest first; all of the home when none is named."""
        if not self._sweeps and not self._runs:
            return self._store.runs()
        runs = {run_id: self._store.run(run_id) for run_id in self._runs}
        for sweep in self._sweeps:
            runs.update((run.id, run) for run in self._store.runs(sweep=sweep))
        return sorted(runs.values(), key=lambda run: run.number)

    def may_get_more(self) -> bool:
        """Tell whether further runs may come."""
        over = {SweepState.FINISHED, SweepState.CANCELED}
        return any(self._store.sweep(sweep).state not in over for sweep in self._sweeps)


def _print_one(store: Store, run: Run, *, follow: bool, count: int | None) -> None:
    path = store.folder(run.id).output
    if follow:
        _follow(store, run, count)
    elif path.exists():
        with path.open("rb") as file:
            copy(file, count)
    else:
        output.say(_nothing(store, run))


def _print_all(store: Store, runs: Sequence[Run], count: int | None) -> None:
    logs = [(run, store.folder(run.id).output) for run in runs]
    found = [(run, path) for run, path in logs if path.exists()]
    prefixes = Prefixes(run for run, _ in found)
    for run, path in found:
        print_lines(prefixes.of(run), Log(path, last=count).rest())
    if not found:
        output.say(f"none of {counted(len(runs), 'run')} has written anything")


def _print_errors(store: Store, runs: Sequence[Run], count: int, *, is_json: bool) -> None:
    logs = [(run, Log(store.folder(run.id).output, last=count)) for run in runs if run.state in BAD]
    if is_json:
        named = ("number", "id", "name", "sweep", "state", "reason", "exit_code")
        output.print_json(
            [
                {**{name: getattr(run, name) for name in named}, "last_lines": list(log.rest())}
                for run, log in logs
            ]
        )
        return
    for index, (run, log) in enumerate(logs):
        state = output.styled(run.state, output.STATE_STYLES[run.state])
        title = output.styled(output.plain(f"{run.number} {run.name}"), "bold")
        gap = "\n" if index else ""
        click.echo(f"{gap}{title} {state}: {output.plain(run.reason)}")
        print_lines("    ", log.rest())
    if not logs:
        output.say(f"no run failed or crashed of {counted(len(runs), 'run')}")


def _follow(store: Store, run: Run, count: int | None) -> Run:
    """Print the output of a run until it ends; return the run as it is then."""
    path = store.folder(run.id).output
    if not path.exists() and not run.is_ended:
        output.say(_nothing(store, run) + "; waiting")
    file: BinaryIO | None = None
    settled = time.monotonic()
    try:
        while True:
            # First the state, then the file: what a run wrote before its end is all there.
            is_ended = store.run(run.id).is_ended
            if file is None and path.exists():
                file = path.open("rb")
                copy(file, count)
            elif file is not None:
                copy(file, None)
            if is_ended:
                break
            time.sleep(_POLL_S)
            if time.monotonic() - settled > _SETTLE_S:
                settle(store)
                settled = time.monotonic()
    finally:
        if file is not None:
            file.close()
    run = store.run(run.id)
    output.say(_ended(run))
    return run


def _follow_all(store: Store, chosen: Chosen, count: int | None) -> None:
    """Print what several runs write until all have ended; runs that start meanwhile join in."""
    runs = chosen.runs()
    prefixes = Prefixes(run for run in runs if run.state in ALIVE)
    last = _LAST if count is None else count
    logs = {
        run.id: Log(store.folder(run.id).output, last=last) for run in runs if run.state in ALIVE
    }
    over = {run.id for run in runs if run.is_ended}  # nothing more is to be shown of them
    while True:
        is_complete = not chosen.may_get_more()
        runs = chosen.runs()
        for run in runs:
            if run.state != RunState.PENDING and run.id not in over:
                log = logs.setdefault(run.id, Log(store.folder(run.id).output))
                if run.is_ended:
                    over.add(run.id)
                    if store.folder(run.id).output.exists():  # else it was never started
                        print_lines(prefixes.of(run), log.rest())
                        output.say(_ended(run))
        if is_complete and over.issuperset(run.id for run in runs):
            return
        _show_for(
            _SETTLE_S, [(prefixes.of(run), logs[run.id]) for run in runs if run.state in ALIVE]
        )
        settle(store)


def _show_for(seconds: float, logs: Sequence[tuple[str, Log]]) -> None:
    """Print for a while what runs write."""
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        for prefix, log in logs:
            print_lines(prefix, log.read(now))
        time.sleep(_POLL_S)


def _ended(run: Run) -> str:
    return f"run {run.number} is {run.state}{f': {run.reason}' if run.reason else ''}"


def _nothing(store: Store, run: Run) -> str:
    if run.state == RunState.PENDING:
        return f"run {run.number} waits for an agent and has written nothing yet"
    if (store.folder(run.id).path / "result.json").exists() and run.argv:
        return f"the output of run {run.number} ({run.state}) is gone: somebody removed it"
    return f"run {run.number} ({run.state}) has no output: only programs that homerun started have"
