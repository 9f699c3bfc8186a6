"""A program's own entry in the database, light enough for the start of every training."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from homerun.core import RunState, friendly_name
from homerun.store.database import Database
from homerun.store.documents import dumps, loads

_LABELS = {
    "project": "project",
    "name": "name",
    "notes": "notes",
    "group": "group_name",
    "job_type": "job_type",
}


class Entry(NamedTuple):
    """What a program needs to know of a run that is in the database."""

    project: str
    name: str
    state: RunState
    sweep: str | None
    config: dict[str, Any]
    summary: dict[str, Any]
    tags: tuple[str, ...]
    notes: str
    group: str
    job_type: str
    started_at: float | None  # seconds since the epoch


def look_up(database: Database, run_id: str) -> Entry | None:
    """Return the run with exactly this id, None when there is none."""
    row = database.row(
        "SELECT project, name, state, sweep, config, summary, tags, notes, group_name, job_type,"
        " started_at FROM run WHERE id = ?",
        (run_id,),
    )
    if row is None:
        return None
    project, name, state, sweep, config, summary, tags, *rest = row
    documents = loads(config), loads(summary), tuple(loads(tags))
    return Entry(project, name, RunState(state), sweep, *documents, *rest)


def register(
    database: Database,
    run_id: str,
    *,
    project: str,
    state: RunState = RunState.RUNNING,
    name: str = "",
    config: Mapping[str, Any] | None = None,
    argv: Sequence[str] = (),
    cwd: str = "",
    agent: str = "",
    labels: Mapping[str, Any],
) -> None:
    """Insert a run of its own (not from a sweep); a run that is known is opened again.

    `labels`: group, job_type, notes, tags, metadata.
    """
    now = time.time()
    with database.write() as db:
        known = db.execute("SELECT 1 FROM run WHERE id = ?", (run_id,)).fetchone()
        if known:
            db.execute(
                "UPDATE run SET state = ?, reason = '', exit_code = NULL, ended_at = NULL,"
                " detail = '', censored = 0, open = 1, agent = ?,"
                " started_at = coalesce(started_at, ?) WHERE id = ?",
                (state, agent, now, run_id),
            )
            return
        db.execute(
            "INSERT INTO run(id, project, name, state, config, tags, notes, group_name,"
            " job_type, metadata, argv, cwd, agent, created_at, started_at, open)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run_id,
                project,
                name or friendly_name(run_id, next_number(db)),
                state,
                dumps(dict(config or {})),
                dumps(list(labels.get("tags") or ())),
                labels.get("notes") or "",
                labels.get("group") or "",
                labels.get("job_type") or "",
                dumps(labels.get("metadata") or {}),
                dumps(list(argv)),
                cwd,
                agent,
                now,
                None if state == RunState.PENDING else now,
                int(state != RunState.PENDING),
            ),
        )


def next_number(db: sqlite3.Connection) -> int:
    """Return the number that the next run will have, inside a transaction."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'run'").fetchone()
    return int(row[0]) + 1 if row else 1


def set_labels(db: sqlite3.Connection, run_id: str, labels: Mapping[str, Any]) -> None:
    """Write project, name, notes, tags, group and job_type inside a transaction."""
    for label, column in _LABELS.items():
        if label in labels:
            db.execute(f"UPDATE run SET {column} = ? WHERE id = ?", (labels[label] or "", run_id))
    if "tags" in labels:
        tags = dumps(list(dict.fromkeys(labels["tags"] or ())))
        db.execute("UPDATE run SET tags = ? WHERE id = ?", (tags, run_id))
