"""Having runs stand still and go on: through their supervisors, or directly where there is none."""

import signal
import time
from collections.abc import Iterable
from functools import partial

from homerun.agent import processes
from homerun.agent.order import PROCESS_FILE
from homerun.agent.pauses import forget_pause, freeze, thaw
from homerun.agent.stopping import living_supervisor
from homerun.core import Run, RunState, UsageError
from homerun.store import (
    PAUSE_FILE,
    PAUSED,
    Identity,
    RunFolder,
    Store,
    is_at_rest,
    is_local,
    parse_identity,
    pause_queued,
    program_of,
    read_json,
    resume_queued,
    settle,
    write_json,
)

_PATIENCE_S = 5.0  # for a supervisor to do what it was asked for
_GOING = frozenset({RunState.PENDING, RunState.RUNNING})


def pause(store: Store, *runs: Run) -> list[Run]:
    """Have runs stand still; return those that do, as they are then.

    One that waits in the queue is held there. One that runs keeps its slot, its GPUs and all of
    its memory. Raises UsageError for a run on another host.
    """
    return _change(store, runs, is_pause=True)


def resume(store: Store, *runs: Run) -> list[Run]:
    """Let paused runs go on, whoever paused them; return those that do, as they are then."""
    return _change(store, runs, is_pause=False)


def request_pause(folder: RunFolder) -> bool:
    """Leave word that a run is to stand still, which its supervisor reads when SIGUSR1 comes.

    False when the word is there already.
    """
    path = folder.path / PAUSE_FILE
    if path.exists() or not folder.path.is_dir():
        return False
    write_json(path, {"reason": PAUSED}, durable=False)
    return True


def _change(store: Store, runs: Iterable[Run], *, is_pause: bool) -> list[Run]:
    asked = {run.id: run for run in runs}
    for run in asked.values():
        _refuse_distant(run)
    waiting = [_Change(store, run.id, is_pause=is_pause) for run in asked.values()]
    deadline = time.monotonic() + _PATIENCE_S
    while waiting and time.monotonic() < deadline:
        waiting = [change for change in waiting if not change.step()]
        time.sleep(0.01 if waiting else 0)
    settle(store)
    done = {RunState.PAUSED} if is_pause else _GOING
    return [run for run in map(store.run, asked) if run.state in done]


def _refuse_distant(run: Run) -> None:
    claimer = parse_identity(run.agent)
    if claimer is not None and not is_local(run):
        raise UsageError(f"run {run.number} is on host {claimer.host}; pause and resume it there")


class _Change:
    """One run on its way to stand still, or to go on."""

    def __init__(self, store: Store, run_id: str, *, is_pause: bool) -> None:
        self._store, self._run_id = store, run_id
        self._folder = store.folder(run_id)
        self._is_pause = is_pause
        self._told = ""  # the supervisor

    def step(self) -> bool:
        """Do what is to be done next; tell whether the run is as it should be, or has ended."""
        run = self._store.run(self._run_id)
        if run.is_ended:
            return True
        if run.is_waiting and self._is_pause:
            return bool(pause_queued(self._store, [run.id])) or run.state == RunState.PAUSED
        # Also of a run that an agent has given back to the queue before it could be paused.
        if not self._is_pause:
            forget_pause(self._folder)
        elif request_pause(self._folder):
            self._told = ""
        if run.is_waiting:
            return bool(resume_queued(self._store, [run.id])) or run.state == RunState.PENDING
        program = program_of(self._folder, run)
        supervisor = living_supervisor(self._folder)
        if supervisor is None or not self._folder.is_held():
            if program is not None:
                (freeze if self._is_pause else thaw)(partial(self._family, program.pid))
            return self._is_as_wanted(program)
        known = read_json(self._folder.path / PROCESS_FILE) or {}
        is_noted = (known.get("paused_monotonic") is not None) == self._is_pause
        if is_noted and self._is_as_wanted(program):
            return True  # without a signal: it might come late and undo what is done next
        if self._told != str(supervisor):
            self._told = str(supervisor)
            processes.send(supervisor.pid, signal.SIGUSR1)
        return False

    def _is_as_wanted(self, program: Identity | None) -> bool:
        return program is not None and is_at_rest(program.pid) == self._is_pause

    def _family(self, program: int) -> set[int]:
        """Return the pids of all that a run without supervisor consists of."""
        is_tagged = (self._folder.path / PROCESS_FILE).exists()
        tagged = processes.tagged(self._store.home, self._run_id) if is_tagged else {}
        return {program, *processes.descendants(program), *tagged}
