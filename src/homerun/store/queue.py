"""Runs that wait for an agent without belonging to a sweep, and what is known of their needs."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homerun.core import ENDED, Run, RunState, UsageError, friendly_name, new_id
from homerun.store.documents import dumps, loads
from homerun.store.registration import next_number
from homerun.store.store import Store


def add_to_queue(
    store: Store,
    argv: Sequence[str],
    *,
    project: str,
    cwd: str,
    name: str = "",
    tags: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    gpus: int | None = None,
    gpu_memory_mib: float | None = None,
    priority: int = 0,
    after: Sequence[Run] = (),
    retries: int = 0,
    timeout_s: float | None = None,
) -> Run:
    """Queue a command as a pending run; it starts once all runs of `after` have finished.

    Raises UsageError when one of those has ended otherwise, for then it never would.
    """
    for run in after:
        if run.state in ENDED and run.state != RunState.FINISHED:
            raise UsageError(
                f"--after {run.number}: run {run.number} has {run.state}, so this would wait for "
                f"ever; first: homerun retry {run.number}"
            )
    run_id = new_id()
    with store.write(durable=True) as db:
        db.execute(
            "INSERT INTO run(id, project, name, state, tags, argv, cwd, environ, gpus,"
            " gpu_memory_mib, priority, retries, timeout_s, created_at)"
            " VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run_id,
                project,
                name or friendly_name(run_id, next_number(db)),
                dumps(list(dict.fromkeys(tags))),
                dumps(list(argv)),
                cwd,
                dumps(dict(environ or {})),
                gpus,
                gpu_memory_mib,
                priority,
                retries,
                timeout_s,
                time.time(),
            ),
        )
        db.executemany(
            "INSERT OR IGNORE INTO run_after VALUES (?, ?)", [(run_id, run.id) for run in after]
        )
    return store.run(run_id)


def add_script(
    store: Store,
    run_id: str,
    path: Path,
    *,
    project: str,
    cwd: str,
    agent: str,
    alone: str = "",
) -> Run:
    """Record that an agent starts a script of a folder; return its run."""
    with store.write(durable=True) as db:
        db.execute(
            "INSERT INTO run(id, project, name, state, source, argv, cwd, agent, alone, queued,"
            " open, created_at, started_at) VALUES (:id, :project, :name, 'running', :source,"
            " :argv, :cwd, :agent, :alone, 1, 1, :now, :now)",
            {
                "id": run_id,
                "project": project,
                "name": path.name,
                "source": str(path),
                "argv": dumps([str(path)]),
                "cwd": cwd,
                "agent": agent,
                "alone": alone,
                "now": time.time(),
            },
        )
    return store.run(run_id)


def queued_environ(store: Store, run_id: str) -> dict[str, str]:
    """Return the variables that a run was queued with."""
    row = store.row("SELECT environ FROM run WHERE id = ?", (run_id,))
    return dict(loads(row[0])) if row else {}


def held_up(store: Store) -> list[tuple[int, int, RunState]]:
    """Return (run, other, its state), numbers of pending runs and of what they wait for."""
    rows = store.rows(
        "SELECT run.number, other.number, other.state FROM run_after"
        " JOIN run ON run.id = run_after.run JOIN run AS other ON other.id = run_after.after"
        " WHERE run.state = 'pending' AND other.state != 'finished' ORDER BY 1, 2"
    )
    return [(number, other, RunState(state)) for number, other, state in rows]


def memory_peaks(store: Store, sweep_id: str) -> list[tuple[dict[str, Any], float]]:
    """Return configuration and peak GPU memory in MiB of runs with the program of a sweep.

    Runs of other sweeps of its project count, too; the latest 2,000.
    """
    rows = store.rows(
        "SELECT run.config, run.gpu_memory_max_gib FROM run JOIN sweep ON sweep.id = run.sweep"
        " JOIN sweep AS this ON this.id = ? AND this.project = sweep.project"
        " AND json_extract(this.spec, '$.program') IS json_extract(sweep.spec, '$.program')"
        " AND json_extract(this.spec, '$.command') IS json_extract(sweep.spec, '$.command')"
        " WHERE run.gpu_memory_max_gib IS NOT NULL AND run.state = 'finished'"
        " ORDER BY run.number DESC LIMIT 2000",
        (sweep_id,),
    )
    return [(loads(config), gib * 1024) for config, gib in rows]
