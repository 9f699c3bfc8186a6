"""How far an agent is: what it tells comes in, what there is to show comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from homerun.agent.events import (
    Done,
    Ended,
    Event,
    Progress,
    Remark,
    Started,
    Stopping,
    Trouble,
    Waiting,
)
from homerun.core import BAD, Metric, Run, SweepRecord, number
from homerun.store import Store, WatchedRun, best_run, ended_runs

_FAILURES = 3  # the last ones are kept
_NOTHING = Progress(done=0, planned=0, running=0, failed=0, eta_s=None)


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best value of a metric so far, and the run that has it."""

    metric: str
    value: float
    run: Run | WatchedRun

    @property
    def text(self) -> str:
        """The value and whose it is: `best loss 0.03 by run 2`."""
        return f"best {self.metric} {number(self.value)} by run {self.run.number}"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What an agent has told so far; another one after each event."""

    metric: Metric | None = None  # of the sweep that it works on, if it is one
    best: Best | None = None
    progress: Progress = _NOTHING
    running: Mapping[str, Run] = field(default_factory=dict)  # by id
    failed: int = 0  # runs that failed or crashed while this agent saw it
    failures: tuple[Run, ...] = ()  # the last of them
    note: str = ""  # the last thing it said, until it starts a run

    def after(self, event: Event) -> "Tally":
        """Return what is known once the agent has told this, too."""
        match event:
            case Started(run=run):
                return replace(self, running={**self.running, run.id: run}, note="")
            case Ended(run=run):
                return self._after_end(run)
            case Progress():
                return replace(self, progress=event)
            case Waiting(reason=said) | Done(reason=said):
                return replace(self, note=said or self.note)
            case Trouble(text=said) | Remark(text=said) | Stopping(text=said):
                return replace(self, note=said)

    def _after_end(self, run: Run) -> "Tally":
        bad = (run,) if run.state in BAD else ()
        far = self.progress  # until the agent has counted again
        return replace(
            self,
            best=self._best_with(run),
            progress=replace(far, done=far.done + 1, failed=far.failed + len(bad)),
            running={id_: one for id_, one in self.running.items() if id_ != run.id},
            failed=self.failed + len(bad),
            failures=(*self.failures, *bad)[-_FAILURES:],
        )

    def _best_with(self, run: Run) -> Best | None:
        value = self.metric.value_in(run.summary) if self.metric else None
        if self.metric is None or value is None or not run.counts:
            return self.best
        if self.best is not None and not self.metric.is_better(value, self.best.value):
            return self.best
        return Best(metric=self.metric.name, value=value, run=run)


def tally_of(store: Store, sweep: SweepRecord) -> Tally:
    """Return how a sweep stands before an agent of it tells anything."""
    progress = replace(_NOTHING, planned=sweep.planned)
    return Tally(metric=sweep.metric, best=best_so_far(store, sweep), progress=progress)


def best_so_far(store: Store, sweep: SweepRecord) -> Best | None:
    """Return the best value of a sweep's metric; None: no metric, or no run that counts has one."""
    metric = sweep.metric
    found = best_run(store, sweep.id, metric) if metric else None
    if metric is None or found is None:
        return None
    number, value = found
    runs = ended_runs(store, [number])  # none: it was removed a moment ago
    return Best(metric=metric.name, value=value, run=runs[0].run) if runs else None
