"""When a sweep is to go no further because of how its runs end."""

import os
from collections.abc import Iterable, Sequence

from homerun.agent.events import Done, Outcome
from homerun.core import BAD, End, Run, RunState, SweepRecord, SweepState
from homerun.spec import Sweep
from homerun.store import Store, best_run


class Rules:
    """Pauses a sweep that only fails, ends one whose target is reached."""

    def __init__(
        self, store: Store, record: SweepRecord, sweep: Sweep, *, max_failures: int | None
    ) -> None:
        self._store = store
        self._sweep_id = record.id
        self._metric = sweep.metric
        self._max_failures = _limit(max_failures, record, sweep)
        self._failures = 0  # in a row
        self._last_reason = ""

    def are_silent_about(self, ends: Iterable[End]) -> bool:
        """Tell whether these ends cannot stop the sweep, so that there is no need to ask first."""
        is_target_far = self._metric is None or self._metric.target is None
        return is_target_far and all(end.state == RunState.FINISHED for end in ends)

    def judge(self, ended: Sequence[Run]) -> Done | None:
        """Look at runs that have ended; return why no more are to be taken, None to go on."""
        for run in ended:
            if run.state in BAD:
                self._failures += 1
                self._last_reason = run.reason
            elif run.state == RunState.FINISHED:
                self._failures = 0
        return (self._judge_failures() or self._judge_target()) if ended else None

    def _judge_failures(self) -> Done | None:
        if not 0 < self._max_failures <= self._failures:
            return None
        if self._store.counts(self._sweep_id).get(RunState.FINISHED):
            return None
        reason = (
            f"{self._failures} runs in a row failed and none succeeded; "
            f"the last one: {self._last_reason}"
        )
        self._store.set_sweep(self._sweep_id, SweepState.PAUSED, reason)
        return Done(outcome=Outcome.PAUSED, reason=reason)

    def _judge_target(self) -> Done | None:
        metric = self._metric
        if metric is None or metric.target is None:
            return None
        best = best_run(self._store, self._sweep_id, metric)
        if best is None:
            return None
        number, value = best
        if metric.is_better(metric.target, value):
            return None
        reason = f"run {number} reached the target: {metric.name} = {value:g}"
        self._store.set_sweep(self._sweep_id, SweepState.FINISHED, reason)
        return Done(outcome=Outcome.TARGET, reason=reason)


def _limit(asked: int | None, record: SweepRecord, sweep: Sweep) -> int:
    """Return after how many failures to pause: as asked for, by the file, by W&B's variable."""
    by_wandb = os.environ.get("WANDB_AGENT_MAX_INITIAL_FAILURES", "")
    is_in_file = "max_failures" in (record.spec.get("homerun") or {})
    if asked is None and not is_in_file and by_wandb.isdigit():
        return int(by_wandb)
    return sweep.settings.max_failures if asked is None else asked
