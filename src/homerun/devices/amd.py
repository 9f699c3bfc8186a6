"""AMD GPUs, asked through AMD SMI (the package amdsmi, of the same ROCm as the driver).

https://rocm.docs.amd.com/projects/amdsmi/en/latest/reference/amdsmi-py-api.html
"""

import contextlib
import io
import os
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from homerun.devices.gpu import DriverError, Gpu, GpuLook, GpuProcess, NoDriverError

_MIB = 2**20


def gpus() -> list[Gpu]:
    """Return all GPUs in bus order."""
    amdsmi = _amdsmi(os.getpid())
    found = []
    for index, handle in enumerate(_handles(amdsmi)):
        memory = _ask(amdsmi, amdsmi.amdsmi_get_gpu_vram_usage, handle) or {}
        facts = _ask(amdsmi, amdsmi.amdsmi_get_gpu_asic_info, handle) or {}
        found.append(
            Gpu(
                id=_id(str(facts.get("asic_serial", ""))) or str(index),
                index=index,
                kind="amd",
                name=str(facts.get("market_name", "")),
                memory_mib=_number(memory.get("vram_total")),
            )
        )
    return found


def look(gpu: Gpu, *, sensors: bool = True) -> GpuLook:
    """Look at a GPU; without `sensors` only at its memory and processes."""
    try:
        amdsmi = _amdsmi(os.getpid())
        handle = _handle(amdsmi, gpu)
        memory = _ask(amdsmi, amdsmi.amdsmi_get_gpu_vram_usage, handle)
        if memory is None:
            return GpuLook(gpu=gpu, trouble="AMD SMI cannot read its memory")
        processes = _processes(amdsmi, handle)
        seen = _sensors(amdsmi, handle) if sensors else {}
    except NoDriverError:
        return GpuLook(gpu=gpu)
    except DriverError as error:
        return GpuLook(gpu=gpu, trouble=str(error))
    return GpuLook(
        gpu=gpu,
        used_mib=_number(memory.get("vram_used")),
        utilization=seen.get("gpu"),
        power_w=seen.get("powerWatts"),
        temperature_c=seen.get("temp"),
        processes=processes,
    )


def readings(gpu: Gpu) -> dict[str, float]:
    """Return what its sensors say, in W&B's names after `gpu.0.`; raise DriverError."""
    amdsmi = _amdsmi(os.getpid())
    handle = _handle(amdsmi, gpu)
    seen = _sensors(amdsmi, handle)
    memory = _ask(amdsmi, amdsmi.amdsmi_get_gpu_vram_usage, handle) or {}
    total, used = _number(memory.get("vram_total")), _number(memory.get("vram_used"))
    if total and used is not None:
        seen["memoryAllocated"] = 100 * used / total
        seen["memoryAllocatedBytes"] = used * _MIB
    return seen


def energy_mj(gpu: Gpu) -> float | None:
    """Return the energy it has used, millijoules; the counter counts in parts of microjoules."""
    amdsmi = _amdsmi(os.getpid())
    counter = _ask(amdsmi, amdsmi.amdsmi_get_energy_count, _handle(amdsmi, gpu)) or {}
    count = _number(counter.get("energy_accumulator", counter.get("power")))  # since 6.4; before
    resolution_uj = _number(counter.get("counter_resolution"))
    return None if count is None or resolution_uj is None else count * resolution_uj / 1000


@lru_cache(maxsize=1)
def _amdsmi(pid: int) -> Any:  # noqa: ARG001  a fork has to open it again
    """Return amdsmi, opened in this process; it is untyped. Raise DriverError if it cannot be."""
    amdsmi = _package()
    if isinstance(amdsmi, str):
        raise NoDriverError(amdsmi)
    try:
        amdsmi.amdsmi_init()
    except amdsmi.AmdSmiException as error:
        raise DriverError(f"AMD SMI cannot be started: {_text(error)}") from error
    return amdsmi


@cache
def _package() -> Any:
    """Return the package, or why it cannot be loaded; it looks for libamd_smi.so at once."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # on which it says what it does not find
            import amdsmi  # noqa: PLC0415
    except (ImportError, OSError, KeyError, AttributeError) as error:
        return f"AMD SMI cannot be loaded: {_text(error)}"
    return amdsmi


def _handles(amdsmi: Any) -> list[Any]:
    """Return the handles in bus order."""
    try:
        handles = amdsmi.amdsmi_get_processor_handles()
        return sorted(handles, key=amdsmi.amdsmi_get_gpu_device_bdf)
    except amdsmi.AmdSmiException as error:
        raise DriverError(f"AMD SMI: {_text(error)}") from error


def _handle(amdsmi: Any, gpu: Gpu) -> Any:
    handles = _handles(amdsmi)
    if gpu.index >= len(handles):
        raise DriverError("it is gone: AMD SMI does not list it any more")
    return handles[gpu.index]


def _processes(amdsmi: Any, handle: Any) -> tuple[GpuProcess, ...]:
    listed = _ask(amdsmi, amdsmi.amdsmi_get_gpu_process_list, handle) or ()
    found = []
    for process in listed:
        used = _number((process.get("memory_usage") or {}).get("vram_mem"))  # bytes
        memory_mib = None if used is None else used / _MIB
        found.append(GpuProcess(pid=int(process["pid"]), memory_mib=memory_mib))
    return tuple(found)


def _sensors(amdsmi: Any, handle: Any) -> dict[str, float]:
    """Return what can be read in percent, watts, degrees Celsius and MHz."""
    activity = _ask(amdsmi, amdsmi.amdsmi_get_gpu_activity, handle) or {}
    power = _ask(amdsmi, amdsmi.amdsmi_get_power_info, handle) or {}
    watts = [_number(power.get(key)) for key in ("current_socket_power", "average_socket_power")]
    kinds, clocks = amdsmi.AmdSmiTemperatureType, amdsmi.AmdSmiClkType
    now = amdsmi.AmdSmiTemperatureMetric.CURRENT
    heat = [
        _number(_ask(amdsmi, amdsmi.amdsmi_get_temp_metric, handle, kind, now))
        for kind in (kinds.EDGE, kinds.HOTSPOT)  # data center cards have no edge sensor
    ]
    clock = _ask(amdsmi, amdsmi.amdsmi_get_clock_info, handle, clocks.GFX) or {}
    seen = {
        "gpu": _number(activity.get("gfx_activity")),
        "memoryReadWriteActivity": _number(activity.get("umc_activity")),
        "powerWatts": next((value for value in watts if value), None),
        "temp": next((value for value in heat if value), None),
        "graphicsClock": _number(clock.get("clk")),
    }
    return {name: value for name, value in seen.items() if value is not None}


def _ask(amdsmi: Any, question: Callable[..., Any], *about: Any) -> Any:
    """Return an answer, None from a sensor that is missing."""
    try:
        return question(*about)
    except amdsmi.AmdSmiException:
        return None


def _number(value: object) -> float | None:
    """Return a number; what is not known is `N/A`."""
    return float(value) if isinstance(value, int | float) else None


def _id(serial: str) -> str:
    """Return the id that ROCR_VISIBLE_DEVICES takes, from a serial number 0x...; '' without one."""
    digits = serial.removeprefix("0x").lower()
    return f"GPU-{digits}" if digits.strip("0") and digits != "n/a" else ""


def _text(error: Exception) -> str:
    return " ".join(str(error).split())
