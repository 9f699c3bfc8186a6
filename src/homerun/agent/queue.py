"""The queue of one sweep, as its agent sees it: filled ahead by the search."""

import json
from dataclasses import replace

from homerun.agent.guide import Guide
from homerun.core import Run, RunState, SweepRecord, SweepState
from homerun.search import Filled, fill, is_guided
from homerun.spec import Sweep, from_dict
from homerun.store import Store

AHEAD = 100  # runs that the search puts into the queue at once
_LOW = 20  # pending runs below which it is filled up


def is_changed(before: SweepRecord, now: SweepRecord) -> bool:
    """Tell whether the file of a sweep is another one; unlike for `==`, NaN is NaN."""
    return before.spec is not now.spec and json.dumps(before.spec) != json.dumps(now.spec)


class Queue:
    """Pending runs of a sweep; any number of agents may have one at the same time."""

    def __init__(
        self, store: Store, record: SweepRecord, sweep: Sweep, *, is_forking: bool = False
    ) -> None:
        """Prepare; is_forking: runs are forked from this process, so it is to have no threads."""
        self.record = record  # as of the last look
        self.is_exhausted = False  # the search has nothing more to propose
        self._store = store
        self._sweep = sweep
        self._is_forking = is_forking
        self._guide = self._guide_of()
        self._pending = 0  # at most so many, other agents take some

    def heads(self) -> list[Run]:
        """Return the next run; none: there is none, or the sweep is paused."""
        heads = self._store.heads(self.record.id)
        if not heads:
            self._pending = 0
        return heads

    def claim(self, run: Run, agent: str) -> Run | None:
        """Take a run."""
        self._pending -= 1
        return self._store.claim_run(run, agent=agent)

    @property
    def trouble(self) -> str:
        """Return what is wrong with the search; empty: nothing."""
        return self._guide.trouble if self._guide else ""

    def fill(self, free: int = 1) -> None:
        """Let the search propose runs if few are left; one that learns, not more than `free`.

        Raises SearchFailedError.
        """
        if self._guide:
            self._pending = 0  # count them
        while self._pending < self._low(free) and not self.is_exhausted:
            self._pending = self._store.counts(self.record.id).get(RunState.PENDING, 0)
            if self._pending >= self._low(free) or self.refresh().state != SweepState.RUNNING:
                return
            filled = self._next(free - self._pending)
            # Of agents that fill at once one wins, and the others go on from where it got.
            is_ours = filled.cursor == self.record.cursor or self._store.propose(
                self.record,
                filled.proposals,
                cursor=filled.cursor,
                retries=self._sweep.settings.retries,
                reasons=filled.reasons,
            )
            if is_ours:
                self.record = replace(self.record, cursor=filled.cursor)
                self.is_exhausted = filled.exhausted
            if not filled.proposals:  # for now
                return

    def _guide_of(self) -> Guide | None:
        if not is_guided(self._sweep):
            return None
        return Guide(self._store, self._sweep, is_forking=self._is_forking)

    def _low(self, free: int) -> int:
        return free if self._guide else _LOW

    def _next(self, wanted: int) -> Filled:
        if self._guide:
            return self._guide.next(self.record, max(1, wanted))
        seen = self._store.seen(self.record.id)
        return fill(self._sweep, cursor=self.record.cursor, n=AHEAD, seen=seen)

    def refresh(self) -> SweepRecord:
        """Look again at the sweep, which others may have changed."""
        before, self.record = self.record, self._store.sweep(self.record.id)
        is_other = is_changed(before, self.record)
        if is_other or self.record.cursor != before.cursor:
            # A change lets the search start again, and may have emptied the queue.
            self.is_exhausted, self._pending = False, 0
        if is_other:
            self._sweep = from_dict(self.record.spec, source=self.record.source or self.record.id)
            self._guide = self._guide_of()
        return self.record
