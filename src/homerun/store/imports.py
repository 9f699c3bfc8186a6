"""Runs that come from elsewhere: records like those of a journal, taken over without one.

A journal is for a program that may die at any moment. What is imported still lies where it came
from, so its records go straight to the database, by the functions that fold journals.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

from homerun.store.database import Database
from homerun.store.documents import dumps, loads
from homerun.store.fold import apply, sort_records
from homerun.store.points import block_points, decode
from homerun.store.schema import VALUES

_PIECE = 20_000  # records in one transaction
_CHUNKS = f"""
SELECT block.id, metric.key, block.count, block.step, block.stride, block.steps, block.time,
       block.times, {VALUES}
FROM run
JOIN metric ON metric.run = run.number
JOIN chunk ON chunk.metric = metric.id
JOIN block ON block.id = chunk.block
WHERE run.id = ? AND substr(metric.key, 1, 7) != 'system.'
ORDER BY block.id, metric.id
"""


class Imported(NamedTuple):
    """A run that was imported, and from which state of its source."""

    run: str  # id
    digest: str  # of the source as it was then; empty: the import did not come to its end


def imported_runs(store: Database) -> dict[str, Imported]:
    """Return the runs that were imported, by the key of their source."""
    rows = store.rows(
        "SELECT json_extract(metadata, '$.imported.key'), id,"
        " coalesce(json_extract(metadata, '$.imported.digest'), '') FROM run"
        " WHERE json_extract(metadata, '$.imported.key') IS NOT NULL"
    )
    return {key: Imported(run, digest) for key, run, digest in rows}


def take_in(store: Database, run_id: str, records: Iterable[list[Any]]) -> None:
    """Store a run from records like those of a journal, in place of all it had before.

    The caller holds the run's lock, so that nobody takes it for dead in between.
    """
    rest = iter(records)
    piece = list(islice(rest, _PIECE))
    is_first = True
    while piece or is_first:
        following = list(islice(rest, _PIECE))
        with store.write() as db:
            if is_first:
                _empty(db, run_id)
            apply(db, run_id, sort_records(piece))
            if not following:
                db.execute("UPDATE run SET open = 0 WHERE id = ?", (run_id,))
        piece, is_first = following, False


def note(store: Database, run_id: str, metadata: Mapping[str, Any]) -> None:
    """Merge facts into the metadata of a run."""
    with store.write() as db:
        row = db.execute("SELECT metadata FROM run WHERE id = ?", (run_id,)).fetchone()
        if row:
            merged = dumps({**loads(row[0]), **metadata})
            db.execute("UPDATE run SET metadata = ? WHERE id = ?", (merged, run_id))


def history_rows(store: Database, run_id: str) -> list[tuple[int, float, dict[str, Any]]]:
    """Return step, time (s since the epoch) and values of each row that a run logged, by step."""
    chunks = store.rows(_CHUNKS, (run_id,))
    rows: list[tuple[int, float, dict[str, Any]]] = []
    for _, some in groupby(chunks, key=itemgetter(0)):
        block = list(some)
        count = block[0][2]
        columns = {row[1]: [decode(value) for value in row[8 : 8 + count]] for row in block}
        places = zip(*block_points(*block[0][2:8]), strict=True)
        rows += [
            (step, time, {key: column[index] for key, column in columns.items()})
            for index, (step, time) in enumerate(places)
        ]
    return sorted(rows, key=itemgetter(0, 1))


def _empty(db: sqlite3.Connection, run_id: str) -> None:
    """Take away all that a run has from its records, but not the run and its labels."""
    row = db.execute("SELECT number FROM run WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        return
    db.execute("DELETE FROM chunk WHERE metric IN (SELECT id FROM metric WHERE run = ?)", row)
    for table in ("metric", "block", "file", "alert"):
        db.execute(f"DELETE FROM {table} WHERE run = ?", row)
    db.execute(
        "UPDATE run SET state = 'running', reason = '', summary = '{}', definitions = '{}',"
        " exit_code = NULL, detail = '', ended_at = NULL, runtime_s = NULL WHERE number = ?",
        row,
    )
