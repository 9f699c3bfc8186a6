"""The agent: keeps the slots and GPUs of this machine busy with runs."""

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial

from homerun.agent.crew import Crew
from homerun.agent.early import EarlyStopping
from homerun.agent.events import Done, Ended, Event, Outcome, Progress, Started, Stopping, Trouble
from homerun.agent.hands import Hands, LaunchError
from homerun.agent.occupants import make_room
from homerun.agent.processes import POLL_S
from homerun.agent.room import Place, RoomPlan
from homerun.agent.signals import Signals
from homerun.agent.voice import Voice
from homerun.agent.work import Work
from homerun.core import ALIVE, End, NotFoundError, Run, StoreError, counted, redact_argv
from homerun.store import (
    Store,
    add_agent,
    asked_to,
    close_journals,
    fold,
    identity,
    is_local,
    leases,
    release,
    remove_agent,
    take_leases,
    wait_for,
)

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IDLE_S = 1.0  # how often to look for runs while there is none
_TROUBLE_S = 2.0  # before trying again what disk or database refused
_MISSTARTS = 20  # runs in a row that could not be started


class _Leave(Exception):  # noqa: N818  the way out of whatever waits
    """The agent is to go at once and leave its runs to themselves."""


class Agent:
    """Takes pending runs and keeps its slots busy with them, until none is left."""

    def __init__(
        self,
        store: Store,
        work: Work,
        plan: RoomPlan,
        *,
        count: int | None = None,
        argv: Sequence[str] = (),
        log: str = "",
        on_event: Callable[[Event], None] = lambda _: None,
        hands: Hands | None = None,
    ) -> None:
        """Prepare; `run` does the work.

        count: runs this agent starts at most; argv: the command that starts one like it; log: the
        file that has what it says, if it is detached from any terminal; hands: they start runs in
        another way than as programs.
        """
        self._store = store
        self._hands = hands
        self._plan = plan
        self._room = make_room(plan, home=store.home)
        self._work = work
        self._early = EarlyStopping(store)
        self._me = str(identity())
        self._argv, self._log = argv, log
        self._left = count  # runs that we may still start; None: any number
        self._voice = Voice(on_event)
        self._ends: dict[str, End] = {}  # not recorded yet, by run
        self._begun: dict[str, tuple[list[str], Place]] = {}  # command lines, not recorded yet
        self._vacated: set[str] = set()  # ids of runs that have left their GPUs
        self._no_room = ""  # why the next run could not start
        self._end: Done | None = None  # no more runs are taken, and why
        self._interrupts = 0
        self._misstarts = 0  # in a row
        self._try_again_at = 0.0  # no new runs before

    def run(self) -> Done:
        """Work until nothing is left or somebody asks for an end; return why it ended."""
        crew = Crew(self._store, self._plan.slots, agent=self._me, hands=self._hands)
        with closing(Signals(_CAUGHT)) as self._signals, closing(crew) as self._crew:
            self._insist(self._sign_in)
            if self._work.is_open and self._left != 0:
                crew.prepare()
            try:
                done = self._keep_busy()
            except _Leave:
                running = len(crew.tended)
                text = (
                    f"{counted(running, 'run')} left to go on without an agent" if running else ""
                )
                done = Done(outcome=Outcome.LEFT, reason=text)
            with suppress(StoreError):  # then it is found dead
                remove_agent(self._store, self._me)
        self._voice.say(done)
        self._voice.flush()
        return done

    def _sign_in(self) -> None:
        add_agent(
            self._store,
            self._me,
            serves=self._work.serves,
            slots=self._plan.slots,
            gpus=[gpu.id for gpu in self._plan.gpus] if self._plan.gpu_slots else [],
            argv=self._argv,
            cwd=os.getcwd(),  # noqa: PTH109
            log=self._log,
        )

    def _keep_busy(self) -> Done:
        while True:
            self._insist(self._upkeep)
            self._insist(self._turn)
            self._insist(self._stop_early)
            self._insist(self._tell_progress)
            if self._end is not None and self._crew.is_done:
                self._insist(partial(self._tell_progress, is_last=True))
                return self._end
            self._wait()

    def _upkeep(self) -> None:
        """Take care of what other agents left behind, and see whether there is a wish to end."""
        is_due = time.monotonic() >= self._crew.upkeep_at
        for tended in self._crew.upkeep(self._work.alive):
            run = tended.run
            self._voice.say(Started(run=run, slot=tended.place, argv=run.argv, is_adopted=True))
        if not is_due:
            return
        wish = asked_to(self._store, self._me)
        if wish == "leave":
            raise _Leave
        if self._end is not None:
            return
        done = self._work.refresh()
        if done is not None:
            self._finish(done)
        elif wish == "stop":
            self._stop(Done(outcome=Outcome.STOPPED, reason="stopped by the user"))

    def _stop_early(self) -> None:
        """Have the runs end that the rules of their sweeps stop."""
        going = {one.run.id: one for one in self._crew.going}
        if not going or time.monotonic() < self._early.due_at:
            return
        for run_id, reason in self._early.verdicts([one.run for one in going.values()]).items():
            going[run_id].stop_early(reason)

    # Runs end and others take their places

    def _turn(self) -> None:
        """Let runs that are over make room for others, and record how they ended."""
        try:
            ends, not_started = self._crew.ends()
        except LaunchError as error:
            self._voice.trouble(f"{error}; trying again")
            return
        self._ends.update(ends)
        self._vacated |= self._crew.drop({*ends, *(run.id for run in not_started)}) & set(ends)
        for run in not_started:
            self._give_back(run, "its supervisor could not start it, or died")
        # First the next runs, so that no slot waits for the disk; but what went wrong may mean
        # that there are to be none.
        if self._work.are_silent_about(self._ends.values()):
            self._take()
        self._insist(self._record)
        if self._crew.has_free_slot and self._may_start():
            self._look_for_more()

    def _record(self) -> None:
        """Bring ends and command lines into the database, and see what follows."""
        ends, begun = self._ends, self._begun
        if not ends and not begun:
            return
        for run_id in ends:
            fold(self._store, run_id)  # first: the rules look at summaries
        with self._store.write(durable=True):
            self._store.end(ends)
            self._release()
            for run_id, (argv, place) in begun.items():
                self._store.started(run_id, argv, place.devices)
        self._ends, self._begun, self._vacated = {}, {}, set()
        for run_id in ends:
            self._insist(partial(close_journals, self._store, run_id))
        self._insist(partial(self._judge, ends))

    def _release(self) -> None:
        """Give back the GPUs of runs that are over with all their processes."""
        if self._vacated and self._plan.gpu_slots:
            release(self._store, self._vacated)

    def _judge(self, ends: dict[str, End]) -> None:
        """Tell of runs that have ended, and see what follows."""
        ended = []
        for run_id, end in ends.items():
            with suppress(NotFoundError):  # removed while it ran
                ended.append((self._store.run(run_id), end))
        for run, end in ended:
            self._misstarts = 0
            self._voice.say(Ended(run=run, end=end))
        found = self._work.judge(ended) if ended else None
        if isinstance(found, Done) and self._end is None:
            self._stop(found)
        elif isinstance(found, Trouble):
            self._voice.say(found)

    def _may_start(self) -> bool:
        """Tell whether we take runs at all; say so when we have started as many as we may."""
        if self._left == 0 and self._end is None:
            self._stop(Done(outcome=Outcome.COUNT, reason="as many runs as asked for were started"))
        return self._end is None and time.monotonic() >= self._try_again_at

    def _take(self) -> bool:
        """Claim runs and start them where there is room; tell whether there were any."""
        self._no_room = ""
        if not self._crew.has_free_slot or not self._may_start():
            return False
        if self._plan.gpu_slots:
            taken = [tended.place for tended in self._crew.tended]
            self._room.look(leases(self._store), taken)
        claimed: list[tuple[Run, Place]] = []
        with self._store.write(durable=True):
            self._release()
            while self._left is None or len(claimed) < self._left:
                found = self._claim([place for _, place in claimed])
                if found is None:
                    break
                claimed.append(found)
        for run, place in claimed:
            self._start(run, place)
        return bool(claimed)

    def _claim(self, given: list[Place]) -> tuple[Run, Place] | None:
        """Claim the first of the next runs that finds room, and its room with it."""
        taken = [*(tended.place for tended in self._crew.tended), *given]
        if len(taken) >= self._plan.slots or self._is_host_taken():
            return None
        known = leases(self._store) if self._plan.gpu_slots else []
        for run in self._work.heads():
            place, why = self._room.place(self._work.need(run), taken=taken, leases=known)
            if run.alone == "host" and (taken or self._others_run()):
                place, why = None, "it ran out of memory, so it waits until nothing else runs"
            if place is None:
                if why and not self._no_room:
                    self._no_room = f"run {run.number or run.name}: {why}"
                continue
            claimed = self._work.claim(run, agent=self._me)
            if claimed is None:
                continue
            if place.devices:
                take_leases(
                    self._store,
                    claimed.id,
                    place.devices,
                    holder=self._me,
                    memory_mib=place.memory_mib,
                    at_most=place.at_most,
                )
            return claimed, place
        return None

    def _is_host_taken(self) -> bool:
        return any(tended.run.alone == "host" for tended in self._crew.tended)

    def _others_run(self) -> bool:
        """Tell whether any run goes on on this host."""
        alive = self._store.runs(states=ALIVE)
        return any(is_local(run) and not run.is_waiting for run in alive)

    def _look_for_more(self) -> None:
        """Fill the queue and start runs where there is room, or find out why there is none."""
        free = self._plan.slots - len(self._crew.tended)
        trouble = self._work.fill(free if self._left is None else min(free, self._left))
        if trouble:
            self._voice.trouble(trouble)
        if not self._take():
            self._why_none()

    def _start(self, run: Run, place: Place) -> None:
        """Start a claimed run, or put it back."""
        try:
            order = self._work.order(run, place)
            self._crew.begin(run, order, place)
        except (OSError, LaunchError) as error:
            self._give_back(run, str(error))
            return
        except BaseException:
            self._store.unclaim(run.id)
            raise
        if self._left is not None:
            self._left -= 1
        self._tell_waiting("")
        argv = redact_argv(order.argv)
        self._begun[run.id] = argv, place
        self._voice.say(Started(run=run, slot=place, argv=tuple(argv)))

    def _give_back(self, run: Run, why: str) -> None:
        """Put a run that could not be started back into the queue, and wait a little."""
        self._insist(partial(self._store.unclaim, run.id))
        self._misstarts += 1
        if self._misstarts >= _MISSTARTS:
            raise LaunchError(f"{self._misstarts} runs in a row could not be started; {why}")
        self._voice.trouble(f"run {run.id} could not be started: {why}; trying again")
        self._try_again_at = time.monotonic() + _TROUBLE_S

    def _why_none(self) -> None:
        """There is no run to take: end, or say what is waited for."""
        if self._no_room:
            self._tell_waiting(self._no_room)
            return
        found = self._work.idle(len(self._crew.tended))
        if isinstance(found, Done):
            self._finish(found)
        elif found is not None:
            self._tell_waiting(found.reason)

    def _finish(self, done: Done) -> None:
        """Take no more runs, because what we work for has come to its end."""
        self._stop(done)
        if done.outcome == Outcome.CANCELED:
            self._end_runs(done.reason or "the sweep was canceled")

    # Waiting, and being asked to stop

    def _wait(self) -> None:
        """Sleep until a run ends, a signal comes or something is due."""
        now = time.monotonic()
        watches = [tended.watch.fd for tended in self._crew.tended]
        due_s = self._crew.upkeep_at - now
        if self._crew.going and self._early.has_rules:
            due_s = min(due_s, self._early.due_at - now)
        if now < self._voice.progress_at:
            due_s = min(due_s, self._voice.progress_at - now)
        if None in watches:
            due_s = min(due_s, POLL_S)
        if self._end is None and self._crew.has_free_slot:
            due_s = min(due_s, max(_IDLE_S, self._try_again_at - now))
        self._poll(due_s, watches)

    def _poll(self, timeout_s: float, fds: list[int | None]) -> None:
        self._voice.flush()
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
            going = counted(len(self._crew.tended), "run")
            text = f"taking no more; {going} to finish, Ctrl-C again stops"
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
                self._voice.say(Stopping(text=text or done.reason, running=len(self._crew.tended)))

    def _end_runs(self, reason: str) -> None:
        self._crew.ask_to_end(reason)
        self._voice.say(Stopping(text=f"{reason}: SIGTERM sent", running=len(self._crew.tended)))

    # Telling

    def _insist(self, call: Callable[[], object]) -> None:
        """Do something with the database, for as long as that is impossible again and again."""
        while True:
            try:
                call()
            except StoreError as error:
                self._voice.trouble(f"{error}; runs go on, trying again")
                self._poll(_TROUBLE_S, [])
            else:
                return

    def _tell_waiting(self, reason: str) -> None:
        if self._voice.waiting(reason):
            self._insist(partial(wait_for, self._store, self._me, reason))

    def _tell_progress(self, *, is_last: bool = False) -> None:
        self._voice.progress(self._progress, is_last=is_last)

    def _progress(self) -> Progress:
        return self._work.progress([tended.elapsed_s for tended in self._crew.tended])
