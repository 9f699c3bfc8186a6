"""Folding: what a run's journals hold is taken over into the database, each record once.

How far a journal was read is stored in the transaction that stores its points, so folding twice,
or dying in the middle, changes nothing.
"""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homerun.core import Definition, RunState, definition_for, friendly_name, summarize
from homerun.store import journal as jr
from homerun.store.database import Database
from homerun.store.documents import dumps, loads
from homerun.store.home import run_folder
from homerun.store.points import Group, Stats, flatten, load_stats, save_groups
from homerun.store.registration import set_labels

if TYPE_CHECKING:
    from homerun.store.manifests import ArtifactFile

_PIECE_BYTES = 8 << 20  # of a journal, in one transaction


def fold(store: Database, run_id: str, *, limit_bytes: int | None = None) -> int:
    """Take over what a run's journals hold beyond what was taken before; return the records.

    With a limit nothing is done when more bytes than that wait, so that a program ends at once.
    """
    paths = jr.journal_paths(run_folder(store.home, run_id).path)
    if limit_bytes is not None and sum(map(_size, paths)) > limit_bytes:
        return 0
    count = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # another process folded and removed it
            count += _fold_journal(store, run_id, path)
    return count


def close_journals(store: Database, run_id: str) -> None:
    """Fold the journals of a run that has ended, count what was torn, and remove them.

    A journal with a living writer (the run was resumed, or has other processes) stays, and the
    run stays open.
    """
    folder = run_folder(store.home, run_id).path
    closed = set()
    for path in jr.journal_paths(folder):
        try:
            fd = jr.lock_journal(path)
        except (FileNotFoundError, BlockingIOError):
            continue
        closed.add(path)
        try:
            _fold_journal(store, run_id, path)
            _count_torn(store, path)
            path.unlink(missing_ok=True)
        finally:
            os.close(fd)
    with store.write() as db:
        if closed.issuperset(jr.journal_paths(folder)):  # no process has come since with its own
            db.execute("UPDATE run SET open = 0 WHERE id = ?", (run_id,))


def open_again(store: Database, run_id: str) -> None:
    """Have the journals of a run folded by every reader, because a process may have a new one."""
    with store.write() as db:
        db.execute("UPDATE run SET open = 1 WHERE id = ?", (run_id,))


def known_metrics(store: Database, run_id: str) -> tuple[dict[str, Definition], dict[str, Stats]]:
    """Return what define_metric said of a run's metrics, and the statistics of each, as folded."""
    row = store.row("SELECT number, definitions FROM run WHERE id = ?", (run_id,))
    if row is None:
        return {}, {}
    return _as_definitions(loads(row[1])), load_stats(store.db, row[0])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process folded and removed it
        return 0


def _count_torn(store: Database, path: Path) -> None:
    size = path.stat().st_size
    with store.write() as db:
        db.execute(
            "UPDATE journal SET dropped = dropped + 1, offset = ? WHERE id = ? AND offset < ?",
            (size, jr.journal_id(path), size),
        )


def _fold_journal(store: Database, run_id: str, path: Path) -> int:
    count = 0
    while True:
        known = store.row("SELECT offset FROM journal WHERE id = ?", (jr.journal_id(path),))
        offset = known[0] if known else 0
        reading = jr.read(path, offset, limit_bytes=_PIECE_BYTES)
        if not (reading.records or reading.dropped):
            return count
        batch = sort_records(reading.records)
        artifacts = _Artifacts(store, batch.artifacts)
        with store.write() as db:
            known = db.execute("SELECT offset FROM journal WHERE id = ?", (reading.id,)).fetchone()
            if (known[0] if known else 0) != offset:
                continue  # another process folded this part
            number = apply(db, run_id, batch)
            dropped = reading.dropped + artifacts.take_over(db, number)
            db.execute(
                "INSERT INTO journal SELECT ?, number, ?, ? FROM run WHERE id = ?"
                " ON CONFLICT(id) DO UPDATE SET offset = excluded.offset,"
                " dropped = dropped + excluded.dropped",
                (reading.id, reading.end, dropped, run_id),
            )
        count += len(reading.records)


