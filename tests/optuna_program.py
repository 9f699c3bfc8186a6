"""Optuna behind homerun's door; run by tests/test_bridges.py in a Python that has optuna.

Prints what it found as JSON, by name of the check.
"""

import json
import sys
from pathlib import Path

import numpy as np

from homerun import spec
from homerun.core import HomerunError, RunState
from homerun.search import Observation, bridge, hypervolume, pareto_front, suggest_runs
from homerun.search.aims.front import goal_values
from homerun.search.engines.bridges import bridge_of

PARAMETERS = {
    "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
    "layers": {"min": 1, "max": 40},
    "batch": {"values": [16, 32, 64, 128]},
    "act": {"values": ["relu", "gelu", None, [1, 2]]},
    "momentum": {"distribution": "normal", "mu": 0.9, "sigma": 0.1},
    "width": {"distribution": "q_log_uniform_values", "min": 8, "max": 512, "q": 8},
    "opt": {"parameters": {"wd": {"min": 0.0, "max": 1.0}, "amsgrad": {"values": [True, False]}}},
    "epochs": {"value": 3},
}
SWEEP = {
    "method": "bayes",
    "metric": {"name": "loss"},
    "parameters": PARAMETERS,
    "homerun": {"constraints": ["layers < 30 or batch < 100"]},
}
TWO = {
    "method": "custom",
    "metrics": [{"name": "f"}, {"name": "speed", "goal": "maximize"}],
    "parameters": {f"x{i}": {"min": 0.0, "max": 1.0} for i in range(3)},
}


def loss(c):
    away = (np.log10(c["lr"]) + 2) ** 2 + abs(c["layers"] - 20) / 10
    return float(away + 2 * c["opt"]["wd"] ** 2)


def samplers_keep_to_the_space():
    """Return the sum of the losses of the first ten and of the last ten runs, by sampler."""
    found = {}
    sweep = spec.from_dict(SWEEP)
    for name in ("TPESampler", "CmaEsSampler", "NSGAIISampler", "QMCSampler", "RandomSampler"):
        search, runs = bridge(f"optuna:{name}"), []
        for number in range(30):
            (one,) = search(sweep, runs, np.random.default_rng(number), 1)
            assert spec.fits(sweep, one.config), one.config
            assert one.by == f"optuna:{name}"
            state = RunState.FAILED if number % 10 == 9 else RunState.FINISHED
            values = {"loss": loss(one.config)} if state == "finished" else {}
            runs.append(Observation(config=one.config, state=state, values=values))
        losses = [run.values["loss"] for run in runs if run.values]
        found[name] = [sum(losses[:10]), sum(losses[-10:])]
    return found


def pending_ones_are_seen():
    """Return how often a small space was proposed, and whether anything came after its end."""
    small = spec.from_dict(
        {
            "method": "bayes",
            "metric": {"name": "loss"},
            "parameters": {"x": {"values": [1, 2, 3]}, "y": {"values": ["a", "b", "c"]}},
            "homerun": {"constraints": ["x < 3 or y == 'a'"]},
        }
    )
    search, runs = bridge("optuna:TPESampler"), []
    for number in range(7):
        state = RunState.PENDING if number % 2 else RunState.FINISHED
        (one,) = search(small, runs, np.random.default_rng(0), 1)
        runs.append(Observation(config=one.config, state=state, values={"loss": 1.0}))
    several = search(small, (), np.random.default_rng(0), 20)
    return {
        "distinct": len({json.dumps(run.config) for run in runs}),
        "at once": len(several),
        "after": len(search(small, runs, np.random.default_rng(0), 2)),
    }


def one_seed_one_sequence():
    sweep = spec.from_dict({**SWEEP, "homerun": {"search": "optuna:TPESampler"}})
    return [
        [one.config for one in suggest_runs(sweep, (), n=3, seed=seed)] for seed in ("a", "a", "b")
    ]


def several_goals():
    """Return the hypervolume of NSGA-II and of random draws after 60 runs; a refused sampler."""
    sweep, found = spec.from_dict(TWO), {}
    for name in ("NSGAIISampler", "RandomSampler"):
        search, runs = bridge(f"optuna:{name}"), []
        for number in range(60):
            (one,) = search(sweep, runs, np.random.default_rng(number), 1)
            x = one.config
            g = 1 + 4 * (x["x1"] + x["x2"])
            values = {"f": x["x0"], "speed": -g * (1 - (x["x0"] / g) ** 0.5)}
            runs.append(Observation(config=x, values=values))
        front = [goal_values(runs[i], sweep.metrics) for i in pareto_front(runs, sweep.metrics)]
        found[name] = hypervolume(front, (1.1, 9.0))
    return found


