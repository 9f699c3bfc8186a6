"""What searches leave behind: why a run was proposed, and what a sweep may still gain."""

from collections.abc import Mapping
from typing import Any

from homerun.store.database import Database
from homerun.store.documents import loads
from homerun.store.reuse import of_sweep


def run_numbers(store: Database, sweep_id: str) -> dict[str, int]:
    """Return the numbers of the runs that count in a sweep, by id."""
    condition, values = of_sweep(store, sweep_id)
    return dict(store.rows(f"SELECT id, number FROM run WHERE {condition}", values))


def suggestion_of(store: Database, run_id: str) -> dict[str, Any]:
    """Return why a model suggested a run; empty where none did."""
    row = store.row("SELECT suggestion FROM run WHERE id = ?", (run_id,))
    return dict(loads(row[0])) if row and row[0] else {}


def source_of(store: Database, run_id: str) -> str:
    """Return the id of the run that a promoted one repeats; empty where it was not promoted."""
    row = store.row("SELECT promoted_from FROM run WHERE id = ?", (run_id,))
    return str(row[0]) if row else ""


def set_sources(store: Database, sweep_id: str, sources: Mapping[str, str]) -> None:
    """Record which run each run of a sweep repeats, by `config_hash`."""
    with store.write() as db:
        db.executemany(
            "UPDATE run SET promoted_from = ? WHERE sweep = ? AND config_hash = ?",
            [(run_id, sweep_id, key) for key, run_id in sources.items()],
        )


def set_outlook(store: Database, sweep_id: str, text: str) -> None:
    """Record what the next runs of a sweep are expected to gain."""
    with store.write() as db:
        db.execute("UPDATE sweep SET outlook = ? WHERE id = ?", (text, sweep_id))
