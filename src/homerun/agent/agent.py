"""The agent: keeps the slots of this machine busy with the runs of one sweep."""

import select
import signal
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial

from homerun.agent.crew import Crew
from homerun.agent.events import (
    Done,
    Ended,
    Event,
    Outcome,
    Progress,
    Started,
    Stopping,
    Trouble,
    Waiting,
)
from homerun.agent.hands import LaunchError
from homerun.agent.orders import sweep_order
from homerun.agent.pace import Pace
from homerun.agent.processes import POLL_S
from homerun.agent.queue import Queue
from homerun.agent.rules import Rules
from homerun.agent.signals import Signals
from homerun.agent.slots import make_places
from homerun.core import (
    ALIVE,
    End,
    NotFoundError,
    Run,
    RunState,
    StoreError,
    SweepRecord,
    SweepState,
    redact_argv,
)
from homerun.devices import visible_gpus
from homerun.spec import from_dict
from homerun.store import Store, close_journals, fold, identity

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IDLE_S = 1.0  # how often to look for runs while there is none
_TROUBLE_S = 2.0  # before trying again what disk or database refused
_PROGRESS_S = 0.2
_MISSTARTS = 20  # runs in a row that could not be started
_FINAL = {SweepState.FINISHED: Outcome.COMPLETE, SweepState.CANCELED: Outcome.CANCELED}


class _Leave(Exception):  # noqa: N818  the way out of whatever waits
    """The agent is to go at once and leave its runs to themselves."""


