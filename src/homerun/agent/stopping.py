"""Ending runs on request: through their supervisors, or directly when those are dead."""

import math
import signal
import time
from dataclasses import replace

from homerun.agent import processes
from homerun.agent.order import KILL_FILE, PROCESS_FILE
from homerun.agent.recording import record_ends
from homerun.core import End, Run, RunState, UsageError
from homerun.store import (
    Identity,
    RunFolder,
    Store,
    is_alive,
    is_local,
    living_program,
    parse_identity,
    read_json,
    write_json,
)

KILLED = "killed by the user"
_MARGIN_S = 15.0  # beyond the grace, for the death of everything and for clearing up


def living_supervisor(folder: RunFolder) -> Identity | None:
    """Return the supervisor that a run had last, if it lives."""
    who = parse_identity(str((read_json(folder.path / PROCESS_FILE) or {}).get("supervisor", "")))
    return who if who is not None and is_alive(who) else None


def request_end(
    folder: RunFolder,
    *,
    reason: str,
    grace_s: float,
    number: int = signal.SIGTERM,
    is_censored: bool = False,
) -> None:
    """Leave word that a run is to end, and why; its supervisor reads it when SIGUSR1 comes.

    is_censored: a rule of its sweep ends it early.
    """
    if folder.path.is_dir():
        request = {
            "reason": reason,
            "grace_s": grace_s,
            "signal": int(number),
            "censored": is_censored,
        }
        write_json(folder.path / KILL_FILE, request, durable=False)


def kill(store: Store, *runs: Run, grace_s: float = 10.0, reason: str = KILLED) -> dict[str, End]:
    """End runs: SIGTERM, `grace_s` seconds, SIGKILL of all their processes; return the ends by id.

    Pending runs will never start. Runs that had ended are left out, and so is one that even
    SIGKILL does not end in time. Raises UsageError for a run on another host.
    """
    end = End(state=RunState.KILLED, reason=reason, ended_at=time.time())
    ends = dict.fromkeys(store.withdraw({run.id: end for run in runs}), end)
    waiting = []
    for run in map(store.run, (run.id for run in runs)):
        if not run.is_ended:
            if not is_local(run):
                claimer = parse_identity(run.agent)
                raise UsageError(
                    f"run {run.id} is on host {claimer and claimer.host}; kill it there"
                )
            waiting.append(_Killing(store, run, grace_s, end))
    deadline = time.monotonic() + grace_s + _MARGIN_S
    while waiting and time.monotonic() < deadline:
        for killing in list(waiting):
            done = killing.step()
            if done is not None:
                ends[killing.run.id] = done
                waiting.remove(killing)
        time.sleep(0.02 if waiting else 0)
    return ends


class _Killing:
    """One run on its way to its end."""

    def __init__(self, store: Store, run: Run, grace_s: float, end: End) -> None:
        self.run = run
        self._store, self._folder = store, store.folder(run.id)
        self._grace_s, self._end = grace_s, end
        self._told: Identity | None = None
        self._kill_at = math.inf

    def step(self) -> End | None:
        """Do what is to be done next; return the end once it is recorded."""
        if not (self._folder.path / KILL_FILE).exists():
            request_end(self._folder, reason=self._end.reason, grace_s=self._grace_s)
        if self._folder.is_held():
            supervisor = living_supervisor(self._folder)
            program = self._tracked_program()
            if supervisor is not None and self._told != supervisor:
                processes.send(supervisor.pid, signal.SIGUSR1)
                self._told = supervisor
            elif program is not None:
                self._end_directly(program)
            return None
        result = self._folder.read_result()
        if result is not None:
            return self._record(result)
        program = living_program(self._folder)
        if program is not None:
            self._end_directly(program)
            return None
        if self._is_about_to_start():  # unless its agent has put it back into the queue
            return self._end if self._store.withdraw({self.run.id: self._end}) else None
        for pid in processes.tagged(self._store.home, self.run.id):
            processes.send(pid, signal.SIGKILL)
        return self._record(replace(self._end, ended_at=time.time()))

    def _tracked_program(self) -> Identity | None:
        """Return the process of a run that was started by hand and called init itself."""
        if self.run.sweep is not None or (self._folder.path / PROCESS_FILE).exists():
            return None
        who = parse_identity(self.run.agent)
        is_tracked = (self._folder.path / "journal").exists()
        return who if is_tracked and who is not None and is_alive(who) else None

    def _is_about_to_start(self) -> bool:
        claimer = parse_identity(self.run.agent)
        is_started = (self._folder.path / PROCESS_FILE).exists()
        return not is_started and claimer is not None and is_alive(claimer)

    def _end_directly(self, program: Identity) -> None:
        """Do to a program without supervisor what its supervisor would do."""
        if self._told != program:
            self._told, self._kill_at = program, time.monotonic() + self._grace_s
            processes.send(program.pid, signal.SIGTERM)
            processes.send(program.pid, signal.SIGCONT)
        if time.monotonic() >= self._kill_at:
            family = processes.descendants(program.pid)
            for pid in (program.pid, *family, *processes.tagged(self._store.home, self.run.id)):
                processes.send(pid, signal.SIGKILL)

    def _record(self, end: End) -> End:
        record_ends(self._store, {self.run.id: end})
        return end
