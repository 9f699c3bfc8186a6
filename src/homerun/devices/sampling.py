"""What a run does to its GPUs: samples, the peak of its memory, the energy they take."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from homerun.devices.finding import driver_of, gpus
from homerun.devices.gpu import Driver, DriverError, Gpu, GpuLook

_MJ_PER_WH = 3.6e6
_GLANCE_S = 0.5  # between two looks at the memory
_PATIENCE_S = 1.0  # at the end, for a driver that may hang
# What W&B also gives as gpu.process.N where processes of the run are on GPU N.
_OF_PROCESS = (
    "gpu memory memoryAllocated memoryAllocatedBytes temp powerWatts enforcedPowerLimitWatts "
    "powerPercent"
).split()

IsOwn = Callable[[int], bool | None]  # whether a pid is the run's; None: it cannot be seen


@dataclass(frozen=True, kw_only=True)
class GpuUse:
    """What a run did to its GPUs, in all; None: nobody knows."""

    memory_max_gib: float | None = None  # peak on any one of them
    energy_wh: float | None = None  # of all of them, from start to end
    is_shared: bool | None = None  # others computed on them at the same time


class GpuSampler:
    """Reads the GPUs of one run, from its start to its end."""

    def __init__(self, gpu_ids: Sequence[str], is_own: IsOwn) -> None:
        self._is_own = is_own
        self._meters = [_Meter(gpu, driver) for gpu, driver in _found(os.getpid(), tuple(gpu_ids))]
        self._is_whole = len(self._meters) == len(gpu_ids)
        self.update()

    def sample(self) -> dict[str, float]:
        """Return what the sensors say, in W&B's `system.` names; a missing one is absent."""
        seen: dict[str, float] = {}
        self.update()
        for meter in self._meters:
            i = meter.gpu.index
            try:
                readings = meter.driver.readings(meter.gpu)
            except DriverError:
                continue
            seen.update({f"gpu.{i}.{name}": value for name, value in readings.items()})
            if meter.has_own:
                of_process = {name: readings[name] for name in _OF_PROCESS if name in readings}
                seen.update({f"gpu.process.{i}.{name}": v for name, v in of_process.items()})
        return seen

    def glance(self) -> None:
        """Look at the memory only, which costs little."""
        for meter in self._meters:
            meter.glance(self._is_own)

    def update(self) -> None:
        """Look at the memory and read the energy."""
        for meter in self._meters:
            meter.glance(self._is_own)
            meter.count()

    def use(self) -> GpuUse:
        """Return what the run did so far."""
        peaks = [meter.peak_mib for meter in self._meters if meter.peak_mib]
        energies = [meter.energy_mj for meter in self._meters]
        known = [energy for energy in energies if energy is not None]
        shared = [meter.is_shared for meter in self._meters] or [None]
        is_known = self._is_whole and known and len(known) == len(energies)
        return GpuUse(
            memory_max_gib=max(peaks) / 1024 if peaks else None,
            energy_wh=sum(known) / _MJ_PER_WH if is_known else None,
            is_shared=None if None in shared and True not in shared else any(shared),
        )


class GpuWatch:
    """Reads the GPUs of a run in a thread of its own: a driver that hangs holds up nobody."""

    def __init__(self, gpu_ids: Sequence[str], is_own: IsOwn, *, every_s: float) -> None:
        self._gpu_ids, self._is_own, self._every_s = tuple(gpu_ids), is_own, every_s
        self._sampler: GpuSampler | None = None
        self._latest: dict[str, float] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def take(self) -> dict[str, float]:
        """Return the latest sample, once."""
        latest, self._latest = self._latest, {}
        return latest

    def close(self) -> GpuUse:
        """End and return what the run did to its GPUs."""
        self._closing.set()
        self._thread.join(_PATIENCE_S)
        use = self._sampler.use() if self._sampler is not None else GpuUse()
        return replace(use, energy_wh=None) if self._thread.is_alive() else use

    def _watch(self) -> None:
        # A sample is ready just before it is asked for.
        due = time.monotonic() + self._every_s - _GLANCE_S
        self._sampler = GpuSampler(self._gpu_ids, self._is_own)
        while not self._closing.wait(min(_GLANCE_S, max(0.0, due - time.monotonic()))):
            if time.monotonic() >= due:
                due += self._every_s
                self._latest = self._sampler.sample()
            else:
                self._sampler.glance()
        self._sampler.update()


