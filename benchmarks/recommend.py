"""Measure how far `homerun best` and settled sweeps can be trusted, on tasks with known truths.

.venv/bin/python benchmarks/recommend.py
.venv/bin/python benchmarks/recommend.py --half development --seeds 2

Prints a table: by noise, number of runs, repeats and way to search. Constants are chosen on the
development half; the documentation has the figures of the other one. Writes nothing.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from common import say
from search import ROOT, cache_folder
from search_tasks import Task, draw, tasks

from homerun.search import Observation, outlook, recommend
from homerun.search.suggesting import suggest_runs
from homerun.spec import Sweep, from_dict

RUNS = (15, 40, 60)  # after which is asked
NEXT = 10  # runs after that, which could gain something
AT_ONCE = 4  # runs that a search suggests together
REPEATED, TIMES = 3, 2  # with repeats, the best so many run so many times again
LEVELS = (0.0, 0.1, 0.3, 1.0)  # noise that is added, in units of the spread of good configurations
GOOD = 0.2  # share of random configurations that are good
DRAWN = 1_000  # random configurations that say what they spread, and what more of them would gain
EXACT = 0.01  # of that spread: differences that do not count


@dataclass(frozen=True, kw_only=True)
class Case:
    """A task with noise: its own, or some that is added."""

    task: Task
    level: float | None  # None: its own

    @property
    def noise(self) -> str:
        """Return what noise there is."""
        return "own" if self.level is None else f"{self.level:g}"

    @cached_property
    def drawn(self) -> list[float]:
        """Return the true values of random configurations, the best first."""
        rng = random.Random(0)
        return sorted(self.task.true(draw(self.task.parameters, rng)) for _ in range(DRAWN))

    @cached_property
    def spread(self) -> float:
        """Return the standard deviation of the true values of good configurations."""
        return statistics.stdev(self.drawn[: int(GOOD * DRAWN)])

    def observe(self, config: dict[str, Any], rng: random.Random) -> float:
        """Return what a run shows."""
        if self.level is None:
            return self.task.observe(config, rng)
        return self.task.true(config) + rng.gauss(0, self.level * self.spread)

    def noise_of(self, config: dict[str, Any]) -> float:
        """Return the standard deviation of single runs of a configuration."""
        rng = random.Random(1)
        return statistics.stdev(self.observe(config, rng) for _ in range(50))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was said of the runs of a sweep, and whether it was true."""

    task: str
    noise: str
    design: str
    runs: int
    is_held: bool  # the truth of the recommended run is in its interval
    width: float  # of that, in units of the spread
    regret: float  # of it, in units of the spread; `observed` that of the best value
    observed: float
    apart: int  # runs that are said to be worse; `wrong`: of them, those that are better
    wrong: int
    is_settled: bool
    is_early: bool  # settled, though more than the noise was to be gained
    gain: float  # that was really to be had, in units of the spread
    best_s: float
    outlook_s: float
    has_repeats: bool = False


def main() -> None:
    """Ask about all sweeps, and print how often the answers were true."""
    args = arguments()
    if not args.data.is_dir():
        say(f"No recorded tables: {args.data} is no folder; name the folder with --data")
    found = tasks(args.data if args.data.is_dir() else None, cache_folder())
    chosen = [task for task in found if args.half in {task.half, "both"}]
    answers: list[Answer] = []
    for seed in range(args.seeds):
        for task in chosen:
            say(f"{task.name}, seed {seed}")
            for case in cases(task):
                answers += asked(case, seed)
    print(table(answers))


def arguments() -> argparse.Namespace:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=["development", "report", "both"], default="report")
    parser.add_argument("--seeds", type=int, default=2, help="sweeps of each kind (default 2)")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="the recorded tables"
    )
    return parser.parse_args()


def cases(task: Task) -> list[Case]:
    """Return a task with its own noise, or if it has none with several levels of it."""
    rng = random.Random(0)
    configs = [draw(task.parameters, rng) for _ in range(10)]
    has_noise = any(task.observe(one, rng) != task.observe(one, rng) for one in configs)
    return [Case(task=task, level=level) for level in ((None,) if has_noise else LEVELS)]


def asked(case: Case, seed: int) -> Iterator[Answer]:
    """Ask after several numbers of runs, with and without repeats, of two ways to search."""
    sweep = from_dict(
        {"method": "bayes", "metric": {"name": "loss"}, "parameters": case.task.parameters}
    )
    for design in ("random", "bayes"):
        runs = searched(case, sweep, design, seed)
        for n in RUNS:
            yield answered(case, sweep, design, runs, n)
            again = repeated(case, runs, n, seed)
            yield replace(answered(case, sweep, design, again, n), has_repeats=True)


