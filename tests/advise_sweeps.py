"""Made-up sweeps of two independent parameters, run as homerun advises until nothing is left."""

import random
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from homerun.insight import advise


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What following the advice came to."""

    runs: int  # of all sweeps together, the start included
    share: float  # of the full grid
    regret: float  # of the best at the end against the grid's best, in standard deviations of a run
    regret_of_quarter: float  # and of what was best when a quarter of the grid's runs was spent


def bowl(levels, rng):
    """Return log errors of a number that has a best value somewhere."""
    x = np.linspace(-1, 1, levels)
    return (x - rng.uniform(-0.9, 0.9)) ** 2


def cliff(levels, rng):
    """Return log errors that fall straight to the best value and rise steeply behind it."""
    x, best = np.linspace(-1, 1, levels), rng.uniform(-0.9, 0.9)
    return np.where(x < best, 0.8 * (best - x), 3 * (x - best) ** 2)


def kinds(levels, rng):
    """Return log errors of values that have no order."""
    return rng.permutation(np.linspace(0, 1, levels))


def follow(shapes, sizes, *, noise, seed, start=None):
    """Start with a part of the grid in which values come up evenly, then do as advised.

    `noise`: standard deviation of a run's log error.
    """
    rng = np.random.default_rng(seed)
    effects = [shape(size, rng) for shape, size in zip(shapes, sizes, strict=True)]
    values = {
        "lr": np.geomspace(1e-5, 1e-1, sizes[0]).tolist(),
        "decay": np.linspace(0, 1, sizes[1]).tolist(),
    }
    if shapes[1] is kinds:
        values["decay"] = [f"kind {i}" for i in range(sizes[1])]
    spec = {
        "program": "train.py",
        "method": "grid",
        "metric": {"name": "error", "goal": "minimize"},
        "parameters": {name: {"values": levels} for name, levels in values.items()},
    }
    grid = {
        (a, b): (effects[0][i] + effects[1][j])
        for (i, a), (j, b) in product(enumerate(values["lr"]), enumerate(values["decay"]))
    }
    best = min(grid.values())

    def expected(config):
        """Return the log error of a configuration; beyond the grid it goes on as at its end."""
        at = [
            np.interp(np.log10(config["lr"]), np.log10(values["lr"]), effects[0]),
            effects[1][values["decay"].index(config["decay"])]
            if config["decay"] in values["decay"]
            else np.interp(config["decay"], values["decay"], effects[1]),
        ]
        return float(sum(at))

    shuffled = random.Random(seed)
    orders = [shuffled.sample(levels, len(levels)) for levels in values.values()]
    first = start or max(6, min(max(sizes), len(grid) // 12))
    todo = [{"lr": orders[0][i % sizes[0]], "decay": orders[1][i % sizes[1]]} for i in range(first)]
    rows, at_quarter = [], None
    while True:
        rows += [{**c, "error": 0.1 * np.exp(expected(c) + rng.normal(0, noise))} for c in todo]
        advice = advise(pd.DataFrame(rows), metric="error", spec=spec)
        regret = float((expected(advice.facts["best"]) - best) / noise)
        if at_quarter is None or len(rows) <= len(grid) / 4:
            at_quarter = regret
        if advice.verdict == "done":
            break
        todo = runs_of(advice.sweeps[0].spec)
    return Followed(
        runs=len(rows), share=len(rows) / len(grid), regret=regret, regret_of_quarter=at_quarter
    )


def runs_of(spec):
    """Return the configurations of a sweep that lists values."""
    listed = [about.get("values", [about.get("value")]) for about in spec["parameters"].values()]
    configs = [dict(zip(spec["parameters"], config, strict=True)) for config in product(*listed)]
    return configs * spec.get("homerun", {}).get("repeats", 1)
