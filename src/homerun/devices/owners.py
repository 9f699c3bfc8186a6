"""Whose a process is: the run it belongs to, its user, its command."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homerun.core import redact_argv


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who runs a process and what it is; empty where that cannot be read."""

    pid: int
    user: str = ""
    command: str = ""  # secrets redacted
    started_at: float | None = None  # seconds since the epoch

    def __str__(self) -> str:
        """Return it for people: `pid 4242 of anna: python serve.py`."""
        of = f" of {self.user}" if self.user else ""
        return f"pid {self.pid}{of}{self.command and f': {self.command}'}"


def owner(pid: int) -> Owner:
    """Return user and command of a process."""
    import psutil  # noqa: PLC0415

    try:
        process = psutil.Process(pid)
        user, started_at = process.username(), process.create_time()
    except psutil.Error:
        return Owner(pid=pid)
    try:
        command = " ".join(redact_argv(process.cmdline()) or [process.name()])
    except psutil.Error:  # ended, or another user's where that is hidden
        command = ""
    return Owner(pid=pid, user=user, command=command, started_at=started_at)


def run_of(pid: int, home: Path | None = None) -> str | None:
    """Return the id of the run that a process belongs to; empty: to none; None: it is not seen.

    Supervisors tell a program which run it is by its environment, and its children inherit that.
    A process that has overwritten its own (setproctitle does) is known by its parents'. `home`:
    only runs of that home count.
    """
    if not Path(f"/proc/{pid}").exists():
        return None
    for environ in _environs(pid):
        known = dict(entry.partition(b"=")[::2] for entry in environ.split(b"\0"))
        run = os.fsdecode(known.get(b"HOMERUN_RUN_ID", b""))
        folder = Path(os.fsdecode(known.get(b"WANDB_DIR", b"")))
        # Set by supervisors alone: an id that a user exported by hand tags nothing.
        if run and folder.parts[-2:] == ("runs", run) and home in {None, folder.parent.parent}:
            return run
    return ""


def _environs(pid: int) -> Iterator[bytes]:
    """Give the environment of a process, of its parent, and so on, as far as they are ours."""
    while pid > 1:
        try:
            yield Path(f"/proc/{pid}/environ").read_bytes()
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:  # ended, or another user's
            return
        pid = int(stat.rpartition(b")")[2].split()[1])
