"""The GPUs on which runs are, a line each: memory, how busy, watts, which runs."""

from typing import TYPE_CHECKING

from homerun.cli import output
from homerun.cli.spark import bar
from homerun.core import NotFoundError
from homerun.store import Store, leases

if TYPE_CHECKING:
    from homerun.devices import GpuLook

_BAR = 12  # characters of the bar of memory
_BAR_FROM = 72  # columns of a terminal from which on there is room for it
_PATIENCE_S = 2.0  # for a driver, before a list appears without it


def gpu_lines(store: Store) -> list[str]:
    """Return a line for each GPU of which a run has a lease; without any no driver is asked."""
    runs: dict[str, list[str]] = {}
    for lease in leases(store):
        runs.setdefault(lease.device, []).append(_run_text(store, lease.run))
    if not runs:
        return []
    from homerun.devices import gpus, look  # noqa: PLC0415  with the drivers

    looks = look([gpu for gpu in gpus({}) if gpu.id in runs], patience_s=_PATIENCE_S)
    width = output.width()
    rows = [_cells(one, has_bar=width >= _BAR_FROM) for one in looks]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = []
    for one, cells in zip(looks, rows, strict=True):
        sized = zip(cells, widths, strict=True)
        facts = output.fitted("  ".join(cell.rjust(size) for cell, size in sized if size), width)
        facts = facts.rstrip()
        room = max(0, width - output.cells(facts) - 2)
        who = output.fitted(output.plain(", ".join(runs[one.gpu.id])), room).rstrip()
        lines.append(f"{facts}  {output.styled(who, output.STATE_STYLES['running'])}".rstrip())
    return lines


def memory_text(seen: "GpuLook") -> str:
    """Return how much of the memory of a GPU is used: 3.2 of 24 GiB; empty: nobody knows."""
    if seen.used_mib is None:
        return ""
    total = f" of {seen.gpu.memory_mib / 1024:.0f}" if seen.gpu.memory_mib else ""
    return f"{seen.used_mib / 1024:.1f}{total} GiB"


def _cells(seen: "GpuLook", *, has_bar: bool) -> tuple[str, ...]:
    used, total = seen.used_mib, seen.gpu.memory_mib
    return (
        f"GPU {seen.gpu.index}",
        bar(used / total, _BAR) if has_bar and used is not None and total else "",
        memory_text(seen),
        "" if seen.utilization is None else f"{seen.utilization:.0f}%",
        "" if seen.power_w is None else f"{seen.power_w:.0f} W",
    )


def _run_text(store: Store, run_id: str) -> str:
    try:
        run = store.run(run_id)
    except NotFoundError:
        return f"run {run_id}"
    return f"run {run.number} {run.name}"
