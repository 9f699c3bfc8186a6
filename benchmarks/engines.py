"""What runs many programs over a few slots: homerun and its peers, each timed over the same."""

import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from common import PROGRAMS, environment, peers_python

SLOTS = 2
RUNS = 200
FEW = 40  # for what needs 100 ms for each
HOMERUN = Path(sys.executable).with_name("homerun")
CHECK = "SELECT count(*) FROM run WHERE state = 'finished' AND exit_code = 0"
PACKAGES = {"tsp": "task-spooler", "parallel": "parallel"}  # of Debian, by program

_numbers = itertools.count()


class Cost(NamedTuple):
    """What a command took; CPU is that of its processes, in steps of 10 ms."""

    wall_ms: float
    cpu_ms: float


def missing() -> list[str]:
    """Return the Debian packages of peers that cannot be measured here."""
    return [package for program, package in PACKAGES.items() if shutil.which(program) is None]


def measures(base: Path, command: list[str]) -> dict[str, Callable[[], Cost]]:
    """Return for each engine that is here what tells the cost a run of a command."""
    engines = {"homerun": homerun, "xargs": xargs, "fastgpu": fastgpu}
    engines |= {
        name: engine
        for name, engine in {"tsp": tsp, "parallel": parallel}.items()
        if shutil.which(name)
    }
    return {name: partial(engine, base, command) for name, engine in engines.items()}


def homerun(base: Path, command: list[str]) -> Cost:
    """Time a sweep from the start of `homerun run` to its end; every run is fully recorded."""
    cwd = fresh(base)
    write_sweep(cwd, command, RUNS)
    cost = timed([HOMERUN, "run", "--slots", SLOTS, "sweep.yaml"], cwd)
    logs = len(list((cwd / "home" / "runs").glob("*/output.log")))
    recorded = ask([HOMERUN, "sql", CHECK], cwd)
    assert logs == RUNS and str(RUNS) in recorded, f"{logs} logs, recorded:\n{recorded}"
    return cost


def xargs(base: Path, command: list[str]) -> Cost:
    """Time xargs, which records nothing."""
    cwd = fresh(base)
    write_numbers(cwd)
    return timed(["xargs", "-a", "numbers", f"-P{SLOTS}", "-I{}", *command], cwd)


def parallel(base: Path, command: list[str]) -> Cost:
    """Time GNU parallel with a log of exit codes; it keeps output until a program has ended."""
    cwd = fresh(base)
    write_numbers(cwd)
    options = ["--will-cite", "--joblog", "log", "--arg-file", "numbers", "-N0", f"-j{SLOTS}"]
    cost = timed(["parallel", *options, *command], cwd)
    ends = (cwd / "log").read_text().splitlines()[1:]
    assert len(ends) == RUNS, ends
    return cost


def tsp(base: Path, command: list[str]) -> Cost:
    """Time task-spooler, which is told of the programs one by one and keeps their output."""
    cwd = fresh(base)
    # The last two ids are waited for: with two slots all others have ended by then.
    script = (
        f'tsp -S {SLOTS}; n=0; while [ $n -lt {RUNS} ]; do id=$(tsp "$@"); n=$((n+1)); done; '
        "tsp -w $((id-1)); tsp -w $id"
    )
    more = {"TS_SOCKET": str(cwd / "socket"), "TMPDIR": str(cwd)}
    try:
        cost = timed(["sh", "-c", script, "sh", *command], cwd, more=more)
        ended = [line.split() for line in ask(["tsp"], cwd, more=more).splitlines()[1:]]
        good = sum(words[1] == "finished" and words[3] == "0" for words in ended)
        assert good == RUNS, f"{good} finished"
    finally:
        ask(["tsp", "-K"], cwd, more=more)  # its server
    return cost


def fastgpu(base: Path, command: list[str]) -> Cost:
    """Time fastgpu on CPU slots, repaired; it looks for a script ten times a second."""
    cwd = fresh(base)
    scripts = cwd / "to_run"
    scripts.mkdir()
    for i in range(FEW):
        script = scripts / f"{i:03}.sh"
        script.write_text(f"#!/bin/sh\n{' '.join(command)}\n")
        script.chmod(0o700)
    program = PROGRAMS / "fastgpu_pool.py"
    cost = timed([peers_python(), "-P", program, SLOTS], cwd, runs=FEW)
    codes = [path.read_text() for path in (cwd / "out").glob("*.exitcode")]
    assert codes == ["0"] * FEW, codes
    return cost


def fresh(base: Path) -> Path:
    """Return a new folder; it stays until the end, see README.md."""
    cwd = base / str(next(_numbers))
    cwd.mkdir()
    return cwd


def write_sweep(cwd: Path, command: list[str], runs: int) -> None:
    """Write sweep.yaml, which runs a command so many times."""
    items = "".join(f"  - {item!r}\n" for item in command)
    text = f"method: grid\ncommand:\n{items}parameters:\n  i: {{min: 1, max: {runs}}}\n"
    (cwd / "sweep.yaml").write_text(text)


def write_numbers(cwd: Path) -> None:
    """Write a line for each run."""
    (cwd / "numbers").write_text("".join(f"{i}\n" for i in range(RUNS)))


def timed(
    command: list[object], cwd: Path, *, runs: int = RUNS, more: dict[str, str] | None = None
) -> Cost:
    """Return what a command costs, for each of so many runs."""
    start, before = time.monotonic(), os.times()
    ask(command, cwd, more=more)
    wall_s, after = time.monotonic() - start, os.times()
    used_s = sum(after[2:4]) - sum(before[2:4])  # by children
    return Cost(wall_s * 1e3 / runs, used_s * 1e3 / runs)


def ask(command: list[object], cwd: Path, *, more: dict[str, str] | None = None) -> str:
    """Return what a command prints."""
    done = subprocess.run(  # noqa: PLW1510  its output is told
        [str(word) for word in command],
        cwd=cwd,
        env=environment(cwd) | (more or {}),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{command} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
