"""A sweep from which nothing better is to be expected: that is said, and if asked for ends it.

A look takes about a second, for which free slots wait only if it may end the sweep.
"""

import math
import threading
from collections.abc import Iterable, Sequence

from homerun.agent.events import Done, Outcome, Trouble
from homerun.agent.observing import observations
from homerun.core import MissingExtraError, Run, RunState, SweepRecord, SweepState
from homerun.search import Observation, Outlook, is_guided, outlook, runs_needed
from homerun.spec import Sweep
from homerun.store import Store, set_outlook

_EVERY = 5  # finished runs between two looks; more once there are many
_PART = 10  # of all runs: a tenth
_REPEATS = 3  # of the best run, which tell what is noise; see Outlook.lacks_repeats
_WHY = {"by": "repeat", "note": "repeats tell what is noise, and so whether the sweep is settled"}


class Settling:
    """Looks at one sweep now and then; at one that does not learn only if that may end it."""

    def __init__(
        self,
        store: Store,
        record: SweepRecord,
        sweep: Sweep,
        *,
        is_stopping: bool,
        is_forking: bool = False,
    ) -> None:
        """Prepare; is_forking: runs are forked from this process, so it is to have no threads."""
        self._store = store
        self._record = record
        self._sweep = sweep
        self.is_stopping = is_stopping or sweep.settings.stop_when_settled
        self._is_waited_for = self.is_stopping or is_forking
        self._is_looking = sweep.metric is not None and (self.is_stopping or is_guided(sweep))
        self._said = record.outlook
        self._due = runs_needed(sweep)  # finished runs at the next look
        self._has_repeated = not is_guided(sweep)  # other sweeps have a plan of their own
        self._looking: threading.Thread | None = None
        self._found: Outlook | Trouble | None = None  # by the last look, not told yet

    def judge(self, ended: Iterable[Run]) -> Done | Trouble | None:
        """Look if enough runs have finished; tell what is new, and why no more are to be taken."""
        if not self._is_looking or all(run.state != RunState.FINISHED for run in ended):
            return None
        is_busy = self._looking is not None and self._looking.is_alive()
        finished = self._store.counts(self._record.id).get(RunState.FINISHED, 0)
        if finished >= self._due and not is_busy:
            self._due = finished + max(_EVERY, finished // _PART)
            runs = observations(self._store, self._record, self._sweep, prior=())
            if self._is_waited_for:
                self._look(runs)
            else:
                self._looking = threading.Thread(target=self._look, args=(runs,), daemon=True)
                self._looking.start()
        found, self._found = self._found, None
        return None if found is None else self._tell(found)

    def _look(self, runs: Sequence[Observation]) -> None:
        try:
            self._found = outlook(self._sweep, runs)
        except (MissingExtraError, ArithmeticError, ValueError) as error:
            self._found = Trouble(text=f"nobody can say whether it is settled: {error}")

    def _tell(self, found: Outlook | Trouble) -> Done | Trouble | None:
        """Record what a look has found; return what is new of it."""
        if isinstance(found, Trouble):
            self._is_looking = False  # numbers that no model takes do not stop a sweep
            return found
        if not found.sentence:
            return None
        set_outlook(self._store, self._record.id, found.sentence)
        if found.lacks_repeats and self.is_stopping and not self._has_repeated:
            self._has_repeated = self._repeat_best()
        is_news = found.is_settled and not self._said.startswith("settled")
        self._said = found.sentence
        if found.is_settled and self.is_stopping:
            self._store.set_sweep(self._record.id, SweepState.FINISHED, found.sentence)
            return Done(outcome=Outcome.SETTLED, reason=found.sentence)
        return Trouble(text=found.sentence) if is_news else None

    def _repeat_best(self) -> bool:
        """Queue the best configuration a few times more; tell whether nobody was in the way."""
        metric = self._sweep.metric
        record = self._store.sweep(self._record.id)
        runs = observations(self._store, record, self._sweep, prior=())
        left = (self._sweep.run_cap or math.inf) - len(runs)
        if metric is None or left < _REPEATS:
            return True
        sign = -1 if metric.is_maximized else 1
        values = {
            one.id: sign * value
            for one in runs
            if one.state == RunState.FINISHED and not one.is_censored
            if (value := one.values.get(metric.name)) is not None and math.isfinite(value)
        }
        best = min((one for one in runs if one.id in values), key=lambda one: values[one.id])
        known = sum(one.config == best.config for one in runs)
        repeats = [(best.config, known + i) for i in range(_REPEATS)]
        cursor = record.cursor + _REPEATS
        return self._store.propose(record, repeats, cursor=cursor, reasons=[_WHY] * _REPEATS)
