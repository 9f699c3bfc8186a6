"""Measure homerun's searches beside others and write benchmarks/search_results.md and .json.

make bench-search
.venv/bin/python benchmarks/search.py --only auto tpe --half development --seeds 3

Each search is kept, by searcher and version, in HOMERUN_TEST_CACHE or ~/.cache/homerun-tests: what
was stopped goes on where it was, peers are measured once, and homerun after each change of it.
"""

import argparse
import hashlib
import heapq
import importlib.util
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import search_report
from common import HERE, PROGRAMS, environment, folder, peers_python, say
from search_tasks import Task, draw, tasks

sys.path.append(str(HERE.parent / "tests"))
RUNS = 60
OURS = ("auto", "gaussian", "forest", "sobol")
PEERS = {"gpsampler": "optuna", "tpe": "optuna", "smac": "smac", "sweeps": "sweeps"}  # packages
SEARCHERS = (*OURS, "random", *PEERS)
PARTS = ("gaussian", "forest", "sobol")  # of the portfolio, or what it begins with
SLOW = ("gpsampler", "smac")  # about half a second for each suggestion: fewer seeds
HISTORIES = (50, 200, 1000)  # finished runs at which the cost of a suggestion is measured
ROOT = HERE.parent
PINS = {"sweeps": ROOT / "tests/locks/sweeps.txt"}  # of the others: search_peers.txt
Told = list[tuple[int, float]]  # numbers of runs and their outcomes


def main() -> None:
    """Search what was not searched yet, and report."""
    args = arguments()
    found = tasks(args.data if args.data.is_dir() else None, cache_folder())
    if not args.data.is_dir():
        say(f"No recorded tables: {args.data} is no folder; name the folder with --data")
    only = args.only or SEARCHERS
    results = {name: Results(name, found, is_fresh=args.fresh) for name in only}
    with ExitStack() as open_programs:
        programs = {
            name: open_programs.enter_context(Program(name)) for name in only if name != "random"
        }
        for half, at_once, seed, name, task in planned(args, only, found):
            if not results[name].has(task, seed, at_once):
                say(f"{half}: {name} on {task.name}, seed {seed}, {at_once} at once")
                search = Draws(task, seed) if name == "random" else programs[name]
                results[name].add(task, seed, at_once, simulate(search, task, seed, at_once))
        rows = search_report.shortened(row for one in results.values() for row in one.rows)
        if args.only or args.half:
            print(search_report.overview(rows))
            return
        widest = max(found, key=lambda task: len(task.parameters))
        costs = {name: cost(programs[name], widest) for name in OURS}
    search_report.write(
        {
            "facts": search_report.facts(),
            "has_tables": args.data.is_dir(),
            "versions": {name: version_of(name) for name in SEARCHERS},
            "tasks": [[task.name, task.kind, task.half, len(task.parameters)] for task in found],
            "cost_ms": costs,
            "searches": rows,
        }
    )


def arguments() -> argparse.Namespace:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SEARCHERS, help="print these, write nothing")
    parser.add_argument("--half", choices=["development", "report"], help="print, write nothing")
    parser.add_argument("--seeds", type=int, default=10, help="searches of a task (default 10)")
    parser.add_argument(
        "--slow-seeds",
        type=int,
        nargs=2,
        default=[5, 4],
        metavar=("ONE", "FOUR"),
        help="of GPSampler and SMAC with one and with four runs at once (default 5 4)",
    )
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="the recorded tables"
    )
    parser.add_argument("--fresh", action="store_true", help="search again what was kept")
    return parser.parse_args()


def planned(
    args: argparse.Namespace, only: Iterable[str], found: Iterable[Task]
) -> Iterator[tuple[str, int, int, str, Task]]:
    """Return all searches, one seed after another: so any beginning of them is balanced.

    On the development half, searchers that take time are left out unless they are asked for.
    """
    costly = () if args.only else (*SLOW, *PARTS, "sweeps")
    left_out = {("report", 1): (), ("report", 4): PARTS, ("development", 1): costly}
    for seed in range(args.seeds):
        for (half, at_once), others in left_out.items():
            if args.half not in {None, half}:
                continue
            most = dict.fromkeys(SLOW, args.slow_seeds[at_once == 4])
            names = [name for name in only if name not in others]
            for task in (one for one in found if one.half == half):
                for name in names:
                    if seed < most.get(name, args.seeds):
                        yield half, at_once, seed, name, task


def simulate(
    search: "Program | Draws", task: Task, seed: int, at_once: int
) -> dict[str, list[float]]:
    """Run a search on a task; return the incumbent's regret and the CPU ms, run by run.

    How long the i-th run takes depends on the seed alone, and so does the luck of a configuration
    that is run for the k-th time.
    """
    search.begin(task, seed)
    clock = random.Random(f"{seed}/durations")
    lasts = [clock.lognormvariate(0, 0.5) for _ in range(RUNS)]
    going: list[tuple[float, int]] = []  # when it ends, and its number
    configs: list[dict[str, Any]] = []
    told: Told = []
    seen: dict[str, int] = {}
    best, regret, now = float("inf"), float("inf"), 0.0
    regrets, cpu_ms = [], []
    while len(regrets) < RUNS:
        while len(configs) < RUNS and len(going) < at_once:
            config, cpu_s = search.ask(told)
            told = []
            heapq.heappush(going, (now + lasts[len(configs)], len(configs)))
            configs.append(config)
            cpu_ms.append(round(1000 * cpu_s, 2))
        now, number = heapq.heappop(going)
        config = configs[number]
        key = json.dumps(config, sort_keys=True)
        seen[key] = seen.get(key, 0) + 1
        value = task.observe(config, random.Random(f"{task.name}/{seed}/{key}/{seen[key]}"))
        told.append((number, value))
        if value < best:
            best, regret = value, task.regret(config)
        regrets.append(float(f"{regret:.5g}"))
    return {"regrets": regrets, "cpu_ms": cpu_ms, "repeats": [RUNS - len(seen)]}


