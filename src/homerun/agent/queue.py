"""The queue of one sweep, as its agent sees it: filled ahead by the search."""

from homerun.core import Run, RunState, SweepRecord, SweepState
from homerun.search import fill
from homerun.spec import Sweep
from homerun.store import Store

AHEAD = 100  # runs that the search puts into the queue at once
_LOW = 20  # pending runs below which it is filled up


class Queue:
    """Pending runs of a sweep; any number of agents may have one at the same time."""

    def __init__(self, store: Store, record: SweepRecord, sweep: Sweep) -> None:
        self.record = record  # as of the last look
        self.is_exhausted = False  # the search has nothing more to propose
        self._store = store
        self._sweep = sweep
        self._pending = 0  # at most so many, other agents take some

    def claim(self, agent: str) -> Run | None:
        """Take the next run; None: there is none, or the sweep is paused."""
        run = self._store.claim(self.record.id, agent=agent)
        self._pending = 0 if run is None else self._pending - 1
        return run

    def fill(self) -> None:
        """Let the search propose runs if few are left."""
        while self._pending < _LOW and not self.is_exhausted:
            self._pending = self._store.counts(self.record.id).get(RunState.PENDING, 0)
            if self._pending >= _LOW or self.refresh().state != SweepState.RUNNING:
                return
            # A grid knows by its cursor what it has proposed; draws may come twice.
            seen = set() if self._sweep.method == "grid" else self._store.seen(self.record.id)
            filled = fill(self._sweep, cursor=self.record.cursor, n=AHEAD, seen=seen)
            # Of agents that fill at once one wins, and the others go on from where it got.
            is_ours = filled.cursor == self.record.cursor or self._store.propose(
                self.record,
                filled.proposals,
                cursor=filled.cursor,
                retries=self._sweep.settings.retries,
            )
            self.is_exhausted = is_ours and filled.exhausted

    def refresh(self) -> SweepRecord:
        """Look again at the state of the sweep, which others may have changed."""
        self.record = self._store.sweep(self.record.id)
        return self.record
