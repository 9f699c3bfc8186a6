"""The runs that one agent has in its slots, its own and those it took over."""

import contextlib
import time
from collections.abc import Callable, Container, Sequence

from homerun.agent.hands import Hands, LaunchError
from homerun.agent.order import PROCESS_FILE, Order
from homerun.agent.orders import home_env
from homerun.agent.processes import Watch
from homerun.agent.reclaim import reclaim
from homerun.agent.room import Place
from homerun.agent.stopping import living_supervisor
from homerun.agent.strays import StrayHunt
from homerun.agent.tended import NeverStarted, Tended
from homerun.core import End, Run
from homerun.store import Store, is_alive, is_local, parse_identity, read_json, settle

_UPKEEP_S = 2.0  # how often to look for what other agents left behind
_PREPARED = 4  # supervisors; more come with their first runs
_HUNT_S = 0.2  # the same, while there are processes to be ended


class Crew:
    """Runs in slots, each under a supervisor."""

    def __init__(self, store: Store, slots: int, *, agent: str, hands: Hands | None = None) -> None:
        self.tended: list[Tended] = []
        self.upkeep_at = 0.0  # when to look again, monotonic seconds
        self._store = store
        self._slots = slots
        self._agent = agent
        self._hands = hands or Hands(home_env(store))
        self._hunt = StrayHunt()

    def prepare(self) -> None:
        """Start as many supervisors as are sure to be needed, while there is other work to do."""
        self._hands.prepare(min(self._slots, _PREPARED))

    @property
    def is_done(self) -> bool:
        """Whether there is no run and no stray any more."""
        return not self.tended and not self._hunt.is_due

    @property
    def going(self) -> list[Tended]:
        """The runs that nobody has asked to end."""
        return [tended for tended in self.tended if not tended.is_asked_to_end]

    @property
    def has_free_slot(self) -> bool:
        """Whether there is room; runs we adopted beyond the number of slots take it up as well."""
        return len(self.tended) < self._slots

    def begin(self, run: Run, order: Order, place: Place) -> None:
        """Start a run; raise LaunchError when that is impossible."""
        watch = self._hands.launch(order)
        self.tended.append(Tended(run=run, place=place, order=order, watch=watch))

    def ends(self) -> tuple[dict[str, End], list[Run]]:
        """Return the ends of runs that are over, by id, and runs that could not be started."""
        ends, not_started = {}, []
        for tended in self.tended:
            try:
                end = tended.look(self._hands)
            except NeverStarted:
                not_started.append(tended.run)
            else:
                if end is not None:
                    ends[tended.run.id] = end
        return ends, not_started

    def drop(self, run_ids: Container[str]) -> set[str]:
        """Forget runs that are over; return those of which no process is left for sure.

        Where a supervisor was killed there may be strays.
        """
        over = [tended for tended in self.tended if tended.run.id in run_ids]
        if not all(tended.is_orderly for tended in over):
            self._hunt.is_due, self.upkeep_at = True, 0.0
        self.tended = [tended for tended in self.tended if tended.run.id not in run_ids]
        return {tended.run.id for tended in over if tended.is_orderly}

    def ask_to_end(self, reason: str) -> None:
        """Have all runs end: SIGTERM, grace, SIGKILL; asked again, without grace."""
        for tended in self.tended:
            tended.ask_to_end(reason=reason)

    def upkeep(self, alive: Callable[[], Sequence[Run]]) -> list[Tended]:
        """From time to time look for what others left behind; return the runs taken over.

        alive: tells which runs go on and are ours to take over when their agents are dead.
        """
        now = time.monotonic()
        if now < self.upkeep_at:
            return []
        settled = settle(self._store)
        heirlooms = self._inherit(alive)
        known = {tended.run.id for tended in self.tended}
        for run_id in set(settled.orphans) - known:
            if not self._is_in_hands(self._store.run(run_id)):
                with contextlib.suppress(LaunchError):  # the next round tries again
                    self._hands.launch(self._adoption(run_id)).close()
        if settled.ended or self._hunt.is_due:
            self._hunt.go(self._store)
        reclaim(self._store, except_for={tended.run.id for tended in self.tended})
        self.upkeep_at = now + (_HUNT_S if self._hunt.is_due else _UPKEEP_S)
        return heirlooms

    def close(self) -> None:
        """Let go of all supervisors; those that have a run finish it without us."""
        for tended in self.tended:
            tended.watch.close()
        self._hands.close()

    def _inherit(self, alive: Callable[[], Sequence[Run]]) -> list[Tended]:
        """Take over runs whose agents are dead; they take slots like others."""
        known = {tended.run.id for tended in self.tended}
        taken = []
        for run in alive():
            if run.id in known or self._is_in_hands(run):
                continue
            if self._store.take_over(run.id, agent=self._agent, before=run.agent):
                order = self._adoption(run.id)
                watch = Watch(living_supervisor(order.folder))
                place = self._place_for(order.devices)
                taken.append(Tended(run=run, place=place, order=order, watch=watch))
                self.tended.append(taken[-1])
        return taken

    def _is_in_hands(self, run: Run) -> bool:
        """Tell whether the agent of a run lives, as far as can be seen from this host."""
        claimer = parse_identity(run.agent)
        return claimer is None or not is_local(run) or is_alive(claimer)

    def _adoption(self, run_id: str) -> Order:
        """Return the order to supervise a program that runs already."""
        process = read_json(self._store.folder(run_id).path / PROCESS_FILE) or {}
        return Order(
            home=str(self._store.home),
            run_id=run_id,
            timeout_s=process.get("timeout_s"),
            grace_s=process.get("grace_s", Order.grace_s),
            devices=process.get("devices", ""),
            alone=process.get("alone", ""),
            stdout=process.get("stdout", ""),
            stderr=process.get("stderr", ""),
            adopt=True,
        )

    def _place_for(self, devices: str) -> Place:
        used = {tended.place.index for tended in self.tended}
        index = next(i for i in range(len(used) + 1) if i not in used)
        return Place(index=index, devices=tuple(devices.split(",")) if devices else ())
