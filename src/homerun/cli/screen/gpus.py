"""The section of the GPUs: what each does, and for whom."""

from collections.abc import Mapping

from homerun.cli.gpu_lines import memory_text
from homerun.cli.screen.columns import WIDE, Column, Section, table_rows
from homerun.cli.screen.text import Span, line
from homerun.cli.screen.view import GpuLine, View
from homerun.cli.spark import bar
from homerun.devices import GpuLook

_HOT_C = 85.0  # degrees at which GPUs of today slow down, or soon will


def gpu_section(view: View, width: int) -> Section:
    """Return a row for each GPU."""
    looks = [gpu.look for gpu in view.gpus]
    numbers = {run.id: str(run.number) for run in view.snapshot.alive}
    names = list(dict.fromkeys(look.gpu.name for look in looks))
    is_mixed = len(names) > 1
    columns = [
        Column([Span(str(look.gpu.index)) for look in looks], is_right=True),
        Column([_memory_bar(look, 24 if width >= WIDE else 12) for look in looks]),
        Column([Span(memory_text(look)) for look in looks], is_right=True),
        Column([Span(_unit(look.utilization, "%")) for look in looks], is_right=True, least=4),
        Column([Span(_power(look)) for look in looks], is_right=True, least=5, rank=1),
        Column([_temperature(look) for look in looks], is_right=True, rank=1),
        Column([_use(gpu, numbers) for gpu in view.gpus], is_flexible=True),
        Column([Span(look.gpu.name if is_mixed else "", "dim") for look in looks], rank=2),
    ]
    title = line(Span(" GPUS", "bold"), Span(f"  {'' if is_mixed else names[0]}", "dim"))
    rows = table_rows(columns, [""] * len(looks), width)
    return Section(name="gpus", title=title, rows=rows, least=4, most=len(rows))


def _memory_bar(look: GpuLook, width: int) -> Span:
    if look.used_mib is None or not look.gpu.memory_mib:
        return Span("")
    return Span(bar(look.used_mib / look.gpu.memory_mib, width), "green")


def _power(look: GpuLook) -> str:
    if look.power_w is None or look.power_limit_w is None:
        return _unit(look.power_w, " W")
    return f"{look.power_w:.0f} of {look.power_limit_w:.0f} W"


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.0f}{unit}"


def _temperature(look: GpuLook) -> Span:
    is_hot = look.temperature_c is not None and look.temperature_c >= _HOT_C
    return Span(_unit(look.temperature_c, "°C"), "red" if is_hot else "")


def _use(gpu: GpuLine, numbers: Mapping[str, str]) -> Span:
    """Return who has a GPU: our runs, somebody else, or nobody. `numbers`: of runs, by id."""
    runs = [numbers.get(run, run) for run in gpu.occupancy.runs]
    text = f"run{'' if len(runs) == 1 else 's'} {' '.join(runs)}" if runs else ""
    if gpu.occupancy.reason:
        return Span(f"{text and text + ', '}{gpu.occupancy.reason}", "yellow")
    return Span(text) if text else Span(gpu.occupancy.state, "dim")
