"""Whether a GPU is free for a run, and if not, why: pure decisions from a look and the leases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from homerun.core import Lease
from homerun.devices.gpu import GpuLook, GpuProcess

_SMALL_MIB = 2048.0  # a desktop takes more than 1 GiB
_SMALL_SHARE = 0.1  # of the memory of a card

RunOf = Callable[[int], str | None]  # pid → id of its run; '': of none; None: it cannot be seen


@dataclass(frozen=True, kw_only=True)
class Occupancy:
    """Who has a GPU."""

    state: Literal["free", "ours", "busy"]  # ours: runs of this home are on it, and nobody else
    reason: str = ""  # why it is busy
    runs: tuple[str, ...] = ()  # ids of the runs that have a lease of it or are on it


def occupancy(
    look: GpuLook,
    *,
    run_of: RunOf,
    leases: Sequence[Lease] = (),
    describe: Callable[[int], str] = "pid {}".format,
) -> Occupancy:
    """Return who has a GPU; `leases` may be those of all GPUs, `describe` names a pid for people.

    A GPU that is `ours` may have room for more, which the leases tell.
    """
    runs = dict.fromkeys(lease.run for lease in leases if lease.device == look.gpu.id)
    reason = busy_reason(look, run_of=run_of, is_leased=bool(runs), describe=describe)
    runs |= dict.fromkeys(run for process in look.processes if (run := run_of(process.pid)))
    state: Literal["free", "ours", "busy"] = "busy" if reason else "ours" if runs else "free"
    return Occupancy(state=state, reason=reason, runs=tuple(runs))


def busy_reason(
    look: GpuLook,
    *,
    run_of: RunOf,
    is_leased: bool = False,
    describe: Callable[[int], str] = "pid {}".format,
) -> str:
    """Return why a GPU must not be given to a run, whatever our leases say; empty when it may be.

    It must not when it is in trouble, when a program that is no run of ours computes on it, or
    when more of its memory is in use than we can account for: 2 GiB or a tenth of the card, if
    that is more. How busy it is does not count: a program that loads its data looks idle. Processes
    outside our container cannot be told apart: on a GPU of which a run of ours has a lease
    (`is_leased`) they count as that run's.
    """
    if look.trouble:
        return look.trouble
    computing = [process for process in look.processes if not process.is_graphics]
    for process in computing:
        run = run_of(process.pid)
        if run == "" or (run is None and not is_leased):
            return f"{describe(process.pid)}{_with_memory(process)}"
    known = [process.memory_mib for process in look.processes]
    is_accounted = None not in known and (bool(computing) or not is_leased)
    if look.used_mib is None or not is_accounted:
        return ""
    unknown_mib = look.used_mib - sum(used for used in known if used is not None)
    if unknown_mib <= max(_SMALL_MIB, _SMALL_SHARE * (look.gpu.memory_mib or 0.0)):
        return ""
    return f"{unknown_mib / 1024:.1f} GiB of its memory are used by programs that cannot be seen"


def _with_memory(process: GpuProcess) -> str:
    return "" if process.memory_mib is None else f", {process.memory_mib / 1024:.1f} GiB"