class Program:
    """A searcher in a process of its own, with the Python that has it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> "Program":
        self.home = folder()
        cwd = self.home.__enter__()
        self.process = subprocess.Popen(
            [python_of(self.name), "-P", PROGRAMS / "search.py", self.name],
            cwd=cwd,
            env=environment(cwd),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate()
        self.home.__exit__(None, None, None)

    def begin(self, task: Task, seed: int, history: Sequence[Any] = ()) -> None:
        """Start a new search, of homerun maybe with finished runs."""
        begin = {"parameters": task.parameters, "seed": seed, "runs": RUNS, "history": history}
        self._send({"begin": begin})

    def ask(self, told: Told) -> tuple[dict[str, Any], float]:
        """Return what to run next, and the CPU seconds of it."""
        self._send({"tell": told})
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with {self.process.wait()}")
        answer = json.loads(line)
        return answer["config"], answer["cpu_s"]

    def _send(self, request: Mapping[str, Any]) -> None:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()


class Draws:
    """Random configurations, none of them twice."""

    def __init__(self, task: Task, seed: int) -> None:
        self.parameters, self.rng = task.parameters, random.Random(seed)
        self.seen: list[dict[str, Any]] = []

    def begin(self, task: Task, seed: int) -> None:
        """Nothing is left to do."""

    def ask(self, told: Told) -> tuple[dict[str, Any], float]:
        """Return a configuration that was not drawn before."""
        config = draw(self.parameters, self.rng)
        while config in self.seen:
            config = draw(self.parameters, self.rng)
        self.seen.append(config)
        return config, 0.0


class Results:
    """The searches of one searcher that are kept: a file with a line of JSON for each."""

    def __init__(self, name: str, found: Iterable[Task], *, is_fresh: bool) -> None:
        self.name = name
        self.path = cache_folder() / f"{name}-{version_of(name)}.jsonl"
        self.tasks = {task.name: task for task in found}
        self.rows: list[dict[str, Any]] = []
        if self.path.exists() and not is_fresh:
            rows = map(json.loads, self.path.read_text().splitlines())
            self.rows = list({_key(row): row for row in rows if self._is_current(row)}.values())
        self.keys = {_key(row) for row in self.rows}

    def has(self, task: Task, seed: int, at_once: int) -> bool:
        """Return whether this was searched."""
        return (task.name, seed, at_once) in self.keys

    def add(self, task: Task, seed: int, at_once: int, outcome: Mapping[str, Any]) -> None:
        """Keep a search."""
        row = {
            "searcher": self.name,
            "task": task.name,
            "half": task.half,
            "fingerprint": task.fingerprint,
            "seed": seed,
            "at_once": at_once,
            **outcome,
        }
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        self.rows.append(row)
        self.keys.add(_key(row))

    def _is_current(self, row: Mapping[str, Any]) -> bool:
        task = self.tasks.get(row["task"])
        return task is not None and row["fingerprint"] == task.fingerprint


def _key(row: Mapping[str, Any]) -> tuple[str, int, int]:
    return (row["task"], row["seed"], row["at_once"])


def cost(program: Program, task: Task) -> dict[int, float]:
    """Return the CPU ms of a suggestion by the number of finished runs, the median of five."""
    costs = {}
    for runs in HISTORIES:
        rng = random.Random(runs)
        configs = [draw(task.parameters, rng) for _ in range(runs)]
        program.begin(task, 0, [(config, task.observe(config, rng)) for config in configs])
        times, told = [], []
        for number in range(runs, runs + 5):
            config, cpu_s = program.ask(told)
            told = [(number, task.observe(config, rng))]
            times.append(1000 * cpu_s)
        costs[runs] = round(statistics.median(times), 1)
    return costs


def cache_folder() -> Path:
    """Return the folder of what was measured before."""
    from environments import cache_folder

    path = cache_folder() / "search"
    path.mkdir(exist_ok=True)
    return path


def python_of(name: str) -> Path | str:
    """Return the Python that has a searcher."""
    if name in OURS:
        return sys.executable
    if name == "sweeps":
        from environments import sweeps_python

        return sweeps_python()
    return peers_python("search_peers.txt")


@cache
def version_of(name: str) -> str:
    """Return a peer's package and version, and for homerun a digest of what proposes."""
    if name == "random":
        return "1"
    if name in OURS:
        code = hashlib.sha256()
        room = Path(importlib.util.find_spec("homerun.search").origin).parent
        for path in sorted(
            [
                *room.glob("models/*.py"),
                *room.glob("aims/*.py"),
                room / "portfolio.py",
                room / "start.py",
            ]
        ):
            code.update(path.read_bytes())
        return code.hexdigest()[:12]
    pins = PINS.get(name, HERE / "search_peers.txt").read_text().split()
    return next(pin for pin in pins if pin.startswith(f"{PEERS[name]}=="))


if __name__ == "__main__":
    main()
