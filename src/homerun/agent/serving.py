"""The ways to be an agent: for one sweep, for the whole home, for a folder of scripts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from homerun.agent.agent import Agent
from homerun.agent.events import Done, Event, Remark
from homerun.agent.folder_work import FolderWork
from homerun.agent.hands import Hands
from homerun.agent.home_work import HomeWork
from homerun.agent.lending import Pythons
from homerun.agent.room import Need, RoomPlan, plan_room
from homerun.agent.sweep_work import SweepWork
from homerun.agent.sweeps import needs_function
from homerun.core import SweepRecord, UsageError
from homerun.devices import gpus
from homerun.spec import Settings, from_dict
from homerun.store import Store

OnEvent = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is asked of an agent; None: as the sweep file says, else as fits this machine."""

    slots: int | None = None  # runs at once
    cpu_slots: int | None = None  # runs without GPU at once, beside those on GPUs
    gpus: str | None = None  # those to use, the preferred first, as CUDA_VISIBLE_DEVICES names them
    gpus_per_run: int | None = None  # 0: CPU only
    per_gpu: int | None = None  # runs on each GPU at once
    gpu_memory_mib: float | None = None  # reserved on each GPU of a run
    is_gpu_memory_learned: bool = False
    by_index: bool | None = None  # programs get indices of GPUs, not UUIDs
    use_busy: bool = False  # GPUs with programs of others, too
    stops_when_settled: bool = False  # no more runs of a sweep once nothing better is expected
    python: str = ""  # programs start with: a path or uv; "": as `choose` in pythons.py finds it
    caller: str = ""  # the Python of the program that is the agent, which started it by a function


_NONE = Wishes()


def work_sweep(
    store: Store,
    record: SweepRecord,
    *,
    wishes: Wishes = _NONE,
    count: int | None = None,
    max_failures: int | None = None,
    argv: Sequence[str] = (),
    log: str = "",
    on_event: OnEvent = lambda _: None,
    function: str = "",
    hands: Hands | None = None,
) -> Done:
    """Take runs from a sweep until none is left; return why it ended.

    count: runs to start at most; max_failures: failures in a row, with no success so far, that
    pause the sweep (0: never); argv and log: as `homerun agents` and `detach` know the agent;
    function and hands: what is called in place of the sweep's program, and who calls it.
    """
    if needs_function(record.spec) and not function:
        raise UsageError(
            f"sweep {record.id} has no program; where its function is, call "
            f"homerun.agent({record.id!r}, function)"
        )
    settings = from_dict(record.spec, source=record.source or record.id).settings
    plan = _plan(wishes, settings)
    pythons = _pythons(store, wishes, on_event)
    work = _sweep_work(
        store, record, wishes, plan.need, settings, pythons, max_failures, function=function
    )
    work.find_python()
    return Agent(
        store, work, plan, count=count, argv=argv, log=log, on_event=on_event, hands=hands
    ).run()


def work_home(
    store: Store,
    *,
    wishes: Wishes = _NONE,
    is_staying: bool = False,
    count: int | None = None,
    max_failures: int | None = None,
    argv: Sequence[str] = (),
    log: str = "",
    on_event: OnEvent = lambda _: None,
) -> Done:
    """Take queued commands and the runs of all sweeps; with `is_staying` wait for more of them."""
    plan = _plan(wishes, Settings(), is_mixed=True)
    pythons = _pythons(store, wishes, on_event)

    def make_work(record: SweepRecord) -> SweepWork:
        settings = from_dict(record.spec, source=record.source or record.id).settings
        need = _plan(wishes, settings).need
        return _sweep_work(store, record, wishes, need, settings, pythons, max_failures)

    work = HomeWork(store, plan, make_work=make_work, pythons=pythons, is_staying=is_staying)
    return Agent(store, work, plan, count=count, argv=argv, log=log, on_event=on_event).run()


def work_folder(
    store: Store,
    path: Path,
    *,
    exits: bool,
    wishes: Wishes = _NONE,
    project: str,
    argv: Sequence[str] = (),
    log: str = "",
    on_event: OnEvent = lambda _: None,
) -> Done:
    """Run the scripts of a folder as fastgpu does; `exits`: end when none is left."""
    plan = _plan(wishes, Settings())
    python = _pythons(store, wishes, on_event).of_folder(Path.cwd()).env
    with FolderWork(store, path, plan, project=project, exits=exits, python=python) as work:
        return Agent(store, work, plan, argv=argv, log=log, on_event=on_event).run()


def _plan(wishes: Wishes, settings: Settings, *, is_mixed: bool = False) -> RoomPlan:
    by_index = settings.gpu_names == "index" if wishes.by_index is None else wishes.by_index
    return plan_room(
        gpus(chosen=wishes.gpus),
        slots=wishes.slots or settings.slots,
        cpu_slots=wishes.cpu_slots,
        gpus_per_run=settings.gpus if wishes.gpus_per_run is None else wishes.gpus_per_run,
        per_gpu=wishes.per_gpu or settings.per_gpu,
        memory_mib=_memory_mib(wishes, settings),
        is_memory_learned=_is_learned(wishes, settings),
        is_mixed=is_mixed,
        by_index=by_index,
        use_busy=wishes.use_busy,
    )


def _memory_mib(wishes: Wishes, settings: Settings) -> float | None:
    if wishes.is_gpu_memory_learned:
        return None
    return settings.gpu_memory_mib if wishes.gpu_memory_mib is None else wishes.gpu_memory_mib


def _is_learned(wishes: Wishes, settings: Settings) -> bool:
    is_given = wishes.gpu_memory_mib is not None
    return wishes.is_gpu_memory_learned or (settings.is_gpu_memory_learned and not is_given)


def _sweep_work(
    store: Store,
    record: SweepRecord,
    wishes: Wishes,
    need: Need,
    settings: Settings,
    pythons: Pythons,
    max_failures: int | None,
    *,
    function: str = "",
) -> SweepWork:
    return SweepWork(
        store,
        record,
        need=need,
        is_memory_learned=_is_learned(wishes, settings),
        max_failures=max_failures,
        is_stopping_when_settled=wishes.stops_when_settled,
        pythons=pythons,
        function=function,
    )


def _pythons(store: Store, wishes: Wishes, on_event: OnEvent) -> Pythons:
    return Pythons(
        store.home,
        asked=wishes.python,
        caller=wishes.caller,
        say=lambda text: on_event(Remark(text=text)),
    )
