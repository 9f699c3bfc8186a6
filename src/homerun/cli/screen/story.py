"""What has happened between two looks at the home, as events: a line for people, facts for JSON."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from homerun.agent import Best, Progress, best_so_far
from homerun.cli import words
from homerun.cli.common import location
from homerun.cli.screen.sections import label
from homerun.cli.screen.view import View
from homerun.core import BAD, ENDED, Metric, RunState, SweepRecord, flat
from homerun.store import (
    EndedRun,
    Store,
    SweepProgress,
    WatchedRun,
    ended_numbers,
    ended_runs,
    failed_for_good,
    last_line,
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that has happened."""

    kind: str  # begin run best sweep agent trouble end
    text: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_failure(self) -> bool:
        """Whether a run failed or crashed."""
        return self.kind == "run" and self.facts["state"] in BAD


class Story:
    """Compares each look at the home with the one before it."""

    def __init__(self, store: Store, *, sweep: str | None = None, run: str | None = None) -> None:
        self._store, self._sweep, self.run = store, sweep, run  # ids of what it is only about
        self._ended: dict[str | None, set[int]] = {}  # numbers, by sweep
        self._at_begin: dict[str | None, set[int]] = {}
        self._counts: dict[str | None, int] = {}  # of what has ended, at the last look
        self._states: dict[str, RunState] = {}  # of what has not ended, by id
        self._sweeps: dict[str, tuple[str, str]] = {}  # state and reason, by id
        self._told: dict[str, str] = {}  # the last word on agents and troubles, by kind
        self.best: dict[str, Best] = {}  # by id of the sweep

    def begin(self, view: View) -> list[Event]:
        """Return how things stand at the first look."""
        self._take_in(view)
        counts = view.snapshot.counts
        facts = {"sweeps": [_progress_facts(p) for p in view.snapshot.sweeps], "counts": counts}
        texts = [sweep_text(p, view, self.best) for p in view.snapshot.sweeps]
        if self.run is not None:
            run = self._store.run(self.run)
            texts = [f"run {run.number} ({location(run.project, run.name)}) is {run.state}"]
        elif counts.get(RunState.RUNNING) and not texts:
            texts = [f"{counts[RunState.RUNNING]} running"]
        return [Event(kind="begin", text="; ".join(texts), facts=facts)] if texts else []

    def next(self, view: View) -> list[Event]:
        """Return what has happened since the last look."""
        ended = self._newly_ended(view)
        events = [*self._ends(ended, view), *self._starts(view), *self._sweep_changes(view)]
        if self.run is not None:
            events = [event for event in events if event.facts.get("id") == self.run]
        for kind, text in (("agent", _agent_text(view)), ("trouble", view.trouble)):
            if text != self._told.get(kind, "") and text:
                events.append(Event(kind=kind, text=text, facts={"text": text}))
            self._told[kind] = text
        return events

    def failures(self) -> int:
        """Return how many of the runs failed and were not tried again."""
        if self.run is not None:
            return int(self._store.run(self.run).state != RunState.FINISHED)
        numbers = set[int]()
        for sweep, ended in self._ended.items():
            # What has no sweep is not one whole: what failed there long ago is another matter.
            numbers |= ended if sweep is not None else ended - self._at_begin[None]
        return failed_for_good(self._store, numbers)

    def end(self, view: View, code: int) -> Event:
        """Return how all has ended."""
        failed = self.failures()
        texts = [sweep_text(p, view, self.best) for p in view.snapshot.sweeps]
        if self.run is not None:
            run = self._store.run(self.run)
            texts = [f"run {run.number} is {run.state}{run.reason and f': {run.reason}'}"]
        facts = {"code": code, "failed": failed, "counts": view.snapshot.counts}
        return Event(kind="end", text="; ".join(texts) or "nothing is left to run", facts=facts)

    def _take_in(self, view: View) -> None:
        """Remember the first look."""
        for sweep in self._scope(view):
            self._ended[sweep] = ended_numbers(self._store, [sweep])
            self._at_begin[sweep] = set(self._ended[sweep])
        self._states = {run.id: run.state for run in _open_runs(view)}
        self._sweeps = {p.record.id: _state_of(p.record) for p in view.snapshot.sweeps}
        for progress in view.snapshot.sweeps:
            self._first_best(progress.record)

    def _first_best(self, sweep: SweepRecord) -> None:
        found = best_so_far(self._store, sweep)
        if found is not None:
            self.best[sweep.id] = found

    def _newly_ended(self, view: View) -> list[EndedRun]:
        new = set[int]()
        counts = {p.record.id: _ended_count(p) for p in view.snapshot.sweeps}
        for sweep in self._scope(view):
            if sweep is not None and self._counts.get(sweep) == counts[sweep]:
                continue
            self._counts[sweep] = counts.get(sweep or "", 0)
            ended = ended_numbers(self._store, [sweep])
            if sweep not in self._ended:  # it began to go on after the first look
                self._ended[sweep] = ended
                self._at_begin[sweep] = set(ended)
            new |= ended - self._ended[sweep]
            self._ended[sweep] = ended
        found = ended_runs(self._store, new) if new else []
        return [one for one in found if self.run in {None, one.run.id}]

    def _scope(self, view: View) -> list[str | None]:
        """Return the sweeps that are watched; None stands for the runs without one."""
        ids = [progress.record.id for progress in view.snapshot.sweeps]
        return [*ids] if self._sweep is not None else [*ids, None]

    def _starts(self, view: View) -> Iterator[Event]:
        """Yield what has begun to run, was held, goes on or went back to the queue."""
        before, self._states = self._states, {run.id: run.state for run in _open_runs(view)}
        for run in _open_runs(view):
            was = before.get(run.id)
            if run.state == was or (was is None and run.state == RunState.PENDING):
                continue
            verb = {RunState.PENDING: "waits again", RunState.PAUSED: "is paused"}.get(run.state)
            verb = verb or ("goes on" if was == RunState.PAUSED else "started")
            about = run.reason if run.state == RunState.PAUSED else label(run, view.snapshot.named)
            yield _run_event(run, was, f"run {run.number} {verb}", about)

    def _ends(self, ended: Iterable[EndedRun], view: View) -> Iterator[Event]:
        far = {p.record.id: far_text(p, view) for p in view.snapshot.sweeps}
        for run, summary in ended:
            sweep = view.snapshot.named.get(run.sweep or "")
            metric = sweep.metric if sweep else None
            value = flat(summary).get(metric.name) if metric else None
            took = f" in {words.duration(run.runtime_s)}" if run.runtime_s is not None else ""
            result = f"{metric.name} {words.cell(value)}" if metric and value is not None else ""
            if run.state in BAD:
                said = last_line(self._store, run.id)
                result = run.reason if not said or said in run.reason else f"{run.reason}: {said}"
            elif run.reason:
                result = run.reason
            more = {"metric": metric.name if metric else None, "value": value}
            parts = (f"run {run.number} {run.state}{took}", result, far.get(run.sweep or "", ""))
            yield _run_event(run, None, *parts, **more)
            if sweep is not None and metric is not None:
                yield from self._improved(sweep, metric, run, metric.value_in(summary))

    def _improved(
        self, sweep: SweepRecord, metric: Metric, run: WatchedRun, value: float | None
    ) -> Iterator[Event]:
        before = self.best.get(sweep.id)
        if value is None or run.state != RunState.FINISHED:
            return
        if before is None or metric.is_better(value, before.value):
            new = self.best[sweep.id] = Best(metric=metric.name, value=value, run=run)
            facts = {"sweep": sweep.id, "metric": new.metric, "value": new.value}
            facts |= {"run": run.number, "before": before.value if before else None}
            yield Event(kind="best", text=best_text(new, {sweep.id: sweep}), facts=facts)

    def _sweep_changes(self, view: View) -> Iterator[Event]:
        for progress in view.snapshot.sweeps:
            record = progress.record
            before, now = self._sweeps.get(record.id), _state_of(record)
            self._sweeps[record.id] = now
            if before is None:
                self._first_best(record)
                text = sweep_text(progress, view, self.best)
                yield Event(kind="sweep", text=text, facts=_progress_facts(progress))
            elif before != now:
                reason = f": {record.reason}" if record.reason else ""
                text = f"{_name(record)} is {record.state}{reason}"
                yield Event(kind="sweep", text=text, facts=_progress_facts(progress))


