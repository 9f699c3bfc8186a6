"""What a run's process tree and its machine use, in W&B's `system.` names (without the prefix)."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

_MIB = 2**20
_GIB = 2**30


class Sampler:
    """Read CPU, memory, disk and network for a process, its children and their machine.

    A sensor that is missing is absent from a sample, never 0; the first sample has no CPU share.
    """

    def __init__(self, pid: int, *, disk_paths: Sequence[str] = ("/",)) -> None:
        self._root: psutil.Process | None = None
        self._cores = psutil.cpu_count() or 1
        self._memory_total = psutil.virtual_memory().total
        self._disk_paths = tuple(disk_paths)
        self._devices = {name for path in disk_paths if (name := _device_of(path))}
        self._cpu: tuple[float, float] | None = None  # time of the last sample, CPU seconds then
        self._disk_start = self._disk_bytes()
        self._network_start = _network_bytes()
        with contextlib.suppress(psutil.Error):  # gone already: the machine's own figures remain
            self._root = psutil.Process(pid)

    def sample(self) -> dict[str, float]:
        """Return what can be read now. Units are in W&B's names: MB = 2^20, GB = 2^30 bytes."""
        return {**self._process_tree(), **self._memory(), **self._disks(), **self._network()}

    def _process_tree(self) -> dict[str, float]:
        cpu_s, threads, rss, count = 0.0, 0, 0, 0
        for process_cpu_s, process_threads, process_rss in self._processes():
            cpu_s += process_cpu_s
            threads += process_threads
            rss += process_rss
            count += 1
        if not count:
            return {}
        sample = {
            "proc.cpu.threads": float(threads),
            "proc.memory.rssMB": rss / _MIB,
            "proc.memory.percent": 100 * rss / self._memory_total,
        }
        now = time.monotonic()
        if self._cpu is not None and now > self._cpu[0]:
            used = max(0.0, cpu_s - self._cpu[1])  # a child that left the tree takes its time along
            sample["cpu"] = 100 * used / (now - self._cpu[0]) / self._cores
        self._cpu = (now, cpu_s)
        return sample

    def _processes(self) -> Iterator[tuple[float, int, int]]:
        """Give CPU seconds, threads and resident bytes of each living process of the tree.

        The CPU time of ended children is in their parents' own account, so the sum never forgets.
        """
        if self._root is None:
            return
        try:
            tree = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return
        for process in tree:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    threads = process.num_threads()
                    rss = process.memory_info().rss
            except psutil.Error:  # ended between the list and the look
                continue
            yield sum(times[:4]), threads, rss

    def _memory(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        return {
            "memory_percent": memory.percent,
            "proc.memory.availableMB": memory.available / _MIB,
        }

    def _disks(self) -> dict[str, float]:
        sample: dict[str, float] = {}
        for path in self._disk_paths:
            try:
                facts = os.statvfs(path)
            except OSError:
                continue
            used = facts.f_blocks - facts.f_bfree
            usable = used + facts.f_bavail  # as df: what only root may fill is not usable
            if usable:
                sample[f"disk.{path}.usagePercent"] = 100 * used / usable
                sample[f"disk.{path}.usageGB"] = used * facts.f_frsize / _GIB
        for device, (read, written) in self._disk_bytes().items():
            start = self._disk_start.get(device)
            if start is not None:
                sample[f"disk.{device}.in"] = (read - start[0]) / _MIB
                sample[f"disk.{device}.out"] = (written - start[1]) / _MIB
        return sample

    def _disk_bytes(self) -> dict[str, tuple[int, int]]:
        if not self._devices:
            return {}
        counters = psutil.disk_io_counters(perdisk=True) or {}
        return {
            device: (counters[device].read_bytes, counters[device].write_bytes)
            for device in self._devices
            if device in counters
        }

    def _network(self) -> dict[str, float]:
        now = _network_bytes()
        if now is None or self._network_start is None:
            return {}
        return {
            "network.sent": float(now[0] - self._network_start[0]),
            "network.recv": float(now[1] - self._network_start[1]),
        }


def _network_bytes() -> tuple[int, int] | None:
    try:
        counters = psutil.net_io_counters()
    except OSError:  # /proc/net hidden by a container
        return None
    return None if counters is None else (counters.bytes_sent, counters.bytes_recv)


def _device_of(path: str) -> str | None:
    """Return the block device that holds the path; None for overlay, network and RAM ones."""
    try:
        number = Path(path).stat().st_dev
        link = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
        return link.resolve(strict=True).name
    except OSError:
        return None
