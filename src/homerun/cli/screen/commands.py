"""What the keys do to a run: the same as `homerun kill`, `pause`, `resume` and `retry`."""

from collections.abc import Callable

from homerun.agent import kill, pause, resume
from homerun.core import RunState
from homerun.store import Store, WatchedRun, retry

Command = Callable[[Store, WatchedRun], str]  # does it, which may take a while; says what came


def kill_run(store: Store, run: WatchedRun) -> str:
    """End a run, or take it from the queue."""
    kill(store, store.run(run.id))
    now = store.run(run.id)
    if not now.is_ended:
        return f"run {run.number} is still there; see homerun show {run.number}"
    return f"run {run.number} is {now.state}"


def pause_or_resume(store: Store, run: WatchedRun) -> str:
    """Hold a run, or let it go on when it is held."""
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
