"""NVIDIA GPUs, asked through NVML; every question may fail on its own.

https://docs.nvidia.com/deploy/nvml-api. NVML knows nothing of CUDA_VISIBLE_DEVICES.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from homerun.devices.gpu import DriverError, Gpu, GpuLook, GpuProcess, NoDriverError

_MIB = 2**20
_NO_PERMISSION = 4  # nvmlReturn_t
_WHY_LOST = {
    1: "the driver was unloaded",  # UNINITIALIZED
    9: "the driver is not loaded",  # DRIVER_NOT_LOADED
    15: "it fell off the bus; only a restart of the machine brings it back",  # GPU_IS_LOST
    16: "it needs a reset: nvidia-smi --gpu-reset",  # RESET_REQUIRED
}
_WHY_CLOSED = {
    9: "the NVIDIA driver is not loaded",
    18: "the NVIDIA driver was updated and does not fit its library; restart the machine",
}
_LIBRARY = "libnvidia-ml.so.1"
_NO_MODULE = "the package that asks NVIDIA's driver is missing: pip install 'homerun[nvidia]'"


def gpus() -> list[Gpu]:
    """Return all GPUs in bus order; of those in MIG mode the instances."""
    nvml = _nvml(os.getpid())
    found: list[Gpu] = []
    for index, handle in enumerate(_handles(nvml)):
        if handle is None:
            found.append(Gpu(id=str(index), index=index, kind="nvidia"))
            continue
        gpu = _gpu(nvml, handle, index)
        mode = _ask(nvml.nvmlDeviceGetMigMode, handle)
        if mode and mode[0]:
            found += _instances(nvml, handle, gpu)
        else:
            found.append(gpu)
    return found


def look(gpu: Gpu, *, sensors: bool = True) -> GpuLook:
    """Look at a GPU; without `sensors` only at its memory and processes."""
    try:
        nvml = _nvml(os.getpid())
        handle = _handle(nvml, gpu)
        memory = _must(nvml.nvmlDeviceGetMemoryInfo, handle)
        processes = _processes(nvml, handle)
        seen = _sensors(nvml, handle) if sensors else {}
        limit_mw = _ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle) if sensors else None
    except NoDriverError:
        return GpuLook(gpu=gpu)
    except DriverError as error:
        return GpuLook(gpu=gpu, trouble=str(error))
    return GpuLook(
        gpu=gpu,
        used_mib=memory.used / _MIB if memory else None,
        utilization=seen.get("gpu"),
        power_w=seen.get("powerWatts"),
        power_limit_w=limit_mw / 1000 if limit_mw else None,
        temperature_c=seen.get("temp"),
        processes=processes,
    )


def readings(gpu: Gpu) -> dict[str, float]:
    """Return what its sensors say, in W&B's names after `gpu.0.`; raise DriverError."""
    nvml = _nvml(os.getpid())
    handle = _handle(nvml, gpu)
    seen = {**_memory(nvml, handle), **_sensors(nvml, handle)}
    for name, question in _more(nvml).items():
        answer = _ask(question, handle)
        if answer is not None:
            seen[name] = float(answer)
    limit = _ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    if limit:
        seen["enforcedPowerLimitWatts"] = limit / 1000
        if "powerWatts" in seen:
            seen["powerPercent"] = 100 * seen["powerWatts"] / seen["enforcedPowerLimitWatts"]
    return seen


def energy_mj(gpu: Gpu) -> float | None:
    """Return the energy it has used since the driver was loaded, None before Volta."""
    nvml = _nvml(os.getpid())
    energy = _ask(nvml.nvmlDeviceGetTotalEnergyConsumption, _handle(nvml, gpu))
    return None if energy is None else float(energy)


@lru_cache(maxsize=1)
def _nvml(pid: int) -> Any:  # noqa: ARG001  a fork has to open it again
    """Return pynvml, opened in this process; it is untyped. Raise DriverError if it cannot be."""
    try:
        ctypes.CDLL(_LIBRARY)  # where it is missing, so that pynvml is not loaded for nothing
    except OSError as error:
        raise NoDriverError(f"there is no NVIDIA driver: {_LIBRARY} was not found") from error
    try:
        import pynvml  # noqa: PLC0415
    except ImportError as error:
        raise NoDriverError(_NO_MODULE) from error
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise DriverError(_WHY_CLOSED.get(error.value, f"NVML: {error}")) from error
    return pynvml


def _handles(nvml: Any) -> list[Any]:
    """Return the handles in bus order; None for a GPU that was lost.

    Those that we have no right to use are not counted, as CUDA does not count them.
    """
    handles: list[Any] = []
    buses: list[tuple[int, int, int]] = []
    for index in range(_must(nvml.nvmlDeviceGetCount) or 0):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except nvml.NVMLError as error:
            if error.value != _NO_PERMISSION:
                handles.append(None)
            continue
        bus = _ask(nvml.nvmlDeviceGetPciInfo, handle)
        if bus is not None:
            buses.append((bus.domain, bus.bus, bus.device))
        handles.append(handle)
    if len(buses) < len(handles):
        return handles  # NVML counts by bus, too, it only does not promise to
    return [handles[i] for i in sorted(range(len(handles)), key=buses.__getitem__)]


