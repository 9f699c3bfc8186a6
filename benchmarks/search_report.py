"""What the searches of benchmarks/search.py show: ranks, regrets, marks, and the pages about them.

.venv/bin/python benchmarks/search_report.py    # writes the pages anew from search_results.json
"""

import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from common import HERE, processor, say

AT = (20, 40, 60)  # finished runs at which searches are compared
OURS = ("auto", "gaussian", "forest", "sobol")
PEERS = ("gpsampler", "tpe", "smac", "sweeps", "random")
FAST = ("tpe", "sweeps", "random")  # peers that search as many seeds as ours
NAMES = {
    "auto": "homerun auto",
    "gaussian": "homerun gaussian",
    "forest": "homerun forest",
    "sobol": "homerun sobol",
    "gpsampler": "optuna GPSampler",
    "tpe": "optuna TPE",
    "smac": "SMAC",
    "sweeps": "W&B sweeps",
    "random": "random",
}
LIMITS_MS = {200: 100.0, 1000: 400.0}  # CPU of a suggestion, by finished runs
KEPT = 2 / 3  # of the advantage over random, with 4 runs at once
JSON = HERE / "search_results.json"
RESULTS = HERE / "search_results.md"
PAGE = HERE.parent / "docs" / "search-benchmark.md"
_RESAMPLES = 4_000
_SAME = 6  # decimals of a regret: closer ones share a rank

Row = Mapping[str, Any]  # one search: searcher, task, half, seed, at_once, regrets at AT, cpu_ms
Gap = tuple[float, float, float]  # mean, and the ends of its 95 % interval


