"""An agent beside other runners of programs, the list of its queue, `homerun top`, idle slots."""

import contextlib
import fcntl
import importlib.util
import json
import os
import pty
import shutil
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil
from common import HERE, Row, ask, below, environment, figures, folder, say
from engines import HOMERUN, RUNS, SLOTS, Cost, fresh, measures, missing, timed, write_sweep
from engines import ask as output_of

COMMANDS = {"/bin/true": ["/bin/true"], "python -c pass": ["python", "-c", "pass"]}
QUEUED = 1_000
GAPS = 30
RUNNING = "SELECT count(*) AS count FROM run WHERE state = 'running'"
SCREEN_S = 20
# Says which GPUs it sees, when it starts and when it ends.
CLOCKED = 'echo "gpus=$CUDA_VISIBLE_DEVICES"; date +%s.%N; sleep 0.1; date +%s.%N'


def rows(repeats: int) -> Iterator[Row]:
    """Measure all in one folder, whose files stay until the end; see README.md."""
    with folder() as base:
        yield figures("making an empty file in the folder of these", file_us(base), "µs")
        for name, command in COMMANDS.items():
            yield from costs(base, name, command, repeats)
        yield from lists(base, max(repeats, 5))
        yield gap(base, "one CPU slot", ["--slots", "1"])
        yield from gpu_gap(base)
        yield from screen(base)


def costs(base: Path, name: str, command: list[str], repeats: int) -> Iterator[Row]:
    """Run 200 short programs in two slots with everything that can."""
    wall_ms, cpu_ms = taken(measures(base, command), repeats)
    cpu_ms.pop("tsp", None)  # its server is no child of ours
    absent = missing()
    note = f"{', '.join(absent)} not installed" if absent else ""
    what = f"an agent, {SLOTS} slots, {RUNS} x {name}"
    ours = wall_ms.pop("homerun")
    if name == "/bin/true":
        yield below(what, ours, 15, "ms a run", peers=wall_ms, note=note)
    else:
        yield Row(
            what=what,
            mark="<= 1.4 x xargs",
            ours=ours,
            unit="ms a run",
            is_met=ours <= 1.4 * wall_ms["xargs"],
            peers=wall_ms,
            note=note,
        )
    yield figures(f"{what}, CPU", cpu_ms.pop("homerun"), "ms a run", peers=cpu_ms)