class _Meter:
    """Keeps account of one GPU."""

    def __init__(self, gpu: Gpu, driver: Driver) -> None:
        self.gpu, self.driver = gpu, driver
        self.has_own = False  # processes of the run were on it at the last look
        self.is_shared: bool | None = None  # nobody could look
        self._own_mib: float | None = None  # peak of what the driver says of our processes
        self._grown_mib: float | None = None  # peak of what came with the run, if it is alone
        self.energy_mj: float | None = None  # since the first count
        self._base_mib: float | None = None  # in use before the run had begun to use it
        self._counter_mj: float | None = None
        self._power: tuple[float, float] | None = None  # when, watts
        self._has_counter = True

    @property
    def peak_mib(self) -> float | None:
        """The most memory that the run held on it."""
        return self._grown_mib if self._own_mib is None else self._own_mib

    def glance(self, is_own: IsOwn) -> None:
        """Look at its memory and who is on it; at its power, too, where energy is not counted."""
        look = self.driver.look(self.gpu, sensors=not self._has_counter)
        if look.trouble:
            return
        self._see_memory(look, is_own)
        if not self._has_counter:
            self._integrate(look.power_w)

    def count(self) -> None:
        """Read the counter of its energy; one that goes backwards began anew with its driver."""
        try:
            now = self.driver.energy_mj(self.gpu)
        except DriverError:
            return
        self._has_counter = now is not None
        if now is None:
            return
        last, self._counter_mj = self._counter_mj, now
        if last is None:
            self.energy_mj = self.energy_mj or 0.0
        else:
            self.energy_mj = (self.energy_mj or 0.0) + (now - last if now >= last else now)

    def _see_memory(self, look: GpuLook, is_own: IsOwn) -> None:
        """Follow the peak of its memory, and note who else is on it."""
        if look.used_mib is not None:
            self.is_shared = self.is_shared or False
        own_mib = 0.0
        self.has_own, is_told = False, True
        for process in look.processes:
            if process.is_graphics:
                continue
            whose = is_own(process.pid)
            self.is_shared = self.is_shared or whose is False
            self.has_own = self.has_own or bool(whose)
            is_told = is_told and (not whose or process.memory_mib is not None)
            own_mib += (process.memory_mib or 0.0) if whose else 0.0
        if self._base_mib is None:
            self._base_mib = look.used_mib
        if self.has_own and is_told:
            self._own_mib = max(self._own_mib or 0.0, own_mib)
        elif not self.is_shared and look.used_mib is not None and self._base_mib is not None:
            self._grown_mib = max(self._grown_mib or 0.0, look.used_mib - self._base_mib)

    def _integrate(self, power_w: float | None) -> None:
        """Add the energy since the last look, by the trapezoidal rule."""
        if power_w is None:
            return
        now = time.monotonic()
        if self._power is not None:
            then, before_w = self._power
            self.energy_mj = (self.energy_mj or 0.0) + 500 * (power_w + before_w) * (now - then)
        self._power = (now, power_w)


@lru_cache(maxsize=8)
def _found(pid: int, gpu_ids: tuple[str, ...]) -> tuple[tuple[Gpu, Driver], ...]:  # noqa: ARG001
    """Return the GPUs with these ids and who is to be asked about them."""
    known = {gpu.id: gpu for gpu in gpus({})}
    named = [known[name] for name in gpu_ids if name in known]
    return tuple((gpu, driver) for gpu in named if (driver := driver_of(gpu)) is not None)
