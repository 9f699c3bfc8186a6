"""The processes of a run: finding all of them, signalling them, being told when one is over."""

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from pathlib import Path

from homerun.store import Identity, is_alive, pids

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_EXECUTING_S = 0.02
_REAP_S = 1.0  # for a child that is about to end
POLL_S = 0.1  # how often to look where the kernel cannot tell


def become_subreaper() -> bool:
    """Have orphans among our descendants handed to us; False where the system cannot do that."""
    return _prctl is not None and not _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def has_children() -> bool:
    """Tell whether we have children, dead ones not counted."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def reap(pid: int) -> None:
    """Take leave of a child that is about to end, so that no zombie stays."""
    deadline = time.monotonic() + _REAP_S
    with contextlib.suppress(ChildProcessError):
        while not os.waitpid(pid, os.WNOHANG)[0] and time.monotonic() < deadline:
            time.sleep(0.001)


def descendants(root: int) -> list[int]:
    """Return the pids of the children of a process, of their children, and so on."""
    children: dict[int, list[int]] = {}
    for pid in pids():
        with contextlib.suppress(OSError, IndexError, ValueError):  # it may end meanwhile
            stat = Path(f"/proc/{pid}/stat").read_bytes()
            children.setdefault(int(stat.rpartition(b")")[2].split()[1]), []).append(pid)
    found = list(children.get(root, ()))
    for pid in found:  # grows while it is walked
        found += children.get(pid, ())
    return found


def tagged(home: Path, run_id: str | None = None) -> dict[int, str]:
    """Return pid and run id of processes that a supervisor of this home started, and their heirs.

    They are known by their environment, so even those that left every group and session are found.
    """
    wanted = b"HOMERUN_HOME=" + os.fsencode(home)
    found = {}
    for pid in pids():
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended, or another user's
        if wanted not in environ:
            continue
        known = dict(entry.partition(b"=")[::2] for entry in environ)
        tag = os.fsdecode(known.get(b"HOMERUN_RUN_ID", b""))
        # Set by supervisors alone: an id that a user exported by hand tags nothing.
        is_ours = known.get(b"WANDB_DIR") == os.fsencode(home / "runs" / tag)
        if tag and is_ours and run_id in {None, tag}:
            found[pid] = tag
    return found


def surely_tagged(home: Path, run_id: str | None = None) -> dict[int, str]:
    """Return what `tagged` does, for those who must not miss one.

    A process that is just being executed shows no environment for an instant, so we look twice.
    """
    first = tagged(home, run_id)
    time.sleep(_EXECUTING_S)
    return first | tagged(home, run_id)


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group(group: int, number: int) -> None:
    """Send a signal to a process group that may be gone, and wake it if it was stopped."""
    if group <= 1:  # 0 would be our own
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        os.killpg(group, signal.SIGCONT)


class Watch:
    """Notices that a process of this host is over: by a pidfd, or by looking again and again."""

    def __init__(self, who: Identity | None) -> None:
        self._who = who  # None: over before anybody could look
        self.fd = None if who is None else pidfd(who.pid)
        if not self._is_alive():  # the pid may be another's by now
            self.close()

    def is_over(self) -> bool:
        """Tell whether the process has ended; a zombie has."""
        if self.fd is None:
            return not self._is_alive()
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(0))

    def signal(self, number: int) -> None:
        """Send a signal to the process, if it is there."""
        if self._who is not None and not self.is_over():
            send(self._who.pid, number)

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def _is_alive(self) -> bool:
        return self._who is not None and is_alive(self._who)


def pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends; None: ask otherwise."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, an old kernel, or gone already
        return None
