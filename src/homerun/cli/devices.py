"""`homerun devices`: what there is, what it does, for whom, and why it is free or not."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click

from homerun.cli import output, words
from homerun.cli.common import has_database, json_option, location, open_home
from homerun.core import ALIVE, Lease, Run, counted
from homerun.devices import (
    Gpu,
    GpuLook,
    GpuProcess,
    Occupancy,
    Owner,
    gpus,
    look,
    occupancy,
    owner,
    run_of,
    why_no_cpu_energy,
    why_no_gpus,
)
from homerun.store import Store, agents, find_home, leases

_STYLES = {"free": "green", "ours": "bold cyan", "busy": "yellow", "hidden": "dim"}
_MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A GPU as it is shown."""

    look: GpuLook
    state: str  # free ours busy hidden
    reason: str
    runs: Sequence[Run]
    owners: Mapping[int, Owner]  # of the processes on it
    run_of_pid: Mapping[int, str]


@dataclass(frozen=True, kw_only=True)
class _Home:
    """What the home knows about devices; empty where there is none."""

    path: Path
    leases: Sequence[Lease] = ()
    runs: Mapping[str, Run] = field(default_factory=dict)  # those that run
    sweeps: Mapping[str, str] = field(default_factory=dict)  # id → name
    slots: int = 0  # of all agents
    agents: int = 0


@click.command("devices")
@json_option
def devices_command(*, is_json: bool) -> None:
    """Show each GPU, what it does, for whom, and whether a run may have it; then the CPU.

    A GPU is free when no run has a lease of it, no other program computes on it, and no more than
    2 GiB or a tenth of its memory are in use. How busy it is does not count.

    \b
    homerun devices
    homerun devices --json
    """
    home = _home()
    visible = gpus()
    everything = gpus({}) or visible
    lines = [_line(one, home, is_visible=one.gpu in visible) for one in look(everything)]
    notes = list(filter(None, [why_no_gpus(), _energy_note()]))
    if is_json:
        cpu = _cpu(home)
        output.print_json({"gpus": [_document(line) for line in lines], "cpu": cpu, "notes": notes})
    elif not output.is_pretty():
        _print_everything(lines, home)
    else:
        _print_gpus(lines, home)
        click.echo(_cpu_line(home))
        for note in notes:
            output.say(note)


def _home() -> _Home:
    path = find_home()
    with open_home() if has_database(path) else nullcontext() as store:
        return _Home(path=path) if store is None else _known(store)


def _known(store: Store) -> _Home:
    alive = store.runs(states=list(ALIVE))
    at_work = agents(store)
    return _Home(
        path=store.home,
        leases=leases(store),
        runs={run.id: run for run in alive},
        sweeps={sweep.id: sweep.name for sweep in store.sweeps()},
        slots=sum(agent.slots for agent in at_work),
        agents=len(at_work),
    )


def _line(seen: GpuLook, home: _Home, *, is_visible: bool) -> _Line:
    owners = {process.pid: owner(process.pid) for process in seen.processes}
    who: Occupancy = occupancy(
        seen,
        run_of=partial(run_of, home=home.path),
        leases=home.leases,
        describe=lambda pid: str(owners[pid]),
    )
    state, reason = who.state, who.reason
    if not is_visible and state == "free":
        reason = f"left out by CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', '')}"
    return _Line(
        look=seen,
        state=state if is_visible or state != "free" else "hidden",
        reason=reason,
        runs=[home.runs[run] for run in who.runs if run in home.runs],
        owners=owners,
        run_of_pid={pid: run_of(pid, home.path) or "" for pid in owners},
    )


def _print_gpus(lines: Sequence[_Line], home: _Home) -> None:
    if not lines:
        click.echo("no GPU is seen here")
        return
    looks = [line.look for line in lines]
    states = [line.state for line in lines]
    output.print_table(
        [
            output.Column("GPU", [_index(one.gpu) for one in looks], is_number=True),
            output.Column("STATE", states, is_state=True),
            output.Column("MEMORY", [_memory(one) for one in looks], is_number=True, rank=1),
            output.Column("UTIL", [_unit(one.utilization, "%") for one in looks], True, rank=4),
            output.Column("POWER", [_unit(one.power_w, " W") for one in looks], True, rank=3),
            output.Column("TEMP", [_unit(one.temperature_c, "°C") for one in looks], True, rank=2),
            output.Column("NAME", [one.gpu.name for one in looks], rank=5),
            output.Column("ID", [_short(one.gpu.id) for one in looks], is_whole=True, rank=6),
        ],
    )
    for line in lines:
        start = f"GPU {_index(line.look.gpu)} {output.styled(line.state, _STYLES[line.state])}: "
        for text in _why(line, home):
            click.echo(start + output.plain(text))
            start = " " * 6


