"""What people change about runs that are queued, stand still or have ended."""

import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from homerun.core import Run, RunState, SweepState, UsageError, friendly_name, new_id
from homerun.store.database import Database
from homerun.store.home import run_folder
from homerun.store.registration import next_number
from homerun.store.traces import PAUSED

WAITING = "(state = 'pending' OR (state = 'paused' AND started_at IS NULL))"  # see Run.is_waiting
UNWANTED = "retries < 0"  # its sweep was changed while it ran: nothing starts it again by itself
_ATTEMPT = f"""INSERT OR IGNORE INTO run(id, sweep, project, name, state, config, config_hash,
    repeat, attempt, retries, priority, tags, notes, group_name, job_type, argv, cwd, created_at,
    gpus, gpu_memory_mib, timeout_s, environ, suggestion, promoted_from, alone)
SELECT :retry, sweep, project, :name, 'pending', config, config_hash,
    repeat, attempt + 1, max(retries, 0) - :used, priority, tags, notes, group_name, job_type, argv,
    cwd, :now, gpus, gpu_memory_mib, timeout_s, environ, suggestion, promoted_from,
    coalesce(nullif(:alone, ''), alone)
FROM run WHERE id = :run AND source = ''
    AND (retries >= :used OR ({UNWANTED} AND :used = 0 AND :alone = ''))"""
_AGAIN = "tried again "  # in the reason of a run, before the id of its next attempt


def pause_queued(store: Database, run_ids: Iterable[str]) -> list[str]:
    """Hold pending runs, so that no agent takes them; return those that are held now."""
    return _set_state(store, run_ids, f"state = 'paused', reason = '{PAUSED}'", "state = 'pending'")


def resume_queued(store: Database, run_ids: Iterable[str]) -> list[str]:
    """Put runs that were held in the queue where agents take them; return those it was news for."""
    held = "state = 'paused' AND started_at IS NULL"
    return _set_state(store, run_ids, "state = 'pending', reason = ''", held)


def held_back(store: Database, sweep: str | None = None) -> list[int]:
    """Return the numbers of the runs that were paused before they started, of a sweep or of all."""
    where, values = ("AND sweep = ?", [sweep]) if sweep else ("", [])
    rows = store.rows(
        f"SELECT number FROM run WHERE state = 'paused' AND started_at IS NULL {where}"
        " ORDER BY number",
        values,
    )
    return [number for (number,) in rows]


def note_pause(store: Database, run: Run, why: str) -> None:
    """Record whether the program of a run that has started stands still, and why; empty: not."""
    if why and (run.state, run.reason) != (RunState.PAUSED, why):
        change = "state = 'paused', reason = ?"
    elif not why and run.state == RunState.PAUSED:
        change = "state = 'running', reason = ?"
    else:
        return
    with store.write() as db:
        db.execute(
            f"UPDATE run SET {change} WHERE id = ? AND state IN ('running', 'paused')"
            " AND started_at IS NOT NULL",
            (why, run.id),
        )


def _set_state(store: Database, run_ids: Iterable[str], change: str, condition: str) -> list[str]:
    with store.write(durable=True) as db:
        return [
            run_id
            for run_id in run_ids
            if db.execute(
                f"UPDATE run SET {change} WHERE id = ? AND {condition}", (run_id,)
            ).rowcount
        ]


def queue_attempt(
    db: sqlite3.Connection, run_id: str, *, retries: int = 0, alone: str = ""
) -> str | None:
    """Queue the next attempt of a run as a run of its own, inside a transaction; return its id.

    What waits for the old run waits for the new one. None, with nothing done: the old one has not
    so many `retries` left, has a next attempt, or is the script of a folder, which has its own
    rules. `alone`: it ran out of memory beside others, and gets the gpu or host for itself.
    """
    retry = new_id()
    values = {
        "retry": retry,
        "run": run_id,
        "name": friendly_name(retry, next_number(db)),
        "now": time.time(),
        "used": retries,
        "alone": alone,
    }
    if not db.execute(_ATTEMPT, values).rowcount:
        return None
    db.execute(
        f"UPDATE run SET reason = ltrim(reason || '; {_AGAIN}' || ? || 'as ' || ?, '; ')"
        " WHERE id = ?",
        ("alone " if alone else "", retry, run_id),
    )
    db.execute(
        "UPDATE OR IGNORE run_after SET after = ? WHERE after = ?"
        f" AND run IN (SELECT id FROM run WHERE {WAITING})",
        (retry, run_id),
    )
    db.execute(
        "INSERT INTO run_after SELECT ?, after FROM run_after WHERE run = ?", (retry, run_id)
    )
    return retry


def next_attempt(store: Database, run_id: str) -> str | None:
    """Return the id of the run that tried a run again, if it is still there."""
    row = store.row("SELECT reason FROM run WHERE id = ?", (run_id,))
    said, found, attempt = row[0].rpartition(" as ") if row else ("", "", "")
    if not found or _AGAIN.rstrip() not in said:
        return None
    known = store.row("SELECT id FROM run WHERE id = ?", (attempt,))
    return str(known[0]) if known else None


