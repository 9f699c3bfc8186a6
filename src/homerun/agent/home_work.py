"""The whole home, for an agent: queued commands, and the runs of every sweep that goes on."""

from collections.abc import Callable, Iterable, Sequence

from homerun.agent.events import Done, Outcome, Progress, Trouble, Waiting
from homerun.agent.lending import Pythons
from homerun.agent.order import Order
from homerun.agent.orders import queue_order
from homerun.agent.room import CROWD, Need, Place, RoomPlan
from homerun.agent.sweep_work import SweepWork
from homerun.agent.sweeps import needs_function
from homerun.core import (
    ALIVE,
    BAD,
    ENDED,
    End,
    MissingExtraError,
    Run,
    RunState,
    SweepRecord,
    SweepState,
    UsageError,
)
from homerun.store import Store, held_back, held_up

MakeWork = Callable[[SweepRecord], SweepWork]


class HomeWork:
    """Runs by priority, then in the order in which they were queued, wherever they come from."""

    def __init__(
        self,
        store: Store,
        plan: RoomPlan,
        *,
        make_work: MakeWork,
        pythons: Pythons,
        is_staying: bool,
    ) -> None:
        """Prepare; is_staying: wait for more when nothing is left."""
        self._store = store
        self._plan = plan
        self._make_work = make_work
        self._pythons = pythons
        self._is_staying = is_staying
        self._sweeps: dict[str, SweepWork] = {}
        self._unfit: dict[str, str] = {}  # sweeps that cannot run here, and why
        self._done = self._failed = 0
        self._busy_s = 0.0  # of the runs that are done
        self.refresh()

    @property
    def serves(self) -> str:
        """The whole home."""
        return ""

    @property
    def is_open(self) -> bool:
        """Whether anything is pending."""
        return bool(self._store.counts().get(RunState.PENDING) or self._sweeps)

    def heads(self) -> list[Run]:
        """Return the next run that needs GPUs and the next that needs none."""
        runs = self._store.heads(None, gpus=self._plan.need.gpus, most=len(self._plan.gpus))
        for work in self._sweeps.values():
            runs += work.heads()
        runs.sort(key=lambda run: (-run.priority, run.number))
        first: dict[bool, Run] = {}
        for run in runs:
            first.setdefault(self._gpus_of(run) > 0, run)
        return list(first.values())

    def need(self, run: Run) -> Need:
        """Return what a run needs."""
        if run.sweep is not None:
            return self._work_of(run).need(run)
        gpus = self._gpus_of(run)
        if run.alone == "gpu" or not gpus:
            return Need(gpus=gpus)
        plan = self._plan.need
        memory_mib = plan.memory_mib if run.gpu_memory_mib is None else run.gpu_memory_mib
        at_most = plan.at_most if run.gpu_memory_mib is None else max(plan.at_most, CROWD)
        return Need(gpus=gpus, memory_mib=memory_mib, at_most=at_most)

    def claim(self, run: Run, *, agent: str) -> Run | None:
        """Take a run."""
        if run.sweep is not None:
            return self._work_of(run).claim(run, agent=agent)
        return self._store.claim_run(run, agent=agent)

    def order(self, run: Run, place: Place) -> Order:
        """Return the order to start a claimed run."""
        if run.sweep is not None:
            return self._work_of(run).order(run, place)
        return queue_order(self._store, run, place=place, lent=self._pythons.lent)

    def fill(self, free: int) -> str:
        """Let the searches of all sweeps propose runs; return what is wrong with them."""
        troubles = []
        for sweep_id, work in list(self._sweeps.items()):
            try:
                trouble = work.fill(free)
            except MissingExtraError as error:
                del self._sweeps[sweep_id]
                self._unfit[sweep_id] = f"sweep {sweep_id}: {error}"
                continue
            if work.failed is not None:
                trouble = f"sweep {work.serves} is paused: {work.failed.reason}"
            troubles += [trouble] if trouble else []
        return "; ".join(troubles)

    def alive(self) -> list[Run]:
        """Return the runs that agents have claimed and that go on."""
        runs = self._store.runs(states=ALIVE)
        return [run for run in runs if run.queued and not run.source]

    def are_silent_about(self, ends: Iterable[End]) -> bool:
        """Tell whether these ends cannot stop a sweep."""
        return all(end.state == RunState.FINISHED for end in ends)

    def judge(self, ended: Sequence[tuple[Run, End]]) -> Trouble | None:
        """Look at runs that have ended; a sweep that only fails is paused, the others go on."""
        news = []
        for run, end in ended:
            self._done += 1
            self._busy_s += run.runtime_s or 0.0
            self._failed += run.state in BAD
            if run.sweep is None:
                continue
            found = self._work_of(run).judge([(run, end)])
            if isinstance(found, Done):
                news.append(f"sweep {run.sweep} is {found.outcome}: {found.reason}")
            elif found is not None:
                news.append(f"sweep {run.sweep}: {found.text}")
        return Trouble(text="; ".join(news)) if news else None

    def refresh(self) -> None:
        """See which sweeps go on; the home itself never comes to an end."""
        open_sweeps = {
            record.id: record
            for record in self._store.sweeps()
            if record.state == SweepState.RUNNING
        }
        for sweep_id in [known for known in self._sweeps if known not in open_sweeps]:
            del self._sweeps[sweep_id]
        self._unfit = {known: why for known, why in self._unfit.items() if known in open_sweeps}
        for sweep_id, record in open_sweeps.items():
            if sweep_id in self._sweeps:
                self._sweeps[sweep_id].refresh()
            elif needs_function(record.spec):
                self._unfit[sweep_id] = f"sweep {sweep_id} waits for homerun.agent(id, function)"
            elif sweep_id not in self._unfit:
                try:
                    work = self._make_work(record)
                    work.find_python()
                    self._sweeps[sweep_id] = work
                except (UsageError, MissingExtraError) as error:
                    self._unfit[sweep_id] = f"sweep {sweep_id}: {error}"

    def idle(self, ours: int) -> Done | Waiting | None:
        """Say why there is no run to take."""
        self.refresh()
        for work in list(self._sweeps.values()):
            work.idle(sum(run.sweep == work.serves for run in work.alive()) if ours else 0)
        waiting = [*self._unfit.values(), *self._held_up()]
        if ours:
            return Waiting(reason="; ".join(waiting)) if waiting else None
        if self._is_staying:
            return Waiting(reason="; ".join(waiting) or "the queue is empty; homerun add fills it")
        if self.alive():
            return Waiting(reason="the last runs are in the hands of other agents")
        return Done(outcome=Outcome.COMPLETE, reason="; ".join(waiting))

    def progress(self, elapsed_s: Iterable[float]) -> Progress:
        """Return how far the queue is; what sweeps have not proposed yet is not in it."""
        counts = self._store.counts()
        running = sum(counts.get(state, 0) for state in ALIVE)
        pending = counts.get(RunState.PENDING, 0)
        eta_s = None
        if self._done and running:
            mean_s = self._busy_s / self._done
            ours = [max(0.0, mean_s - elapsed) for elapsed in elapsed_s]
            eta_s = (sum(ours) + (running - len(ours) + pending) * mean_s) / running
        return Progress(
            done=self._done,
            planned=self._done + running + pending,
            running=running,
            failed=self._failed,
            eta_s=eta_s,
        )

    def _gpus_of(self, run: Run) -> int:
        if run.sweep is not None:
            return self._work_of(run).need(run).gpus
        return self._plan.need.gpus if run.gpus is None else run.gpus

    def _work_of(self, run: Run) -> SweepWork:
        sweep_id = run.sweep or ""
        if sweep_id not in self._sweeps:  # it ended while the run went on
            return self._make_work(self._store.sweep(sweep_id))
        return self._sweeps[sweep_id]

    def _held_up(self) -> list[str]:
        """Say which pending runs cannot start, and why."""
        texts = [
            f"run {number} waits for run {other}"
            + (f", which has {state}; homerun retry {other}" if state in ENDED else "")
            for number, other, state in held_up(self._store)
        ]
        texts += [
            f"run {number} is paused; homerun resume {number}" for number in held_back(self._store)
        ]
        most = len(self._plan.gpus)
        return texts + [
            f"run {run.number} needs {run.gpus} GPUs and {most} can be seen here"
            for run in self._store.heads(None, gpus=self._plan.need.gpus)
            if (run.gpus or 0) > most
        ]
