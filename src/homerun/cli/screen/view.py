"""Everything that one look at the home and the machine finds, for the screen to show."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from homerun.core import AgentRecord, HomerunError, SweepRecord, SweepState
from homerun.devices import GpuLook, Occupancy, occupancy, owner, run_of
from homerun.store import (
    Course,
    Snapshot,
    Store,
    SweepProgress,
    course,
    eta_s,
    leases,
    settle,
    watch,
)

_PAUSE_S = 2.0  # between two looks at GPUs, or at whether silent runs still live
_SHARE = 0.015  # of one core, for looking
_HEAD, _DEEP = 30, 1000  # runs of the queue, and failures, that are read

LookAtGpus = Callable[[], Sequence[GpuLook]]


@dataclass(frozen=True, kw_only=True)
class GpuLine:
    """A GPU and who has it."""

    look: GpuLook
    occupancy: Occupancy


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a look is to find beside what it finds anyway."""

    run: str = ""  # id of the run whose whole course is shown
    is_deep: bool = False  # look at more of the queue, and of what failed, than fits a screen
    also: frozenset[str] = frozenset()  # ids of sweeps that need not go on


@dataclass(frozen=True, kw_only=True)
class View:
    """The home and the GPUs at one moment."""

    home: Path
    snapshot: Snapshot
    gpus: tuple[GpuLine, ...]
    now: float  # seconds since the epoch
    trouble: str = ""  # why this is not newer
    course: Course | None = None  # of the run that was wished for
    course_of: str = ""  # its id

    @property
    def eta_s(self) -> float | None:
        """When all that goes on will be done, seconds from now."""
        return eta_s(self.snapshot.sweeps, self.snapshot.alive, self.now)

    def eta_of(self, progress: SweepProgress) -> float | None:
        """Return when one of the sweeps will be done, seconds from now."""
        return eta_s([progress], self.snapshot.alive, self.now)

    @property
    def helpers(self) -> list[AgentRecord]:
        """The agents that take runs of what is shown."""
        served = {"", *(progress.record.id for progress in self.snapshot.sweeps)}
        waiting = (*self.snapshot.alive, *self.snapshot.queue)
        has_scripts = any(run.source for run in waiting)  # of folders, which agents serve by path
        return [
            agent
            for agent in self.snapshot.agents
            if agent.serves in served or (has_scripts and agent.serves.startswith("/"))
        ]

    @property
    def waits_for_agent(self) -> str:
        """What to do where there are runs to come and nobody takes them; empty: nothing."""
        going = [
            progress.record
            for progress in self.snapshot.sweeps
            if progress.is_open and progress.record.state == SweepState.RUNNING
        ]
        if self.helpers or self.snapshot.alive or not (going or self.snapshot.queue):
            return ""
        ref = f" {going[0].id}" if len(going) == 1 else ""
        return f"no agent works on it: homerun agent{ref}"

    @property
    def sweep(self) -> SweepRecord | None:
        """The one sweep that all this is about, if it is one."""
        records = [progress.record for progress in self.snapshot.sweeps]
        return records[0] if len(records) == 1 else None


class Watcher:
    """Looks again and again, and at what is costly not every time."""

    def __init__(self, store: Store, look_at_gpus: LookAtGpus, *, sweep: str | None = None) -> None:
        self._store, self._look_at_gpus, self._sweep = store, look_at_gpus, sweep
        self.wish = Wish()  # may be replaced by another thread
        self._wished = self.wish  # of the last look
        self._view: View | None = None
        self._costly_at = 0.0
        self._cost_s = 0.0  # CPU time of the last look
        self._gpus: tuple[GpuLine, ...] = ()

    def look(self) -> View:
        """Return what there is to see; raise HomerunError only when nothing was ever seen."""
        begun_s = time.thread_time()
        before, wish = self._view, self.wish
        course_ = before.course if before else None
        try:
            if time.monotonic() >= self._costly_at:
                settle(self._store)
                self._gpus = tuple(map(self._with_users, self._look_at_gpus()))
                self._costly_at = time.monotonic() + _PAUSE_S
            is_same = replace(wish, run="") == replace(self._wished, run="")
            snapshot, trouble = (
                watch(
                    self._store,
                    sweep=self._sweep,
                    also=wish.also,
                    head=_DEEP if wish.is_deep else _HEAD,
                    before=before.snapshot if before and is_same else None,
                ),
                "",
            )
            if before is None or snapshot is not before.snapshot or wish.run != self._wished.run:
                course_ = self._course(snapshot, wish.run)
            self._wished = wish
        except HomerunError as error:
            if before is None:
                raise
            snapshot, trouble = before.snapshot, str(error)
        self._cost_s = time.thread_time() - begun_s
        self._view = View(
            home=self._store.home,
            snapshot=snapshot,
            gpus=self._gpus,
            now=time.time(),
            trouble=trouble,
            course=course_,
            course_of=self._wished.run,
        )
        return self._view

    def _course(self, snapshot: Snapshot, run_id: str) -> Course | None:
        run = next((r for r in (*snapshot.alive, *snapshot.failures) if r.id == run_id), None)
        if run is None:
            return None
        before = self._view.course if self._view and self._view.course_of == run_id else None
        return course(self._store, run, snapshot.named.get(run.sweep or ""), before)

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
