"""The program of a run as its supervisor sees it: as a child, or adopted from a dead supervisor."""

import os
import resource
from collections.abc import Sequence

from homerun.agent import processes
from homerun.agent.verdict import Verdict, oom_kills, out_of_memory, verdict
from homerun.core import RunState
from homerun.store import Identity, RunFolder, is_at_rest, told_end


class OwnProgram:
    """A program that is our child: the kernel tells its exit status and what it used."""

    fd: int | None = None  # readable when the program is over
    tells = True  # by SIGCHLD, also that it was stopped

    def __init__(
        self, pid: int, oom_kills_before: int | None, *, hints: Sequence[str] = ()
    ) -> None:
        self.pid = pid
        self._hints = hints  # at the ports that it wants
        self._status: int | None = None
        self._is_stopped = False
        self.usage: resource.struct_rusage | None = None  # with the processes it waited for
        self._oom_kills = oom_kills_before

    def is_over(self) -> bool:
        """Tell whether the program has ended."""
        self._reap()
        return self._status is not None

    @property
    def signal(self) -> int | None:
        """The number of the signal it died of, None when it exited."""
        status = self._status or 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None

    def is_stopped(self) -> bool:
        """Tell whether the program was stopped by a signal when `is_over` was asked last."""
        return self._is_stopped

    def processes(self) -> list[int]:
        """Return the pids of all that the run consists of, or has left behind."""
        return processes.descendants(os.getpid()) if self._reap() else []

    def verdict(self, last_lines: str) -> Verdict:
        """Return how it ended, given the end of its output."""
        assert self._status is not None
        return verdict(
            self._status,
            last_lines=last_lines,
            was_out_of_memory=self._was_out_of_memory,
            hints=self._hints,
        )

    def _was_out_of_memory(self) -> bool:
        now = oom_kills()
        return self._oom_kills is not None and now is not None and now > self._oom_kills

    def _reap(self) -> bool:
        """Take the status of every dead child; False when there is no child any more."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid != self.pid:
                continue
            self._is_stopped = os.WIFSTOPPED(status)
            if not self._is_stopped and not os.WIFCONTINUED(status):
                self._status, self.usage = status, usage


class AdoptedProgram:
    """A program whose supervisor was killed; its exit status went to nobody."""

    usage: resource.struct_rusage | None = None
    signal: int | None = None
    tells = False  # of its end perhaps, but not that it was stopped

    def __init__(self, folder: RunFolder, who: Identity | None) -> None:
        self.pid = who.pid if who is not None else 0
        self._folder = folder
        self._watch = processes.Watch(who)
        self.fd = self._watch.fd

    def is_over(self) -> bool:
        """Tell whether the program has ended."""
        return self._watch.is_over()

    def is_stopped(self) -> bool:
        """Tell whether the program was stopped by a signal."""
        return self.pid > 0 and is_at_rest(self.pid) and not self._watch.is_over()

    def processes(self) -> list[int]:
        """Return the pids of all that the run consists of, or has left behind."""
        home, run_id = self._folder.path.parent.parent, self._folder.path.name
        family = set(processes.surely_tagged(home, run_id))
        if not self._watch.is_over():
            family |= {self.pid, *processes.descendants(self.pid)}
        return list(family - {os.getpid()})

    def verdict(self, last_lines: str) -> Verdict:
        """Return how it ended: what the program itself told, else that nobody knows."""
        told = told_end(self._folder)
        if told is not None and told.state == RunState.FINISHED:
            return Verdict(told.state, told.reason, told.exit_code)
        why, memory = out_of_memory(last_lines)
        if told is not None:
            return Verdict(told.state, told.reason, told.exit_code, memory)
        lost = "its supervisor was killed, so its exit code is lost"
        return Verdict(RunState.CRASHED, f"{lost}; {why}" if why else lost, None, memory)
