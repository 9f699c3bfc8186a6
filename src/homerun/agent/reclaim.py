"""Giving back GPUs whose run is over but whose agent did not live to do so."""

from collections.abc import Container

from homerun.agent.processes import surely_tagged
from homerun.core import ALIVE, Lease, NotFoundError
from homerun.store import Store, leases, living_program, release_stale


def reclaim(store: Store, *, except_for: Container[str] = ()) -> None:
    """Release the leases of runs of which nothing lives any more, neither supervisor nor child.

    except_for: ids of runs that somebody has in his hands.
    """
    idle = [lease for lease in leases(store) if lease.run not in except_for]
    idle = [lease for lease in idle if _is_over(store, lease)]
    if idle:
        living = set(surely_tagged(store.home).values())
        release_stale(store, [lease for lease in idle if lease.run not in living])


def _is_over(store: Store, lease: Lease) -> bool:
    try:
        run = store.run(lease.run)
    except NotFoundError:
        return True
    folder = store.folder(run.id)
    return run.state not in ALIVE and not folder.is_held() and living_program(folder) is None