def why_no_retry(store: Database, run: Run) -> str:
    """Return why a run that has ended cannot be tried again; empty: it can."""
    if run.source:
        scripts = Path(run.source).parent.parent  # it was in running/ then
        return f"run {run.number} is a script of {scripts}; move it from fail/ back to to_run/"
    if run.sweep is not None:
        sweep = store.row("SELECT state, superseded_by FROM sweep WHERE id = ?", (run.sweep,))
        if sweep is not None and sweep[1]:
            return (
                f"sweep {sweep[1]} has taken the place of the sweep of run {run.number}, and runs "
                f"what had not finished; or first: homerun sweep --resume {run.sweep}"
            )
        is_canceled = sweep is not None and sweep[0] == SweepState.CANCELED
        return f"its sweep is canceled; first: homerun resume {run.sweep}" if is_canceled else ""
    folder = run_folder(store.home, run.id)
    is_supervised = (folder.path / "process.json").exists() or folder.read_result() is not None
    is_by_hand = run.started_at is not None and not run.queued and not is_supervised
    if is_by_hand or not run.argv:
        return f"run {run.number} was not started by homerun; start its program again by hand"
    if any("<redacted:" in part for part in run.argv):
        return (
            f"run {run.number}: its command line held a secret that was not kept; give it again: "
            "homerun add -- COMMAND"
        )
    return ""


def retry(store: Database, runs: Iterable[Run]) -> list[str]:
    """Queue a next attempt of runs that have ended; return the ids of the new runs.

    A sweep that has come to its end, or that stands still because its runs failed, goes on. Raises
    UsageError, with nothing done, when one of them cannot be tried again.
    """
    attempts = []
    with store.write(durable=True) as db:
        for run in runs:
            if why := why_no_retry(store, run):
                raise UsageError(why)
            known = next_attempt(store, run.id)
            attempt = None if known else queue_attempt(db, run.id)
            if attempt is None:
                named = f": {known}" if known else ""
                raise UsageError(f"run {run.number} has a next attempt already{named}")
            attempts.append(attempt)
            db.execute(
                "UPDATE sweep SET state = 'running', reason = '' WHERE id = ?"
                f" AND (state = 'finished' OR (state = 'paused' AND reason != '{PAUSED}'))",
                (run.sweep,),
            )
    return attempts


def move(
    store: Database, run_ids: Sequence[str], *, before: str = "", is_last: bool = False
) -> list[str]:
    """Put waiting runs, in this order, before another one, behind all or (default) before all.

    The queue is that of the whole home. The priority of a run that is not moved never falls, and
    rises only where it must. Returns the ids of the runs that were moved.
    """
    with store.write(durable=True) as db:
        queue = db.execute(
            f"SELECT id, priority, number FROM run WHERE {WAITING} ORDER BY priority DESC, number"
        ).fetchall()
        waiting = {run_id: (priority, number) for run_id, priority, number in queue}
        moved = [run_id for run_id in run_ids if run_id in waiting]
        rest = [run_id for run_id in waiting if run_id not in moved]
        at = len(rest) if is_last else rest.index(before) if before in rest else 0
        order = [*rest[:at], *moved, *rest[at:]]
        for run_id, priority in _priorities(order, waiting, moved).items():
            if priority != waiting[run_id][0]:
                db.execute("UPDATE run SET priority = ? WHERE id = ?", (priority, run_id))
    return moved


def _priorities(
    order: Sequence[str], waiting: Mapping[str, tuple[int, int]], moved: Collection[str]
) -> dict[str, int]:
    """Return priorities that put runs into this order: higher ones first, then lower numbers.

    From the last run to the first: each gets at least the priority of the one behind it, and one
    more where its number is higher. `waiting`: the priority and number of each.
    """
    kept = [waiting[run_id][0] for run_id in order if run_id not in moved]
    # Runs that are moved behind all others find room below them.
    least = min(kept) - len(moved) if kept and order[-1] in moved else min(kept, default=0)
    priorities: dict[str, int] = {}
    behind = 0  # the number of the run behind
    for run_id in reversed(order):
        own, number = waiting[run_id]
        least += bool(priorities) and number > behind
        priorities[run_id] = least = least if run_id in moved else max(own, least)
        behind = number
    return priorities


def set_priority(
    store: Database, priority: int, *, runs: Iterable[str] = (), sweep: str = ""
) -> None:
    """Give waiting runs a priority, or a sweep and with it all its runs that wait or will come."""
    with store.write(durable=True) as db:
        db.execute("UPDATE sweep SET priority = ? WHERE id = ?", (priority, sweep))
        db.execute(f"UPDATE run SET priority = ? WHERE sweep = ? AND {WAITING}", (priority, sweep))
        db.executemany(
            f"UPDATE run SET priority = ? WHERE id = ? AND {WAITING}",
            [(priority, run_id) for run_id in runs],
        )


def priority_beyond(store: Database, sweep: str, *, is_last: bool) -> int:
    """Return the priority with which a sweep comes before, or behind, all else that waits."""
    extreme = "min(priority) - 1" if is_last else "max(priority) + 1"
    row = store.row(f"SELECT {extreme} FROM run WHERE sweep IS NOT ? AND {WAITING}", (sweep,))
    return int(row[0]) if row and row[0] is not None else 0
