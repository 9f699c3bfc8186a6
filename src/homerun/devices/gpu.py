"""GPUs as facts: what there is, and what one did at a moment. Nothing here touches hardware."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A device for runs: a GPU, or an instance of one that is in MIG mode."""

    id: str  # GPU-<uuid>, MIG-<uuid>; the index where no driver can be asked; mps on Apple
    index: int  # among those of its kind, in bus order; of a MIG instance that of its GPU; -1: ?
    kind: str  # nvidia amd apple
    name: str = ""
    memory_mib: float | None = None  # in all
    parent: str = ""  # of a MIG instance: the id of its GPU


@dataclass(frozen=True, kw_only=True)
class GpuProcess:
    """A process that uses a GPU."""

    pid: int
    memory_mib: float | None  # None: the driver does not say
    is_graphics: bool = False  # it draws a screen and computes nothing


@dataclass(frozen=True, kw_only=True)
class GpuLook:
    """What a GPU did at one moment; what could not be read is None."""

    gpu: Gpu
    used_mib: float | None = None
    utilization: float | None = None  # percent of the last moments in which anything ran on it
    power_w: float | None = None
    power_limit_w: float | None = None  # it slows down rather than draw more
    temperature_c: float | None = None
    processes: tuple[GpuProcess, ...] = ()
    trouble: str = ""  # why it must not be used: it fell off the bus, ...


class DriverError(Exception):
    """A driver cannot be asked, or has lost a GPU; the text says why, for people."""


class NoDriverError(DriverError):
    """There is nobody to ask about GPUs; they may work all the same."""


class Driver(Protocol):
    """What is asked of the GPUs of one maker; a module each."""

    def gpus(self) -> list[Gpu]:
        """Return all GPUs in bus order; raise DriverError when nobody can be asked."""

    def look(self, gpu: Gpu, *, sensors: bool = True) -> GpuLook:
        """Look at a GPU; without `sensors` only at its memory and processes."""

    def readings(self, gpu: Gpu) -> dict[str, float]:
        """Return what its sensors say, in W&B's names after `gpu.0.`; raise DriverError."""

    def energy_mj(self, gpu: Gpu) -> float | None:
        """Return the energy it has ever used, millijoules, None without a counter."""
