"""Facts about this machine for a run's metadata, in the names of W&B's wandb-metadata.json."""

import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Return os, python, host, CPU counts and memory; what cannot be read is absent."""
    name = os.uname()
    libc = _libc()
    facts: dict[str, Any] = {
        "os": f"{name.sysname}-{name.release}-{name.machine}{libc and f'-with-{libc}'}",
        "python": f"{_implementation()} {'.'.join(map(str, sys.version_info[:3]))}",
        "host": name.nodename,
        "cpu_count": physical_cpus(),
        "cpu_count_logical": os.cpu_count(),
        "memory": _memory(),
        "disk": _disk("/"),
    }
    return {key: value for key, value in facts.items() if value is not None}


def _implementation() -> str:
    return {"cpython": "CPython", "pypy": "PyPy"}.get(
        sys.implementation.name, sys.implementation.name
    )


def _libc() -> str:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").replace(" ", "")
    except (ValueError, OSError):  # another C library
        return ""


@lru_cache(maxsize=1)
def physical_cpus() -> int | None:
    """Return how many cores the machine has, hyper-threads counted once; None when unknown."""
    cores = 0
    folder = Path("/sys/devices/system/cpu")
    try:
        waiting = set(_cpu_list((folder / "online").read_text()))
        while waiting:
            cpu = min(waiting)
            siblings = folder / f"cpu{cpu}/topology/thread_siblings_list"
            waiting -= {cpu, *_cpu_list(siblings.read_text())}
            cores += 1
    except OSError:
        return None
    return cores or None


def _cpu_list(text: str) -> list[int]:
    """Read the kernel's list format: `0-3,8,10-11`."""
    cpus: list[int] = []
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def _memory() -> dict[str, int] | None:
    """Return the machine's memory in bytes."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        import psutil  # noqa: PLC0415 - only where there is no /proc

        return {"total": psutil.virtual_memory().total}
    total = re.search(r"MemTotal:\s+(\d+) kB", text)
    return {"total": int(total[1]) * 1024} if total else None


def _disk(path: str) -> dict[str, dict[str, int]] | None:
    """Return size and use in bytes of the file system that holds the path."""
    try:
        facts = os.statvfs(path)
    except OSError:
        return None
    used = (facts.f_blocks - facts.f_bfree) * facts.f_frsize
    return {path: {"total": facts.f_blocks * facts.f_frsize, "used": used}}
