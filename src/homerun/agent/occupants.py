"""Who is on the GPUs: runs that have leases of them, and everybody else."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from homerun.agent.claims import Claims
from homerun.agent.room import Room, RoomPlan
from homerun.core import Lease
from homerun.devices import GpuLook, busy_reason, look, owner, run_of


def make_room(plan: RoomPlan, *, home: Path) -> Room:
    """Return the room of a plan on the GPUs of this machine."""
    who = _Occupants(home)
    return Room(
        plan,
        look=partial(look, sensors=False),
        busy_reason=who.busy_reason,
        others_mib=who.others_mib,
        claims=Claims(home),
    )


class _Occupants:
    def __init__(self, home: Path) -> None:
        self._home = home

    def busy_reason(self, seen: GpuLook, leases: Sequence[Lease]) -> str:
        """Return why a GPU must not be given to a run, empty when it may."""
        runs = _runs_on(seen, leases)

        def run_there(pid: int) -> str | None:
            """Return the run of a process, if it was given this GPU."""
            run = run_of(pid, self._home)
            return run if run is None or run in runs else ""

        return busy_reason(
            seen,
            run_of=run_there,
            is_leased=bool(runs),
            describe=lambda pid: str(owner(pid)),
        )

    def others_mib(self, seen: GpuLook, leases: Sequence[Lease]) -> float:
        """Return how much of its memory is in use, but not by runs of ours."""
        if seen.used_mib is None:
            return 0.0
        runs = _runs_on(seen, leases)
        ours = 0.0
        for process in seen.processes:
            run = run_of(process.pid, self._home)
            if run in runs or (run is None and runs):
                if process.memory_mib is None:
                    return 0.0  # nobody can tell
                ours += process.memory_mib
        return max(0.0, seen.used_mib - ours)


def _runs_on(seen: GpuLook, leases: Sequence[Lease]) -> set[str]:
    return {lease.run for lease in leases if lease.device == seen.gpu.id}