def searched(case: Case, sweep: Sweep, design: str, seed: int) -> list[Observation]:
    """Return the runs of a sweep, and those that would come next."""
    rng = random.Random(f"{case.task.name}/{case.noise}/{design}/{seed}")
    runs: list[Observation] = []
    while len(runs) < max(RUNS) + NEXT:
        if design == "random":
            configs = [draw(case.task.parameters, rng)]
        else:
            configs = [one.config for one in suggest_runs(sweep, runs, n=AT_ONCE, seed=str(seed))]
        runs += [run_of(case, config, len(runs) + i, rng) for i, config in enumerate(configs)]
        if not configs:
            return runs
    return runs


def run_of(case: Case, config: dict[str, Any], number: int, rng: random.Random) -> Observation:
    """Return a finished run."""
    return Observation(config=config, values={"loss": case.observe(config, rng)}, id=f"r{number}")


def repeated(case: Case, runs: Sequence[Observation], n: int, seed: int) -> list[Observation]:
    """Return n runs of which the last repeat the best of the others; then what would come next."""
    rng = random.Random(f"{case.task.name}/{case.noise}/{n}/{seed}")
    before = n - REPEATED * TIMES
    best = sorted(runs[:before], key=lambda run: run.values["loss"])[:REPEATED]
    again = [run_of(case, run.config, before + i, rng) for i, run in enumerate(best * TIMES)]
    return [*runs[:before], *again, *runs[before : before + NEXT]]


def answered(case: Case, sweep: Sweep, design: str, runs: Sequence[Observation], n: int) -> Answer:
    """Ask about the first n runs."""
    known, true = runs[:n], case.task.true
    start = time.process_time()
    said = recommend(sweep, known)
    middle = time.process_time()
    seen = outlook(sweep, known)
    end = time.process_time()
    assert said.best and said.observed and seen
    truth = true(said.best.config)
    within = EXACT * case.spread
    low, high = said.best.low, said.best.high
    apart = [true(one.config) for one in said.top[1:] if one.mean is not None and not one.is_tied]
    gain = gain_of(case, design, truth, runs[n : n + NEXT])
    least = max(case.noise_of(said.best.config), 0.1 * case.spread)
    return Answer(
        task=case.task.name,
        noise=case.noise,
        design=design,
        runs=n,
        is_held=low is None or high is None or low - within <= truth <= high + within,
        width=0.0 if low is None or high is None else (high - low) / case.spread,
        regret=(truth - case.task.best) / case.spread,
        observed=(true(said.observed.config) - case.task.best) / case.spread,
        apart=len(apart),
        wrong=sum(one < truth - within for one in apart),
        is_settled=seen.is_settled,
        is_early=seen.is_settled and gain > least,
        gain=gain / case.spread,
        best_s=middle - start,
        outlook_s=end - middle,
    )


def gain_of(case: Case, design: str, truth: float, following: Sequence[Observation]) -> float:
    """Return by how much the next runs are better than a truth: on average where they are drawn."""
    if design == "random":
        rng = random.Random(0)
        least = [min(rng.choices(case.drawn, k=NEXT)) for _ in range(500)]
        return statistics.fmean(max(truth - one, 0.0) for one in least)
    return max(0.0, *(truth - case.task.true(run.config) for run in following), 0.0)


def table(answers: Sequence[Answer]) -> str:
    """Return how often the answers were true, by what the sweeps differ in."""
    groups: list[tuple[str, Callable[[Answer], object]]] = [
        ("noise", lambda one: one.noise),
        ("runs", lambda one: one.runs),
        ("repeats", lambda one: "yes" if one.has_repeats else "no"),
        ("search", lambda one: one.design),
        ("task", lambda one: one.task),
    ]
    lines = [
        "| | answers | interval holds | its width | regret | of the best value | wrongly worse "
        "| settled | too early | seconds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        line("all", answers),
    ]
    for title, key in groups:
        for value in dict.fromkeys(key(one) for one in answers):
            some = [one for one in answers if key(one) == value]
            lines.append(line(f"{title} {value}", some))
    return "\n".join(lines)


def line(name: str, answers: Sequence[Answer]) -> str:
    """Return a line of the table."""
    settled = [one for one in answers if one.is_settled]
    apart = sum(one.apart for one in answers)
    asked_later = [one for one in answers if one.runs >= 20]
    cells = [
        str(len(answers)),
        share(sum(one.is_held for one in answers), len(answers)),
        f"{statistics.median(one.width for one in answers):.2f}",
        f"{statistics.fmean(one.regret for one in answers):.2f}",
        f"{statistics.fmean(one.observed for one in answers):.2f}",
        share(sum(one.wrong for one in answers), apart),
        share(len(settled), len(asked_later)),
        share(sum(one.is_early for one in settled), len(settled)),
        f"{statistics.fmean(one.best_s + one.outlook_s for one in answers):.2f}",
    ]
    return f"| {name} | {' | '.join(cells)} |"


def share(some: int, of: int) -> str:
    """Return a share in per cent."""
    return f"{100 * some / of:.0f} %" if of else "-"


if __name__ == "__main__":
    main()
