"""Runs that count in a sweep: its own, and finished ones of a sweep it was cloned from."""

from collections.abc import Iterable
from typing import Any

from homerun.core import RunState
from homerun.store.database import Database
from homerun.store.documents import dumps

_BOTH = """run.number IN (SELECT own.number FROM run AS own WHERE own.sweep = ?
    UNION ALL SELECT other.number FROM reused JOIN run AS other ON other.id = reused.run
              WHERE reused.sweep = ?)"""


def of_sweep(database: Database, sweep_id: str) -> tuple[str, list[str]]:
    """Return the condition on `run` that chooses the runs of a sweep, and its values.

    Without reused ones it is the plain one: the list of the other costs 5 ms for 10,000 runs.
    """
    if database.row("SELECT 1 FROM reused WHERE sweep = ? LIMIT 1", (sweep_id,)):
        return _BOTH, [sweep_id, sweep_id]
    return "run.sweep = ?", [sweep_id]


def count_reused(
    database: Database, counts: dict[Any, dict[RunState, int]], *, sweep: str | None = None
) -> None:
    """Add what is reused to the number of runs in each state, by sweep; all of it has finished."""
    where, values = ("WHERE sweep = ?", [sweep]) if sweep else ("", [])
    for key, count in database.rows(
        f"SELECT sweep, count(*) FROM reused {where} GROUP BY sweep", values
    ):
        of_one = counts.setdefault(key, {})
        of_one[RunState.FINISHED] = of_one.get(RunState.FINISHED, 0) + count


def reusing(database: Database, run_ids: Iterable[str]) -> dict[str, int]:
    """Return in which other sweeps runs count, and how many in each."""
    rows = database.rows(
        "SELECT sweep, count(*) FROM reused WHERE run IN (SELECT value FROM json_each(?))"
        " GROUP BY sweep",
        (dumps(list(run_ids)),),
    )
    return dict(rows)


def reused_runs(database: Database, sweep_id: str) -> int:
    """Return how many runs of other sweeps count in one."""
    row = database.row("SELECT count(*) FROM reused WHERE sweep = ?", (sweep_id,))
    return int(row[0]) if row else 0


class Seen:
    """What a sweep has already, as `config_hash` and repeat: its own runs and those it reuses."""

    def __init__(self, database: Database, sweep_id: str) -> None:
        self._database, self._sweep = database, sweep_id
        self._reused = set(
            database.rows(
                "SELECT run.config_hash, run.repeat FROM reused JOIN run ON run.id = reused.run"
                " WHERE reused.sweep = ?",
                (sweep_id,),
            )
        )

    def __contains__(self, proposal: object) -> bool:
        """Look one proposal up: one step in an index, however many runs there are."""
        if proposal in self._reused:
            return True
        return isinstance(proposal, tuple) and bool(
            self._database.row(
                "SELECT 1 FROM run WHERE sweep = ? AND config_hash = ? AND repeat = ? LIMIT 1",
                (self._sweep, *proposal),
            )
        )
