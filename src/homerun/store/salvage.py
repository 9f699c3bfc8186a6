"""Saving what can be read of a damaged database into a new one.

SQLite stores tables and indexes in pages. A damaged page makes a range of rows unreadable, so rows
are copied by ranges of their keys that are halved around the damage. What a lost row held is then
taken from the indexes, which repeat ids, projects and states, and from the folder of the run.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from homerun.core import ENDED, RunState, StoreError, friendly_name
from homerun.store import journal as jr
from homerun.store.artifacts import mend_artifacts
from homerun.store.documents import dumps
from homerun.store.files import read_json
from homerun.store.home import run_folder
from homerun.store.points import Stats, block_points, decode, encode
from homerun.store.schema import VALUES
from homerun.store.store import Store

_TABLES = {  # the keys by which a table is read, and its indexes
    "sweep": (("number",), ("sqlite_autoindex_sweep_1",)),
    "run": (("number",), ("sqlite_autoindex_run_1", "run_state", "run_project")),
    "metric": (("id",), ("sqlite_autoindex_metric_1",)),
    "block": (("id",), ("block_run",)),
    "chunk": (("metric", "block"), ()),
    "journal": (("rowid",), ("sqlite_autoindex_journal_1", "journal_run")),
    "file": (("run",), ()),
    "alert": (("rowid",), ("alert_run",)),
    "artifact": (("number",), ("sqlite_autoindex_artifact_1",)),
    "artifact_version": (("number",), ("sqlite_autoindex_artifact_version_1",)),
    "artifact_alias": (("artifact",), ()),
    "artifact_file": (("version",), ()),
    "artifact_use": (("run",), ("artifact_use_run",)),
    "finding": (("number",), ("finding_parameter",)),
}
_LATER = ("artifact", "finding")
_ALWAYS = {table for table in _TABLES if not table.startswith(_LATER)}  # in any version
_WINDOW = 4096  # keys read at once
_INTERIOR = 5  # type of a page that points to others
_LOST = "its row in the database was damaged"


@dataclass
class Salvaged:
    """What became of a damaged database."""

    aside: Path  # where the damaged file lies now
    rows: dict[str, int] = field(default_factory=dict)  # copied, by table
    lost_sweeps: list[str] = field(default_factory=list)  # ids whose file is gone
    lost_runs: list[str] = field(default_factory=list)  # ids whose row was made anew
    lost_numbers: list[int] = field(default_factory=list)  # of runs; some were removed by people
    lost_alerts: int = 0
    lost_points: int = 0  # of metrics whose names are lost, too
    points: dict[tuple[str, str], int] = field(default_factory=dict)  # by run id and metric: before


def salvage(home: Path) -> Salvaged:
    """Replace a damaged homerun.db by one that holds all that can be read of it.

    The damaged file is kept in a folder `damaged-TIME`. Points that are still in journals come back
    with the next fold. Nothing may have the database open meanwhile.
    """
    path = home / "homerun.db"
    if shutil.disk_usage(home).free < 2 * path.stat().st_size:
        raise StoreError(
            f"{home}: repairing needs {2 * path.stat().st_size >> 20} MiB of free space; free some "
            "and run again: homerun doctor --repair"
        )
    aside = home / time.strftime("damaged-%Y%m%d-%H%M%S")
    aside.mkdir(mode=0o700)
    result = Salvaged(aside)
    with TemporaryDirectory(prefix="repair-", dir=home) as scratch:
        new = Path(scratch) / "new"
        with Store(new) as target:
            target.db.execute("PRAGMA foreign_keys = OFF")
            source = _open(path, Path(scratch))
            if source is not None:
                with closing(source):
                    _copy(source, target.db, result)
                    _restore_runs(source, target.db, home, result)
                    _restore_sweeps(source, target.db, result)
                    _restore_metrics(source, target.db, result)
            mend_artifacts(target.db, home)
            _drop_twice_folded(target.db, home)
            _recount(target.db)
            _count_losses(target.db, result)
            _summarize(target.db, result.lost_runs)
            target.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try:
            os.link(path, aside / path.name)
        except OSError:  # a file system without hard links
            path.rename(aside / path.name)
        for suffix in ("-wal", "-shm"):
            log = path.with_name(path.name + suffix)
            if log.exists():
                log.rename(aside / log.name)
        (new / path.name).replace(path)
    return result


def _open(path: Path, scratch: Path) -> sqlite3.Connection | None:
    """Open a damaged file, if need be with the first page of a sound one; None: nothing is there.

    The first page holds the header and where each table begins, and is the same in every home.
    """
    for has_head in (True, False):
        candidate = path if has_head else _with_sound_head(path, scratch)
        db = sqlite3.connect(f"{candidate.absolute().as_uri()}?mode=ro", uri=True)
        db.text_factory = lambda data: data.decode(errors="replace")
        try:
            db.execute("PRAGMA cell_size_check = ON")
            states = {row[0] for row in _scan(db, "SELECT state FROM run LIMIT 100")}
            if _names(db) >= _ALWAYS and states <= set(RunState):
                return db
        except sqlite3.DatabaseError:
            pass
        db.close()
    return None


def _names(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master")}


def _with_sound_head(path: Path, scratch: Path) -> Path:
    """Copy a database and give it the header and the schema of a new one, which are the same.

    Offsets are those of https://www.sqlite.org/fileformat2.html
    """
    with Store(scratch / "model") as model:
        model.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page_size: int = model.db.execute("PRAGMA page_size").fetchone()[0]
        sound = model.path.read_bytes()
    copy = scratch / "copy.db"
    shutil.copyfile(path, copy)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        shutil.copyfile(log, f"{copy}-wal")
    head = bytearray(sound[:page_size])
    schema = _children(sound) if head[100] == _INTERIOR else []
    pages = max(copy.stat().st_size, len(sound)) // page_size  # each table must begin inside
    head[28:32] = pages.to_bytes(4, "big")
    head[32:40] = bytes(8)  # no list of free pages
    with copy.open("r+b") as file:
        file.truncate(pages * page_size)
        file.write(head)
        for page in schema:
            file.seek((page - 1) * page_size)
            file.write(sound[(page - 1) * page_size : page * page_size])
    return copy


def _children(page: bytes) -> list[int]:
    """Return the numbers of the pages below the root of the schema's table, on page 1."""
    count = int.from_bytes(page[103:105], "big")
    cells = [int.from_bytes(page[112 + 2 * i : 114 + 2 * i], "big") for i in range(count)]
    return [int.from_bytes(page[at : at + 4], "big") for at in (108, *cells)]


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, result: Salvaged) -> None:
    highest: dict[str, int] = {}
    for table, (keys, indexes) in _TABLES.items():
        highest[table] = _highest(source, table, keys[0], indexes)
        if table in {"chunk", "file"}:
            highest[table] = highest["metric" if table == "chunk" else "run"]
        known = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
        columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
        names = [column for column in columns if column in known]
        if not names:  # a table that came later
            result.rows[table] = 0
            continue
        select = f"SELECT {', '.join(names)} FROM {table} WHERE "
        insert = (
            f"INSERT OR IGNORE INTO {table}({', '.join(names)})"
            f" VALUES ({', '.join('?' * len(names))})"
        )
        bounds = [(0, highest[table]), (0, highest["block"] if table == "chunk" else 0)]
        target.execute("BEGIN")
        target.executemany(insert, _ranges(source, select, keys, bounds[: len(keys)]))
        target.execute("COMMIT")
        result.rows[table] = target.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    for table, number in _scan(source, "SELECT name, seq FROM sqlite_sequence"):
        target.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, table)
        )
    entries = set(_scan(source, "SELECT rowid FROM alert INDEXED BY alert_run", "run"))
    result.lost_alerts = max(0, len(entries) - result.rows["alert"])


