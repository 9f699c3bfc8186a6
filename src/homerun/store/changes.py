"""Sweeps that are changed, or replaced by a clone, while agents work on them."""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from homerun.core import RunState, SweepRecord, SweepState, UsageError
from homerun.store.control import UNWANTED, WAITING
from homerun.store.documents import dumps, loads_all
from homerun.store.reuse import of_sweep
from homerun.store.store import Store

_ALIVE = "(state IN ('running', 'paused') AND started_at IS NOT NULL)"
_CHOSEN = "config_hash IN (SELECT value FROM json_each(:unfit))"
# Runs that only the search has put into the queue: a later change may bring them back.
_UNTOUCHED = f"""sweep = :sweep AND {WAITING} AND attempt = 1 AND config_hash IS NOT NULL
    AND id NOT IN (SELECT after FROM run_after)"""


class Proposed(NamedTuple):
    """A run that counts in a sweep and was proposed by a search."""

    id: str
    state: RunState
    config_hash: str  # of the configuration as it was proposed
    repeat: int
    config: dict[str, Any]  # as it was recorded; its program may have added to it


class Sizes(NamedTuple):
    """How many runs a sweep has, each configuration and repeat counted once."""

    runs: int
    outside: int  # of these, runs that the search would not propose any more


class SearchPlace(NamedTuple):
    """Where the search of a sweep goes on, and how far it is to go."""

    cursor: int
    planned: int | None  # runs; None: no end


class Replanned(NamedTuple):
    """What became of the runs of a sweep that was changed."""

    sizes: Sizes
    planned: int | None
    left: int  # runs that left the queue
    waiting: int  # runs that are still in it
    unfit: tuple[str, ...]  # ids of runs that go on, though the sweep would not propose them


class _Undo(Exception):  # noqa: N818  nothing is wrong
    """It was only to be seen what would happen."""


def proposed(store: Store, sweep_id: str) -> list[Proposed]:
    """Return the proposed runs that count in a sweep, oldest first."""
    condition, values = of_sweep(store, sweep_id)
    rows = store.rows(
        f"SELECT id, state, config_hash, repeat, config FROM run WHERE {condition}"
        " AND config_hash IS NOT NULL ORDER BY number",
        values,
    )
    configs = loads_all(row[-1] for row in rows)
    return [
        Proposed(run_id, RunState(state), config_hash, repeat, config)
        for (run_id, state, config_hash, repeat, _), config in zip(rows, configs, strict=True)
    ]


def change_spec(
    store: Store,
    before: SweepRecord,
    spec: Mapping[str, Any],
    *,
    unfit: Collection[str],
    is_reordered: bool,
    retries: int,
    run_cap: int | None,
    reckon: Callable[[Sizes], SearchPlace],
    why: str,
    is_dry: bool = False,
) -> Replanned | None:
    """Put a changed file in the place of a sweep's, and bring its queue into line with it.

    `unfit`: the `config_hash` of runs that the changed sweep would not propose. Those that wait
    leave the queue, and `is_reordered` all that nobody has moved; what is beyond `run_cap` leaves
    it, too. Those that run go on, and are not tried again. A sweep that has come to its end goes on
    if there is more to do. `is_dry`: only say what would happen. None, with nothing changed, when
    the sweep is no longer as it was `before`.
    """
    result = None
    with _undoable(store, is_dry=is_dry) as db:
        if not _is_same(db, before):
            return None
        values = {"sweep": before.id, "unfit": dumps(list(unfit)), "why": why, "now": time.time()}
        left = _forget(db, _CHOSEN, values) + _kill(db, _CHOSEN, values)
        if is_reordered:
            _forget(db, "priority = (SELECT priority FROM sweep WHERE id = :sweep)", values)
        if run_cap is not None:
            left += _cut(db, values, run_cap)
        running = _mark_unwanted(db, values, retries)
        sizes = _sizes(db, values)
        cursor, planned = reckon(sizes)
        waiting = _waiting(db, before.id)
        has_more = planned is None or planned > sizes.runs or waiting > 0
        is_again = before.state == SweepState.FINISHED and not before.reason and has_more
        db.execute(
            "UPDATE sweep SET spec = ?, cursor = ?, planned = ?, state = ? WHERE id = ?",
            (
                dumps(spec),
                cursor,
                planned,
                SweepState.RUNNING if is_again else before.state,
                before.id,
            ),
        )
        result = Replanned(sizes, planned, left, waiting, running)
        if is_dry:
            raise _Undo
    return result


