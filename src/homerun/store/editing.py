"""What is written into a run from outside, after or beside its program."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from homerun.store.database import Database
from homerun.store.documents import dumps, loads
from homerun.store.registration import set_labels


class FileEntry(NamedTuple):
    """A file of a run as the database knows it."""

    path: str  # below runs/ID/files
    kind: str
    size: int | None  # bytes
    created_at: float | None  # seconds since the epoch


def edit_run(
    store: Database, run_id: str, *, config: Mapping[str, Any], labels: Mapping[str, Any]
) -> None:
    """Replace the configuration of a run and change its name, notes, tags, group or job_type."""
    with store.write(durable=True) as db:
        db.execute("UPDATE run SET config = ? WHERE id = ?", (dumps(dict(config)), run_id))
        set_labels(db, run_id, labels)


def edit_summary(
    store: Database, run_id: str, changed: Mapping[str, Any], deleted: Iterable[str] = ()
) -> None:
    """Set and delete keys of the summary of a run."""
    with store.write(durable=True) as db:
        row = db.execute("SELECT summary FROM run WHERE id = ?", (run_id,)).fetchone()
        if row is not None:
            gone = set(deleted)
            kept = {key: value for key, value in loads(row[0]).items() if key not in gone}
            merged = dumps({**kept, **changed})
            db.execute("UPDATE run SET summary = ? WHERE id = ?", (merged, run_id))


def metadata_of(store: Database, run_id: str) -> dict[str, Any]:
    """Return what is known of the surroundings of a run."""
    row = store.row("SELECT metadata FROM run WHERE id = ?", (run_id,))
    return dict(loads(row[0])) if row else {}


def files_of(store: Database, run_id: str) -> list[FileEntry]:
    """Return the files of a run in the order of the alphabet."""
    rows = store.rows(
        "SELECT path, kind, size, file.created_at FROM file"
        " WHERE run = (SELECT number FROM run WHERE id = ?) ORDER BY path",
        (run_id,),
    )
    return [FileEntry(*row) for row in rows]


def add_file(store: Database, run_id: str, path: str, size: int) -> None:
    """Record a file that somebody put beside those of a run."""
    with store.write() as db:
        db.execute(
            "INSERT OR REPLACE INTO file(run, path, kind, size, created_at)"
            " SELECT number, ?, 'saved', ?, ? FROM run WHERE id = ?",
            (path, size, time.time(), run_id),
        )


def remove_file(store: Database, run_id: str, path: str) -> None:
    """Forget a file of a run. The file itself is the caller's to remove."""
    with store.write() as db:
        db.execute(
            "DELETE FROM file WHERE path = ? AND run = (SELECT number FROM run WHERE id = ?)",
            (path, run_id),
        )