def _ranges(
    db: sqlite3.Connection,
    select: str,
    keys: Sequence[str],
    bounds: Sequence[tuple[int, int]],
    values: tuple[int, ...] = (),
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows that can be read; ranges of the first key are halved around damage."""
    fixed = "".join(f"{key} = ? AND " for key in keys[: len(values)])
    key, (low, high) = keys[len(values)], bounds[len(values)]
    statement = f"{select}{fixed}{key} BETWEEN ? AND ?"
    pending = [(start, min(start + _WINDOW - 1, high)) for start in range(low, high + 1, _WINDOW)]
    pending.reverse()
    while pending:
        first, last = pending.pop()
        try:
            rows = db.execute(statement, (*values, first, last)).fetchall()
        except (sqlite3.DatabaseError, OverflowError):
            middle = (first + last) // 2
            if first < last:
                pending += [(middle + 1, last), (first, middle)]
            elif len(values) + 1 < len(keys):
                yield from _ranges(db, select, keys, bounds, (*values, first))
            continue
        yield from rows


def _highest(db: sqlite3.Connection, table: str, key: str, indexes: Sequence[str]) -> int:
    """Return the highest key of a table that anything still readable knows of."""
    found = _scan(db, f"SELECT max({key}) FROM {table}")
    for index in indexes:
        found += _scan(db, f"SELECT {key} FROM {table} INDEXED BY {index}")
    found += _scan(db, f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'")
    return max((row[0] for row in found if isinstance(row[0], int)), default=0)


def _scan(db: sqlite3.Connection, sql: str, *order: str) -> list[tuple[Any, ...]]:
    """Return the rows up to the first damage and, where there is an order, those after the last."""
    rows: list[tuple[Any, ...]] = []
    for direction in ("", " DESC") if order else ("",):
        by = ", ".join(f"{column}{direction}" for column in order)
        try:
            for row in db.execute(f"{sql} ORDER BY {by}" if by else sql):
                rows.append(row)  # noqa: PERF402  what came before an error counts
        except sqlite3.DatabaseError:
            continue
        break
    return rows


def _restore_runs(
    source: sqlite3.Connection, target: sqlite3.Connection, home: Path, result: Salvaged
) -> None:
    """Make rows anew for runs that only indexes, or their points, still know of."""
    ids = dict(_scan(source, _by_id("run"), "id"))
    for (number,) in target.execute("SELECT run FROM metric UNION SELECT run FROM block"):
        ids.setdefault(number, f"lost{number}")
    by_project = "SELECT number, project FROM run INDEXED BY run_project"
    projects = dict(_scan(source, by_project, "project", "number"))
    by_sweep = "SELECT number, sweep, state FROM run INDEXED BY run_queue"
    queue = {
        number: (sweep, state)
        for number, sweep, state in _scan(source, by_sweep, "sweep", "state", "priority", "number")
    }
    present = {row[0] for row in target.execute("SELECT number FROM run")}
    for number, run_id in ids.items():
        if number in present:
            continue
        sweep, state = queue.get(number, (None, RunState.RUNNING))
        folder = run_folder(home, run_id).path
        made_at = folder.stat().st_mtime if folder.exists() else time.time()
        if (folder / "result.json").exists() or (folder / "process.json").exists():
            state = RunState.RUNNING  # settling will find out what became of it
        elif state not in ENDED:
            state = RunState.KILLED  # without its configuration it must not run
        target.execute(
            "INSERT OR IGNORE INTO run(number, id, sweep, project, name, state, reason, config,"
            " created_at, started_at, ended_at, open) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (
                number,
                run_id,
                sweep,
                projects.get(number, "recovered"),
                friendly_name(run_id, number),
                state,
                _LOST,
                dumps(read_json(folder / "config.json") or {}),
                made_at,
                made_at,
                made_at if state in ENDED else None,
            ),
        )
        result.lost_runs.append(run_id)


def _restore_sweeps(
    source: sqlite3.Connection, target: sqlite3.Connection, result: Salvaged
) -> None:
    """Make rows anew for sweeps that only an index or their runs still know of."""
    numbers = {sweep: number for number, sweep in _scan(source, _by_id("sweep"), "id")}
    named = target.execute("SELECT DISTINCT sweep FROM run WHERE sweep IS NOT NULL").fetchall()
    present = {row[0] for row in target.execute("SELECT id FROM sweep")}
    for sweep in sorted({*numbers, *(row[0] for row in named)} - present):
        target.execute(
            "INSERT OR IGNORE INTO sweep(number, id, project, name, state, reason, spec,"
            " created_at) VALUES (?, ?, coalesce((SELECT min(project) FROM run WHERE sweep = ?),"
            " 'recovered'), ?, 'canceled', ?, '{}', ?)",
            (numbers.get(sweep), sweep, sweep, friendly_name(sweep), _LOST, time.time()),
        )
        result.lost_sweeps.append(sweep)


def _by_id(table: str) -> str:
    return f"SELECT number, id FROM {table} INDEXED BY sqlite_autoindex_{table}_1"


def _restore_metrics(
    source: sqlite3.Connection, target: sqlite3.Connection, result: Salvaged
) -> None:
    """Make rows anew for metrics that an index still knows of; note how many points each had."""
    listed = "SELECT id, run, key FROM metric INDEXED BY sqlite_autoindex_metric_1"
    target.executemany(
        "INSERT OR IGNORE INTO metric(id, run, key, count, numbers) VALUES (?, ?, ?, 0, 0)",
        _scan(source, listed, "run", "key"),
    )
    target.execute(
        "INSERT OR IGNORE INTO metric(id, run, key, count, numbers)"
        " SELECT DISTINCT metric, block.run, 'lost.' || metric, 0, 0 FROM chunk"
        " JOIN block ON block.id = chunk.block WHERE metric NOT IN (SELECT id FROM metric)"
    )
    target.execute("DELETE FROM chunk WHERE block NOT IN (SELECT id FROM block)")
    target.execute("DELETE FROM metric WHERE run NOT IN (SELECT number FROM run)")
    rows = target.execute(
        "SELECT run.id, key, count FROM metric JOIN run ON run.number = metric.run"
    )
    result.points = {(run_id, key): count for run_id, key, count in rows}


def _drop_twice_folded(target: sqlite3.Connection, home: Path) -> None:
    """Remove the points of journals whose place was lost; the next fold takes them all."""
    known = {row[0] for row in target.execute("SELECT id FROM journal")}
    for number, run_id in target.execute("SELECT number, id FROM run WHERE open").fetchall():
        for path in jr.journal_paths(run_folder(home, run_id).path):
            if jr.journal_id(path) in known:
                continue
            times = [record[2] for record in jr.read(path).records if record[0] == jr.ROW]
            if not times:
                continue
            blocks = target.execute("SELECT id, time, times FROM block WHERE run = ?", (number,))
            for block, time_s, times_ms in blocks.fetchall():
                if block_points(1, 0, 1, None, time_s, times_ms)[1][-1] >= times[0]:
                    target.execute("DELETE FROM chunk WHERE block = ?", (block,))
                    target.execute("DELETE FROM block WHERE id = ?", (block,))


def _recount(target: sqlite3.Connection) -> None:
    """Compute the statistics of the metrics whose points are not those they were computed from."""
    wrong = target.execute(
        "SELECT metric.id FROM metric"
        " LEFT JOIN chunk ON chunk.metric = metric.id LEFT JOIN block ON block.id = chunk.block"
        " GROUP BY metric.id HAVING metric.count != coalesce(sum(block.count), 0)"
    ).fetchall()
    for (metric,) in wrong:
        stats = Stats(metric)
        for row in target.execute(
            "SELECT block.count, block.step, block.stride, block.steps, block.time, block.times,"
            f" {VALUES} FROM chunk JOIN block ON block.id = chunk.block"
            " WHERE chunk.metric = ? ORDER BY block.step, block.id",
            (metric,),
        ):
            steps, _times = block_points(*row[:6])
            stats.add(steps, [decode(value) for value in row[6 : 6 + len(steps)]])
        target.execute(
            f"UPDATE metric SET {', '.join(f'{name} = ?' for name in Stats.COLUMNS)} WHERE id = ?",
            [*(None if value is None else encode(value) for value in stats.values()), metric],
        )
    target.execute("DELETE FROM metric WHERE count = 0")


def _count_losses(target: sqlite3.Connection, result: Salvaged) -> None:
    """Count what is missing beyond what can be named."""
    missing = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <"
    missing += " (SELECT seq FROM sqlite_sequence WHERE name = 'run'))"
    missing += " SELECT i FROM n WHERE i NOT IN (SELECT number FROM run)"
    if target.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'run'").fetchone():
        result.lost_numbers = [row[0] for row in target.execute(missing)]
    expected, present = target.execute(
        "SELECT (SELECT coalesce(sum(count * json_array_length(keys)), 0) FROM block"
        "  WHERE json_valid(keys)),"
        " (SELECT coalesce(sum(block.count), 0) FROM chunk JOIN block ON block.id = chunk.block)"
    ).fetchone()
    now = {
        (run_id, key): count
        for run_id, key, count in target.execute(
            "SELECT run.id, key, count FROM metric JOIN run ON run.number = metric.run"
        )
    }
    named = sum(max(0, before - now.get(which, 0)) for which, before in result.points.items())
    result.lost_points = max(0, expected - present - named)


def _summarize(target: sqlite3.Connection, run_ids: list[str]) -> None:
    """Give runs whose summary was lost the last value of each metric."""
    for run_id in run_ids:
        rows = target.execute(
            "SELECT key, last FROM metric JOIN run ON run.number = metric.run"
            " WHERE run.id = ? AND key NOT LIKE 'system.%'",
            (run_id,),
        )
        summary = dumps({key: decode(last) for key, last in rows})
        target.execute("UPDATE run SET summary = ? WHERE id = ?", (summary, run_id))
