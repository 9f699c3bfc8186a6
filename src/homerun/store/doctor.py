"""The health of a home: what is wrong, what can be repaired without loss, and a copy to keep."""

import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from homerun.core import ENDED, RunState, StoreError, SweepState, UsageError, counted, size
from homerun.store import journal as jr
from homerun.store.database import advice, connect_read_only
from homerun.store.files import sync
from homerun.store.fold import close_journals, fold
from homerun.store.home import check_local, file_system, run_folder
from homerun.store.salvage import Salvaged, salvage
from homerun.store.schema import APPLICATION_ID, MIGRATIONS
from homerun.store.settle import settle
from homerun.store.store import Store

_LOW_BYTES = 1 << 30  # free space below which there is a warning
_BIG_WAL_BYTES = 1 << 28
_SHOWN = 5  # ids that a finding names


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # worth knowing, nothing is wrong
    WARNING = "warning"  # something is lost or will be
    ERROR = "error"  # the home cannot be used as it is


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at or repaired, and what there is to say about it."""

    level: Level
    subject: str  # home, database, runs, journals, disk, program
    text: str
    is_repairable: bool = False  # homerun doctor --repair does it


@dataclass(frozen=True)
class _Rule:
    """A state of a row that cannot be, and the change that makes it possible again."""

    table: str
    text: str
    where: str
    repair: str


def _sql(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


_RULES = (
    _Rule(
        "run",
        "in no known state",
        f"state NOT IN ({_sql(RunState)})",
        "reason = 'its state was damaged: ' || state, state = 'crashed'",
    ),
    _Rule(
        "sweep",
        "in no known state",
        f"state NOT IN ({_sql(SweepState)})",
        "reason = 'its state was damaged: ' || state, state = 'paused'",
    ),
    _Rule(
        "run",
        "ended without a time",
        f"state IN ({_sql(ENDED)}) AND ended_at IS NULL",
        "ended_at = coalesce(started_at, created_at)",
    ),
    _Rule(
        "run",
        "ended without a reason",
        f"state IN ({_sql(ENDED - {RunState.FINISHED})}) AND reason = ''",
        "reason = 'no reason was recorded'",
    ),
    _Rule(
        "run",
        "finished with an exit code that is not 0",
        "state = 'finished' AND coalesce(exit_code, 0) != 0",
        "state = 'failed', reason = 'exit code ' || exit_code",
    ),
    *(
        _Rule("run", f"with a damaged {column}", f"NOT json_valid({column})", f"{column} = {empty}")
        for column, empty in (
            ("config", "'{}'"),
            ("summary", "'{}'"),
            ("metadata", "'{}'"),
            ("definitions", "'{}'"),
            ("tags", "'[]'"),
            ("argv", "'[]'"),
        )
    ),
)
_ORPHANS = (  # what belongs to a row that is gone
    ("metric", "run NOT IN (SELECT number FROM run)"),
    ("block", "run NOT IN (SELECT number FROM run)"),
    ("chunk", "metric NOT IN (SELECT id FROM metric) OR block NOT IN (SELECT id FROM block)"),
    ("journal", "run NOT IN (SELECT number FROM run)"),
    ("file", "run NOT IN (SELECT number FROM run)"),
    ("alert", "run NOT IN (SELECT number FROM run)"),
)


def check(home: Path) -> tuple[Finding, ...]:
    """Look at everything and change nothing."""
    findings = [_program(), *_home(home)]
    if not (home / "homerun.db").exists():
        findings.append(_missing_database(home))
        return tuple(findings)
    damage = _damage(home)
    if damage is not None:
        findings.append(damage)
        return tuple(findings)
    try:
        with closing(connect_read_only(home)) as db:
            for part in (_database(home, db), _rows(db), _folders(home, db), _disk(home)):
                findings.extend(part)
    except sqlite3.Error as error:
        findings.append(_error("database", advice(error)))
    return tuple(findings)


def repair(home: Path) -> tuple[Finding, ...]:
    """Repair what can be repaired; return what was done and exactly what was lost."""
    done = list(_repair_modes(home))
    salvaged = None
    if (home / "homerun.db").exists():
        damage = _damage(home)
        if damage is not None:
            if not damage.is_repairable:
                return (*done, damage)
            _refuse_if_in_use(home / "homerun.db")
            salvaged = salvage(home)
            done.append(_warning("database", f"the damaged file is kept in {salvaged.aside}"))
    elif not _stray_folders(home, set()):
        return tuple(done)
    with Store(home) as store:
        done += _repair_rows(store)
        done += _restore_strays(store)
        settled = settle(store)
        if settled.ended:
            done.append(_ok("runs", f"found out how {_named(settled.ended)} ended"))
        done += _close_ended(store)
        if salvaged is not None:
            done += _losses(store, salvaged)
    return tuple(done)


def backup(home: Path, target: Path) -> Path:
    """Copy the database to one file while others use it; the file is whole or not there at all."""
    if not (home / "homerun.db").exists():
        raise StoreError(f"there is no database in {home} to copy")
    if target.exists():
        raise UsageError(f"{target} is there already; choose another name")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(connect_read_only(home)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, no write-ahead log beside it
            if copy.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise StoreError(f"{home / 'homerun.db'} is damaged; run: homerun doctor --repair")
        sync(part)
        part.rename(target)
        sync(target.parent)
    except sqlite3.Error as error:
        raise StoreError(f"{target}: {advice(error)}") from error
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


# What is there


def _program() -> Finding:
    python = platform.python_version()
    return _ok("program", f"Python {python}, SQLite {sqlite3.sqlite_version}")


def _home(home: Path) -> Iterator[Finding]:
    if not home.is_dir():
        yield _note("home", f"{home} is not there yet; the first sweep or run makes it")
        return
    status = home.stat()
    try:
        check_local(home)
        yield _ok("home", f"{home} on {file_system(home) or 'an unknown file system'}")
    except StoreError as error:
        yield _error("home", str(error))
    if status.st_uid != os.geteuid():
        yield _error("home", f"{home} belongs to user id {status.st_uid}, you are {os.geteuid()}")
    for path in _too_open(home):
        yield _repairable("home", f"{path} can be read by others (mode {path.stat().st_mode:o})")
    free = shutil.disk_usage(home).free
    text = f"{size(free)} free"
    yield _ok("disk", text) if free > _LOW_BYTES else _warning("disk", f"only {text}")


def _too_open(home: Path) -> list[Path]:
    paths = [home, home / "runs", home / "homerun.db"]
    return [path for path in paths if path.exists() and path.stat().st_mode & 0o077]


def _missing_database(home: Path) -> Finding:
    strays = _stray_folders(home, set())
    if not strays:
        return _note("database", "there is none yet")
    text = f"there is no database, but {_named(strays)} can be restored"
    return _repairable("database", text, level=Level.ERROR)


def _damage(home: Path) -> Finding | None:
    """Return what is wrong with the database as a file, None when it can be read throughout."""
    path = home / "homerun.db"
    try:
        with closing(connect_read_only(home)) as db:
            tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master")]
            application = db.execute("PRAGMA application_id").fetchone()[0]
            if tables and application != APPLICATION_ID:
                return _error("database", f"{path} is of another program; move it away")
            lines = [row[0] for row in db.execute("PRAGMA integrity_check(100)")]
            if tables and lines == ["ok"]:
                return None
            lines = lines if tables else ["it is empty"]
    except sqlite3.OperationalError as error:  # locked, no permission, disk error
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            return _error("database", f"{path}: {advice(error)}")
        lines = [str(error)]
    except sqlite3.DatabaseError as error:
        lines = [str(error)]
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    text = f"{path} is damaged: {' '.join(lines[0].split())}{more}"
    return _repairable("database", text, level=Level.ERROR)


def _database(home: Path, db: sqlite3.Connection) -> Iterator[Finding]:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    database = size((home / "homerun.db").stat().st_size)
    yield _ok("database", f"version {version} of {len(MIGRATIONS)}, sound, {database}")
    log = home / "homerun.db-wal"
    if log.exists() and log.stat().st_size > _BIG_WAL_BYTES:
        text = f"the write-ahead log has {size(log.stat().st_size)}: some program reads for long"
        yield _warning("database", text)


def _rows(db: sqlite3.Connection) -> Iterator[Finding]:
    counts = dict(db.execute("SELECT state, count(*) FROM run GROUP BY state").fetchall())
    text = ", ".join(f"{count} {state}" for state, count in counts.items())
    yield _ok("runs", f"{sum(counts.values())} runs{f': {text}' if text else ''}")
    for rule in _RULES:
        ids = [row[0] for row in db.execute(f"SELECT id FROM {rule.table} WHERE {rule.where}")]
        if ids:
            yield _repairable("runs", f"{rule.table} {_named(ids)}: {rule.text}")
    for table, where in _ORPHANS:
        count = db.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]
        if count:
            yield _repairable("database", f"{count} rows of table {table} belong to nothing")


def _folders(home: Path, db: sqlite3.Connection) -> Iterator[Finding]:
    rows = db.execute("SELECT id, state, started_at FROM run").fetchall()
    ids = {row[0] for row in rows}
    strays = _stray_folders(home, ids)
    if strays:
        yield _repairable("runs", f"the database does not know {_named(strays)}")
    present = _folder_names(home)
    empty = sorted(present - ids - set(strays))
    if empty:
        text = f"folders without a run and without a journal: {_named(empty)}; see: homerun gc"
        yield _note("runs", text)
    gone = [run_id for run_id, _, started in rows if started and run_id not in present]
    if gone:
        yield _note("runs", f"started and without a folder (output and files gone): {_named(gone)}")
    ended = {run_id for run_id, state, _ in rows if state in ENDED}
    yield from _journals(home, db, ids & present, ended)


def _journals(
    home: Path, db: sqlite3.Connection, known: set[str], ended: set[str]
) -> Iterator[Finding]:
    offsets = dict(db.execute("SELECT id, offset FROM journal").fetchall())
    waiting, left, torn = 0, set(), set()
    for run_id in known:
        folder = run_folder(home, run_id)
        for path in jr.journal_paths(folder.path):
            try:
                reading = jr.read(path, offsets.get(jr.journal_id(path), 0))
            except FileNotFoundError:  # taken over meanwhile
                continue
            waiting += len(reading.records)
            if run_id in ended and not folder.is_held():
                left.add(run_id)
            if reading.torn and not folder.is_held():
                torn.add(run_id)
    yield _ok("journals", f"{waiting} records wait to be taken over")
    if left:
        yield _repairable("journals", f"left by runs that have ended: {_named(left)}")
    if torn:
        yield _note("journals", f"a last record was cut short in: {_named(torn)}")
    dropped = db.execute("SELECT coalesce(sum(dropped), 0) FROM journal").fetchone()[0]
    if dropped:
        yield _note("journals", f"{dropped} records were damaged or cut short, and dropped")


def _disk(home: Path) -> Iterator[Finding]:
    sizes = {name: _bytes_in(home / "runs" / name) for name in _folder_names(home)}
    text = f"{size(sum(sizes.values()))} in the folders of {counted(len(sizes), 'run')}"
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_SHOWN]
    if sizes:
        text += "; largest: " + ", ".join(f"{name} {size(sizes[name])}" for name in largest)
    yield _ok("disk", text)
    for folder in sorted(home.glob("damaged-*")):
        yield _note(
            "disk", f"{folder} holds a damaged database of before; {size(_bytes_in(folder))}"
        )


def _folder_names(home: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(home / "runs") if entry.is_dir()}
    except OSError:
        return set()


def _stray_folders(home: Path, known: set[str]) -> list[str]:
    """Return the runs that are not in the database and can be restored from their folder."""
    found = []
    for name in sorted(_folder_names(home) - known):
        try:
            folder = run_folder(home, name)
        except UsageError:
            continue
        if jr.journal_paths(folder.path) or (folder.path / "result.json").exists():
            found.append(name)
    return found


# What is done


def _repair_modes(home: Path) -> Iterator[Finding]:
    for path in _too_open(home):
        path.chmod(0o700 if path.is_dir() else 0o600)
        yield _ok("home", f"{path} can be read by you alone now")


def _repair_rows(store: Store) -> list[Finding]:
    done = []
    with store.write(durable=True) as db:
        for rule in _RULES:
            ids = [row[0] for row in db.execute(f"SELECT id FROM {rule.table} WHERE {rule.where}")]
            if ids:
                db.execute(f"UPDATE {rule.table} SET {rule.repair} WHERE {rule.where}")
                done.append(_warning("runs", f"{rule.table} {_named(ids)} was {rule.text}"))
        for table, where in _ORPHANS:
            count = db.execute(f"DELETE FROM {table} WHERE {where}").rowcount
            if count:
                text = f"removed {count} rows of table {table} that belonged to nothing"
                done.append(_warning("database", text))
    return done


def _restore_strays(store: Store) -> list[Finding]:
    restored = []
    known = {row[0] for row in store.rows("SELECT id FROM run")}
    for run_id in _stray_folders(store.home, known):
        if not fold(store, run_id):
            store.add_run(run_id, project="recovered")  # its result.json tells the rest
        restored.append(run_id)
    return [_ok("runs", f"restored from their folders: {_named(restored)}")] if restored else []


def _close_ended(store: Store) -> list[Finding]:
    closed = []
    for (run_id,) in store.rows(f"SELECT id FROM run WHERE state IN ({_sql(ENDED)})"):
        folder = store.folder(run_id)
        if jr.journal_paths(folder.path) and not folder.is_held():
            close_journals(store, run_id)
            closed.append(run_id)
    return [_ok("journals", f"took over and removed those of {_named(closed)}")] if closed else []


def _losses(store: Store, salvaged: Salvaged) -> Iterator[Finding]:
    """Say what did not come through, by name."""
    counted = ", ".join(f"{count} {table}" for table, count in salvaged.rows.items())
    yield _ok("database", f"rows that could be read: {counted}")
    losses = list(_lost_rows(store, salvaged))
    for (run_id, key), before in sorted(salvaged.points.items()):
        row = store.row(
            "SELECT count FROM metric JOIN run ON run.number = metric.run"
            " WHERE run.id = ? AND key = ?",
            (run_id, key),
        )
        missing = before - (row[0] if row else 0)
        if missing > 0:
            losses.append(f"{missing} of {before} points of {key} of run {run_id}")
    if salvaged.lost_points:
        losses.append(f"{salvaged.lost_points} points of metrics whose names are lost, too")
    if salvaged.lost_alerts:
        losses.append(f"{salvaged.lost_alerts} alerts")
    for text in losses:
        yield _warning("runs", f"lost {text}")
    if salvaged.lost_numbers:
        text = f"no run has the numbers {_ranges(salvaged.lost_numbers)}: removed before, or lost"
        yield _note("runs", text)
    elif not losses:
        yield _ok("database", "nothing was lost")


def _lost_rows(store: Store, salvaged: Salvaged) -> Iterator[str]:
    if salvaged.lost_sweeps:
        yield f"the files of sweeps {', '.join(salvaged.lost_sweeps)}; their runs are kept"
    bare = [run_id for run_id in salvaged.lost_runs if not store.run(run_id).config]
    if bare:
        yield f"the configuration of runs {', '.join(bare)}; their ids and ends are kept"
    nameless = store.rows("SELECT key FROM metric WHERE key LIKE 'lost.%' ORDER BY id")
    if nameless:
        yield f"the names of metrics, now called {', '.join(row[0] for row in nameless)}"


def _ranges(numbers: list[int]) -> str:
    """Write ascending numbers as people do: 1-3, 7."""
    starts = [n for i, n in enumerate(numbers) if i == 0 or numbers[i - 1] != n - 1]
    ends = [n for i, n in enumerate(numbers) if i + 1 == len(numbers) or numbers[i + 1] != n + 1]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def _refuse_if_in_use(path: Path) -> None:
    for pid in _users_of(path):
        raise StoreError(
            f"process {pid} ({_command_of(pid)}) has {path} open; stop it, then run again: "
            "homerun doctor --repair"
        )


def _users_of(path: Path) -> set[int]:
    """Return the processes, as far as we may see them, that have a file open; see proc(5)."""
    users = set()
    wanted = os.path.realpath(path)
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            is_open = any(str(link.readlink()) == wanted for link in folder.iterdir())
        except OSError:  # gone, or of another user
            continue
        if is_open:
            users.add(int(folder.parent.name))
    return users - {os.getpid()}


def _command_of(pid: int) -> str:
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "gone"
    return data.replace(b"\0", b" ").decode(errors="replace").strip()[:80]


def _bytes_in(folder: Path) -> int:
    count = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # removed meanwhile
                count += Path(root, name).lstat().st_size
    return count


def _named(ids: Any) -> str:
    names = sorted(ids)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _ok(subject: str, text: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, text=text)


def _note(subject: str, text: str) -> Finding:
    return Finding(level=Level.NOTE, subject=subject, text=text)


def _warning(subject: str, text: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, text=text)


def _error(subject: str, text: str) -> Finding:
    return Finding(level=Level.ERROR, subject=subject, text=text)


def _repairable(subject: str, text: str, *, level: Level = Level.WARNING) -> Finding:
    return Finding(level=level, subject=subject, text=text, is_repairable=True)
