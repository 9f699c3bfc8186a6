"""Measure the terminal against its marks, on homes made for it, and print met or not met.

make bench-terminal
.venv/bin/python benchmarks/terminal.py --runs 2000

`top` and `watch` are driven in tmux, 120 columns by 30 lines, over a home in which 8 runs log a
metric once a second and others wait; times are the best of several: the rest is
the machine.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from common import Row, below, environment, folder

sys.path.append(str(Path(__file__).resolve().parent.parent))
from tests.cli_home import SPEC, hold, write_journal

from homerun.core import End, RunState
from homerun.store import Store, fold, identity, write_json
from homerun.store import journal as jr

HOMERUN = str(Path(sys.executable).with_name("homerun"))
REPEATS = 5
FILTER = "learning_rate < 0.5 and model_name == 'm3'"
RUNNING, QUEUED = 8, 1000
LOOK_S = 20.0  # over which the use of a core is measured
MIB = 2**10  # kibibytes
TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000, help="of the home that ls lists")
    count = parser.parse_args().runs
    is_met = True
    for row in chain(commands(count), screens()):
        verdict = "met" if row.is_met else "NOT MET"
        print(
            f"{row.what:52} {row.ours:8.2f} {row.unit:5} mark {row.mark:11} {verdict}", flush=True
        )
        is_met = is_met and row.is_met
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"load of the machine: {load:.1f} on {cores} cores; beyond them wall times say little")
    sys.exit(not is_met)


def commands(count: int) -> Iterator[Row]:
    """Measure commands that print and end, on a home with so many finished runs."""
    with folder() as cwd:
        environ = {**environment(cwd), "HOMERUN_HOME": str(cwd / "home"), "COLUMNS": "120"}
        with Store(cwd / "home") as store:
            sweep = finished_sweep(store, count)
        color = ["--color", "always"]  # as on a terminal
        for what, arguments in (
            (f"ls of a sweep with {count:,} runs, wall", [*color, "ls", sweep]),
            (f"ls of a home with {count:,} runs, wall", [*color, "ls"]),
            (f"ls --where of {count:,} runs, wall", [*color, "ls", sweep, "--where", FILTER]),
            (f"ls --sort of {count:,} runs, wall", [*color, "ls", sweep, "--sort", "fit_time"]),
        ):
            wall = min(measured([HOMERUN, *arguments], environ)[0] for _ in range(REPEATS))
            yield below(what, wall * 1e3, 250, "ms")
        words = {"COMP_WORDS": "homerun show ", "COMP_CWORD": "2"}
        asking = {**environ, **words, "_HOMERUN_COMPLETE": "bash_complete"}
        wall = min(measured([HOMERUN], asking)[0] for _ in range(REPEATS))
        yield below(f"ids completed among {count:,} runs, wall", wall * 1e3, 150, "ms")
        cpu = min(measured([HOMERUN, "--help"], environ)[1] for _ in range(REPEATS))
        yield below("--help, CPU", cpu * 1e3, 120, "ms")


def screens() -> Iterator[Row]:
    """Measure what stays open, while runs log."""
    with folder() as cwd, Store(cwd / "home") as store, logging(store):
        environ = {**environment(cwd), "HOMERUN_HOME": str(cwd / "home"), "TERM": "screen"}
        environ["LC_ALL"] = "C.UTF-8"
        mounted = []
        for _ in range(REPEATS):
            with terminal("top", environ) as screen:
                mounted.append(screen.until(f"RUNNING  {RUNNING}"))
        yield below("top, from new-session to mounted, wall", min(mounted), 0.8, "s")
        for command in ("top", "watch"):
            with terminal(command, environ) as screen:
                screen.until(f"RUNNING  {RUNNING}")
                time.sleep(2)  # what it loads only once
                used = screen.core_share(LOOK_S)
                yield below(f"{command}, {RUNNING} runs that log at 1 Hz, of a core", used, 5, "%")
                yield below(f"{command}, memory", screen.memory_mib(), 60, "MiB")


def finished_sweep(store: Store, count: int) -> str:
    """Record a sweep of finished runs and return its id."""
    sweep = store.add_sweep(SPEC, project="digits", name="many", planned=count)
    configs = [({"learning_rate": i / count, "model_name": f"m{i % 7}"}, 0) for i in range(count)]
    store.propose(sweep, configs, cursor=count)
    now = time.time()
    with store.write() as db:
        db.execute(
            "UPDATE run SET state = 'finished', started_at = ?, ended_at = ?, runtime_s = 63,"
            " summary = json_object('error_rate', number / 1e5, 'fit_time', number % 100)",
            (now - 63, now),
        )
    store.end({})
    return sweep.id


@contextmanager
def logging(store: Store) -> Iterator[None]:
    """Have runs log once a second, as programs do, until the block ends; many more wait."""
    sweep = store.add_sweep(SPEC, project="digits", name="live", planned=RUNNING + QUEUED)
    configs = [({"learning_rate": i, "model_name": "convnet"}, 0) for i in range(RUNNING + QUEUED)]
    store.propose(sweep, configs, cursor=len(configs))
    runs = [store.claim(sweep.id, agent=str(identity())) for _ in range(RUNNING)]
    for run in runs:
        begin = [jr.BEGIN, {"project": "digits", "config": dict(run.config)}]
        write_journal(store, run.id, [begin])
        hold(store, run)
        write_json(store.folder(run.id).path / "process.json", {"program": ""})
        fold(store, run.id)
    is_over = threading.Event()

    def log() -> None:
        step = 0
        while not is_over.wait(1.0):
            step += 1
            row = {"error_rate": 1 / step, "epoch": step}
            for run in runs:
                write_journal(store, run.id, [[jr.ROW, step, time.time(), row]])

    thread = threading.Thread(target=log)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        end = End(state=RunState.FINISHED, ended_at=time.time())
        store.end({run.id: end for run in runs})


class Screen:
    """A command in a terminal of tmux."""

    def __init__(self, name: str, environ: dict[str, str]) -> None:
        self._name, self._environ, self._begun = name, environ, time.monotonic()

    def tmux(self, *arguments: str) -> str:
        """Give tmux an order and return its answer."""
        return subprocess.run(
            ["tmux", "-L", self._name, *arguments],
            env=self._environ,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def until(self, text: str) -> float:
        """Wait until a text is to be seen; return the seconds since the terminal was asked for."""
        while text not in self.tmux("capture-pane", "-p"):
            assert time.monotonic() < self._begun + 30, self.tmux("capture-pane", "-p")
            time.sleep(0.01)
        return time.monotonic() - self._begun

    def core_share(self, seconds: float) -> float:
        """Return how much of a core the command uses, in percent."""
        before = self._cpu_s()
        time.sleep(seconds)
        return 100 * (self._cpu_s() - before) / seconds

    def memory_mib(self) -> float:
        """Return the resident memory of the command."""
        lines = Path(f"/proc/{self._pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / MIB

    @property
    def _pid(self) -> str:
        return self.tmux("display-message", "-p", "#{pane_pid}").strip()

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def terminal(command: str, environ: dict[str, str]) -> Iterator[Screen]:
    """Give a command in a terminal, which does not outlive the block."""
    screen = Screen(f"homerun-{uuid.uuid4().hex[:8]}", environ)
    size = ("-x", "120", "-y", "30")
    screen.tmux("-f", os.devnull, "new-session", "-d", *size, f"exec {HOMERUN} {command}")
    try:
        yield screen
    finally:
        screen.tmux("kill-server")


def measured(command: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Run a command; return the seconds it took and the seconds of CPU."""
    quiet = subprocess.DEVNULL
    begun = time.monotonic()
    process = subprocess.Popen(command, env=environ, stdout=quiet, stderr=quiet)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {process.returncode}")
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