def taken(
    ways: dict[str, Callable[[], Cost]], repeats: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median wall and CPU milliseconds of each way, taken in turns."""
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, measure in ways.items():
            costs[name].append(measure())
    wall_ms = {name: statistics.median(c.wall_ms for c in found) for name, found in costs.items()}
    cpu_ms = {name: statistics.median(c.cpu_ms for c in found) for name, found in costs.items()}
    return wall_ms, cpu_ms


def lists(base: Path, repeats: int) -> Iterator[Row]:
    """List a queue of 1,000 runs, from the start of the command to its end."""
    cwd = fresh(base)
    sweep = ask("homerun", "propose", QUEUED, cwd=cwd)
    assert output_of([HOMERUN, "ls", sweep], cwd).count("\tpending\t") == QUEUED
    words = {
        "for a program": ["ls", sweep],
        "for a person": ["--color", "always", "ls", sweep, "--all"],
        "in short, with its sweep": ["ls"],
    }
    commands = {key: partial(timed, [HOMERUN, *value], cwd, runs=1) for key, value in words.items()}
    wall_ms, cpu_ms = taken(commands, repeats)
    for key in words:
        what = f"{QUEUED:,} queued runs listed {key}"
        yield below(what, wall_ms[key], 200, "ms", note=f"{cpu_ms[key]:.3g} ms of CPU")


def gap(base: Path, where: str, options: list[str], more: dict[str, str] | None = None) -> Row:
    """Measure for how long a slot is idle between two runs, the start of sh and date included."""
    cwd = fresh(base)
    write_sweep(cwd, ["/bin/sh", "-c", CLOCKED], GAPS)
    output_of([HOMERUN, "run", *options, "sweep.yaml"], cwd, more=more)
    slots: dict[str, list[tuple[float, float]]] = {}
    for log in (cwd / "home" / "runs").glob("*/output.log"):
        gpus, start, end = log.read_text().split()
        slots.setdefault(gpus, []).append((float(start), float(end)))
    idle_ms = [
        (after[0] - before[1]) * 1e3
        for times in slots.values()
        for before, after in pairwise(sorted(times))
    ]
    places = f" on each of {len(slots)}" if len(slots) > 1 else ""
    note = f"median {statistics.median(idle_ms):.3g} ms of {len(idle_ms)}{places}"
    return below(f"idle between two runs, {where}: longest", max(idle_ms), 100, "ms", note=note)


def gpu_gap(base: Path) -> Iterator[Row]:
    """Measure the same on GPUs that the tests' own driver library tells of, a run on each."""
    needed = [name for name in ("pytest", "pynvml") if importlib.util.find_spec(name) is None]
    needed += [name for name in ("cc",) if shutil.which(name) is None]
    if needed:
        say(f"not measured: idle GPUs, which needs: {', '.join(needed)}")
        return
    sys.path.append(str(HERE.parent))
    from tests.fake_gpus import FakeGpus

    gpus = FakeGpus(base / "gpus", count=3)
    more = gpus.env | {"CUDA_VISIBLE_DEVICES": ",".join(gpus.ids)}
    yield gap(base, "3 fake GPUs", [], more)


def screen(base: Path) -> Iterator[Row]:
    """Measure the CPU of `homerun top` on a terminal while two runs run and 1,000 wait."""
    if any(importlib.util.find_spec(name) is None for name in ("homerun.cli.top", "textual")):
        say("not measured: homerun top, which needs: pip install 'homerun[tui]'")
        return
    cwd = fresh(base)
    ask("homerun", "propose", QUEUED, cwd=cwd)
    write_sweep(cwd, ["sleep", "600"], SLOTS)
    env = environment(cwd) | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    words = [HOMERUN, "run", "sweep.yaml", "--slots", str(SLOTS)]
    with (cwd / "agent.log").open("wb") as log:
        agent = subprocess.Popen(words, cwd=cwd, env=env, stdout=log, stderr=log)
    try:
        while json.loads(output_of([HOMERUN, "sql", "--json", RUNNING], cwd))[0]["count"] < SLOTS:
            assert agent.poll() is None, "the agent ended"
            time.sleep(0.1)
        yield below("homerun top, CPU", top_share(cwd, env), 3, "% of a core")
    finally:
        sweep = json.loads(output_of([HOMERUN, "ls", "--json"], cwd))["sweeps"][0]["id"]
        output_of([HOMERUN, "sweep", "--cancel", sweep], cwd)
        agent.wait()


def top_share(cwd: Path, env: dict[str, str]) -> float:
    """Return the percentage of a core that `homerun top` uses once it has settled."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    top = subprocess.Popen(
        [HOMERUN, "top"], cwd=cwd, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    threading.Thread(target=drain, args=[ours], daemon=True).start()
    time.sleep(5)
    before_s = used_s(top.pid)
    time.sleep(SCREEN_S)
    spent_s = used_s(top.pid) - before_s
    assert top.poll() is None, f"homerun top ended with {top.returncode}"
    top.terminate()
    top.wait()
    return spent_s / SCREEN_S * 100


def drain(fd: int) -> None:
    """Take what a program draws, until it has ended."""
    with contextlib.suppress(OSError):
        while os.read(fd, 1 << 16):
            pass


def used_s(pid: int) -> float:
    """Return the CPU time of a process and of the children it has waited for."""
    return sum(psutil.Process(pid).cpu_times()[:4])


def file_us(base: Path) -> float:
    """Return what a new file costs: on ext4 it depends on how many were removed just now."""
    cwd = fresh(base)
    start = time.monotonic()
    for i in range(RUNS):
        (cwd / str(i)).touch()
    return (time.monotonic() - start) * 1e6 / RUNS
