"""W&B's functions that make sweeps and work on them: `sweep`, `agent`, `controller`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from homerun.agent import Done as AgentDone
from homerun.agent import (
    Ended,
    Event,
    Outcome,
    Remark,
    Started,
    Stopping,
    Trouble,
    Waiting,
    Wishes,
    create_sweep,
    tally_of,
    work_function,
    work_sweep,
)
from homerun.compat.notebook import in_notebook, showing
from homerun.core import NotFoundError, SweepState, UsageError
from homerun.search import is_guided
from homerun.spec import Edit, Sweep, edited, from_dict, load
from homerun.store import Store, find_home
from homerun.track import env, is_true, termlog, termwarn

_MEANT_WELL = (Outcome.COMPLETE, Outcome.COUNT, Outcome.TARGET)


def sweep(
    sweep: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | str | Path,
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Sequence[str] | None = None,
) -> str:
    """Make a sweep from its configuration, or a function that returns it; return its id.

    It may have no program, if `agent` is to call a function. `entity` is kept as a label.
    `prior_runs`: runs, or sweeps, whose results the search begins with.
    """
    found = _read(sweep)
    if entity and found.entity != entity:
        found = from_dict({**found.spec, "entity": entity}, source=found.source)
    if prior_runs:
        known = [*found.settings.prior, *prior_runs]
        found, _ = edited(found, [Edit("set", "homerun.prior", known)])
        if not is_guided(found):
            termwarn(f"sweep(prior_runs=...): method {found.method} does not learn from results")
    chosen = project or env("PROJECT")
    with Store() as store:
        record = create_sweep(
            store,
            found,
            cwd=Path.cwd(),
            project=chosen,
            is_for_function=True,
        )
    termlog(f"Create sweep with ID: {record.id}")
    termlog(f"Sweep of {record.project}: homerun ls {record.id}")
    return record.id


def agent(
    sweep_id: str,
    function: Callable[[], object] | None = None,
    entity: str | None = None,  # noqa: ARG001 - all is in one home
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool | None = None,
    *,
    in_process: bool | None = None,
) -> None:
    """Work on a sweep until no run is left: call a function for each run, or start its program.

    The function finds its configuration in `homerun.init().config`. Each call is a process of its
    own, forked from this one, so what it takes of a GPU is free again afterwards; `in_process`
    calls it in this process. Default: HOMERUN_AGENT_INPROCESS, else False. `count`: runs to start
    at most. `sweep_id` may be `entity/project/id`.
    """
    if function is not None and not callable(function):
        raise UsageError(f"agent(function={function!r}): give a function to call for each run")
    if count is not None and count < 1:
        raise UsageError(f"agent(count={count}): use 1 or more, or None for all runs")
    if forward_signals:
        termwarn(
            "agent(forward_signals=True): Ctrl-C twice stops the run, and a run outlives SIGTERM "
            "of its agent; other signals are not passed on",
            repeat=False,
        )
    home = find_home()
    ref = _check(home, sweep_id, project)
    is_here = is_true(env("AGENT_INPROCESS")) if in_process is None else in_process

    def work(tell: Callable[[Event], None]) -> AgentDone:
        if function is not None:
            return work_function(
                home, ref, function, in_process=is_here, count=count, on_event=tell
            )
        wishes = Wishes(slots=1, caller=sys.executable or "")
        with Store(home) as store:
            return work_sweep(store, store.sweep(ref), wishes=wishes, count=count, on_event=tell)

    again = f"to go on, call agent({ref!r}) again"
    if in_notebook():
        with Store(home) as store:
            record = store.sweep(ref)
            tally = tally_of(store, record)
        with showing(record, tally) as board:  # no database is open while processes are forked
            if work(board.tell).outcome not in _MEANT_WELL:
                board.note = again
    elif work(_tell).outcome not in _MEANT_WELL:
        termlog(again)


class Controller:
    """Accepts the calls on W&B's sweep controller; agents search by themselves."""

    def __init__(self, sweep_id: str) -> None:
        self.sweep_id = sweep_id

    def create(self) -> str:
        """Return the id of the sweep."""
        return self.sweep_id

    def run(self, *_args: Any, **_options: Any) -> None:
        """Do nothing: agents ask the search for more runs when they need them."""

    step = schedule = print_status = run

    def done(self) -> bool:
        """Tell whether the sweep takes no more runs."""
        with Store() as store:
            return store.sweep(self.sweep_id).state in {SweepState.FINISHED, SweepState.CANCELED}


def controller(
    sweep_id_or_config: str | Mapping[str, Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
) -> Controller:
    """Accept W&B's call, which is not needed here, and say so; a configuration becomes a sweep."""
    termwarn(
        "controller(): no controller is needed, the agents of a sweep search by themselves; "
        "call agent(sweep_id, function), or use: homerun agent SWEEP",
        repeat=False,
    )
    if isinstance(sweep_id_or_config, Mapping):
        return Controller(sweep(sweep_id_or_config, entity=entity, project=project))
    if not sweep_id_or_config:
        raise UsageError("controller() was given no sweep; give its id or its configuration")
    return Controller(_check(find_home(), sweep_id_or_config, project))


def _read(given: object) -> Sweep:
    if isinstance(given, str | Path):
        return load(given)
    config = given() if callable(given) else given
    if not isinstance(config, Mapping):
        raise UsageError(
            f"sweep({type(config).__name__}): give a dictionary such as "
            '{"method": "grid", "parameters": {"lr": {"values": [0.1, 0.01]}}}, or a sweep file'
        )
    return from_dict(config)


def _check(home: Path, ref: str, project: str | None) -> str:
    """Return the id of a sweep; raise NotFoundError when it is not there, or in another project."""
    with Store(home) as store:
        found = store.sweep(ref)
        named = ref.split("/")[-2] if "/" in ref else project
        if named and found.project != named:
            raise NotFoundError(
                f"sweep {found.id} is in project {found.project!r}, not in {named!r}; "
                "homerun ls shows those there are"
            )
        return found.id


def _tell(event: Event) -> None:
    """Say what an agent does."""
    if isinstance(event, Started):
        config = " ".join(f"{key}={value}" for key, value in event.run.config.items())
        termlog(f"run {event.run.number} ({event.run.id}) starts: {config}")
    elif isinstance(event, Ended):
        why = f": {event.run.reason}" if event.run.reason else ""
        termlog(f"run {event.run.number} ({event.run.id}) {event.run.state}{why}")
    elif isinstance(event, Remark | Stopping | Trouble):
        termlog(event.text)
    elif isinstance(event, Waiting):
        termlog(f"waits: {event.reason}")
    elif isinstance(event, AgentDone) and event.reason:
        termlog(event.reason)
