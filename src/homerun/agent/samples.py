"""What a run's processes use, every few seconds, into a journal of the supervisor's own."""

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homerun.devices import CpuEnergy
from homerun.store import RunFolder, journal

if TYPE_CHECKING:
    from homerun.devices import GpuWatch, Sampler

EVERY_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Use:
    """What a run used in all, in the names of `End`; None: nobody knows, or it had no GPU."""

    gpu_memory_max_gib: float | None = None
    energy_wh: float | None = None
    cpu_energy_wh: float | None = None
    is_shared: bool | None = None


class Samples:
    """Samples of one run; what they need is loaded at the first, so short runs pay nothing.

    `devices` are the ids of its GPUs, with commas; a thread looks at them more often, for the peak
    of their memory. `is_whole`: we see the run from its start, so we know all the energy it takes.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        pid: int,
        started: float,
        devices: str = "",
        is_whole: bool = True,
        every_s: float = EVERY_S,
    ) -> None:
        self._folder = folder
        self._pid = pid
        self._started = started
        self._is_whole = is_whole
        self._every_s = every_s
        self._sampler: Sampler | None = None
        self._journal: journal.JournalWriter | None = None
        self._cpu = CpuEnergy()
        self._gpus = self._watch(devices) if devices else None
        self.due_at = time.monotonic() + every_s

    def take(self, now: float) -> None:
        """Take a sample when it is time; a full disk costs samples, never the run."""
        if now < self.due_at:
            return
        from homerun.devices import Sampler  # noqa: PLC0415  loads psutil

        self.due_at = now + self._every_s
        if self._sampler is None:
            self._sampler = Sampler(self._pid)
        self._cpu.update()
        number = round((now - self._started) / self._every_s)
        sample = {**self._sampler.sample(), **(self._gpus.take() if self._gpus else {})}
        record = [journal.SYSTEM, number, time.time(), sample]
        with contextlib.suppress(OSError):
            if self._journal is None:
                self._journal = journal.open_writer(self._folder.path)
            self._journal.append(journal.packer().pack(record))

    def close(self) -> Use:
        """Release the journal, so that the database can take it over; return what was used."""
        if self._journal is not None:
            self._journal.close()
        cpu_energy_wh = self._cpu.wh() if self._is_whole else None
        if self._gpus is None:
            return Use(cpu_energy_wh=cpu_energy_wh)
        gpu = self._gpus.close()
        return Use(
            gpu_memory_max_gib=gpu.memory_max_gib,
            energy_wh=gpu.energy_wh if self._is_whole else None,
            cpu_energy_wh=cpu_energy_wh,
            is_shared=gpu.is_shared,
        )

    def _watch(self, devices: str) -> "GpuWatch":
        from homerun.devices import GpuWatch, run_of  # noqa: PLC0415  for runs that have GPUs

        home, run_id = self._folder.path.parent.parent, self._folder.path.name

        def is_own(pid: int) -> bool | None:
            run = run_of(pid, home)
            return None if run is None else run == run_id

        return GpuWatch(devices.split(","), is_own, every_s=self._every_s)