def replace_sweep(
    store: Store,
    before: SweepRecord,
    spec: Mapping[str, Any],
    *,
    name: str,
    project: str,
    reused: Collection[str],
    reckon: Callable[[Sizes], SearchPlace],
    why: str,
    is_dry: bool = False,
) -> tuple[SweepRecord, Replanned] | None:
    """Make a clone of a sweep in which finished runs of the old one count, and end the old one.

    `reused`: ids of runs. What waits in the old one leaves the queue; were it resumed, its search
    would bring that back. None, with nothing made, when the old one is not as it was `before`.
    """
    result = None
    with _undoable(store, is_dry=is_dry) as db:
        if not _is_same(db, before):
            return None
        made = store.add_sweep(
            spec, project=project, name=name, source=before.source, cwd=before.cwd
        )
        db.executemany("INSERT INTO reused VALUES (?, ?)", [(made.id, run) for run in reused])
        sizes = Sizes(len(reused), 0)
        cursor, planned = reckon(sizes)
        db.execute(
            "UPDATE sweep SET cursor = ?, planned = ?,"
            " priority = (SELECT priority FROM sweep WHERE id = ?) WHERE id = ?",
            (cursor, planned, before.id, made.id),
        )
        reason = f"superseded by {made.id}: {why}"
        values = {"sweep": before.id, "unfit": "[]", "why": reason, "now": time.time()}
        left = _forget(db, "1", values) + _kill(db, "1", values)
        running = _mark_unwanted(db, values | {"unfit": dumps(_hashes(db, before.id))}, 0)
        db.execute(
            "UPDATE sweep SET state = 'finished', reason = ?, superseded_by = ?, cursor = ?"
            " WHERE id = ?",
            (reason, made.id, reckon(_sizes(db, values)).cursor, before.id),
        )
        result = store.sweep(made.id), Replanned(sizes, planned, left, 0, running)
        if is_dry:
            raise _Undo
    return result


@contextmanager
def _undoable(store: Store, *, is_dry: bool) -> Iterator[sqlite3.Connection]:
    """Hold the write lock; what is raised as _Undo takes everything back."""
    with suppress(_Undo), store.write(durable=not is_dry) as db:
        yield db


def _is_same(db: sqlite3.Connection, before: SweepRecord) -> bool:
    """Tell whether nothing was proposed or changed meanwhile."""
    found = "SELECT spec, cursor, state, superseded_by FROM sweep WHERE id = ?"
    row = db.execute(found, (before.id,)).fetchone()
    if row is None:
        raise UsageError(f"sweep {before.id} was removed a moment ago; homerun ls shows the others")
    if row[3]:
        raise UsageError(
            f"sweep {before.id} is superseded by {row[3]}; change that one, or take this one up "
            f"again: homerun sweep --resume {before.id}"
        )
    return bool(row[:3] == (dumps(before.spec), before.cursor, before.state))


def _forget(db: sqlite3.Connection, condition: str, values: Mapping[str, Any]) -> int:
    """Take runs that only the search has queued out of the queue; return how many."""
    return db.execute(f"DELETE FROM run WHERE {_UNTOUCHED} AND {condition}", values).rowcount


def _kill(db: sqlite3.Connection, condition: str, values: Mapping[str, Any]) -> int:
    """End runs in the queue that have a story: attempts of a failure, or awaited by others."""
    return db.execute(
        "UPDATE run SET state = 'killed', reason = :why, ended_at = :now"
        f" WHERE sweep = :sweep AND {WAITING} AND {condition}",
        values,
    ).rowcount


def _cut(db: sqlite3.Connection, values: Mapping[str, Any], run_cap: int) -> int:
    """Take the last runs out of the queue that are beyond a cap; return how many."""
    over = max(0, _sizes(db, values).runs - run_cap)
    last = f"SELECT id FROM run WHERE {_UNTOUCHED} ORDER BY priority, number DESC LIMIT {over}"
    return _forget(db, f"id IN ({last})", values)


def _mark_unwanted(
    db: sqlite3.Connection, values: Mapping[str, Any], retries: int
) -> tuple[str, ...]:
    """See to it that runs that do not fit end once for all; those that fit again are forgiven."""
    db.execute(
        "UPDATE run SET retries = :retries, reason = ''"
        f" WHERE sweep = :sweep AND {_ALIVE} AND {UNWANTED} AND NOT {_CHOSEN}",
        {**values, "retries": retries},
    )
    rows = db.execute(
        "UPDATE run SET retries = -1, reason = :why"
        f" WHERE sweep = :sweep AND {_ALIVE} AND {_CHOSEN} RETURNING id",
        values,
    ).fetchall()
    return tuple(run_id for (run_id,) in rows)


def _sizes(db: sqlite3.Connection, values: Mapping[str, Any]) -> Sizes:
    rows = db.execute(
        f"SELECT count(*), coalesce(sum({_CHOSEN}), 0) FROM"
        " (SELECT DISTINCT config_hash, repeat FROM run"
        "  WHERE sweep = :sweep AND config_hash IS NOT NULL)"
        f" UNION ALL SELECT count(*), coalesce(sum({_CHOSEN}), 0)"
        " FROM reused JOIN run ON run.id = reused.run WHERE reused.sweep = :sweep",
        values,
    ).fetchall()
    return Sizes(sum(row[0] for row in rows), sum(row[1] for row in rows))


def _hashes(db: sqlite3.Connection, sweep_id: str) -> list[str]:
    rows = db.execute(
        f"SELECT DISTINCT config_hash FROM run WHERE sweep = ? AND {_ALIVE}"
        " AND config_hash IS NOT NULL",
        (sweep_id,),
    )
    return [row[0] for row in rows]


def _waiting(db: sqlite3.Connection, sweep_id: str) -> int:
    """Return how many runs of a sweep wait for their first attempt."""
    sql = f"SELECT count(*) FROM run WHERE sweep = ? AND {WAITING} AND attempt = 1"
    return int(db.execute(sql, (sweep_id,)).fetchone()[0])