def _handle(nvml: Any, gpu: Gpu) -> Any:
    """Return the handle of a GPU; raise DriverError when it is gone."""
    if gpu.id.startswith(("GPU-", "MIG-")):
        return _handle_of(os.getpid(), gpu.id)
    handles = _handles(nvml)
    handle = handles[gpu.index] if gpu.index < len(handles) else None
    if handle is None:
        raise DriverError(_WHY_LOST[15])
    return handle


@lru_cache(maxsize=64)
def _handle_of(pid: int, uuid: str) -> Any:
    """Return the handle of a GPU by its id; to find it NVML asks every card."""
    nvml = _nvml(pid)
    try:
        return nvml.nvmlDeviceGetHandleByUUID(uuid)
    except nvml.NVMLError as error:
        raise _lost(error) from error


def _gpu(nvml: Any, handle: Any, index: int, parent: str = "") -> Gpu:
    memory = _ask(nvml.nvmlDeviceGetMemoryInfo, handle)
    return Gpu(
        id=_ask(nvml.nvmlDeviceGetUUID, handle) or str(index),
        index=index,
        kind="nvidia",
        name=_ask(nvml.nvmlDeviceGetName, handle) or "",
        memory_mib=memory.total / _MIB if memory else None,
        parent=parent,
    )


def _instances(nvml: Any, handle: Any, gpu: Gpu) -> list[Gpu]:
    """Return the MIG instances of a GPU; there may be none yet."""
    places = range(_ask(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0)
    found = [_ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place) for place in places]
    return [_gpu(nvml, one, gpu.index, gpu.id) for one in found if one is not None]


def _processes(nvml: Any, handle: Any) -> tuple[GpuProcess, ...]:
    """Return the processes on a GPU; one that computes and draws is listed as computing."""
    found: dict[int, GpuProcess] = {}
    for question, is_graphics in (
        (nvml.nvmlDeviceGetGraphicsRunningProcesses, True),
        (nvml.nvmlDeviceGetComputeRunningProcesses, False),
    ):
        for process in _ask(question, handle) or ():
            used = process.usedGpuMemory
            memory_mib = None if used is None else used / _MIB
            found[process.pid] = GpuProcess(
                pid=process.pid, memory_mib=memory_mib, is_graphics=is_graphics
            )
    return tuple(found.values())


def _memory(nvml: Any, handle: Any) -> dict[str, float]:
    memory = _must(nvml.nvmlDeviceGetMemoryInfo, handle)
    if not memory or not memory.total:
        return {}
    return {
        "memoryAllocated": 100 * memory.used / memory.total,
        "memoryAllocatedBytes": float(memory.used),
    }


def _sensors(nvml: Any, handle: Any) -> dict[str, float]:
    seen: dict[str, float] = {}
    rates = _ask(nvml.nvmlDeviceGetUtilizationRates, handle)
    if rates is not None:
        seen.update({"gpu": float(rates.gpu), "memory": float(rates.memory)})
    power_mw = _ask(nvml.nvmlDeviceGetPowerUsage, handle)
    if power_mw is not None:
        seen["powerWatts"] = power_mw / 1000
    temperature = _ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
    if temperature is not None:
        seen["temp"] = float(temperature)
    return seen


@cache
def _more(nvml: Any) -> dict[str, Callable[[Any], float]]:
    """Return W&B's further names and how each is asked: clocks in MHz, fan in percent, counts."""

    def clock(which: int) -> Callable[[Any], float]:
        return lambda handle: nvml.nvmlDeviceGetClockInfo(handle, which)

    def errors(which: int) -> Callable[[Any], float]:
        return lambda handle: nvml.nvmlDeviceGetMemoryErrorCounter(
            handle, which, nvml.NVML_VOLATILE_ECC, nvml.NVML_MEMORY_LOCATION_DEVICE_MEMORY
        )

    return {
        "smClock": clock(nvml.NVML_CLOCK_SM),
        "memoryClock": clock(nvml.NVML_CLOCK_MEM),
        "graphicsClock": clock(nvml.NVML_CLOCK_GRAPHICS),
        "fanSpeed": nvml.nvmlDeviceGetFanSpeed,
        "correctedMemoryErrors": errors(nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED),
        "uncorrectedMemoryErrors": errors(nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED),
        "encoderUtilization": lambda handle: nvml.nvmlDeviceGetEncoderUtilization(handle)[0],
    }


def _ask(question: Callable[..., Any], *about: Any) -> Any:
    """Return an answer, None from a sensor that is missing; raise DriverError for a lost GPU."""
    nvml = _nvml(os.getpid())
    try:
        return question(*about)
    except nvml.NVMLError as error:
        if error.value in _WHY_LOST:
            raise _lost(error) from error
        return None


def _must(question: Callable[..., Any], *about: Any) -> Any:
    """Return an answer without which a GPU is of no use; None only where it cannot be known."""
    nvml = _nvml(os.getpid())
    try:
        return question(*about)
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
        return None  # unified memory, an old driver
    except nvml.NVMLError as error:
        raise _lost(error) from error


def _lost(error: Any) -> DriverError:
    """Return why a GPU cannot be used; it will be looked for anew, by a library opened anew."""
    _handle_of.cache_clear()
    if error.value in {1, 9}:
        _nvml.cache_clear()
    return DriverError(_WHY_LOST.get(error.value, f"NVML: {error}"))
