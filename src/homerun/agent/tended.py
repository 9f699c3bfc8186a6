"""A run in the hands of an agent: from the order to the end, whatever dies on the way."""

import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from homerun.agent import processes
from homerun.agent.hands import Hand, Hands
from homerun.agent.order import KILL_FILE, Order
from homerun.agent.processes import Watch
from homerun.agent.room import Place
from homerun.agent.stopping import living_supervisor, request_end
from homerun.core import End, Run, RunState
from homerun.store import RunFolder, end_of, living_program, never_started, told_end

_LAUNCHES = 5  # supervisors for one run, before it is given up


class NeverStarted(Exception):  # noqa: N818  says what happened to a run; nothing is wrong with us
    """There was no supervisor to start the program, or it died before."""


@dataclass
class Tended:
    """One run in a slot."""

    run: Run
    place: Place
    order: Order
    watch: Hand | Watch  # tells when to look
    launches: int = 1
    is_asked_to_end: bool = False
    is_orderly: bool = True  # the supervisor came to its own end, so it has cleared up
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """For how long the agent has had the run, seconds."""
        return time.monotonic() - self.started

    @property
    def folder(self) -> RunFolder:
        """The folder of the run."""
        return self.order.folder

    def look(self, hands: Hands) -> End | None:
        """Return the end of the run, None while it goes on; raise NeverStarted if it never did.

        A program that has outlived its supervisor gets another one.
        """
        if not self.watch.is_over():
            return None
        self.is_orderly = hands.take_back(self.watch)
        self.watch = Watch(None)
        if self.folder.is_held():  # by a supervisor of another agent
            self.watch = Watch(living_supervisor(self.folder))
            return None
        result = self.folder.read_result()
        if result is not None:
            return result
        if living_program(self.folder) is None:
            if never_started(self.folder):
                raise NeverStarted
            return end_of(self.folder, self.run)
        if self.launches >= _LAUNCHES:
            return self._give_up()
        self.launches += 1
        self.watch = hands.launch(replace(self.order, adopt=True))
        return None

    def ask_to_end(
        self, *, reason: str, number: int = signal.SIGTERM, is_censored: bool = False
    ) -> None:
        """Have the run end: the signal, a grace, SIGKILL; asked again, without grace.

        is_censored: a rule of its sweep ends it early.
        """
        if not self.is_asked_to_end:
            grace_s = self.order.grace_s
            request_end(
                self.folder, reason=reason, grace_s=grace_s, number=number, is_censored=is_censored
            )
            self.is_asked_to_end = True
        self.watch.signal(signal.SIGUSR1)

    def stop_early(self, reason: str) -> None:
        """Have the run end by a rule of its sweep, unless it ends already."""
        is_ending = (self.folder.path / KILL_FILE).exists() or told_end(self.folder) is not None
        if not is_ending:
            self.ask_to_end(reason=reason, is_censored=True)

    def _give_up(self) -> End:
        for pid in processes.tagged(Path(self.order.home), self.run.id):
            processes.send(pid, signal.SIGKILL)
        reason = f"{self.launches} supervisors of it died; see supervisor.log in its folder"
        return End(state=RunState.CRASHED, reason=reason, ended_at=time.time())