def refusals():
    found = {}
    for name in ("TPESample", "GridSampler", "GPSampler", "CmaEsSampler"):
        raw = TWO if name == "CmaEsSampler" else SWEEP
        sweep = spec.from_dict({**raw, "homerun": {"search": f"optuna:{name}"}})
        ran = {"loss": 1.0, "f": 1.0, "speed": 1.0}
        (one,) = suggest_runs(
            spec.from_dict({**raw, "homerun": {"search": "sobol"}}), (), n=1, seed="1"
        )
        runs = [Observation(config=one.config, values=ran)] * 12
        try:
            bridge(f"optuna:{name}")(sweep, runs, np.random.default_rng(0), 1)
        except HomerunError as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


SOURCE = """
import optuna

def make(sweep):
    assert sweep.config["method"] == "custom"
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=3))

def grid(sweep):
    choices = {"lr": [0.1, 0.2], "act": ["relu", "gelu"]}
    return optuna.create_study(sampler=optuna.samplers.GridSampler(choices, seed=0))

def ends(sweep):
    return optuna.create_study(), lambda study: len(study.trials) >= 2

def wrong_way(sweep):
    return optuna.create_study(direction="maximize")

def no_study(sweep):
    return {"sampler": "tpe"}

def breaks(sweep):
    return 1 / 0

def space(trial):
    kind = trial.suggest_categorical("kind", ["svm", "forest"])
    if kind == "svm":
        return {"kind": kind, "c": trial.suggest_float("c", 1e-3, 1e3, log=True),
                "deep": {"k": trial.suggest_int("deep.k", 1, 3)}}
    return {"kind": kind, "trees": trial.suggest_int("trees", 10, 100)}

def renames(trial):
    return {"y": trial.suggest_float("x", 0, 1)}

def no_dict(trial):
    return trial.suggest_float("x", 0, 1)
"""


def scheduled(folder, *, parameters=True, n=1, runs=(), seed=0, **names):
    raw = {
        "method": "custom",
        "metric": {"name": "loss"},
        "scheduler": {"engine": "optuna", **({"source": "mine.py"} if names else {}), **names},
    }
    if parameters:
        raw["parameters"] = {
            "lr": {"min": 0.0, "max": 1.0},
            "act": {"values": ["relu", "gelu"]},
            "fold": {"value": 1},
        }
    sweep = spec.from_dict(raw)
    return bridge_of(sweep, folder)(sweep, runs, np.random.default_rng(seed), n)


def schedulers():
    folder = sys.argv[1]
    Path(folder, "mine.py").write_text(SOURCE)
    found = {}
    for name in ("wrong_way", "no_study", "breaks", "nobody"):
        try:
            scheduled(folder, optimizer=name)
        except HomerunError as error:
            found[name] = str(error)
    for name in ("no_dict", "renames"):
        try:
            scheduled(folder, parameters=False, search_space=name)
        except HomerunError as error:
            found[name] = str(error)
    runs = []
    for number in range(12):  # a sampler with a seed of its own must not begin again each time
        (one,) = scheduled(folder, optimizer="make", runs=runs, seed=number)
        runs.append(Observation(config=one.config, values={"loss": (one.config["lr"] - 0.3) ** 2}))
    found["make"] = sorted(run.config["lr"] for run in runs)
    found["by"] = one.by
    found["plain"] = [one.config for one in scheduled(folder, n=2)]
    found["grid"] = [one.config for one in scheduled(folder, optimizer="grid", n=9)]
    found["ends"] = [len(scheduled(folder, optimizer="ends", runs=runs[:k])) for k in (1, 2)]
    runs = []
    for number in range(25):
        (one,) = scheduled(folder, parameters=False, search_space="space", runs=runs, seed=number)
        value = abs(one.config["c"] - 10) if one.config["kind"] == "svm" else 500.0
        runs.append(Observation(config=one.config, values={"loss": float(value)}))
    found["space"] = [run.config for run in runs]
    return found


CHECKS = (
    samplers_keep_to_the_space,
    pending_ones_are_seen,
    one_seed_one_sequence,
    several_goals,
    refusals,
    schedulers,
)
print(json.dumps({check.__name__: check() for check in CHECKS}))
