"""Who a process is: a pid alone is reused, so its start and the machine's boot belong to it."""

import contextlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

BOOT_ID_FILE = "HOMERUN_BOOT_ID_FILE"  # environment name: read the boot id from another file


class Identity(NamedTuple):
    """A process on a host: host name, boot id, pid, start in clock ticks since boot."""

    host: str
    boot: str
    pid: int
    ticks: int

    def __str__(self) -> str:
        return f"{self.host}/{self.boot}/{self.pid}/{self.ticks}"


def identity(pid: int | None = None) -> Identity | None:
    """Return the identity of a process of this host (default: our own), None when it is gone."""
    ticks = _own_ticks(os.getpid()) if pid is None else _start_ticks(pid)
    pid = os.getpid() if pid is None else pid
    return None if ticks is None else Identity(hostname(), boot_id(), pid, ticks)


def parse_identity(text: str) -> Identity | None:
    """Return the identity that `str(identity)` wrote, None when the text holds none."""
    parts = text.rsplit("/", 3)
    if len(parts) != 4 or not parts[2].isdigit() or not parts[3].isdigit():
        return None
    return Identity(parts[0], parts[1], int(parts[2]), int(parts[3]))


def is_alive(who: Identity) -> bool:
    """Tell whether that very process still runs here; a process of another host counts as alive."""
    if who.host != hostname():
        return True
    return who.boot == boot_id() and _start_ticks(who.pid) == who.ticks


def is_at_rest(pid: int) -> bool:
    """Tell whether a process was stopped by a signal, or is over; one at a breakpoint is not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  a third of pathlib's cost
            return file.read().rpartition(b")")[2].split()[0] in b"TZX"  # see proc(5)
    except OSError:
        return Path("/proc/self/stat").exists() or _is_at_rest_elsewhere(pid)


def pids() -> Iterator[int]:
    """Return the pids of all processes that can be seen; none where there is no /proc."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/proc"):  # noqa: PTH208  plain names are what is wanted
            if name.isdigit():
                yield int(name)


@cache
def hostname() -> str:
    """Return this host's name."""
    return os.uname().nodename


def boot_id() -> str:
    """Return the first 8 characters of the kernel's boot id; it changes with every start."""
    return _boot_id(os.environ.get(BOOT_ID_FILE) or "/proc/sys/kernel/random/boot_id")


@cache
def _boot_id(path: str) -> str:
    try:
        return Path(path).read_text().strip()[:8]
    except OSError:
        import psutil  # noqa: PLC0415  macOS has no /proc

        return f"{int(psutil.boot_time()):08x}"[-8:]


@cache
def _own_ticks(pid: int) -> int | None:
    """Return our own start ticks, which stay; a fork has another pid."""
    return _start_ticks(pid)


def _start_ticks(pid: int) -> int | None:
    """Return field 22 of /proc/PID/stat (see proc(5)); None for a dead process or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  a third of pathlib's cost
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _start_elsewhere(pid)
    return None if fields[0] in b"ZX" else int(fields[19])


def _is_at_rest_elsewhere(pid: int) -> bool:
    import psutil  # noqa: PLC0415  macOS has no /proc

    try:
        return psutil.Process(pid).status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
    except psutil.NoSuchProcess:
        return True


def _start_elsewhere(pid: int) -> int | None:
    import psutil  # noqa: PLC0415  macOS has no /proc

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return int(process.create_time() * 100)
    except psutil.NoSuchProcess:
        return None
