"""Everything that one look at the home and the machine finds, for the screen to show."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from homerun.core import HomerunError, SweepRecord
from homerun.devices import GpuLook, Occupancy, occupancy, owner, run_of
from homerun.store import Snapshot, Store, SweepProgress, eta_s, leases, settle, watch

_PAUSE_S = 2.0  # between two looks at GPUs, or at whether silent runs still live
_SHARE = 0.015  # of one core, for looking

LookAtGpus = Callable[[], Sequence[GpuLook]]


@dataclass(frozen=True, kw_only=True)
class GpuLine:
    """A GPU and who has it."""

    look: GpuLook
    occupancy: Occupancy


@dataclass(frozen=True, kw_only=True)
class View:
    """The home and the GPUs at one moment."""

    home: Path
    snapshot: Snapshot
    gpus: tuple[GpuLine, ...]
    now: float  # seconds since the epoch
    trouble: str = ""  # why this is not newer

    @property
    def eta_s(self) -> float | None:
        """When all that goes on will be done, seconds from now."""
        return eta_s(self.snapshot.sweeps, self.snapshot.alive, self.now)

    def eta_of(self, progress: SweepProgress) -> float | None:
        """Return when one of the sweeps will be done, seconds from now."""
        return eta_s([progress], self.snapshot.alive, self.now)

    @property
    def sweep(self) -> SweepRecord | None:
        """The one sweep that all this is about, if it is one."""
        records = [progress.record for progress in self.snapshot.sweeps]
        return records[0] if len(records) == 1 else None


class Watcher:
    """Looks again and again, and at what is costly not every time."""

    def __init__(self, store: Store, look_at_gpus: LookAtGpus, *, sweep: str | None = None) -> None:
        self._store, self._look_at_gpus, self._sweep = store, look_at_gpus, sweep
        self._view: View | None = None
        self._costly_at = 0.0
        self._cost_s = 0.0  # CPU time of the last look
        self._gpus: tuple[GpuLine, ...] = ()

    def look(self) -> View:
        """Return what there is to see; raise HomerunError only when nothing was ever seen."""
        begun_s = time.thread_time()
        try:
            if time.monotonic() >= self._costly_at:
                settle(self._store)
                self._gpus = tuple(map(self._with_users, self._look_at_gpus()))
                self._costly_at = time.monotonic() + _PAUSE_S
            before = self._view.snapshot if self._view else None
            snapshot, trouble = watch(self._store, sweep=self._sweep, before=before), ""
        except HomerunError as error:
            if self._view is None:
                raise
            snapshot, trouble = self._view.snapshot, str(error)
        self._cost_s = time.thread_time() - begun_s
        self._view = View(
            home=self._store.home,
            snapshot=snapshot,
            gpus=self._gpus,
            now=time.time(),
            trouble=trouble,
        )
        return self._view

    def _with_users(self, look: GpuLook) -> GpuLine:
        who = occupancy(
            look,
            run_of=partial(run_of, home=self._store.home),
            leases=leases(self._store),
            describe=lambda pid: str(owner(pid)),
        )
        return GpuLine(look=look, occupancy=who)

    def pause_s(self, wanted_s: float) -> float:
        """Return how long to wait for the next look, so that looks at a large home stay light."""
        return max(wanted_s, self._cost_s / _SHARE)

    def forget(self) -> None:
        """Look at everything the next time."""
        self._costly_at = 0.0
