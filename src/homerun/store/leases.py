"""Leases: which run has room on which GPU of this host. They end with all processes of the run."""

import time
from collections.abc import Iterable

from homerun.core import Lease
from homerun.store.process import hostname
from homerun.store.store import Store

_LEASE = "device, run, holder, memory_mib, at_most, taken_at"


def leases(store: Store) -> list[Lease]:
    """Return all leases of this host, in the order in which they were taken."""
    rows = store.rows(
        f"SELECT {_LEASE} FROM device_lease WHERE substr(holder, 1, ?) = ? ORDER BY taken_at",
        (len(hostname()) + 1, f"{hostname()}/"),
    )
    return [Lease(**dict(zip(_LEASE.split(", "), row, strict=True))) for row in rows]


def take_leases(
    store: Store,
    run_id: str,
    devices: Iterable[str],
    *,
    holder: str,
    memory_mib: float | None,
    at_most: int,
) -> None:
    """Give a run room on devices; those it had are given back.

    Whoever calls has found out, in the same transaction, that there is room.
    """
    with store.write(durable=True) as db:
        db.execute("DELETE FROM device_lease WHERE run = ?", (run_id,))
        db.executemany(
            "INSERT INTO device_lease VALUES (?, ?, ?, ?, ?, ?)",
            [(device, run_id, holder, memory_mib, at_most, time.time()) for device in devices],
        )


def release(store: Store, run_ids: Iterable[str]) -> None:
    """Give back the room of runs of which no process is left."""
    with store.write(durable=True) as db:
        db.executemany("DELETE FROM device_lease WHERE run = ?", [(run,) for run in run_ids])


def release_stale(store: Store, stale: Iterable[Lease]) -> None:
    """Give back leases that were found stale, unless their runs have taken new ones since."""
    with store.write(durable=True) as db:
        db.executemany(
            "DELETE FROM device_lease WHERE device = ? AND run = ? AND taken_at = ?",
            [(lease.device, lease.run, lease.taken_at) for lease in stale],
        )