def sweep_text(progress: SweepProgress, view: View, best: dict[str, Best]) -> str:
    """Return how far a sweep is, with its best run."""
    record = progress.record
    found = best.get(record.id)
    text = best_text(found, view.snapshot.named) if found else ""
    return ", ".join(filter(None, [f"{_name(record)}: {far_text(progress, view)}", text]))


def best_text(best: Best, sweeps: Mapping[str, SweepRecord]) -> str:
    """Return the best value of a sweep, whose it is, and what sets that run apart."""
    about = label(best.run, sweeps)
    return f"{best.text}{f' ({about})' if about else ''}"


def far_text(progress: SweepProgress, view: View) -> str:
    """Return how far a sweep is: `13 of 48 done, 1 failed, ETA 3m20s`."""
    return Progress(
        done=progress.done,
        planned=progress.record.planned,
        running=progress.counts.get(RunState.RUNNING, 0),
        failed=sum(progress.counts.get(state, 0) for state in BAD),
        eta_s=view.eta_of(progress),
    ).in_words()


def _agent_text(view: View) -> str:
    """Return what keeps runs waiting, as far as agents have to do with it."""
    waits = next((agent.waits_for for agent in view.helpers if agent.waits_for), "")
    return view.waits_for_agent or waits


def _ended_count(progress: SweepProgress) -> int:
    return sum(count for state, count in progress.counts.items() if state in ENDED)


def _open_runs(view: View) -> list[WatchedRun]:
    return [run for run in (*view.snapshot.alive, *view.snapshot.queue) if run.state not in ENDED]


def _run_event(run: WatchedRun, was: RunState | None, *texts: str, **more: Any) -> Event:
    facts = {
        "number": run.number,
        "id": run.id,
        "name": run.name,
        "sweep": run.sweep,
        "state": run.state,
        "before": was,
        "reason": run.reason,
        "config": run.config,
        "runtime_s": run.runtime_s,
        **more,
    }
    return Event(kind="run", text=", ".join(filter(None, texts)), facts=facts)


def _name(record: SweepRecord) -> str:
    return f"{location(record.project, record.name)} ({record.id})"


def _state_of(record: SweepRecord) -> tuple[str, str]:
    return record.state, record.reason


def _progress_facts(progress: SweepProgress) -> dict[str, Any]:
    record = progress.record
    facts = {name: getattr(record, name) for name in ("id", "project", "name", "state", "reason")}
    return {**facts, "done": progress.done, "planned": record.planned, "counts": progress.counts}
