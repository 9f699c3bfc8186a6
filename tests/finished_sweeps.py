"""Sweeps whose runs have ended, as a search and an agent would have left them, without programs."""

import math
import random
import time
from pathlib import Path

from homerun.agent import create_sweep
from homerun.core import End, RunState
from homerun.search import Observation, fill
from homerun.search.draws import draw_config
from homerun.spec import from_dict
from homerun.store import edit_summary

MIXED = {
    "method": "random",
    "name": "mixed",
    "command": ["true", "${args}"],
    "run_cap": 80,
    "metric": {"name": "loss"},
    "parameters": {
        "lr": {"min": 1e-4, "max": 1.0, "distribution": "log_uniform_values"},
        "decay": {"min": 0.0, "max": 1.0},
        "model": {"values": ["resnet", "convnext", "vit"]},
        "size": {"values": [128, 192, 224, 288]},
        "epochs": {"value": 3},
    },
}


def truth(config) -> float:
    """Return the noise-free loss of a configuration of MIXED, 0.1 at best."""
    x, s = math.log10(config["lr"]) / 4 + 0.6, (config["size"] - 200) / 100
    models = {"resnet": 0.0, "convnext": 0.15, "vit": 0.4}
    bowl = 2 * x * x + 0.5 * (config["decay"] - 0.3) ** 2 + 0.1 * s * s
    return 0.1 * math.exp(bowl + models[config["model"]])


def observed(spec, n, value, *, seed=0):
    """Return n finished runs of a random sweep; `value`: of a configuration and a generator."""
    parameters, rng = from_dict(spec).parameters, random.Random(seed)
    configs = [draw_config(parameters, f"{seed}/{i}") for i in range(n)]
    name = spec["metric"]["name"]
    return [
        Observation(config=config, values={name: value(config, rng)}, id=f"r{i}")
        for i, config in enumerate(configs)
    ]


def finish(store, spec, value, *, n=30):
    """Make a sweep and end its first n runs; `value`: see end_runs."""
    sweep = from_dict(spec)
    record = create_sweep(store, sweep, cwd=Path("/"), project="tests")
    filled = fill(sweep, cursor=0, n=n)
    store.propose(record, filled.proposals, cursor=filled.cursor)
    end_runs(store, record.id, value, n=len(filled.proposals))
    return store.sweep(record.id)


def end_runs(store, sweep_id, value, *, n):
    """Let the next n runs of a sweep finish.

    `value`: of a configuration and a place, the value of its metric, or a summary.
    """
    metric, ends = store.sweep(sweep_id).spec.get("metric") or {}, {}
    for place in range(n):
        run = store.claim(sweep_id, agent="")
        found = value(run.config, place)
        edit_summary(store, run.id, found if isinstance(found, dict) else {metric["name"]: found})
        ends[run.id] = End(state=RunState.FINISHED, ended_at=time.time(), runtime_s=1.0)
    store.end(ends)
