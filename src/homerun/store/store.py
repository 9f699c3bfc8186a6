"""The queue and the records of runs: each method is one short transaction with one meaning."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from homerun.core import (
    ENDED,
    Config,
    End,
    NotFoundError,
    Run,
    RunState,
    SweepRecord,
    SweepState,
    config_hash,
    friendly_name,
    new_id,
)
from homerun.store.control import UNWANTED, WAITING, queue_attempt
from homerun.store.database import Database
from homerun.store.documents import dumps, loads
from homerun.store.home import RunFolder, run_folder
from homerun.store.registration import next_number, register, set_labels
from homerun.store.reuse import Seen, of_sweep, reused_runs

_SWEEP = (
    "number, id, project, name, state, reason, spec, source, cwd, cursor, planned, created_at, "
    "priority, superseded_by, outlook"
)
_RUN = (
    "number, id, sweep, project, name, state, reason, config, summary, metadata, tags, notes, "
    "group_name, job_type, argv, cwd, repeat, attempt, retries, priority, source, queued, gpus, "
    "gpu_memory_mib, timeout_s, alone, agent, devices, exit_code, created_at, started_at, "
    "ended_at, runtime_s, censored"
)
_GPUS = "coalesce(gpus, :gpus)"
_HEAD = f"""SELECT {_RUN} FROM run WHERE sweep IS :sweep AND state = 'pending' AND source = ''
    AND coalesce((SELECT state FROM sweep WHERE id = :sweep), 'running') = 'running'
    AND NOT EXISTS (SELECT 1 FROM run_after JOIN run AS other ON other.id = run_after.after
                    WHERE run_after.run = run.id AND other.state != 'finished')
    AND NOT EXISTS (SELECT 1 FROM run AS lone
                    WHERE lone.state IN ('running', 'paused') AND lone.alone = 'host')"""
_ORDER = "ORDER BY priority DESC, number LIMIT 1"
# A program that told finish() of a failure has failed, whatever its process returned.
_TOLD = "CASE WHEN :state = 'finished' AND coalesce(exit_code, 0) != 0 THEN"
_SET_END = f"""UPDATE run SET
    state = {_TOLD} 'failed' ELSE :state END,
    reason = {_TOLD} 'the program called finish(exit_code=' || exit_code || ')' ELSE :reason END,
    exit_code = {_TOLD} exit_code ELSE :exit_code END,
    detail = coalesce(nullif(:detail, ''), detail),
    ended_at = :ended_at, runtime_s = :runtime_s, user_cpu_s = :user_cpu_s,
    system_cpu_s = :system_cpu_s, memory_max_mib = :memory_max_mib,
    gpu_memory_max_gib = :gpu_memory_max_gib, energy_wh = :energy_wh,
    cpu_energy_wh = :cpu_energy_wh, is_shared = :is_shared, out_of_memory = :out_of_memory,
    censored = :censored"""


class Store(Database):
    """A home on disk; opened per process (never carried over a fork), closed when done."""

    def __enter__(self) -> Self:
        return self

    def folder(self, run_id: str) -> RunFolder:
        """Return the folder of a run."""
        return run_folder(self.home, run_id)

    # Sweeps

    def add_sweep(
        self,
        spec: Mapping[str, Any],
        *,
        project: str,
        name: str = "",
        source: str = "",
        cwd: str = "",
        planned: int | None = None,
        sweep_id: str | None = None,
    ) -> SweepRecord:
        """Record a sweep and return it; its runs come with `propose`."""
        sweep_id = sweep_id or new_id()
        with self.write(durable=True) as db:
            number = db.execute(
                "INSERT INTO sweep(id, project, name, state, spec, source, cwd, planned,"
                " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    sweep_id,
                    project,
                    name,
                    SweepState.RUNNING,
                    dumps(spec),
                    source,
                    cwd,
                    planned,
                    time.time(),
                ),
            ).lastrowid
            if not name:
                db.execute(
                    "UPDATE sweep SET name = ? WHERE number = ?",
                    (friendly_name(sweep_id, number), number),
                )
        return self.sweep(sweep_id)

    def sweep(self, ref: str) -> SweepRecord:
        """Return the sweep with this id, unique beginning of an id, name or `project/id`.

        Raises NotFoundError, also when several answer.
        """
        ref = ref.rsplit("/", 1)[-1]
        rows = self.rows(f"SELECT {_SWEEP} FROM sweep WHERE id = ? OR name = ?", (ref, ref))
        rows = rows or self.rows(
            f"SELECT {_SWEEP} FROM sweep WHERE substr(id, 1, ?) = ?", (len(ref), ref or " ")
        )
        if len(rows) != 1:
            raise _not_one("sweep", ref, [row[1] for row in rows], "homerun ls")
        return _sweep(rows[0])

    def sweeps(self, project: str | None = None) -> list[SweepRecord]:
        """Return all sweeps, oldest first."""
        where, values = ("WHERE project = ?", [project]) if project else ("", [])
        return [
            _sweep(row)
            for row in self.rows(f"SELECT {_SWEEP} FROM sweep {where} ORDER BY number", values)
        ]

    def set_sweep(self, sweep_id: str, state: SweepState, reason: str = "") -> None:
        """Change whether agents take runs from a sweep, and say why."""
        with self.write(durable=True) as db:
            db.execute(
                "UPDATE sweep SET state = ?, reason = ? WHERE id = ?", (state, reason, sweep_id)
            )
            if state == SweepState.RUNNING:
                db.execute("UPDATE sweep SET superseded_by = '' WHERE id = ?", (sweep_id,))

    def finish_sweep(self, sweep: SweepRecord) -> bool:
        """Record that a sweep has come to its end; False when it was changed meanwhile."""
        with self.write(durable=True) as db:
            return bool(
                db.execute(
                    "UPDATE sweep SET state = 'finished', reason = '' WHERE id = ?"
                    " AND state = 'running' AND cursor = ? AND spec = ?",
                    (sweep.id, sweep.cursor, dumps(sweep.spec)),
                ).rowcount
            )

    def counts(self, sweep_id: str | None = None) -> dict[RunState, int]:
        """Return the number of runs in each state, of one sweep or of the home."""
        where, values = ("WHERE sweep = ?", [sweep_id]) if sweep_id else ("", [])
        rows = self.rows(f"SELECT state, count(*) FROM run {where} GROUP BY state", values)
        counts = {RunState(state): count for state, count in rows}
        # All that is reused has finished.
        if sweep_id and (reused := reused_runs(self, sweep_id)):
            counts[RunState.FINISHED] = counts.get(RunState.FINISHED, 0) + reused
        return counts

    def runtimes(self, sweep_id: str) -> tuple[int, float]:
        """Return how many runs of a sweep ended by themselves, and their mean time in seconds."""
        condition, values = of_sweep(self, sweep_id)
        row = self.row(
            "SELECT count(runtime_s), coalesce(avg(runtime_s), 0.0) FROM run"
            f" WHERE {condition} AND state IN ('finished', 'failed')",
            values,
        )
        return (row[0], row[1]) if row else (0, 0.0)

    def repeated(self, sweep_id: str) -> int:
        """Return how many of a sweep's own runs are further attempts after a failure."""
        row = self.row("SELECT count(*) FROM run WHERE sweep = ? AND attempt > 1", (sweep_id,))
        return row[0] if row else 0

    def seen(self, sweep_id: str) -> Seen:
        """Return what a sweep has already, and a search is not to propose again."""
        return Seen(self, sweep_id)

    def propose(
        self,
        sweep: SweepRecord,
        proposals: Iterable[tuple[Config, int]],
        *,
        cursor: int,
        retries: int = 0,
        reasons: Sequence[Mapping[str, Any]] = (),
    ) -> bool:
        """Queue (configuration, repeat) pairs as pending runs and move the search's cursor.

        `reasons`: why a model suggested each. False, with nothing written, when another agent
        moved the cursor first, or the sweep was changed meanwhile.
        """
        now = time.time()
        with self.write(durable=True) as db:
            moved = db.execute(
                "UPDATE sweep SET cursor = ? WHERE id = ? AND cursor = ? AND spec = ?",
                (cursor, sweep.id, sweep.cursor, dumps(sweep.spec)),
            ).rowcount
            if moved:
                following = next_number(db)
                (priority,) = db.execute(
                    "SELECT priority FROM sweep WHERE id = ?", (sweep.id,)
                ).fetchone()
                db.executemany(
                    "INSERT OR IGNORE INTO run(id, sweep, project, name, state, config,"
                    " config_hash, repeat, retries, priority, cwd, created_at, suggestion)"
                    " VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (
                            (run_id := new_id()),
                            sweep.id,
                            sweep.project,
                            friendly_name(run_id, following + index),
                            dumps(config),
                            config_hash(config),
                            repeat,
                            retries,
                            priority,
                            sweep.cwd,
                            now,
                            dumps(reasons[index]) if reasons else "",
                        )
                        for index, (config, repeat) in enumerate(proposals)
                    ],
                )
        return bool(moved)

    # The queue

    def heads(self, sweep_id: str | None, *, gpus: int = 0, most: int | None = None) -> list[Run]:
        """Return what is next in the queue of a sweep, or of runs without one.

        That is the first run that needs GPUs and the first that needs none, in their order: one
        may start where there is no room for the other. None: nothing is pending that may start.
        `gpus`: what a run needs that does not say; `most`: runs that need more are left out.
        """
        # All runs of a sweep need the same.
        kinds = [f"{_GPUS} = 0", f"{_GPUS} BETWEEN 1 AND :most"] if sweep_id is None else ["1"]
        values = {"sweep": sweep_id, "gpus": gpus, "most": 2**31 if most is None else most}
        rows = [row for kind in kinds for row in self._head(kind, values)]
        return sorted(map(_run, rows), key=lambda run: (-run.priority, run.number))

    def _head(self, kind: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with self.explained():
            return self.db.execute(f"{_HEAD} AND {kind} {_ORDER}", values).fetchall()

    def claim_run(self, run: Run, *, agent: str) -> Run | None:
        """Take a pending run; None: it is pending no more."""
        with self.write(durable=True) as db:
            rows = db.execute(
                "UPDATE run SET state = 'running', reason = '', agent = ?, started_at = ?,"
                f" open = 1, queued = 1 WHERE number = ? AND state = 'pending' RETURNING {_RUN}",
                (agent, time.time(), run.number),
            ).fetchall()
        return _run(rows[0]) if rows else None

    def claim(self, sweep_id: str | None, *, agent: str) -> Run | None:
        """Take the next pending run; one winner. None: there is none, or the sweep is paused."""
        with self.write(durable=True):
            heads = self.heads(sweep_id)
            return self.claim_run(heads[0], agent=agent) if heads else None

    def unclaim(self, run_id: str) -> bool:
        """Give a claimed run back to the queue because its program never started.

        False: it was not running, or its sweep does not want it any more, and so it is killed.
        """
        with self.write(durable=True) as db:
            db.execute(
                "UPDATE run SET state = 'killed', ended_at = ?, open = 0"
                f" WHERE id = ? AND state = 'running' AND {UNWANTED}",
                (time.time(), run_id),
            )
            return bool(
                db.execute(
                    "UPDATE run SET state = 'pending', agent = '', started_at = NULL, open = 0"
                    " WHERE id = ? AND state = 'running'",
                    (run_id,),
                ).rowcount
            )

    def started(self, run_id: str, argv: Sequence[str], devices: Sequence[str] = ()) -> None:
        """Record the command line, secrets redacted, and the GPUs of a run that is started."""
        with self.write() as db:
            db.execute(
                "UPDATE run SET argv = ?, devices = ? WHERE id = ?",
                (dumps(list(argv)), dumps(list(devices)), run_id),
            )

    def take_over(self, run_id: str, *, agent: str, before: str) -> bool:
        """Put a running run of an agent that died into the hands of another; one of many wins."""
        with self.write() as db:
            return bool(
                db.execute(
                    "UPDATE run SET agent = ? WHERE id = ? AND agent = ?"
                    " AND state IN ('running', 'paused')",
                    (agent, run_id, before),
                ).rowcount
            )

    def withdraw(self, ends: Mapping[str, End]) -> list[str]:
        """End runs of the queue before they start; return the ids of those that were in it."""
        with self.write(durable=True) as db:
            return [
                run_id
                for run_id, end in ends.items()
                if db.execute(
                    "UPDATE run SET state = ?, reason = ?, ended_at = ?"
                    f" WHERE id = ? AND {WAITING}",
                    (end.state, end.reason, end.ended_at, run_id),
                ).rowcount
            ]

    def end(self, ends: Mapping[str, End]) -> list[str]:
        """Record how runs ended, once each; queue a further attempt of a failure that has one.

        Returns the ids of the runs whose end is news.
        """
        news = []
        with self.write(durable=True) as db:
            for run_id, end in ends.items():
                fresh = db.execute(
                    f"{_SET_END} WHERE id = :id AND state IN ('pending', 'running', 'paused')"
                    " RETURNING state",
                    {**vars(end), "id": run_id},
                ).fetchall()
                if fresh:
                    news.append(run_id)
                    if fresh[0][0] in {RunState.FAILED, RunState.CRASHED}:
                        alone = end.needs_alone
                        queue_attempt(db, run_id, retries=0 if alone else 1, alone=alone)
        return news

    def add_run(
        self,
        run_id: str,
        *,
        project: str,
        state: RunState = RunState.RUNNING,
        name: str = "",
        config: Config | None = None,
        argv: Sequence[str] = (),
        cwd: str = "",
        agent: str = "",
        **labels: Any,
    ) -> Run:
        """Register a run of its own (not from a sweep); a run that is known is opened again.

        `labels`: group, job_type, notes, tags, metadata.
        """
        register(
            self,
            run_id,
            project=project,
            state=state,
            name=name,
            config=config,
            argv=argv,
            cwd=cwd,
            agent=agent,
            labels=labels,
        )
        return self.run(run_id)

    # Runs

    def run(self, ref: str) -> Run:
        """Return the run with this id, number, name, unique beginning of an id or `project/id`.

        Raises NotFoundError, also when several answer.
        """
        ref = ref.rsplit("/", 1)[-1]
        rows = self.rows(f"SELECT {_RUN} FROM run WHERE id = ?", (ref,))
        if not rows and ref.isdecimal():
            rows = self.rows(f"SELECT {_RUN} FROM run WHERE number = ?", (int(ref[:18]),))
        rows = rows or self.rows(f"SELECT {_RUN} FROM run WHERE name = ? LIMIT 9", (ref,))
        rows = rows or self.rows(
            f"SELECT {_RUN} FROM run WHERE substr(id, 1, ?) = ? LIMIT 9", (len(ref), ref or " ")
        )
        if len(rows) != 1:
            raise _not_one("run", ref, [row[1] for row in rows], "homerun ls")
        return _run(rows[0])

    def runs(
        self,
        *,
        sweep: str | None = None,
        project: str | None = None,
        states: Iterable[RunState] = (),
    ) -> list[Run]:
        """Return runs, oldest first; of a sweep its own, not those it reuses."""
        wanted = list(states)
        clauses: list[tuple[str, list[str]]] = [
            ("sweep = ?", [sweep] if sweep else []),
            ("project = ?", [project] if project else []),
            (f"state IN ({', '.join('?' * len(wanted))})", list(wanted)),
        ]
        used = [(clause, values) for clause, values in clauses if values]
        where = "WHERE " + " AND ".join(clause for clause, _ in used) if used else ""
        rows = self.rows(
            f"SELECT {_RUN} FROM run {where} ORDER BY number",
            [value for _, values in used for value in values],
        )
        return [_run(row) for row in rows]

    def label(self, run_id: str, **labels: Any) -> None:
        """Change name, notes, tags, group or job_type of a run."""
        with self.write() as db:
            set_labels(db, run_id, labels)

    def delete(self, run_ids: Sequence[str]) -> None:
        """Forget runs and all their points. Their folders are the caller's to remove."""
        with self.write(durable=True) as db:
            for run_id in run_ids:
                db.execute(
                    "DELETE FROM chunk WHERE metric IN (SELECT metric.id FROM metric"
                    " JOIN run ON run.number = metric.run WHERE run.id = ?)",
                    (run_id,),
                )
                db.execute("DELETE FROM run WHERE id = ?", (run_id,))

    def delete_sweep(self, sweep_id: str) -> None:
        """Forget a sweep and all its runs. Their folders are the caller's to remove."""
        with self.write(durable=True) as db:
            self.delete([run.id for run in self.runs(sweep=sweep_id)])
            db.execute("DELETE FROM sweep WHERE id = ?", (sweep_id,))


def _not_one(noun: str, ref: str, found: list[str], listing: str) -> NotFoundError:
    if not found:
        return NotFoundError(f"no {noun} answers to {ref!r}; {listing} shows those that are there")
    return NotFoundError(f"{ref!r} may be any of {', '.join(found)}; give the whole id")


def _sweep(row: Sequence[Any]) -> SweepRecord:
    values = dict(zip(_SWEEP.split(", "), row, strict=True))
    values.update(state=SweepState(values["state"]), spec=loads(values["spec"]))
    return SweepRecord(**values)


def _run(row: Sequence[Any]) -> Run:
    values = dict(zip(_RUN.split(", "), row, strict=True))
    for name in ("config", "summary", "metadata"):
        values[name] = loads(values[name])
    for name in ("tags", "argv", "devices"):
        values[name] = tuple(loads(values[name]))
    values.update(state=RunState(values["state"]), group=values.pop("group_name"))
    values.update(censored=bool(values["censored"]))
    return Run(**values)


assert frozenset(RunState) - ENDED == {RunState.PENDING, RunState.RUNNING, RunState.PAUSED}
