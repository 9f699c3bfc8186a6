"""Stopping runs early: what the rules of sweeps say of the runs of an agent while these go on."""

import time
from collections.abc import Sequence

from homerun.agent.queue import is_changed
from homerun.core import NotFoundError, Run, SweepRecord
from homerun.search import Course, course, planned_values, verdicts
from homerun.spec import Metric, Rule, from_dict
from homerun.store import Logged, Store, configs_of, fold, logged, logged_numbers

_PACE_S = 1.0  # how often runs are judged
_IDLE_S = 2.0  # how often to see whether a sweep has got a rule
_SHARE = 0.1  # of our time that may go into it


class EarlyStopping:
    """Judges runs by what their journals hold, about once a second."""

    def __init__(self, store: Store) -> None:
        self.due_at = 0.0  # when to judge again, monotonic seconds
        self._store = store
        self._judges: dict[str, _Judge] = {}  # by sweep
        self._version = (-1, -1)

    @property
    def has_rules(self) -> bool:
        """Whether any of the runs that were judged last may be stopped."""
        return any(judge.rule is not None for judge in self._judges.values())

    def verdicts(self, runs: Sequence[Run]) -> dict[str, str]:
        """Return which of these runs, which go on, are to be stopped, by id, and why."""
        started = time.monotonic()
        found = self._verdicts(runs)
        now = time.monotonic()
        pace_s = _PACE_S if self.has_rules else _IDLE_S
        self.due_at = max(started + pace_s, now + (now - started) / _SHARE)
        return found

    def _verdicts(self, runs: Sequence[Run]) -> dict[str, str]:
        sweeps = {run.sweep for run in runs if run.sweep is not None}
        self._judges = {known: judge for known, judge in self._judges.items() if known in sweeps}
        for run in runs:
            if run.sweep in self._judges and self._judges[run.sweep].rule is not None:
                fold(self._store, run.id)
        version = self._store.version()
        if version == self._version and sweeps == self._judges.keys():
            return {}  # nothing has happened
        ids = {run.id for run in runs}
        found: dict[str, str] = {}
        for sweep_id in sweeps:
            found |= self._judge(sweep_id)
        self._version = version
        return {run_id: why for run_id, why in found.items() if run_id in ids}

    def _judge(self, sweep_id: str) -> dict[str, str]:
        try:
            record = self._store.sweep(sweep_id)
        except NotFoundError:  # removed while its runs go on
            self._judges.pop(sweep_id, None)
            return {}
        known = self._judges.get(sweep_id)
        if known is None or is_changed(known.record, record):
            self._judges[sweep_id] = known = _Judge(self._store, record)
        return known.verdicts()


class _Judge:
    """The rule of one sweep, and what its runs have logged so far."""

    def __init__(self, store: Store, record: SweepRecord) -> None:
        sweep = from_dict(record.spec, source=record.source or record.id)
        self.record = record
        self.rule: Rule | None = sweep.rule
        self._metric: Metric | None = sweep.metric
        self._store = store
        self._known: dict[str, tuple[Logged, Course]] = {}  # by run

    def verdicts(self) -> dict[str, str]:
        """Return which runs of the sweep are to be stopped, by id, and why."""
        rule, metric = self.rule, self._metric
        if rule is None or metric is None:
            return {}
        rows = logged(self._store, self.record.id, metric.name)
        news = [row for row in rows if self._known.get(row.run, (None,))[0] != row]
        metrics = [row.metric for row in news if row.metric is not None]
        numbers = logged_numbers(self._store, metrics)
        configs = configs_of(self._store, [row.run for row in news])
        for row in news:
            values = numbers[row.metric] if row.metric is not None else []
            planned = planned_values(rule, configs.get(row.run, {}))
            one = course(
                rule,
                values,
                run=row.run,
                state=row.state,
                planned=planned,
                is_maximized=metric.is_maximized,
            )
            self._known[row.run] = row, one
        return verdicts(
            rule, [self._known[row.run][1] for row in rows], is_maximized=metric.is_maximized
        )
