"""The runs of one sweep, for an agent."""

from collections.abc import Iterable, Mapping, Sequence

from homerun.agent.events import Done, Outcome, Progress, Trouble, Waiting
from homerun.agent.guide import SearchFailedError
from homerun.agent.learned import learned_mib
from homerun.agent.lending import Pythons
from homerun.agent.order import Order
from homerun.agent.orders import sweep_order
from homerun.agent.pace import Pace
from homerun.agent.queue import Queue, is_changed
from homerun.agent.room import Need, Place
from homerun.agent.rules import Rules
from homerun.agent.settling import Settling
from homerun.core import ALIVE, End, Run, RunState, SweepRecord, SweepState, counted
from homerun.search import check_extra
from homerun.spec import Sweep, from_dict
from homerun.store import Store, held_back, memory_peaks

_FINAL = {SweepState.FINISHED: Outcome.COMPLETE, SweepState.CANCELED: Outcome.CANCELED}


class SweepWork:
    """One sweep; when its file is changed while it runs, what comes next is as changed."""

    def __init__(
        self,
        store: Store,
        record: SweepRecord,
        *,
        need: Need,
        is_memory_learned: bool = False,
        max_failures: int | None = None,
        is_stopping_when_settled: bool = False,
        pythons: Pythons,
        function: str = "",
    ) -> None:
        """Prepare; max_failures: in a row, with no success, that pause it; None: as its file.

        pythons: find the Python of its programs; function: the name of what is called in place of
        the program. Raises MissingExtraError where its search cannot run.
        """
        self._store = store
        self._function = function
        self._need = need
        self._is_memory_learned = is_memory_learned
        self._peaks: list[tuple[dict[str, object], float]] | None = None
        self._max_failures = max_failures
        self._is_stopping_when_settled = is_stopping_when_settled
        self.failed: Done | None = None  # why it was paused: its search cannot go on
        self._pythons = pythons
        self._python: Mapping[str, str] | None = {} if function else None  # not looked for yet
        self._read(record)

    def find_python(self) -> Mapping[str, str]:
        """Return the variables with which its programs find their Python, the same ones each time.

        Raises UsageError where there is no such Python.
        """
        if self._python is None:
            self._python = self._pythons.of_sweep(self.record, self.sweep).env
        return self._python

    def _read(self, record: SweepRecord) -> None:
        self.record = record
        self.sweep: Sweep = from_dict(record.spec, source=record.source or record.id)
        check_extra(self.sweep)
        self._queue = Queue(self._store, record, self.sweep, is_forking=bool(self._function))
        self._rules = Rules(self._store, record, self.sweep, max_failures=self._max_failures)
        self._settling = Settling(
            self._store,
            record,
            self.sweep,
            is_stopping=self._is_stopping_when_settled,
            is_forking=bool(self._function),
        )
        has_retries = self.sweep.settings.retries > 0 or self._store.repeated(record.id) > 0
        self._pace = Pace(self._store, record, has_retries=has_retries)

    @property
    def serves(self) -> str:
        """Id of the sweep."""
        return self.record.id

    @property
    def is_open(self) -> bool:
        """Whether agents may take runs from it."""
        return self.record.state == SweepState.RUNNING

    def heads(self) -> list[Run]:
        """Return the next run."""
        return self._queue.heads()

    def need(self, run: Run) -> Need:
        """Return what a run needs: as planned, learned from its like, or a GPU for itself."""
        need = self._need
        if not need.gpus:
            return need
        if run.alone == "gpu":
            return Need(gpus=need.gpus)
        if not self._is_memory_learned:
            return need
        if self._peaks is None:
            self._peaks = memory_peaks(self._store, self.record.id)
        learned = learned_mib(self._peaks, run.config)
        if learned is None:  # alone, so that the next one can learn from it
            return Need(gpus=need.gpus)
        return Need(gpus=need.gpus, memory_mib=learned, at_most=need.at_most)

    def claim(self, run: Run, *, agent: str) -> Run | None:
        """Take a run."""
        return self._queue.claim(run, agent)

    def order(self, run: Run, place: Place) -> Order:
        """Write the parameter files of a claimed run and return the order to start it."""
        return sweep_order(
            self._store,
            self.sweep,
            self.record,
            run,
            place=place,
            python=self.find_python(),
            function=self._function,
        )

    def fill(self, free: int) -> str:
        """Let the search propose runs if few are left; return what is wrong with it.

        The sweep is paused when a search of the user's fails.
        """
        try:
            self._queue.fill(free)
            if is_changed(self.record, self._queue.record):
                self._read(self._queue.record)
                self._queue.fill(free)
        except SearchFailedError as error:
            self._store.set_sweep(self.record.id, SweepState.PAUSED, str(error))
            self.failed = Done(outcome=Outcome.PAUSED, reason=str(error))
        return self._queue.trouble

    def alive(self) -> list[Run]:
        """Return its runs that are running or paused."""
        return self._store.runs(sweep=self.record.id, states=ALIVE)

    def are_silent_about(self, ends: Iterable[End]) -> bool:
        """Tell whether these ends cannot stop the sweep, so that there is no need to ask first."""
        return not self._settling.is_stopping and self._rules.are_silent_about(ends)

    def judge(self, ended: Sequence[tuple[Run, End]]) -> Done | Trouble | None:
        """Look at runs that have ended; return why no more are to be taken, None to go on."""
        for run, end in ended:
            self._pace.note(run)
            if self._peaks is not None and end.gpu_memory_max_gib is not None:
                self._peaks.append((run.config, end.gpu_memory_max_gib * 1024))
        runs = [run for run, _ in ended]
        return self._rules.judge(runs) or self._settling.judge(runs)

    def refresh(self) -> Done | None:
        """Look again at the sweep, which others may have changed or ended."""
        record = self._queue.refresh()
        if is_changed(self.record, record):
            self._read(record)
        self.record = record
        if record.state in _FINAL:
            return Done(outcome=_FINAL[record.state], reason=record.reason)
        return None

    def idle(self, ours: int) -> Done | Waiting | None:
        """Say why there is no run to take."""
        done = self.failed or self.refresh()
        if done is not None:
            return done
        record = self.record
        if record.state == SweepState.PAUSED:
            why = f": {record.reason}" if record.reason else ""
            return Waiting(
                reason=f"sweep {record.id} is paused{why}; to go on: homerun resume {record.id}"
            )
        counts = self._store.counts(record.id)
        held = held_back(self._store, record.id)
        others = sum(counts.get(state, 0) for state in ALIVE) - ours - len(held)
        if others > 0:
            return Waiting(reason=f"the last {counted(others, 'run')} in the hands of other agents")
        if held:
            numbers = " ".join(map(str, held[:9]))
            return Waiting(reason=f"what is left is paused; to go on: homerun resume {numbers}")
        is_done = not ours and not counts.get(RunState.PENDING) and self._queue.is_exhausted
        # Not when it was changed a moment ago: then there may be more to do.
        if is_done and self._store.finish_sweep(record):
            return Done(outcome=Outcome.COMPLETE, reason="")
        return None

    def progress(self, elapsed_s: Iterable[float]) -> Progress:
        """Return how far the sweep is."""
        return self._pace.progress(elapsed_s)
