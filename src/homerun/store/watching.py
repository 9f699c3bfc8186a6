"""What a screen that watches the home shows: few rows, read over and over, so read lightly."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from homerun.core import ALIVE, BAD, ENDED, AgentRecord, RunState, SweepRecord, SweepState
from homerun.store.agents import agents
from homerun.store.control import next_attempt
from homerun.store.documents import dumps, loads
from homerun.store.points import decode
from homerun.store.reuse import count_reused
from homerun.store.schema import VALUES
from homerun.store.store import Store

HEAD = 30  # runs of the queue, and failures, that are read
_POINTS = 40  # recent points of a metric
_BLOCKS = 4  # of points: the last one may have just begun
_PACE = 100  # runs whose time tells how long the next ones will take
_RECENT_S = 86_400.0  # failures of sweeps that are over are shown for so long
_TAIL_BYTES = 4096
COUNTERS = ("epoch", "step", "global_step", "iteration", "batch")  # no curve worth watching
_RUN = (
    "number, id, sweep, project, name, state, reason, config, argv, source, priority,"
    " started_at, ended_at, runtime_s"
)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The metric of a run and how it went lately."""

    key: str
    count: int  # points there are
    last: Any
    points: tuple[float, ...]  # the latest numbers, oldest first


@dataclass(frozen=True, kw_only=True)
class WatchedRun:
    """A run on the screen: alive, waiting or failed."""

    number: int
    id: str
    sweep: str | None  # id
    project: str
    name: str
    state: RunState
    reason: str
    config: Mapping[str, Any]
    argv: tuple[str, ...]
    source: str  # path of the script of a folder that it executes
    priority: int  # higher runs first
    started_at: float | None  # seconds since the epoch
    ended_at: float | None
    runtime_s: float | None
    devices: tuple[str, ...] = ()  # the GPUs on which it has room
    after: tuple[int, ...] = ()  # numbers of the runs that have to finish before it
    curve: Curve | None = None
    last_line: str = ""  # of its output, when it failed


