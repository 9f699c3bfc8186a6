"""Settling: finding out what became of runs whose end nobody has told the database."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from homerun.core import ALIVE, ENDED, End, HomerunError, Run, RunState
from homerun.store.control import note_pause
from homerun.store.fold import close_journals, fold, open_again
from homerun.store.home import RunFolder
from homerun.store.process import boot_id, hostname, is_alive, parse_identity
from homerun.store.store import Store
from homerun.store.traces import living_program, never_started, told_end, why_paused


@dataclass(frozen=True)
class Settled:
    """What `settle` found, as ids of runs."""

    ended: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()  # the program lives and its supervisor does not
    requeued: tuple[str, ...] = ()  # claimed by an agent that died before it started them


def settle(store: Store) -> Settled:
    """Bring the states of this host's runs up to date with what is true, and fold them.

    Cheap when nothing runs: one indexed query. Called before anything is shown. A home that can
    only be looked at stays as it is.
    """
    if store.is_read_only:
        return Settled()
    _register_strays(store)
    ends: dict[str, End] = {}
    orphans, requeued = [], []
    for run in store.runs(states=ALIVE):
        folder = store.folder(run.id)
        if not is_local(run) or run.is_waiting:
            continue
        note_pause(store, run, why_paused(folder, run))
        if folder.is_held():
            continue
        if folder.read_result() is None and living_program(folder) is not None:
            orphans.append(run.id)
        elif _is_about_to_start(run, folder):
            continue
        elif run.queued and never_started(folder):
            if store.unclaim(run.id):
                requeued.append(run.id)
        elif not _told_its_end(store, run):
            ends[run.id] = end_of(folder, run)
    ended = store.end(ends) if ends else []
    for run_id, state in store.rows("SELECT id, state FROM run WHERE open"):
        if state in ENDED and not store.folder(run_id).is_held():
            close_journals(store, run_id)
        else:
            fold(store, run_id)
    return Settled(ended=tuple(ended), orphans=tuple(orphans), requeued=tuple(requeued))


def is_behind(store: Store) -> bool:
    """Tell whether there may be more to a home, which can only be looked at, than it shows."""
    waiting = any(path.stat().st_size for path in store.home.glob("homerun.db-wal"))
    return waiting or bool(store.rows("SELECT 1 FROM run WHERE open LIMIT 1"))


def is_local(run: Run) -> bool:
    """Tell whether the run was claimed on this host, so that its processes can be seen."""
    claimer = parse_identity(run.agent)
    return claimer is None or claimer.host == hostname()


def end_of(folder: RunFolder, run: Run) -> End:
    """Return how a run ended of which no living process is left."""
    known = folder.read_result() or told_end(folder)
    if known is not None:
        return known
    claimer = parse_identity(run.agent)
    if claimer is not None and is_local(run) and claimer.boot != boot_id():
        reason = "the machine was restarted while it ran"
    else:
        reason = "vanished without an exit code: its process was killed from outside"
    return End(
        state=RunState.CRASHED, reason=reason, ended_at=_last_sign(folder.path) or time.time()
    )


def _is_about_to_start(run: Run, folder: RunFolder) -> bool:
    """Tell whether a living agent has claimed the run and its program was not started yet."""
    claimer = parse_identity(run.agent)
    started = (folder.path / "process.json").exists() or (folder.path / "journal").exists()
    return not started and claimer is not None and is_alive(claimer)


def _told_its_end(store: Store, run: Run) -> bool:
    fold(store, run.id)
    row = store.row("SELECT state FROM run WHERE id = ?", (run.id,))
    return row is None or row[0] in ENDED  # or it was removed meanwhile


def _register_strays(store: Store) -> None:
    """Take over runs that started while the database could not be written.

    A further process of a run leaves such a note, too: it may outlive the run's end.
    """
    inbox = store.home / "inbox"
    try:
        names = os.listdir(inbox)  # noqa: PTH208
    except FileNotFoundError:
        return
    for name in names:
        try:
            fold(store, name)
            open_again(store, name)
        except HomerunError:
            continue
        (inbox / name).unlink(missing_ok=True)


def _last_sign(folder: Path) -> float | None:
    """Return when anything of the run was last written, seconds since the epoch."""
    try:
        return max(entry.stat().st_mtime for entry in os.scandir(folder))
    except (OSError, ValueError):
        return None
