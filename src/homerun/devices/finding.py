"""The GPUs of this machine: which may be used, what they do, how a program is told its own."""

import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from homerun.devices import amd, nvidia
from homerun.devices.gpu import Driver, DriverError, Gpu, GpuLook
from homerun.devices.visible import chosen as chosen_among
from homerun.devices.visible import finder, unknown, visible

T = TypeVar("T")
_PATIENCE_S = 10.0  # for a driver that hangs; opening one without persistence takes seconds
_NO_ANSWER = "its driver does not answer"
_hanging: list[threading.Thread] = []  # the last question, which may never be answered
_DRIVERS: dict[str, Driver] = {"nvidia": nvidia, "amd": amd}


def gpus(
    environ: Mapping[str, str] | None = None,
    *,
    chosen: str | None = None,
    root: Path = Path("/"),
) -> list[Gpu]:
    """Return the GPUs that may be used here, in the order of CUDA_VISIBLE_DEVICES, else the bus.

    `chosen` is what a person typed, `0,2`: those of them, in that order. Where no driver can be
    asked, the GPUs are what the variable says, else what /proc and /dev below `root` show.
    """
    environ = os.environ if environ is None else environ
    found = [*_nvidia(environ, root), *_amd(environ), *_apple()]
    if chosen is None:
        return found
    is_told = any(name in environ for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"))
    if not found and not is_told and chosen.strip():  # nothing can be known: by hand, then
        return visible(chosen, unknown("nvidia"))
    return chosen_among(chosen, found)


def look(
    gpus: Sequence[Gpu], *, sensors: bool = True, patience_s: float = _PATIENCE_S
) -> list[GpuLook]:
    """Look at GPUs once; without `sensors` only at memory and processes, which is quicker.

    One that is lost, or whose driver does not answer, has `trouble`. What no driver can be asked
    about is unknown, and no trouble.
    """
    if not gpus:
        return []
    looks = _in_time(lambda: [_look(gpu, sensors=sensors) for gpu in gpus], patience_s)
    return [GpuLook(gpu=gpu, trouble=_NO_ANSWER) for gpu in gpus] if looks is None else looks


def gpu_env(gpus: Sequence[Gpu], *, by_index: bool = False) -> dict[str, str]:
    """Return what tells a program to use these GPUs and no others; none: it sees no GPU.

    GPUs are named by UUID, or by index for programs that read integers; MIG instances have none.
    """
    if not gpus:
        # HIP takes an empty variable for one that is not set.
        return {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": "-1"}
    env: dict[str, str] = {}
    nvidia_names = _names(gpus, "nvidia", by_index=by_index)
    if nvidia_names:
        # The order in which nvidia-smi counts, not "fastest first".
        env |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": nvidia_names}
    amd_names = _names(gpus, "amd", by_index=by_index)
    if amd_names:
        # ROCR narrows what HIP counts anew.
        counted = ",".join(map(str, range(len(amd_names.split(",")))))
        env |= {"ROCR_VISIBLE_DEVICES": amd_names, "HIP_VISIBLE_DEVICES": counted}
    return env


def why_no_gpus(root: Path = Path("/")) -> str:
    """Return why GPUs cannot be asked, empty when they can or there are none of them."""
    try:
        nvidia.gpus()
    except DriverError as error:
        return str(error) if _in_proc(root) or _in_dev(root) else ""
    return ""


def driver_of(gpu: Gpu) -> Driver | None:
    """Return what can be asked about a GPU."""
    return _DRIVERS.get(gpu.kind)


def _look(gpu: Gpu, *, sensors: bool) -> GpuLook:
    driver = driver_of(gpu)
    return GpuLook(gpu=gpu) if driver is None else driver.look(gpu, sensors=sensors)


def _nvidia(environ: Mapping[str, str], root: Path) -> list[Gpu]:
    said = environ.get("CUDA_VISIBLE_DEVICES")
    try:
        everything = _asked(nvidia.gpus)
    except DriverError:
        everything = _in_proc(root) or _in_dev(root)
        if said is not None:
            find = finder(everything) if everything else unknown("nvidia")
            return visible(said, find)
    return everything if said is None else visible(said, finder(everything))


def _amd(environ: Mapping[str, str]) -> list[Gpu]:
    """Return AMD's GPUs; ROCR_VISIBLE_DEVICES comes first, HIP's own counts what that left."""
    try:
        found = _asked(amd.gpus)
    except DriverError:
        said = environ.get("HIP_VISIBLE_DEVICES", environ.get("ROCR_VISIBLE_DEVICES"))
        is_ours = said is not None and "CUDA_VISIBLE_DEVICES" not in environ
        return visible(said or "", unknown("amd")) if is_ours else []
    rocr = environ.get("ROCR_VISIBLE_DEVICES")
    if rocr:
        found = visible(rocr, finder(found))
    hip = environ.get("HIP_VISIBLE_DEVICES", environ.get("CUDA_VISIBLE_DEVICES"))
    if hip is None:
        return found
    by_place = [replace(gpu, index=place) for place, gpu in enumerate(found)]
    return [found[gpu.index] for gpu in visible(hip, finder(by_place))]


def _apple() -> list[Gpu]:
    if sys.platform == "darwin" and os.uname().machine == "arm64":
        return [Gpu(id="mps", index=0, kind="apple", name="Apple GPU")]
    return []


def _in_proc(root: Path) -> list[Gpu]:
    """Return the GPUs that the driver shows in /proc, with their ids, whether NVML is there."""
    found = []
    for index, folder in enumerate(sorted((root / "proc/driver/nvidia/gpus").glob("*"))):
        try:
            text = (folder / "information").read_text(errors="replace")
        except OSError:
            text = ""
        facts = dict(re.findall(r"^(GPU UUID|Model):\s*(\S.*?)\s*$", text, re.MULTILINE))
        found.append(
            Gpu(
                id=facts.get("GPU UUID", str(index)),
                index=index,
                kind="nvidia",
                name=facts.get("Model", ""),
            )
        )
    return found


def _in_dev(root: Path) -> list[Gpu]:
    count = len(list((root / "dev").glob("nvidia[0-9]*")))
    return [Gpu(id=str(index), index=index, kind="nvidia") for index in range(count)]


def _names(gpus: Sequence[Gpu], kind: str, *, by_index: bool) -> str:
    """Return how a variable names devices; all by index where one of them has no id.

    MIG instances have no index, and nobody knows that of a name typed where there is no driver.
    """
    ours = [gpu for gpu in gpus if gpu.kind == kind]
    by_index = by_index or any(gpu.id.isdigit() for gpu in ours)
    return ",".join(
        str(gpu.index) if by_index and not gpu.parent and gpu.index >= 0 else gpu.id for gpu in ours
    )


def _asked(question: Callable[[], list[Gpu]]) -> list[Gpu]:
    answer = _in_time(question, _PATIENCE_S)
    if answer is None:
        raise DriverError(_NO_ANSWER)
    return answer


def _in_time(question: Callable[[], T], patience_s: float) -> T | None:
    """Return the answer to a question, None when it takes too long: drivers of ill GPUs hang.

    What it raises is raised here.
    """
    if any(thread.is_alive() for thread in _hanging):
        return None
    answers: list[T] = []
    errors: list[DriverError] = []

    def ask() -> None:
        try:
            answers.append(question())
        except DriverError as error:
            errors.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience_s)
    _hanging[:] = [asking]
    if errors:
        raise errors[0]
    return answers[0] if answers else None
