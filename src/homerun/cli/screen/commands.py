"""What the keys do to a run: the same as `homerun kill`, `pause`, `resume` and `retry`."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from homerun.cli.screen.text import Line, styled_line
from homerun.core import RunState
from homerun.store import Store, WatchedRun, retry

Command = Callable[[Store, WatchedRun], str]  # does it, which may take a while; says what came


def open_chart(store: Store, run: WatchedRun) -> str:
    """Draw the sweep of a run, or the run itself, and open the page in the browser."""
    done = _homerun(store.home, ["plot", run.sweep or run.id, "--open"])
    said = (done.stderr if done.returncode else done.stdout or done.stderr).strip()
    return said.splitlines()[-1] if said else "the page is open in the browser"


def page_of(home: Path, run: WatchedRun, width: int, *, is_colored: bool) -> list[Line]:
    """Return what `homerun show` prints about a run."""
    color = "always" if is_colored else "never"
    done = _homerun(home, ["--color", color, "show", run.id], COLUMNS=str(width))
    return [styled_line(text) for text in (done.stdout or done.stderr).splitlines()]


def _homerun(
    home: Path, arguments: Sequence[str], **environ: str
) -> "subprocess.CompletedProcess[str]":
    """Run one of our commands where it can neither ask nor write on the screen."""
    return subprocess.run(
        [sys.executable, "-P", "-c", "from homerun.cli import main; main()", *arguments],
        env={**os.environ, **environ, "HOMERUN_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        check=False,
    )


def kill_run(store: Store, run: WatchedRun) -> str:
    """End a run, or take it from the queue."""
    from homerun.agent import kill  # noqa: PLC0415  the screen is there sooner without it

    kill(store, store.run(run.id))
    now = store.run(run.id)
    if not now.is_ended:
        return f"run {run.number} is still there; see homerun show {run.number}"
    return f"run {run.number} is {now.state}"


def pause_or_resume(store: Store, run: WatchedRun) -> str:
    """Hold a run, or let it go on when it is held."""
    from homerun.agent import pause, resume  # noqa: PLC0415

    now = store.run(run.id)
    change = resume if now.state == RunState.PAUSED else pause
    change(store, now)
    return f"run {run.number} is {store.run(run.id).state}"


def retry_run(store: Store, run: WatchedRun) -> str:
    """Queue a run that has ended once more."""
    now = store.run(run.id)
    if not now.is_ended:
        return f"run {run.number} is {now.state}; only what has ended is tried again"
    (attempt,) = retry(store, [now])
    return f"run {run.number} waits again as run {store.run(attempt).number}"
