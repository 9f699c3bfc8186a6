"""Which GPUs a list of names means, read as CUDA reads CUDA_VISIBLE_DEVICES."""

import re
from collections.abc import Callable, Sequence

from homerun.core import UsageError
from homerun.devices.gpu import Gpu

_NAMES = ("GPU-", "MIG-")
Find = Callable[[str | int], Sequence[Gpu]]  # the devices that an index or a name means


def visible(text: str, find: Find) -> list[Gpu]:
    """Return the devices that CUDA_VISIBLE_DEVICES or a variable like it names, in its order.

    As CUDA: the first entry decides whether they are names or indices, what names no device cuts
    off the rest, and of a list that names one twice nothing is visible.
    https://docs.nvidia.com/cuda/cuda-programming-guide (Environment Variables); as torch reads it.
    """
    found: list[Gpu] = []
    prefix = text.lstrip()[:4]
    for entry in text.split(","):
        name = entry.strip()
        means = find(name) if prefix in _NAMES and name.startswith(prefix) else ()
        if prefix not in _NAMES and (number := _ordinal(name)) is not None:
            means = find(number)
        if not means:
            break
        if any(gpu in found for gpu in means):
            return []
        found += means
    return found


def chosen(text: str, among: Sequence[Gpu]) -> list[Gpu]:
    """Return the devices that a person names, in that order; raise UsageError for unknown ones."""
    found: list[Gpu] = []
    find = finder(among)
    for entry in filter(None, map(str.strip, text.split(","))):
        means = find(int(entry) if entry.isdecimal() else entry)
        if not means:
            raise UsageError(f"GPU {entry!r} is not one that may be used here: {listed(among)}")
        if any(gpu in found for gpu in means):
            raise UsageError(f"GPU {entry!r} is named twice; name each once")
        found += means
    return found


def listed(gpus: Sequence[Gpu]) -> str:
    """Return the devices as they are told to a person who may choose among them."""
    if not gpus:
        return "there is none; check CUDA_VISIBLE_DEVICES, and see: homerun devices"
    return ", ".join(f"{gpu.index} ({' '.join(filter(None, (gpu.name, gpu.id)))})" for gpu in gpus)


def finder(among: Sequence[Gpu]) -> Find:
    """Return what finds devices by their index, id, or abbreviated id where only one fits.

    The index or id of a GPU in MIG mode means all its instances.
    """

    def find(name: str | int) -> Sequence[Gpu]:
        if isinstance(name, int):
            return [gpu for gpu in among if gpu.index == name]
        if not name.startswith(_NAMES):
            return ()
        exact = [gpu for gpu in among if name in {gpu.id, gpu.parent}]
        if exact:
            return exact
        near = [gpu for gpu in among if gpu.id.startswith(name) or gpu.parent.startswith(name)]
        return near if len({gpu.parent or gpu.id for gpu in near}) == 1 else ()

    return find


def unknown(kind: str) -> Find:
    """Return what takes every index and name for a device, for where no driver can be asked."""

    def find(name: str | int) -> Sequence[Gpu]:
        return [Gpu(id=str(name), index=name if isinstance(name, int) else -1, kind=kind)]

    return find


def _ordinal(text: str) -> int | None:
    """Return the number a text starts with, None when there is none or it is negative: strtol."""
    match = re.match(r"\+?\d+", text)
    return int(match[0]) if match else None