class Agent:
    """Takes pending runs from a sweep and keeps its slots busy with them, until none is left."""

    def __init__(
        self,
        store: Store,
        record: SweepRecord,
        *,
        slots: int | None = None,
        gpus_per_run: int | None = None,
        count: int | None = None,
        max_failures: int | None = None,
        on_event: Callable[[Event], None] = lambda _: None,
    ) -> None:
        """Prepare; `run` does the work. What is None comes from the sweep file.

        slots: runs at once; gpus_per_run: 0 is CPU only; count: runs this agent starts at most;
        max_failures: failures in a row, with no success so far, that pause the sweep (0: never).
        """
        self.sweep = from_dict(record.spec, source=record.source or record.id)
        settings = self.sweep.settings
        self.places = make_places(
            slots=slots or settings.slots,
            gpus_per_run=settings.gpus if gpus_per_run is None else gpus_per_run,
            visible=visible_gpus(),
        )
        self._store = store
        self._me = str(identity())
        self._queue = Queue(store, record, self.sweep)
        self._rules = Rules(store, record, self.sweep, max_failures=max_failures)
        self._pace = Pace(store, record, has_retries=settings.retries > 0)
        self._left = count  # runs that we may still start; None: any number
        self._on_event = on_event
        self._events: list[Event] = []  # not told yet
        self._ends: dict[str, End] = {}  # not recorded yet, by run
        self._argvs: dict[str, list[str]] = {}  # of runs that were started, not recorded yet
        self._end: Done | None = None  # no more runs are taken, and why
        self._interrupts = 0
        self._misstarts = 0  # in a row
        self._try_again_at = 0.0  # no new runs before
        self._trouble = ""
        self._waiting = ""
        self._progress: Progress | None = None
        self._progress_at = 0.0  # when to tell of it again

    def run(self) -> Done:
        """Work until the sweep is done or somebody asks for an end; return why it ended."""
        crew = Crew(self._store, self.places, agent=self._me)
        with closing(Signals(_CAUGHT)) as self._signals, closing(crew) as self._crew:
            if self._queue.record.state == SweepState.RUNNING and self._left != 0:
                crew.prepare()
            try:
                done = self._work()
            except _Leave:
                running = len(crew.tended)
                text = f"{_runs(running)} left to go on without an agent" if running else ""
                done = Done(outcome=Outcome.LEFT, reason=text)
        self._say(done)
        self._flush()
        return done

    def _work(self) -> Done:
        while True:
            self._insist(self._upkeep)
            self._insist(self._turn)
            self._insist(self._tell_progress)
            if self._end is not None and self._crew.is_done:
                self._insist(partial(self._tell_progress, is_last=True))
                return self._end
            self._wait()

    def _upkeep(self) -> None:
        """Take care of what other agents left behind, and see whether the sweep goes on."""
        is_due = time.monotonic() >= self._crew.upkeep_at
        for tended in self._crew.upkeep(self._queue.record.id):
            run = tended.run
            self._say(Started(run=run, slot=tended.place, argv=run.argv, is_adopted=True))
        if is_due and self._end is None and self._queue.refresh().state in _FINAL:
            self._why_none()

    # Runs end and others take their places

    def _turn(self) -> None:
        """Let runs that are over make room for others, and record how they ended."""
        try:
            ends, not_started = self._crew.ends()
        except LaunchError as error:
            self._tell_trouble(f"{error}; trying again")
            return
        self._ends.update(ends)
        self._crew.drop({*ends, *(run.id for run in not_started)})
        for run in not_started:
            self._give_back(run, "its supervisor could not start it, or died")
        # First the next runs, so that no slot waits for the disk; but what went wrong may mean
        # that there are to be none.
        if self._rules.are_silent_about(self._ends.values()):
            self._take()
        self._insist(self._record)
        if self._crew.free() and self._may_start():
            self._look_for_more()

    def _record(self) -> None:
        """Bring ends and command lines into the database, and see what follows for the sweep."""
        ends, argvs = self._ends, self._argvs
        if not ends and not argvs:
            return
        for run_id in ends:
            fold(self._store, run_id)  # first: the rules look at summaries
        with self._store.write(durable=True):
            self._store.end(ends)
            for run_id, argv in argvs.items():
                self._store.started(run_id, argv)
        self._ends, self._argvs = {}, {}
        for run_id in ends:
            self._insist(partial(close_journals, self._store, run_id))
        self._insist(partial(self._judge, ends))

    def _judge(self, ends: dict[str, End]) -> None:
        """Tell of runs that have ended, and see what follows for the sweep."""
        ended = []
        for run_id in ends:
            with suppress(NotFoundError):  # removed while it ran
                ended.append(self._store.run(run_id))
        for run in ended:
            self._misstarts = 0
            self._pace.note(run)
            self._say(Ended(run=run, end=ends[run.id]))
        done = self._rules.judge(ended)
        if done is not None and self._end is None:
            self._stop(done)

    def _may_start(self) -> bool:
        """Tell whether we take runs at all; say so when we have started as many as we may."""
        if self._left == 0 and self._end is None:
            self._stop(Done(outcome=Outcome.COUNT, reason="as many runs as asked for were started"))
        return self._end is None and time.monotonic() >= self._try_again_at

    def _take(self) -> bool:
        """Claim pending runs and start them in the free slots; tell whether there were any."""
        room = len(self._crew.free())
        room = room if self._left is None else min(room, self._left)
        claimed: list[Run] = []
        if room and self._may_start():
            with self._store.write(durable=True):
                while len(claimed) < room and (run := self._queue.claim(self._me)):
                    claimed.append(run)
        for run in claimed:
            self._start(run)
        return bool(claimed)

    def _look_for_more(self) -> None:
        """Fill the queue and start runs in the free slots, or find out why there is none."""
        self._queue.fill()
        if not self._take():
            self._why_none()

    def _start(self, run: Run) -> None:
        """Start a claimed run, or put it back."""
        place = self._crew.free()[0]
        try:
            order = sweep_order(self._store, self.sweep, self._queue.record, run, place=place)
            self._crew.begin(run, order, place)
        except (OSError, LaunchError) as error:
            self._give_back(run, str(error))
            return
        except BaseException:
            self._store.unclaim(run.id)
            raise
        if self._left is not None:
            self._left -= 1
        self._waiting = ""
        argv = redact_argv(order.argv)
        self._argvs[run.id] = argv
        self._say(Started(run=run, slot=place, argv=tuple(argv)))

    def _give_back(self, run: Run, why: str) -> None:
        """Put a run that could not be started back into the queue, and wait a little."""
        self._insist(partial(self._store.unclaim, run.id))
        self._misstarts += 1
        if self._misstarts >= _MISSTARTS:
            raise LaunchError(f"{self._misstarts} runs in a row could not be started; {why}")
        self._tell_trouble(f"run {run.id} could not be started: {why}; trying again")
        self._try_again_at = time.monotonic() + _TROUBLE_S

    def _why_none(self) -> None:
        """There is no run to take: end, or say what is waited for."""
        record = self._queue.refresh()
        if record.state in _FINAL:
            self._stop(Done(outcome=_FINAL[record.state], reason=record.reason))
            if record.state == SweepState.CANCELED:
                self._end_runs(record.reason or "the sweep was canceled")
            return
        if record.state == SweepState.PAUSED:
            why = f": {record.reason}" if record.reason else ""
            self._tell_waiting(
                f"sweep {record.id} is paused{why}; to go on: homerun sweep --resume {record.id}"
            )
            return
        counts = self._store.counts(record.id)
        ours = len(self._crew.tended)
        others = sum(counts.get(state, 0) for state in ALIVE) - ours
        if others > 0:
            self._tell_waiting(f"the last {_runs(others)} in the hands of other agents")
        elif not ours and not counts.get(RunState.PENDING) and self._queue.is_exhausted:
            self._store.set_sweep(record.id, SweepState.FINISHED)
            self._stop(Done(outcome=Outcome.COMPLETE, reason=""))

    # Waiting, and being asked to stop

    def _wait(self) -> None:
        """Sleep until a run ends, a signal comes or something is due."""
        now = time.monotonic()
        watches = [tended.watch.fd for tended in self._crew.tended]
        due_s = self._crew.upkeep_at - now
        if now < self._progress_at:
            due_s = min(due_s, self._progress_at - now)
        if None in watches:
            due_s = min(due_s, POLL_S)
        if self._end is None and self._crew.free():
            due_s = min(due_s, max(_IDLE_S, self._try_again_at - now))
        self._poll(due_s, watches)

    def _poll(self, timeout_s: float, fds: list[int | None]) -> None:
        self._flush()
        poll = select.poll()
        for fd in (self._signals.fd, *fds):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        poll.poll(max(0.0, timeout_s) * 1000)
        for number in self._signals.take():
            if number != signal.SIGINT:
                raise _Leave
            self._interrupted()

    def _interrupted(self) -> None:
        """Ctrl-C: finish what runs; the second, stop it; the third, without grace; then leave."""
        self._interrupts += 1
        if self._interrupts == 1:
            text = f"taking no more; {_runs(len(self._crew.tended))} to finish, Ctrl-C again stops"
            self._end = None
            self._stop(Done(outcome=Outcome.INTERRUPTED, reason="interrupted by Ctrl-C"), text)
        elif self._interrupts <= 3:
            self._end_runs("stopped by Ctrl-C")
        else:
            raise _Leave

    def _stop(self, done: Done, text: str = "") -> None:
        """Take no more runs."""
        if self._end is None:
            self._end = done
            if self._crew.tended:
                self._say(Stopping(text=text or done.reason, running=len(self._crew.tended)))

    def _end_runs(self, reason: str) -> None:
        self._crew.ask_to_end(reason)
        self._say(Stopping(text=f"{reason}: SIGTERM sent", running=len(self._crew.tended)))

    # Telling

    def _insist(self, call: Callable[[], object]) -> None:
        """Do something with the database, for as long as that is impossible again and again."""
        while True:
            try:
                call()
            except StoreError as error:
                self._tell_trouble(f"{error}; runs go on, trying again")
                self._poll(_TROUBLE_S, [])
            else:
                return

    def _say(self, event: Event) -> None:
        """Keep an event until no transaction is open."""
        self._events.append(event)

    def _flush(self) -> None:
        events, self._events = self._events, []
        for event in events:
            self._on_event(event)

    def _tell_trouble(self, text: str) -> None:
        if text != self._trouble:
            self._trouble = text
            self._say(Trouble(text=text))

    def _tell_waiting(self, reason: str) -> None:
        if reason != self._waiting:
            self._waiting = reason
            self._say(Waiting(reason=reason))

    def _tell_progress(self, *, is_last: bool = False) -> None:
        """Say how far the sweep is, a few times a second at most: counting takes its time."""
        now = time.monotonic()
        if now < self._progress_at and not is_last:
            return
        self._progress_at = now + _PROGRESS_S
        progress = self._pace.progress([tended.elapsed_s for tended in self._crew.tended])
        known = self._progress
        if known is None or replace(progress, eta_s=known.eta_s) != known:
            self._progress = progress
            self._say(progress)


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"
