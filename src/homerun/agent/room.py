"""Room for runs: slots, and GPUs that are free, by leases first, then by what is seen."""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from homerun.agent.claims import Claims
from homerun.core import Lease, Slot, UsageError
from homerun.devices import Gpu, GpuLook, gpu_env

_LOOK_S = 1.0  # how long a look at the GPUs counts
CROWD = 1000  # runs on one GPU, when its memory alone sets the limit
_SLOTS = 8  # runs on one GPU, when nobody knows what they need


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a run needs of the GPUs."""

    gpus: int = 0  # 0: CPU only
    memory_mib: float | None = None  # to reserve on each; None: its share of the GPU
    at_most: int = 1  # runs there may be on each of its GPUs, itself included
    avoid: frozenset[str] = frozenset()  # ids of GPUs that are not for it


@dataclass(frozen=True, kw_only=True)
class Place(Slot):
    """A slot, and what the environment of its run says about GPUs."""

    env: Mapping[str, str] = field(default_factory=dict)
    memory_mib: float | None = None  # reserved on each GPU
    at_most: int = 1  # runs there may be on each GPU


@dataclass(frozen=True, kw_only=True)
class RoomPlan:
    """How many runs an agent has at once, and on which GPUs."""

    gpus: tuple[Gpu, ...] = ()  # those it may use, the preferred ones first
    gpu_slots: int = 0  # runs on GPUs at once
    cpu_slots: int = 1  # runs without GPU at once
    need: Need = Need()  # of a run that says nothing of its own
    by_index: bool = False  # programs get indices of GPUs, not UUIDs
    use_busy: bool = False  # GPUs with programs of others, too

    @property
    def slots(self) -> int:
        """The number of all slots."""
        return self.gpu_slots + self.cpu_slots


def plan_room(
    gpus: Sequence[Gpu],
    *,
    slots: int | None = None,
    cpu_slots: int | None = None,
    gpus_per_run: int | None = None,
    per_gpu: int | None = None,
    memory_mib: float | None = None,
    is_memory_learned: bool = False,
    is_mixed: bool = False,
    by_index: bool = False,
    use_busy: bool = False,
) -> RoomPlan:
    """Work out slots: as many as asked for, else as the GPUs hold, else one.

    gpus_per_run: default one if there are any; memory_mib: reserved on each GPU;
    is_mixed: runs with and without GPUs, so that there are slots for both. With more slots asked
    for than GPUs are there, these are shared. Raises UsageError when the GPUs are not enough.
    """
    for name, value in (("slots", slots), ("per-gpu", per_gpu)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; use 1 or more")
    wanted = min(1, len(gpus)) if gpus_per_run is None else gpus_per_run
    if wanted > len(gpus):
        raise UsageError(
            f"each run is to have {wanted} GPUs and {len(gpus)} can be seen here; "
            "lower gpus: (0 is CPU only), or look at homerun devices and CUDA_VISIBLE_DEVICES"
        )
    _check_memory(gpus, memory_mib)
    if wanted == 0:
        return RoomPlan(gpus=tuple(gpus), cpu_slots=slots or cpu_slots or 1)
    is_by_memory = memory_mib is not None or is_memory_learned
    if per_gpu is None and slots is not None and not is_by_memory:
        per_gpu = math.ceil(slots * wanted / len(gpus))
    at_most = per_gpu or (CROWD if is_by_memory else 1)
    each = [min(at_most, _holds(gpu, memory_mib)) for gpu in gpus]
    return RoomPlan(
        gpus=tuple(gpus),
        gpu_slots=slots or max(1, sum(each) // wanted),
        cpu_slots=cpu_slots if cpu_slots is not None else int(is_mixed),
        need=Need(gpus=wanted, memory_mib=memory_mib, at_most=at_most),
        by_index=by_index,
        use_busy=use_busy,
    )


def _check_memory(gpus: Sequence[Gpu], memory_mib: float | None) -> None:
    sizes = [gpu.memory_mib for gpu in gpus if gpu.memory_mib is not None]
    if memory_mib is not None and sizes and memory_mib > max(sizes):
        raise UsageError(
            f"gpu_memory is {memory_mib / 1024:.1f} GiB and the largest GPU here has "
            f"{max(sizes) / 1024:.1f} GiB; lower it"
        )


def _holds(gpu: Gpu, memory_mib: float | None) -> int:
    if memory_mib is None or gpu.memory_mib is None:
        return _SLOTS
    return int(gpu.memory_mib // memory_mib)


def choose_gpus(
    gpus: Sequence[Gpu],
    need: Need,
    *,
    leases: Sequence[Lease],
    busy: Mapping[str, str],
    others_mib: Mapping[str, float],
) -> tuple[tuple[Gpu, ...], str]:
    """Choose GPUs with room for a run, the emptiest first; none, and why, when there is not enough.

    `busy`: why GPUs must not be used; `others_mib`: memory that programs of others have.
    """
    free, why = [], []
    for gpu in gpus:
        on_it = [lease for lease in leases if lease.device == gpu.id]
        reason = busy.get(gpu.id, "") or _crowded(
            gpu, need, on_it, others_mib=others_mib.get(gpu.id, 0.0)
        )
        reason = "another program has a lock on it" if gpu.id in need.avoid else reason
        if reason:
            why.append(f"GPU {gpu.index}: {reason}")
        else:
            free.append((len(on_it), gpu))
    if len(free) < need.gpus:
        return (), "; ".join(why)
    free.sort(key=lambda pair: pair[0])  # stable: the preferred ones stay first
    return tuple(gpu for _, gpu in free[: need.gpus]), ""


def _crowded(gpu: Gpu, need: Need, on_it: Sequence[Lease], *, others_mib: float) -> str:
    """Return why a GPU has no room beside the leases on it, empty if it has."""
    most = min([need.at_most, *(lease.at_most for lease in on_it)])
    if len(on_it) >= most:
        runs = ", ".join(lease.run for lease in on_it)
        return f"run {runs} has it" if len(on_it) == 1 else f"runs {runs} have it"
    if gpu.memory_mib is None:
        return ""
    reserved = sum(_reserved(gpu, lease.memory_mib, lease.at_most) for lease in on_it)
    wanted = _reserved(gpu, need.memory_mib, need.at_most)
    left = gpu.memory_mib - reserved - others_mib
    # Shares of a GPU add up to all of it, so a program of others leaves the last one no room.
    is_share = need.memory_mib is None
    if not is_share and wanted > left:
        return f"{max(0.0, left) / 1024:.1f} GiB are left of it and {wanted / 1024:.1f} are needed"
    return ""


def _reserved(gpu: Gpu, memory_mib: float | None, at_most: int) -> float:
    if memory_mib is not None:
        return memory_mib
    return (gpu.memory_mib or 0.0) / at_most


class Room:
    """What is free for the runs of one agent."""

    def __init__(
        self,
        plan: RoomPlan,
        *,
        look: Callable[[Sequence[Gpu]], list[GpuLook]],
        busy_reason: Callable[[GpuLook, Sequence[Lease]], str],
        others_mib: Callable[[GpuLook, Sequence[Lease]], float],
        claims: Claims,
    ) -> None:
        """Take the plan, and what tells how the GPUs are: functions of a look at one."""
        self.plan = plan
        self._claims = claims
        self._look = look
        self._busy_reason, self._others_mib = busy_reason, others_mib
        self._busy: dict[str, str] = {}
        self._others: dict[str, float] = {}
        self._looked_at = -math.inf

    def look(self, leases: Sequence[Lease], taken: Collection[Slot]) -> None:
        """See what the GPUs do, unless that was a moment ago; never inside a transaction.

        taken: the slots with runs; GPUs on which we have none are given back to other homes.
        """
        self._claims.keep({device for slot in taken for device in slot.devices})
        now = time.monotonic()
        if not self.plan.gpu_slots or now - self._looked_at < _LOOK_S:
            return
        self._looked_at = now
        looks = self._look(self.plan.gpus)
        self._others = {look.gpu.id: self._others_mib(look, leases) for look in looks}
        reasons = {look.gpu.id: self._busy_reason(look, leases) for look in looks}
        troubles = {look.gpu.id: look.trouble for look in looks}
        self._busy = troubles if self.plan.use_busy else reasons

    def has_slot(self, need: Need, taken: Collection[Slot]) -> bool:
        """Tell whether a slot for such a run is free."""
        on_gpus = sum(bool(slot.devices) for slot in taken)
        if need.gpus:
            return on_gpus < self.plan.gpu_slots
        return len(taken) - on_gpus < self.plan.cpu_slots

    def place(
        self, need: Need, *, taken: Collection[Slot], leases: Sequence[Lease]
    ) -> tuple[Place | None, str]:
        """Return a place for a run; None when there is none, and why, but for a lack of slots."""
        if not self.has_slot(need, taken):
            return None, ""
        used = {slot.index for slot in taken}
        index = next(i for i in range(len(used) + 1) if i not in used)
        if not need.gpus:
            return Place(index=index, env=gpu_env(()) if self.plan.gpus else {}), ""
        gpus, why = self._choose(need, leases)
        if not gpus:
            return None, why
        ids = tuple(gpu.id for gpu in gpus)
        env = gpu_env(gpus, by_index=self.plan.by_index)
        memory_mib, at_most = need.memory_mib, need.at_most
        return Place(index=index, devices=ids, env=env, memory_mib=memory_mib, at_most=at_most), ""

    def _choose(self, need: Need, leases: Sequence[Lease]) -> tuple[tuple[Gpu, ...], str]:
        """Choose GPUs that no other home has."""
        busy = dict(self._busy)
        while True:
            gpus, why = choose_gpus(
                self.plan.gpus, need, leases=leases, busy=busy, others_mib=self._others
            )
            homes = {gpu.id: home for gpu in gpus if (home := self._claims.take(gpu.id))}
            if not homes:
                return gpus, why
            busy |= {gpu: f"runs of the home {home} have it" for gpu, home in homes.items()}