class _Artifacts:
    """What a run logged and used of artifacts; their manifests are read before the transaction."""

    def __init__(self, store: Database, records: list[dict[str, Any]]) -> None:
        self._records: list[tuple[dict[str, Any], list[ArtifactFile] | None]] = []
        if records:
            from homerun.store.artifacts import files_of_record  # noqa: PLC0415 - few runs need it

            self._records = [(record, files_of_record(store, record)) for record in records]

    def take_over(self, db: sqlite3.Connection, run: int) -> int:
        """Take the records over; return how many could not be."""
        if not self._records:
            return 0
        from homerun.store.artifacts import take_over  # noqa: PLC0415

        return [take_over(db, run, *one) for one in self._records].count(False)


class Batch:
    """Records of a journal, sorted by what is to be done with them."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, ...], Group] = {}  # by their keys
        self.begin: dict[str, Any] | None = None
        self.config: dict[str, Any] | None = None
        self.summary: dict[str, tuple[int, Any]] = {}  # index of record, value
        self.deleted: dict[str, int] = {}  # summary key: index of record
        self.definitions: dict[str, dict[str, Any]] = {}
        self.metadata: dict[str, Any] = {}
        self.labels: dict[str, Any] = {}
        self.files: list[dict[str, Any]] = []
        self.alerts: list[Sequence[Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.end: tuple[float, dict[str, Any]] | None = None
        self.last_row: tuple[int, float] | None = None  # step, time


def sort_records(records: list[list[Any]]) -> Batch:
    """Sort the records of a journal; rows that share their keys become one group."""
    batch = Batch()
    groups = batch.groups
    for index, record in enumerate(records):
        kind = record[0]
        if kind == jr.ROW:
            _, step, time, data = record
            keys = tuple(data)
            group = groups.get(keys)
            if group is None:
                group = groups[keys] = Group(keys)
            group.add(index, step, time, tuple(data.values()))
            batch.last_row = (step, time)
        elif kind == jr.SYSTEM:
            _, step, time, data = record
            keys = tuple(f"system.{key}" for key in data)
            group = groups.setdefault(keys, Group(keys, is_logged=False))
            group.add(index, step, time, tuple(data.values()))
        else:
            _sort_event(batch, index, record)
    batch.groups = flatten(groups)
    return batch


def _sort_event(batch: Batch, index: int, record: list[Any]) -> None:
    match record:
        case [jr.BEGIN, begin]:
            batch.begin = begin
        case [jr.CONFIG, config]:
            batch.config = config
        case [jr.SUMMARY, changed, deleted]:
            batch.summary.update({key: (index, value) for key, value in changed.items()})
            batch.deleted.update(dict.fromkeys(deleted, index))
        case [jr.DEFINE, definition]:
            batch.definitions[definition["name"]] = definition
        case [jr.METADATA, metadata]:
            batch.metadata.update(metadata)
        case [jr.LABELS, labels]:
            batch.labels.update(labels)
        case [jr.FILE, file]:
            batch.files.append(file)
        case [jr.ALERT, *alert]:
            batch.alerts.append(alert)
        case [jr.ARTIFACT, artifact]:
            batch.artifacts.append(artifact)
        case [jr.END, time, end]:
            batch.end = (time, end)
        case _:
            pass  # a kind that a newer homerun wrote: its points are safe, its event is not ours


def apply(db: sqlite3.Connection, run_id: str, batch: Batch) -> int:
    """Store what the records of a batch say of a run, inside a transaction; return its number."""
    number = _ensure_run(db, run_id, batch.begin or {})
    stats = load_stats(db, number) if batch.groups else {}
    save_groups(db, number, batch.groups.values(), stats)
    _apply_events(db, run_id, number, batch)
    definitions = _definitions(db, number, batch.definitions)
    if batch.groups or batch.summary or batch.deleted or batch.definitions:
        _save_summary(db, number, batch, stats, definitions)
    if batch.end is not None:
        _apply_end(db, number, *batch.end)
    return number


def _ensure_run(db: sqlite3.Connection, run_id: str, begin: dict[str, Any]) -> int:
    """Return the run's number; a run the database does not know is restored from its journal."""
    row = db.execute("SELECT number FROM run WHERE id = ?", (run_id,)).fetchone()
    if row:
        return int(row[0])
    sweep = db.execute("SELECT id FROM sweep WHERE id = ?", (begin.get("sweep"),)).fetchone()
    started = begin.get("started_at", 0.0)
    cursor = db.execute(
        "INSERT INTO run(id, sweep, project, name, state, agent, created_at, started_at, open)"
        " VALUES (?, ?, ?, ?, 'running', ?, ?, ?, 1)",
        (
            run_id,
            sweep[0] if sweep else None,
            begin.get("project") or "uncategorized",
            begin.get("name") or friendly_name(run_id),
            begin.get("process", ""),
            started,
            started,
        ),
    )
    return int(cursor.lastrowid or 0)


