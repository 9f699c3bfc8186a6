"""Folding: what a run's journals hold is taken over into the database, each record once.

How far a journal was read is stored in the transaction that stores its points, so folding twice,
or dying in the middle, changes nothing.
"""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homerun.core import Definition, RunState, definition_for, friendly_name, summarize
from homerun.store import journal as jr
from homerun.store.documents import dumps, loads
from homerun.store.points import Group, Stats, flatten, load_stats, save_groups
from homerun.store.store import Store, set_labels

_PIECE_BYTES = 8 << 20  # of a journal, in one transaction


def fold(store: Store, run_id: str, *, limit_bytes: int | None = None) -> int:
    """Take over what a run's journals hold beyond what was taken before; return the records.

    With a limit nothing is done when more bytes than that wait, so that a program ends at once.
    """
    paths = jr.journal_paths(store.folder(run_id).path)
    if limit_bytes is not None and sum(path.stat().st_size for path in paths) > limit_bytes:
        return 0
    count = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # another process folded and removed it
            count += _fold_journal(store, run_id, path)
    return count


def close_journals(store: Store, run_id: str, *, keep: bool = False) -> None:
    """Fold the journals of a run that has ended, count what was torn, and remove them.

    A journal with a living writer (the run was resumed) stays, and the run stays open.
    """
    is_done = True
    for path in jr.journal_paths(store.folder(run_id).path):
        try:
            fd = jr.lock_journal(path)
        except FileNotFoundError:
            continue
        except BlockingIOError:
            is_done = False
            continue
        try:
            _fold_journal(store, run_id, path)
            _count_torn(store, path)
            if not keep:
                path.unlink(missing_ok=True)
        finally:
            os.close(fd)
    if is_done:
        with store.write() as db:
            db.execute("UPDATE run SET open = 0 WHERE id = ?", (run_id,))


def _count_torn(store: Store, path: Path) -> None:
    size = path.stat().st_size
    with store.write() as db:
        db.execute(
            "UPDATE journal SET dropped = dropped + 1, offset = ? WHERE id = ? AND offset < ?",
            (size, jr.journal_id(path), size),
        )


def _fold_journal(store: Store, run_id: str, path: Path) -> int:
    count = 0
    while True:
        known = store.row("SELECT offset FROM journal WHERE id = ?", (jr.journal_id(path),))
        offset = known[0] if known else 0
        reading = jr.read(path, offset, limit_bytes=_PIECE_BYTES)
        if not (reading.records or reading.dropped):
            return count
        batch = sort_records(reading.records)
        with store.write() as db:
            known = db.execute("SELECT offset FROM journal WHERE id = ?", (reading.id,)).fetchone()
            if (known[0] if known else 0) != offset:
                continue  # another process folded this part
            _apply(db, run_id, batch)
            db.execute(
                "INSERT INTO journal SELECT ?, number, ?, ? FROM run WHERE id = ?"
                " ON CONFLICT(id) DO UPDATE SET offset = excluded.offset,"
                " dropped = dropped + excluded.dropped",
                (reading.id, reading.end, reading.dropped, run_id),
            )
        count += len(reading.records)


@dataclass
class Batch:
    """Records of a journal, sorted by what is to be done with them."""

    groups: dict[tuple[str, ...], Group] = field(default_factory=dict)  # by their keys
    begin: dict[str, Any] | None = None
    config: dict[str, Any] | None = None
    summary: dict[str, tuple[int, Any]] = field(default_factory=dict)  # index of record, value
    deleted: dict[str, int] = field(default_factory=dict)  # summary key: index of record
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[Sequence[Any]] = field(default_factory=list)
    end: tuple[float, dict[str, Any]] | None = None
    last_row: tuple[int, float] | None = None  # step, time


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
            group.add(step, time, tuple(data.values()))
            group.last_index = index
            batch.last_row = (step, time)
        elif kind == jr.SYSTEM:
            _, step, time, data = record
            keys = tuple(f"system.{key}" for key in data)
            group = groups.setdefault(keys, Group(keys))
            group.add(step, time, tuple(data.values()))
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
        case [jr.END, time, end]:
            batch.end = (time, end)
        case _:
            pass  # a kind that a newer homerun wrote: its points are safe, its event is not ours


def _apply(db: sqlite3.Connection, run_id: str, batch: Batch) -> None:
    number = _ensure_run(db, run_id, batch.begin or {})
    stats = load_stats(db, number) if batch.groups else {}
    save_groups(db, number, batch.groups.values(), stats)
    _apply_events(db, run_id, number, batch)
    definitions = _definitions(db, number, batch.definitions)
    if batch.groups or batch.summary or batch.deleted or batch.definitions:
        _save_summary(db, number, batch, stats, definitions)
    if batch.end is not None:
        _apply_end(db, number, *batch.end)


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
        if group.last_index >= 0:
            for key in group.keys:
                written[key] = max(written.get(key, -1), group.last_index)
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
            "UPDATE run SET exit_code = coalesce(exit_code, ?), detail = ? WHERE number = ?"
            " AND state IN ('running', 'paused')",
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