def _why(line: _Line, home: _Home) -> list[str]:
    """Return why a GPU is free or not, and who is on it: a line each."""
    texts = [_run_text(run, home) for run in line.runs]
    if line.reason:
        texts.insert(0, line.reason)
    for process in line.look.processes:
        text = f"{line.owners[process.pid]}{_process_memory(process)}"
        if process.is_graphics:
            text += " (draws the screen)"
        if not line.reason.startswith(str(line.owners[process.pid])):
            texts.append(text)
    return texts


def _run_text(run: Run, home: _Home) -> str:
    where = location(run.project, home.sweeps.get(run.sweep or "", ""))
    since = "" if run.started_at is None else words.duration(time.time() - run.started_at)
    return f"run {run.number} ({where}) {run.state}{since and f' for {since}'}"


def _print_everything(lines: Sequence[_Line], home: _Home) -> None:
    titles = (
        "index id kind name state reason runs used_mib memory_mib utilization power_w temperature_c"
    )
    rows = []
    for line in lines:
        gpu, seen = line.look.gpu, line.look
        reason = line.reason or "; ".join(_why(line, home))
        numbers = ",".join(str(run.number) for run in line.runs)
        about = [gpu.index, gpu.id, gpu.kind, gpu.name, line.state, reason, numbers]
        measured = [seen.used_mib, gpu.memory_mib, seen.utilization]
        rows.append([*about, *measured, seen.power_w, seen.temperature_c])
    output.print_tsv(titles.split(), rows)


def _document(line: _Line) -> dict[str, Any]:
    """Return a GPU as --json prints it."""
    seen, facts = line.look, vars(line.look.gpu)
    return {
        **facts,
        "state": line.state,
        "reason": line.reason,
        "used_mib": seen.used_mib,
        "utilization": seen.utilization,
        "power_w": seen.power_w,
        "temperature_c": seen.temperature_c,
        "runs": [
            {"id": run.id, "number": run.number, "project": run.project, "state": run.state}
            for run in line.runs
        ],
        "processes": [
            {
                **vars(process),
                **vars(line.owners[process.pid]),
                "run": line.run_of_pid[process.pid] or None,
            }
            for process in seen.processes
        ],
    }


def _cpu(home: _Home) -> dict[str, Any]:
    """Return what the CPU of this machine is and does."""
    import psutil  # noqa: PLC0415

    memory = psutil.virtual_memory()
    return {
        "cores": psutil.cpu_count(logical=False),
        "threads": os.cpu_count(),
        "load": os.getloadavg()[0],
        "used_mib": (memory.total - memory.available) / _MIB,
        "memory_mib": memory.total / _MIB,
        "slots": home.slots,
        "agents": home.agents,
        "running": len(home.runs),
    }


def _cpu_line(home: _Home) -> str:
    cpu = _cpu(home)
    used, memory = (words.size(cpu[key] * _MIB) for key in ("used_mib", "memory_mib"))
    text = f"CPU {counted(cpu['cores'] or cpu['threads'], 'core')}, load {cpu['load']:.1f}"
    text += f", {used} of {memory} memory used"
    if home.agents:
        text += f"; {counted(home.slots, 'slot')} of {counted(home.agents, 'agent')}"
    return f"{text}; {counted(len(home.runs), 'run')} running" if home.runs else text


def _energy_note() -> str:
    why = why_no_cpu_energy()
    return f"the energy of the CPU is not recorded: {why}" if why else ""


def _index(gpu: Gpu) -> str:
    return str(gpu.index) if gpu.index >= 0 else "?"


def _short(gpu_id: str) -> str:
    """Return the start of an id, enough for CUDA_VISIBLE_DEVICES."""
    return gpu_id[:12] if gpu_id.startswith(("GPU-", "MIG-")) else gpu_id


def _memory(seen: GpuLook) -> str:
    total = seen.gpu.memory_mib
    if seen.used_mib is None or total is None:
        return words.size(total * _MIB) if total else ""
    return f"{seen.used_mib / 1024:.1f}/{total / 1024:.0f} GiB"


def _process_memory(process: GpuProcess) -> str:
    return "" if process.memory_mib is None else f", {process.memory_mib / 1024:.1f} GiB"


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.0f}{unit}"
