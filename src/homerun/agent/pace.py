"""How far a sweep is and when it will be done."""

from collections.abc import Iterable

from homerun.agent.events import Progress
from homerun.core import ALIVE, ENDED, Run, RunState, SweepRecord
from homerun.store import Store, held_back


class Pace:
    """The mean time of a run, and what follows from it."""

    def __init__(self, store: Store, record: SweepRecord, *, has_retries: bool) -> None:
        self._store = store
        self._record = record
        self._has_retries = has_retries
        self._count, self._mean_s = store.runtimes(record.id)

    def note(self, run: Run) -> None:
        """Take a run that has ended into the mean; one that was stopped says nothing."""
        self._has_retries = self._has_retries or run.attempt > 1  # a person may ask for one
        if run.state in {RunState.FINISHED, RunState.FAILED} and run.runtime_s is not None:
            self._count += 1
            self._mean_s += (run.runtime_s - self._mean_s) / self._count

    def progress(self, elapsed_s: Iterable[float]) -> Progress:
        """Return how far the sweep is; `elapsed_s`: for how long each run of ours has gone on."""
        counts = self._store.counts(self._record.id)
        # A failure with a further attempt is one planned run still.
        repeated = self._store.repeated(self._record.id) if self._has_retries else 0
        done = sum(counts.get(state, 0) for state in ENDED) - repeated
        failed = counts.get(RunState.FAILED, 0) + counts.get(RunState.CRASHED, 0) - repeated
        running = sum(counts.get(state, 0) for state in ALIVE)
        if counts.get(RunState.PAUSED):
            running -= len(held_back(self._store, self._record.id))
        planned = self._record.planned
        eta_s = None
        if planned is not None and self._count and running:
            ours = [max(0.0, self._mean_s - elapsed) for elapsed in elapsed_s]
            others_s = (running - len(ours)) * self._mean_s / 2  # on the average half done
            waiting_s = max(0, planned - done - running) * self._mean_s
            eta_s = (sum(ours) + others_s + waiting_s) / running
        return Progress(
            done=done, planned=planned, running=running, failed=max(0, failed), eta_s=eta_s
        )