def _apply_events(db: sqlite3.Connection, run_id: str, number: int, batch: Batch) -> None:
    begin = batch.begin or {}
    config = batch.config if batch.config is not None else begin.get("config")
    if config is not None:
        db.execute("UPDATE run SET config = ? WHERE number = ?", (dumps(config), number))
    metadata = {**begin.get("metadata", {}), **batch.metadata}
    if metadata:
        row = db.execute("SELECT metadata FROM run WHERE number = ?", (number,)).fetchone()
        merged = dumps({**loads(row[0]), **metadata})
        db.execute("UPDATE run SET metadata = ? WHERE number = ?", (merged, number))
    if begin.get("argv"):
        db.execute(
            "UPDATE run SET argv = ?, cwd = ? WHERE number = ?",
            (dumps(begin["argv"]), begin.get("cwd", ""), number),
        )
    set_labels(db, run_id, {**begin.get("labels", {}), **batch.labels})
    db.executemany(
        "INSERT OR REPLACE INTO file(run, path, kind, size, created_at) VALUES (?, ?, ?, ?, ?)",
        [(number, f["path"], f["kind"], f.get("size"), f.get("time")) for f in batch.files],
    )
    db.executemany(
        "INSERT INTO alert(run, time, title, text, level) VALUES (?, ?, ?, ?, ?)",
        [(number, *alert) for alert in batch.alerts],
    )


def _definitions(
    db: sqlite3.Connection, number: int, new: dict[str, dict[str, Any]]
) -> dict[str, Definition]:
    row = db.execute("SELECT definitions FROM run WHERE number = ?", (number,)).fetchone()
    known = loads(row[0])
    if new:
        known.update(new)
        db.execute("UPDATE run SET definitions = ? WHERE number = ?", (dumps(known), number))
    return _as_definitions(known)


def _as_definitions(known: dict[str, dict[str, Any]]) -> dict[str, Definition]:
    return {
        name: Definition(**{**fields, "summary": tuple(fields.get("summary") or ())})
        for name, fields in known.items()
    }


def _save_summary(
    db: sqlite3.Connection,
    number: int,
    batch: Batch,
    stats: dict[str, Stats],
    definitions: dict[str, Definition],
) -> None:
    """Bring the summary up to date; of a logged value and one set by hand the later counts."""
    row = db.execute("SELECT summary, started_at FROM run WHERE number = ?", (number,)).fetchone()
    summary, started = loads(row[0]), row[1]
    written: dict[str, int] = {}
    for group in batch.groups.values():
        if group.is_logged:
            for key in group.keys:
                written[key] = max(written.get(key, -1), group.indexes[-1])
    for key in written:
        value = summarize(definition_for(key, definitions), stats[key].as_dict())
        if value is None:
            summary.pop(key, None)
        else:
            summary[key] = value
    for key, (index, value) in batch.summary.items():
        if index > written.get(key, -1):
            summary[key] = value
    for key, index in batch.deleted.items():
        if index > max(written.get(key, -1), batch.summary.get(key, (-1,))[0]):
            summary.pop(key, None)
    if batch.last_row is not None:
        step, time = batch.last_row
        summary.update(_step=step, _timestamp=time, _runtime=max(0.0, time - (started or time)))
    db.execute("UPDATE run SET summary = ? WHERE number = ?", (dumps(summary), number))


def _apply_end(db: sqlite3.Connection, number: int, time: float, end: dict[str, Any]) -> None:
    """Record the end that the program itself announced.

    A supervisor knows better how the process ended, so of a supervised run only what it cannot
    know is kept: an exit code given to finish(), and the traceback.
    """
    if end.get("supervised"):
        db.execute(
            "UPDATE run SET exit_code = coalesce(exit_code, ?),"
            " detail = coalesce(nullif(?, ''), detail)"
            " WHERE number = ? AND state IN ('running', 'paused')",
            (end["exit_code"] or None, end.get("detail", ""), number),
        )
        return
    db.execute(
        "UPDATE run SET state = ?, reason = ?, exit_code = ?, detail = ?, ended_at = ?,"
        " runtime_s = max(0, ? - started_at)"
        " WHERE number = ? AND state IN ('running', 'paused')",
        (
            RunState(end["state"]),
            end.get("reason", ""),
            end["exit_code"],
            end.get("detail", ""),
            time,
            time,
            number,
        ),
    )
