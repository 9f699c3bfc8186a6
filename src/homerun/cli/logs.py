"""`homerun logs`: what the program of a run wrote, byte by byte."""

import sys
import time
from pathlib import Path
from typing import BinaryIO

import click

from homerun.cli import output
from homerun.cli.common import argument, open_home
from homerun.core import Run, RunState
from homerun.store import Store, settle

_POLL_S = 0.1
_SETTLE_S = 1.0  # between two looks at whether a run that gives no sign still lives
_BLOCK = 1 << 16


@click.command("logs")
@argument("ref", "run", metavar="RUN")
@click.option("-f", "--follow", is_flag=True, help="Wait for more until the run ends.")
@click.option("-n", "count", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
def logs_command(*, ref: str, follow: bool, count: int | None) -> None:
    """Print what the program of a run wrote to stdout and stderr (secrets are removed).

    \b
    homerun logs 12 -n 20
    homerun logs -f amber-falcon-12
    """
    with open_home() as store:
        run = store.run(ref)
        path = store.folder(run.id).output
        if follow:
            _follow(store, run, path, count)
        elif path.exists():
            with path.open("rb") as file:
                _copy(file, count)
        else:
            output.say(_nothing(run))


def _copy(file: BinaryIO, count: int | None) -> None:
    """Print a file from where it stands, or its last lines."""
    if count is not None:
        file.seek(_start_of_last_lines(file, count))
    while block := file.read(_BLOCK):
        sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def _follow(store: Store, run: Run, path: Path, count: int | None) -> None:
    if not path.exists() and not run.is_ended:
        output.say(_nothing(run) + "; waiting")
    file: BinaryIO | None = None
    settled = time.monotonic()
    try:
        while True:
            # First the state, then the file: what a run wrote before its end is all there.
            is_ended = store.run(run.id).is_ended
            if file is None and path.exists():
                file = path.open("rb")
                _copy(file, count)
            elif file is not None:
                _copy(file, None)
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
    output.say(f"run {run.number} is {run.state}{f': {run.reason}' if run.reason else ''}")


def _start_of_last_lines(file: BinaryIO, count: int) -> int:
    """Return the offset at which the last `count` lines begin."""
    position = file.seek(0, 2)
    if count == 0:
        return position
    file.seek(max(0, position - 1))
    missing = count + (file.read(1) == b"\n")  # the newline at the very end begins no line
    while position > 0:
        start = max(0, position - _BLOCK)
        file.seek(start)
        block = file.read(position - start)
        found = block.count(b"\n")
        if found >= missing:
            at = len(block)
            for _ in range(missing):
                at = block.rindex(b"\n", 0, at)
            return start + at + 1
        missing -= found
        position = start
    return 0


def _nothing(run: Run) -> str:
    if run.state == RunState.PENDING:
        return f"run {run.number} waits for an agent and has written nothing yet"
    return f"run {run.number} ({run.state}) has no output: only programs that homerun started have"
