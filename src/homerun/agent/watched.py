"""The program of a run as its supervisor sees it: as a child, or adopted from a dead supervisor."""

import os
import resource

from homerun.agent import processes
from homerun.agent.verdict import Verdict, oom_kills, verdict
from homerun.core import RunState
from homerun.store import Identity, RunFolder, told_end


class OwnProgram:
    """A program that is our child: the kernel tells its exit status and what it used."""

    fd: int | None = None  # readable when the program is over
    tells = True  # by SIGCHLD

    def __init__(self, pid: int, oom_kills_before: int | None) -> None:
        self.pid = pid
        self._status: int | None = None
        self.usage: resource.struct_rusage | None = None  # with the processes it waited for
        self._oom_kills = oom_kills_before

    def is_over(self) -> bool:
        """Tell whether the program has ended."""
        self._reap()
        return self._status is not None

    def processes(self) -> list[int]:
        """Return the pids of all that the run consists of, or has left behind."""
        return processes.descendants(os.getpid()) if self._reap() else []

    def verdict(self, last_line: str) -> Verdict:
        """Return how it ended, given the last line of its output."""
        assert self._status is not None
        return verdict(self._status, last_line=last_line, was_out_of_memory=self._was_out_of_memory)

    def _was_out_of_memory(self) -> bool:
        now = oom_kills()
        return self._oom_kills is not None and now is not None and now > self._oom_kills

    def _reap(self) -> bool:
        """Take the status of every dead child; False when there is no child any more."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self._status, self.usage = status, usage


class AdoptedProgram:
    """A program whose supervisor was killed; its exit status went to nobody."""

    usage: resource.struct_rusage | None = None

    def __init__(self, folder: RunFolder, who: Identity | None) -> None:
        self.pid = who.pid if who is not None else 0
        self._folder = folder
        self._watch = processes.Watch(who)
        self.fd = self._watch.fd
        self.tells = self.fd is not None

    def is_over(self) -> bool:
        """Tell whether the program has ended."""
        return self._watch.is_over()

    def processes(self) -> list[int]:
        """Return the pids of all that the run consists of, or has left behind."""
        family = set(processes.tagged(self._folder.path.parent.parent, self._folder.path.name))
        if not self._watch.is_over():
            family |= {self.pid, *processes.descendants(self.pid)}
        return list(family - {os.getpid()})

    def verdict(self, last_line: str) -> Verdict:  # noqa: ARG002  as of an own program
        """Return how it ended: what the program itself told, else that nobody knows."""
        told = told_end(self._folder)
        if told is not None:
            return told.state, told.reason, told.exit_code
        return RunState.CRASHED, "its supervisor was killed, so its exit code is lost", None
