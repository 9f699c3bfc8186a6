"""What this machine has and how busy it is."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.devices.finding import gpu_env as gpu_env
    from homerun.devices.finding import gpus as gpus
    from homerun.devices.finding import look as look
    from homerun.devices.finding import why_no_gpus as why_no_gpus
    from homerun.devices.free import Occupancy as Occupancy
    from homerun.devices.free import busy_reason as busy_reason
    from homerun.devices.free import occupancy as occupancy
    from homerun.devices.gpu import Gpu as Gpu
    from homerun.devices.gpu import GpuLook as GpuLook
    from homerun.devices.gpu import GpuProcess as GpuProcess
    from homerun.devices.machine import machine as machine
    from homerun.devices.owners import Owner as Owner
    from homerun.devices.owners import owner as owner
    from homerun.devices.owners import run_of as run_of
    from homerun.devices.rapl import CpuEnergy as CpuEnergy
    from homerun.devices.rapl import why_no_cpu_energy as why_no_cpu_energy
    from homerun.devices.sampling import GpuSampler as GpuSampler
    from homerun.devices.sampling import GpuWatch as GpuWatch
    from homerun.devices.system import Sampler as Sampler

lazy.attach(
    __name__,
    {
        "finding": "gpu_env gpus look why_no_gpus",
        "free": "Occupancy busy_reason occupancy",
        "gpu": "Gpu GpuLook GpuProcess",
        "machine": "machine",
        "owners": "Owner owner run_of",
        "rapl": "CpuEnergy why_no_cpu_energy",
        "sampling": "GpuSampler GpuWatch",
        "system": "Sampler",
    },
)
