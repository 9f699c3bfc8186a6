"""What a terminal shows of the home: light reads of many runs at once, and ids to complete."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from homerun.core import Metric, NotFoundError, RunState, StoreError, UsageError, flat
from homerun.store.database import advice, connect_read_only
from homerun.store.documents import loads, loads_all, step_to
from homerun.store.points import decode
from homerun.store.reuse import count_reused, of_sweep
from homerun.store.store import Store

_LINE = (
    "number, id, sweep, project, name, state, reason, created_at, started_at, ended_at, runtime_s,"
    " tags, censored, config, summary"
)
_FOUND = "coalesce(json_extract(summary, ?), json_extract(summary, ?))"
# A number in the summary; its parameters are `value_paths`.
VALUE = f"CASE WHEN typeof({_FOUND}) IN ('integer', 'real') THEN {_FOUND} END"
_COUNTS = "state = 'finished' AND NOT censored"  # as Run.counts
_COST = (
    "user_cpu_s, system_cpu_s, memory_max_mib, gpu_memory_max_gib, energy_wh, cpu_energy_wh, "
    "is_shared, out_of_memory, detail"
)
_METRIC = "key, count, first, last, min, min_step, max, max_step, mean"
_IDS = """\
SELECT CASE WHEN is_id THEN id ELSE name END, state || ' ' || CASE WHEN is_id THEN name ELSE id END
FROM (SELECT *, substr(id, 1, :length) = :text AS is_id FROM {table})
WHERE is_id OR substr(name, 1, :length) = :text ORDER BY number DESC LIMIT 50"""
_PROJECTS = (
    "SELECT project, 'project' FROM (SELECT project FROM sweep UNION SELECT project FROM run)"
    " WHERE substr(project, 1, :length) = :text ORDER BY 1 LIMIT 50"
)
_SAMPLE = 50  # runs whose keys stand for those of all


class RunLine(NamedTuple):
    """A run in a list: what `Run` holds without what only a page about one run shows."""

    number: int
    id: str
    sweep: str | None
    project: str
    name: str
    state: str
    reason: str
    created_at: float  # seconds since the epoch, as the other times
    started_at: float | None
    ended_at: float | None
    runtime_s: float | None
    tags: list[str]
    censored: bool  # a rule of its sweep ended it early
    config: dict[str, Any]
    summary: dict[str, Any]


@dataclass(frozen=True)
class MetricLine:
    """The statistics of all points of one metric of one run."""

    key: str
    count: int
    first: Any
    last: Any
    min: Any
    min_step: int | None
    max: Any
    max_step: int | None
    mean: float | None


@dataclass(frozen=True)
class Cost:
    """What a run used, as far as it is known, and what it said when it failed."""

    user_cpu_s: float | None
    system_cpu_s: float | None
    memory_max_mib: float | None  # peak resident set of the largest process
    gpu_memory_max_gib: float | None  # peak on any one of its GPUs
    energy_wh: float | None  # of its GPUs
    cpu_energy_wh: float | None  # of the CPU packages of the machine
    is_shared: bool | None  # others were on its GPUs; None: it had none
    out_of_memory: str  # it died of it: `gpu` or `host`
    detail: str  # traceback or last lines


def run_lines(
    store: Store,
    *,
    sweep: str | None = None,
    project: str | None = None,
    states: Iterable[RunState] = (),
    limit: int | None = None,
    best_by: str | None = None,
    is_maximized: bool = False,
) -> list[RunLine]:
    """Return runs, latest first, each in a few microseconds.

    With `best_by` those with the best summary value of that metric come first.
    """
    where, values = _where(store, sweep, project, states)
    order, keys, value = "ORDER BY number DESC", [], "NULL"
    if best_by is not None:
        order = f"ORDER BY value IS NULL, value {'DESC' if is_maximized else 'ASC'}, number"
        keys, value = value_paths(best_by), VALUE
    elif limit is None:
        order = ""  # SQLite would carry whole rows through its sorter
    rows = store.rows(
        f"SELECT {_LINE}, {value} AS value FROM run {where} {order} LIMIT ?",
        [*keys, *values, -1 if limit is None else limit],
    )
    if not rows:
        return []
    if not order:
        rows.sort(reverse=True)
    *plain, tags, censored, configs, summaries, _ = zip(*rows, strict=True)
    documents = [loads_all(texts) for texts in (configs, summaries)]
    labels = [loads(text) if text != "[]" else [] for text in tags]
    columns = [*plain, labels, map(bool, censored), *documents]
    return list(map(RunLine._make, zip(*columns, strict=True)))


def run_configs(
    store: Store,
    *,
    sweep: str | None = None,
    project: str | None = None,
    states: Iterable[RunState] = (),
) -> list[tuple[str, dict[str, Any]]]:
    """Return state and configuration of runs, oldest first."""
    where, values = _where(store, sweep, project, states)
    rows = store.rows(f"SELECT state, config FROM run {where} ORDER BY number", values)
    documents = loads_all(config for _, config in rows)
    return [(state, config) for (state, _), config in zip(rows, documents, strict=True)]


def _where(
    store: Store, sweep: str | None, project: str | None, states: Iterable[RunState]
) -> tuple[str, list[str]]:
    wanted = [state.value for state in states]
    clauses: list[tuple[str, list[str]]] = [
        of_sweep(store, sweep) if sweep else ("", []),
        ("project = ?", [project] if project else []),
        (f"state IN ({', '.join('?' * len(wanted))})", wanted),
    ]
    used = [(clause, values) for clause, values in clauses if values]
    where = "WHERE " + " AND ".join(clause for clause, _ in used) if used else ""
    return where, [value for _, values in used for value in values]


def value_paths(key: str) -> list[str]:
    """Return where a summary may hold a metric: under its dotted name, or nested."""
    nested = "".join(map(step_to, key.split(".")))
    return [f"${step_to(key)}", f"${nested}"] * 2


def sweep_counts(store: Store) -> dict[str, dict[RunState, int]]:
    """Return the number of runs in each state, by sweep."""
    counts: dict[str, dict[RunState, int]] = {}
    for sweep, state, count in store.rows(
        "SELECT sweep, state, count(*) FROM run WHERE sweep IS NOT NULL GROUP BY sweep, state"
    ):
        counts.setdefault(sweep, {})[RunState(state)] = count
    count_reused(store, counts)
    return counts


def projects(store: Store) -> list[str]:
    """Return the names of all projects, in the order of the alphabet."""
    sql = "SELECT project FROM run UNION SELECT project FROM sweep ORDER BY 1"
    return [row[0] for row in store.rows(sql)]


def best_run(store: Store, sweep_id: str, metric: Metric) -> tuple[int, float] | None:
    """Return the number of the run with a sweep's best summary value of a metric, and the value.

    Of those that count: runs that finished, and that no rule ended early.
    """
    condition, values = of_sweep(store, sweep_id)
    row = store.row(
        f"SELECT number, {'max' if metric.is_maximized else 'min'}(value) FROM"
        f" (SELECT number, {VALUE} AS value FROM run WHERE ({condition}) AND {_COUNTS})",
        [*value_paths(metric.name), *values],
    )
    return None if row is None or row[1] is None else (row[0], row[1])


def metric_lines(store: Store, run_id: str) -> list[MetricLine]:
    """Return the statistics of each metric of a run, in the order of first use."""
    rows = store.rows(
        f"SELECT {_METRIC} FROM metric WHERE run = (SELECT number FROM run WHERE id = ?)"
        " ORDER BY id",
        (run_id,),
    )
    return [MetricLine(*map(decode, row)) for row in rows]


def cost(store: Store, run_id: str) -> Cost:
    """Return what a run used."""
    row = store.row(f"SELECT {_COST} FROM run WHERE id = ?", (run_id,))
    if row is None:
        raise NotFoundError(f"run {run_id} was removed a moment ago")
    values = dict(zip(_COST.split(", "), row, strict=True))
    if values["is_shared"] is not None:
        values["is_shared"] = bool(values["is_shared"])
    return Cost(**values)


def complete_ids(home: Path, incomplete: str, *, tables: Iterable[str]) -> list[tuple[str, str]]:
    """Return (id, or name, and what it is) of the latest 50 of each table that begin so.

    The table `project`, which is none, stands for the names of projects.
    """
    found: dict[str, str] = {}
    with closing(connect_read_only(home)) as db:
        for table in tables:
            statement = _PROJECTS if table == "project" else _IDS.format(table=table)
            values = {"length": len(incomplete), "text": incomplete}
            found = {**dict(db.execute(statement, values)), **found}
    return list(found.items())


def complete_keys(home: Path, sweep: str | None) -> list[str]:
    """Return the keys that the first runs, of a sweep or of all, have in config and summary."""
    where = "WHERE sweep IN (SELECT id FROM sweep WHERE :sweep IN (id, name))" if sweep else ""
    with closing(connect_read_only(home)) as db:
        rows = db.execute(
            f"SELECT config, summary FROM run {where} ORDER BY number LIMIT :limit",
            {"sweep": sweep, "limit": _SAMPLE},
        ).fetchall()
    documents = [document for documents in rows for document in loads_all(documents)]
    return list(dict.fromkeys(key for one in documents for key in flat(one) if key[:1] != "_"))


@contextmanager
def query(home: Path, sql: str, *, is_writing: bool = False) -> Iterator[sqlite3.Cursor]:
    """Give the cursor of one statement of the user's; only `is_writing` lets it change the home."""
    try:
        if is_writing:
            with Store(home) as store, store.write(durable=True) as db:
                yield db.execute(sql)
        else:
            with closing(connect_read_only(home)) as db:
                # Python sees Ctrl-C only between steps, so a long query must come back to it.
                db.set_progress_handler(lambda: 0, 100_000)
                yield db.execute(sql)
    except StoreError as error:
        if isinstance(error.__cause__, sqlite3.Error):
            raise _explained(error.__cause__, home) from error
        raise
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _explained(error, home) from error


def _explained(error: Exception, home: Path) -> BaseException:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return KeyboardInterrupt()
    if code == sqlite3.SQLITE_READONLY:
        return UsageError("this would change the home; if you mean it: homerun sql --write ...")
    if code in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT}:
        return UsageError(f"SQLite says: {error}")
    return StoreError(f"{home / 'homerun.db'}: {advice(error)}")