class EndedRun(NamedTuple):
    """A run that has ended and what it came to."""

    run: WatchedRun
    summary: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SweepProgress:
    """How far a sweep is."""

    record: SweepRecord
    counts: Mapping[RunState, int]
    repeated: int  # runs that are further attempts of others
    mean_s: float | None  # how long its latest runs took

    @property
    def done(self) -> int:
        """How many of the planned runs have ended."""
        ended = sum(count for state, count in self.counts.items() if state in ENDED)
        return max(0, ended - self.repeated)

    @property
    def is_open(self) -> bool:
        """Whether runs of it run or wait, or the search will propose more."""
        if any(self.counts.get(state) for state in (RunState.PENDING, *ALIVE)):
            return True
        planned = self.record.planned
        return self.record.state == SweepState.RUNNING and (planned is None or self.done < planned)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The home at one moment, as far as a screen shows it."""

    sweeps: tuple[SweepProgress, ...]  # those that go on, else the open ones, else the latest
    named: Mapping[str, SweepRecord]  # by id, those of the runs below
    counts: Mapping[RunState, int]  # of these sweeps, and of runs without one that have not ended
    alive: tuple[WatchedRun, ...]  # oldest first
    queue: tuple[WatchedRun, ...]  # the next ones to start
    failures: tuple[WatchedRun, ...]  # latest first
    agents: tuple[AgentRecord, ...]
    version: tuple[int, int]  # changes with every change of the database


def watch(
    store: Store,
    *,
    sweep: str | None = None,
    also: Collection[str] = (),
    head: int = HEAD,
    before: Snapshot | None = None,
) -> Snapshot:
    """Return what is to be seen now, of one sweep or of the home.

    `also` are sweeps (ids) of the home that are shown even when they do not go on; `head` is how
    many runs of the queue, and failures, are read. `before` is what was seen last, with the same
    `head`: it is returned again when nothing has changed, and what did not change since is not
    read again.
    """
    present = tuple(agents(store))
    with _one_moment(store):
        version = store.version()
        if before is not None and (before.version, before.agents) == (version, present):
            return before
        counts = _counts(store, sweep)
        if sweep is not None:
            ids = [sweep]
        else:
            ids = _going(store, counts, {agent.serves for agent in present}, also)
        sweeps = _shown(store, counts, ids, before, also)
        scope = {progress.record.id for progress in sweeps}
        shown = [*scope] if sweep else [*scope, None]
        alive, held = _alive(store, sweep)
        queue = _queue(store, shown, held, head)
        failures = _failures(store, sweep, scope, head)
        named = {progress.record.id: progress.record for progress in sweeps}
        for run in (*alive, *queue, *failures):
            if run.sweep is not None and run.sweep not in named:
                named[run.sweep] = store.sweep(run.sweep)
        return Snapshot(
            sweeps=tuple(sweeps),
            named=named,
            counts=_sum(counts.get(key, {}) for key in shown),
            alive=tuple(_with_curves(store, alive, named, before)),
            queue=tuple(queue),
            failures=tuple(_with_last_lines(store, failures, before)),
            agents=present,
            version=version,
        )


def eta_s(sweeps: Iterable[SweepProgress], alive: Iterable[WatchedRun], now: float) -> float | None:
    """Return when these sweeps will be done, seconds from now; None: nobody can know.

    What is left to do, by the mean time of a run, shared by as many runs at once as there are now.
    """
    running = [run for run in alive if run.state == RunState.RUNNING]
    left, waiting = [], 0.0
    for progress in sweeps:
        if not progress.is_open or progress.record.state != SweepState.RUNNING:
            continue
        if progress.record.planned is None or progress.mean_s is None:
            return None
        ours = [run for run in running if run.sweep == progress.record.id]
        left += [max(0.0, progress.mean_s - now + (run.started_at or now)) for run in ours]
        todo = progress.record.planned - progress.done - len(ours)
        waiting += max(0, todo) * progress.mean_s
    if not left:
        return None
    return max(*left, (sum(left) + waiting) / len(left))


def ended_numbers(store: Store, sweeps: Collection[str | None]) -> set[int]:
    """Return the numbers of the runs of sweeps that have ended; None: of those without one."""
    return {
        number
        for sweep in sweeps
        for (number,) in store.rows(
            "SELECT number FROM run WHERE sweep IS ? AND state IN (SELECT value FROM json_each(?))",
            (sweep, dumps(sorted(ENDED))),
        )
    }


def ended_runs(store: Store, numbers: Iterable[int]) -> list[EndedRun]:
    """Return runs with their summaries, in the order in which they ended."""
    rows = store.rows(
        f"SELECT {_RUN}, summary FROM run WHERE number IN (SELECT value FROM json_each(?))"
        " ORDER BY ended_at, number",
        (dumps(list(numbers)),),
    )
    return [EndedRun(_run(row), loads(summary)) for *row, summary in rows]


def last_line(store: Store, run_id: str) -> str:
    """Return the last line with anything in it that the program of a run wrote."""
    return _last_line(store.folder(run_id).output)


def failed_for_good(store: Store, numbers: Iterable[int]) -> int:
    """Return how many of the runs failed or crashed and were not tried again."""
    return sum(
        state in BAD and next_attempt(store, run_id) is None
        for run_id, state in store.rows(
            "SELECT id, state FROM run WHERE number IN (SELECT value FROM json_each(?))",
            (dumps(list(numbers)),),
        )
    )


@contextmanager
def _one_moment(store: Store) -> Iterator[None]:
    """Let several reading statements see the same state of the database."""
    with store.explained():
        store.db.execute("BEGIN")
        try:
            yield
        finally:
            store.db.execute("COMMIT")


def _counts(store: Store, sweep: str | None) -> dict[str | None, dict[RunState, int]]:
    """Return the number of runs in each state, by sweep; None: those alive without one."""
    where, values = ("WHERE sweep = ?", [sweep]) if sweep else ("", [])
    counts: dict[str | None, dict[RunState, int]] = {}
    rows = store.rows(f"SELECT sweep, state, count(*) FROM run {where} GROUP BY 1, 2", values)
    for key, state, count in rows:
        if key is not None or state not in ENDED:  # the rest is no part of what goes on
            counts.setdefault(key, {})[RunState(state)] = count
    count_reused(store, counts, sweep=sweep)
    return counts


def _going(
    store: Store,
    counts: Mapping[str | None, Mapping[RunState, int]],
    served: set[str],
    also: Collection[str],
) -> list[str]:
    """Return the sweeps that go on; else those that may; `served` is what agents serve."""
    rows = store.rows(
        "SELECT id FROM sweep WHERE state IN ('running', 'paused') OR number ="
        " (SELECT max(number) FROM sweep) OR id IN (SELECT value FROM json_each(?))"
        " ORDER BY number",
        (dumps(list(also)),),
    )
    ids = [row[0] for row in rows]
    going = [
        sweep_id
        for sweep_id in ids
        if served.intersection({sweep_id, ""})
        or ALIVE.intersection(counts.get(sweep_id, {}))
        or sweep_id in also
    ]
    return going or ids


def _shown(
    store: Store,
    counts: Mapping[str | None, Mapping[RunState, int]],
    ids: Iterable[str],
    before: Snapshot | None,
    also: Collection[str],
) -> list[SweepProgress]:
    """Return those of the sweeps that are open, else the last one; and `also` in any case."""
    known = {progress.record.id: progress for progress in before.sweeps} if before else {}
    found = [
        _progress(store, store.sweep(sweep_id), counts.get(sweep_id, {}), known) for sweep_id in ids
    ]
    shown = [one for one in found if one.is_open or one.record.id in also]
    return shown or found[-1:]


def _progress(
    store: Store,
    record: SweepRecord,
    counts: Mapping[RunState, int],
    known: Mapping[str, SweepProgress],
) -> SweepProgress:
    old = known.get(record.id)
    repeated, mean_s = (old.repeated, old.mean_s) if old else (0, None)
    if old is None or sum(old.counts.values()) != sum(counts.values()):
        repeated = store.rows(
            "SELECT count(*) FROM run WHERE sweep = ? AND config_hash IS NOT NULL AND attempt > 1",
            (record.id,),
        )[0][0]
    if old is None or old.counts.get(RunState.FINISHED) != counts.get(RunState.FINISHED):
        mean_s = store.rows(
            "SELECT avg(runtime_s) FROM (SELECT runtime_s FROM run WHERE sweep = ?"
            " AND state = 'finished' ORDER BY priority, number DESC LIMIT ?)",
            (record.id, _PACE),
        )[0][0]
    return SweepProgress(record=record, counts=counts, repeated=repeated, mean_s=mean_s)


def _sum(counts: Iterable[Mapping[RunState, int]]) -> dict[RunState, int]:
    total: dict[RunState, int] = {}
    for states in counts:
        for state, count in states.items():
            total[state] = total.get(state, 0) + count
    return total


def _alive(store: Store, sweep: str | None) -> tuple[list[WatchedRun], list[WatchedRun]]:
    """Return the runs that have started and not ended, and those held in the queue."""
    where, values = ("AND sweep = ?", [sweep]) if sweep else ("", [])
    rows = store.rows(
        f"SELECT {_RUN} FROM run WHERE state IN ('running', 'paused') {where} ORDER BY number",
        values,
    )
    devices: dict[str, list[str]] = {}
    for run_id, device in store.rows("SELECT run, device FROM device_lease ORDER BY device"):
        devices.setdefault(run_id, []).append(device)
    runs = [_run(row, devices=tuple(devices.get(row[1], ()))) for row in rows]
    held = [run for run in runs if run.started_at is None]
    return [run for run in runs if run.started_at is not None], held


def _queue(
    store: Store, sweeps: Sequence[str | None], held: Iterable[WatchedRun], head: int
) -> list[WatchedRun]:
    """Return the head of the queue, merged from those of the sweeps and what is held there."""
    runs = [run for run in held if run.sweep in sweeps]
    for sweep in sweeps:
        rows = store.rows(
            f"SELECT {_RUN} FROM run WHERE sweep IS ? AND state = 'pending'"
            " ORDER BY priority DESC, number LIMIT ?",
            (sweep, head),
        )
        runs += map(_run, rows)
    runs = sorted(runs, key=lambda run: (-run.priority, run.number))[:head]
    after: dict[str, list[int]] = {}
    rows = store.rows(
        "SELECT run_after.run, other.number FROM run_after JOIN run AS other"
        " ON other.id = run_after.after AND other.state != 'finished'"
        " WHERE run_after.run IN (SELECT value FROM json_each(?)) ORDER BY other.number",
        (dumps([run.id for run in runs]),),
    )
    for run_id, number in rows:
        after.setdefault(run_id, []).append(number)
    return [replace(run, after=tuple(after[run.id])) if run.id in after else run for run in runs]


def _failures(store: Store, sweep: str | None, scope: set[str], head: int) -> list[WatchedRun]:
    """Return the latest failures of the sweeps in question, and all those of the last day."""
    where, values = ("AND sweep = ?", [sweep]) if sweep else ("", [])
    found = [
        _run(row)
        for state in BAD
        for row in store.rows(
            f"SELECT {_RUN} FROM run WHERE state = ? {where} ORDER BY number DESC LIMIT ?",
            (state, *values, head),
        )
    ]
    since = time.time() - _RECENT_S
    recent = [run for run in found if run.sweep in scope or (run.ended_at or 0) > since]
    return sorted(recent, key=lambda run: (run.ended_at or 0, run.number), reverse=True)[:head]


def _run(row: Sequence[Any], **more: Any) -> WatchedRun:
    values = dict(zip(_RUN.split(", "), row, strict=True))
    values.update(
        state=RunState(values["state"]),
        config=loads(values["config"]),
        argv=tuple(loads(values["argv"])),
    )
    return WatchedRun(**values, **more)


def _with_curves(
    store: Store,
    runs: Iterable[WatchedRun],
    sweeps: Mapping[str, SweepRecord],
    before: Snapshot | None,
) -> Iterator[WatchedRun]:
    known = {run.id: run.curve for run in before.alive} if before else {}
    for run in runs:
        key = metric_of(sweeps[run.sweep] if run.sweep else None)
        yield replace(run, curve=curve_of(store, run.number, key, known.get(run.id)))


def _with_last_lines(
    store: Store, runs: Iterable[WatchedRun], before: Snapshot | None
) -> Iterator[WatchedRun]:
    known = {run.id: run.last_line for run in before.failures} if before else {}
    for run in runs:
        line = known.get(run.id)
        line = _last_line(store.folder(run.id).output) if line is None else line
        yield replace(run, last_line=line)


def metric_of(sweep: SweepRecord | None) -> str | None:
    """Return the name of the metric of a sweep."""
    return sweep.metric.name if sweep and sweep.metric else None


def curve_of(store: Store, number: int, key: str | None, known: Curve | None) -> Curve | None:
    """Return the course of a metric of a run; without a name, of the first that it logged."""
    sql = "SELECT id, key, count, last FROM metric WHERE run = ?"
    wanted = key or (known.key if known else None)
    if wanted is not None:
        rows = store.rows(f"{sql} AND key = ?", (number, wanted))
    else:
        rows = store.rows(
            f"{sql} AND numbers AND key NOT LIKE 'system.%'"
            f" AND key NOT IN ({', '.join('?' * len(COUNTERS))}) ORDER BY id LIMIT 1",
            (number, *COUNTERS),
        )
    if not rows:
        return None
    metric, name, count, last = rows[0]
    if known is not None and (known.key, known.count) == (name, count):
        return known
    return Curve(key=name, count=count, last=decode(last), points=_points(store, metric))


def _points(store: Store, metric: int) -> tuple[float, ...]:
    """Return the latest numbers of a metric, oldest first."""
    rows = store.rows(
        f"SELECT count, {VALUES} FROM chunk JOIN block ON block.id = chunk.block"
        " WHERE metric = ? ORDER BY block DESC LIMIT ?",
        (metric, _BLOCKS),
    )
    values = [value for count, *some in reversed(rows) for value in some[:count]]
    return tuple(value for value in values if isinstance(value, int | float))[-_POINTS:]


def _last_line(path: Path) -> str:
    """Return the last line with anything in it that a program wrote."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    return lines[-1].strip() if lines else ""