@dataclass(frozen=True)
class Field:
    """Searchers on the tasks and seeds that all of them have searched."""

    names: Sequence[str]
    tasks: np.ndarray  # (searches,) names
    regrets: np.ndarray  # (searches, searchers, len(AT))
    ranks: np.ndarray  # the same shape, 1 is best

    @property
    def seeds(self) -> int:
        """Return how many seeds of each task all of them have searched."""
        return len(self.tasks) // max(len(set(self.tasks)), 1)

    def mean(self, name: str, what: np.ndarray) -> np.ndarray:
        """Return the mean of regrets or ranks at each of AT, each task counting alike."""
        mine = what[:, self.names.index(name)]
        return np.mean([mine[self.tasks == task].mean(0) for task in np.unique(self.tasks)], 0)

    def gap(self, one: str, other: str, what: np.ndarray, at: int) -> Gap:
        """Return the mean of one less that of the other, with an interval; below 0: one is better.

        The interval comes from drawing tasks with replacement: they differ more than seeds do.
        """
        a, b = self.names.index(one), self.names.index(other)
        gaps = what[:, a, AT.index(at)] - what[:, b, AT.index(at)]
        by_task = np.array([gaps[self.tasks == task].mean() for task in np.unique(self.tasks)])
        drawn = np.random.default_rng(0).choice(by_task, (_RESAMPLES, len(by_task))).mean(1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return float(by_task.mean()), float(low), float(high)


def field(rows: Iterable[Row], names: Sequence[str], half: str, at_once: int) -> Field:
    """Return how searchers did on what all of them have searched."""
    found: dict[tuple[str, int], dict[str, list[float]]] = {}
    for row in rows:
        if row["half"] == half and row["at_once"] == at_once and row["searcher"] in names:
            found.setdefault((row["task"], row["seed"]), {})[row["searcher"]] = row["regrets"]
    common = {key: by for key, by in sorted(found.items()) if len(by) == len(names)}
    seeds = Counter(seed for _, seed in common)  # those that some tasks lack do not count
    all_tasks = max(seeds.values(), default=0)
    common = {key: by for key, by in common.items() if seeds[key[1]] == all_tasks}
    regrets = np.array([[by[name] for name in names] for by in common.values()])
    regrets = regrets.reshape(len(common), len(names), len(AT))
    return Field(names, np.array([task for task, _ in common]), regrets, _ranks(regrets))


def _ranks(regrets: np.ndarray) -> np.ndarray:
    """Return the rank of each searcher in each search; equal regrets share their mean rank."""
    rounded = regrets.round(_SAME)
    one, other = rounded[:, :, None], rounded[:, None]
    return 1 + (other < one).sum(2) + ((other == one).sum(2) - 1) / 2


def shortened(rows: Iterable[Row]) -> list[Row]:
    """Return searches with what the report needs: regrets at AT, and the mean CPU time."""
    return [
        {
            **{key: row[key] for key in ("searcher", "task", "half", "seed", "at_once", "repeats")},
            "regrets": [row["regrets"][n - 1] for n in AT],
            "cpu_ms": round(float(np.mean(row["cpu_ms"])), 2),
        }
        for row in rows
    ]


def overview(rows: Sequence[Row]) -> str:
    """Return tables of ranks and regrets, for each half and number of runs at once."""
    parts = []
    for half in ("development", "report"):
        for at_once in (1, 4):
            mine = [row for row in rows if row["half"] == half and row["at_once"] == at_once]
            names = list(dict.fromkeys(row["searcher"] for row in mine))
            found = field(mine, names, half, at_once)
            if found.seeds:
                title = f"{half}, {at_once} at once, {found.seeds} seeds"
                parts.append(f"{title}\n\n{table(mine, found)}")
    return "\n\n".join(parts)


def table(rows: Sequence[Row], found: Field) -> str:
    """Return ranks, regrets, cost and repeats of the searchers, the best rank first."""
    lines = [
        "| searcher | rank @20 | @40 | @60 | regret @20 | @40 | @60 | CPU ms | repeats |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in sorted(found.names, key=lambda name: found.mean(name, found.ranks)[-1]):
        mine = [row for row in rows if row["searcher"] == name and row["task"] in found.tasks]
        cpu_ms = np.mean([row["cpu_ms"] for row in mine])
        repeats = np.mean([row["repeats"] for row in mine])
        ranks = " | ".join(f"{rank:.2f}" for rank in found.mean(name, found.ranks))
        regrets = " | ".join(f"{regret:.3f}" for regret in found.mean(name, found.regrets))
        lines.append(f"| {_bold(name)} | {ranks} | {regrets} | {cpu_ms:.0f} | {repeats:.1f} |")
    return "\n".join(lines)


def _bold(name: str) -> str:
    return f"**{NAMES[name]}**" if name in OURS else NAMES[name]


def marks(data: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Return the marks: what is asked for, what was found, and whether that meets it."""
    rows = data["searches"]
    all_of_them = field(rows, ("auto", *PEERS), "report", 1)
    forests = field(rows, ("forest", *PEERS), "report", 1)
    gaps = {name: all_of_them.gap("auto", name, all_of_them.ranks, 60) for name in PEERS}
    early = {name: all_of_them.mean(name, all_of_them.regrets)[0] for name in ("auto", *PEERS)}
    by_forest = forests.gap("forest", "smac", forests.ranks, 60)
    found = [
        (
            "rank @60 not worse than GPSampler's",
            f"ahead by {_ahead(gaps['gpsampler'])}",
            gaps["gpsampler"][0] <= 0,
        ),
        *(
            (
                f"rank @60 clearly ahead of {NAMES[name]}",
                f"ahead by {_ahead(gaps[name])}",
                gaps[name][2] < 0,
            )
            for name in ("tpe", "smac", "sweeps")
        ),
        (
            "regret @20 below that of all others",
            ", ".join(f"{NAMES[name]} {regret:.3f}" for name, regret in early.items()),
            early["auto"] <= min(early.values()),
        ),
        (
            "forest alone, rank @60 ahead of SMAC's",
            f"ahead by {_ahead(by_forest)}",
            by_forest[0] < 0,
        ),
    ]
    for runs, limit_ms in LIMITS_MS.items():
        cost_ms = data["cost_ms"]["auto"][str(runs)]
        found.append(
            (
                f"a suggestion after {runs:,} runs takes less than {limit_ms:g} ms of CPU",
                f"{cost_ms:.0f} ms",
                cost_ms < limit_ms,
            )
        )
    kept = _kept(rows)
    found.append(
        (
            "with 4 at once, at least 2/3 of the advantage over random @60 is kept",
            f"{kept:.0%}",
            kept >= KEPT,
        )
    )
    return found


def _ahead(gap: Gap) -> str:
    """Return a gap in ranks as a person reads it: positive is ahead."""
    mean, low, high = gap
    return f"{-mean:.2f} ({-high:.2f} to {-low:.2f})"


def _kept(rows: Sequence[Row]) -> float:
    """Return the advantage over random with 4 runs at once, as a share of that with 1."""
    by = {n: field(rows, ("auto", "random"), "report", n) for n in (1, 4)}
    one, four = (
        found.mean("random", found.regrets)[-1] - found.mean("auto", found.regrets)[-1]
        for found in (by[1], by[4])
    )
    return float(four / one)


def write(data: Mapping[str, Any]) -> None:
    """Write the results and the pages about them."""
    rows = ",\n ".join(json.dumps(row) for row in data["searches"])
    rest = {key: value for key, value in data.items() if key != "searches"}
    JSON.write_text(json.dumps(rest, indent=1)[:-2] + f',\n "searches": [\n {rows}\n ]\n}}\n')
    rewrite()


def rewrite() -> None:
    """Write the pages from the results."""
    data = json.loads(JSON.read_text())
    RESULTS.write_text(_results(data))
    PAGE.write_text(_page(data))
    say(f"Written: {JSON}, {RESULTS.name} and {PAGE}")


def facts() -> dict[str, Any]:
    """Return when and where this runs."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} cores, {processor()}",
    }


def _results(data: Mapping[str, Any]) -> str:
    """Return the page with all tables."""
    rows, parts = data["searches"], ["# Search", _setting(data), _marks(data)]
    for at_once in (1, 4):
        names = ("auto", *PEERS)
        parts += _section(rows, names, at_once, "All searchers")
        parts += _section(rows, ("auto", *FAST), at_once, "Those that are quick, on all seeds")
        parts += _section(rows, OURS, at_once, "homerun's own searches")
    parts += ["## Regret @60 by task", _by_task(data)]
    parts += ["## CPU ms of a suggestion, by finished runs", _costs(data)]
    parts += _section(
        rows, ("auto", "tpe", "random"), 1, "The tasks that constants were chosen on", "development"
    )
    return "\n\n".join(parts) + "\n"


def _section(
    rows: Sequence[Row], names: Sequence[str], at_once: int, title: str, half: str = "report"
) -> list[str]:
    mine = [row for row in rows if row["half"] == half and row["at_once"] == at_once]
    found = field(mine, names, half, at_once)
    if not found.seeds:
        return []
    heading = f"## {title}, {at_once} at once: {len(set(found.tasks))} tasks, {found.seeds} seeds"
    ahead = ", ".join(
        f"{NAMES[name]} {_ahead(found.gap('auto', name, found.ranks, 60))}"
        for name in found.names
        if name not in OURS
    )
    gaps = [f"By so many ranks @60 homerun auto is ahead of {ahead}."] if ahead else []
    return [heading, table(mine, found), *gaps]


def _setting(data: Mapping[str, Any]) -> str:
    facts, versions = data["facts"], data["versions"]
    pins = ", ".join(dict.fromkeys(versions[name] for name in PEERS if name != "random"))
    left_out = "" if data["has_tables"] else " Tasks with recorded tables were left out: no folder."
    return (
        f"{facts['date']}, Python {facts['python']}, {facts['machine']}; {pins}. Written by "
        f"`make bench-search`. Regret: 0 is the best there is, 1 a median random configuration; "
        "that of the configuration with the best result so far, by its true value. Ranks are "
        "means over tasks and seeds, 1 is best; intervals (95 %) come from drawing tasks with "
        f"replacement.{left_out}"
    )


def _marks(data: Mapping[str, Any]) -> str:
    lines = ["| mark | found | met |", "|---|---|---|"]
    lines += [
        f"| {what} | {is_} | {'yes' if met else '**no**'} |" for what, is_, met in marks(data)
    ]
    return "\n".join(lines)


def _by_task(data: Mapping[str, Any]) -> str:
    names = ("auto", "forest", *PEERS)
    found = field(data["searches"], names, "report", 1)
    kinds = {name: kind for name, kind, _, _ in data["tasks"]}
    lines = ["| task | kind | " + " | ".join(map(_bold, names)) + " |", "|---" * 9 + "|"]
    for task in sorted(np.unique(found.tasks), key=lambda task: (kinds[task], task)):
        means = found.regrets[found.tasks == task].mean(0)[:, -1]
        cells = " | ".join(f"{mean:.3f}" for mean in means)
        lines.append(f"| {task} | {kinds[task]} | {cells} |")
    return "\n".join(lines)


def _costs(data: Mapping[str, Any]) -> str:
    costs = data["cost_ms"]
    runs = list(costs["auto"])
    lines = ["| search | " + " | ".join(f"{int(n):,}" for n in runs) + " |", "|---" * 4 + "|"]
    for name in OURS:
        cells = " | ".join(f"{costs[name][n]:.0f}" for n in runs)
        lines.append(f"| {NAMES[name]} | {cells} |")
    return "\n".join(lines)


def _page(data: Mapping[str, Any]) -> str:
    """Return the page of the documentation."""
    halves = {
        half: ", ".join(name for name, _, of, _ in data["tasks"] if of == half)
        for half in ("development", "report")
    }
    versions = data["versions"]
    peers = ", ".join(dict.fromkeys(versions[name] for name in PEERS if name != "random"))
    introduction = _INTRODUCTION.format(**halves, peers=peers)
    parts = [introduction, "## Marks", _marks(data)]
    for at_once in (1, 4):
        title = f"{len(PEERS) + 1} searchers"
        parts += _section(data["searches"], ("auto", *PEERS), at_once, title)
    return "\n\n".join([*parts, _LIMITS]) + "\n"


_INTRODUCTION = """\
# How good is the search?

`make bench-search` measures `method: bayes` beside optuna's GPSampler and TPE, SMAC's facade for
hyperparameters, the bayes search of W&B's own package and random draws without repeats
({peers}). This page and [all tables](../benchmarks/search_results.md) are written by it.

**Tasks.** Textbook functions; made-up mixed ones with categories, log scales, interactions and
noise; tables of recorded training runs; small models trained for real. Each search has 60 runs.
homerun's constants were chosen on one half of the tasks alone:

> {development}

What follows is of the other half, which has the same mix:

> {report}

**Regret** is 0 for the best configuration there is and 1 for a median random one. It is that of the
configuration with the best *observed* result so far, by its *true* value: the formula without the
noise, or the mean over all recorded seeds. All searchers see the same noise for the same
configuration, and runs last equally long: with four at once they finish out of order.

**Rank** is the place among the searchers on one task with one seed, 1 is best, equal regrets share
theirs. Intervals hold 95 % and come from drawing tasks with replacement: *clearly* ahead is a whole
interval above 0, *ahead* a mean above 0."""
_LIMITS = """\
## What this does not say

- Ten tasks are few: most intervals are wider than the differences between good searches.
- The best observed configuration is scored. `homerun best` recommends by the model's mean, which
  is safer under noise, and is not measured here.
- GPSampler and SMAC take most time and were given fewer seeds, as the titles say. Tables with all
  ten seeds of the others, and of homerun's parts alone, are in the results.
- In `timm_pets` one parameter with 86 unordered levels is all there is, so nothing can be learned
  of one level from another. TPE, which runs a quarter of its configurations again there, does best;
  homerun runs none again unless `repeats:` asks for it.
- Peers are as they come, with the order of numeric lists told to them (as whole numbers). SMAC is
  told that there are 60 runs, and that repeats bring nothing; it plans its start by that. Where
  it finds nothing new in a small space and gives up, random draws follow.
- All searches start from nothing: no defaults, no earlier sweeps, no failed or stopped runs.
- A recorded table is searched on its grid; a live model was trained on every point of its grid."""


if __name__ == "__main__":
    rewrite()
