"""Ask a search for configurations, one line of JSON after another: `search.py SEARCHER`.

In: {"begin": {"parameters": ..., "seed": 0, "runs": 60, "history": []}}, where history has
configurations and values that homerun begins with, then {"tell": [[number, value], ...]}.
Out: one line {"config": ..., "cpu_s": ...} for each "tell": what to run next, as run 0, 1, 2, ...;
runs whose value was not told yet go on meanwhile. The CPU time covers telling and asking.
"""

import json
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

Config = dict[str, Any]
Parameters = Mapping[str, Mapping[str, Any]]


class Searcher(Protocol):
    """A search of one task."""

    def tell(self, number: int, value: float) -> None:
        """Take the outcome of the run with this number, counted from 0."""

    def ask(self) -> Config:
        """Return what to run next."""


class Homerun:
    """homerun's own searches by name, called as anyone can call them."""

    def __init__(self, search: str, begin: Mapping[str, Any]) -> None:
        self.spec = {
            "method": "bayes",
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": begin["parameters"],
            "homerun": {"search": search},
        }
        self.seed = begin["seed"]
        self.runs: list[dict[str, Any]] = [
            {"config": config, "state": "finished", "loss": value}
            for config, value in begin["history"]
        ]

    def tell(self, number: int, value: float) -> None:
        self.runs[number] |= {"state": "finished", "loss": value}

    def ask(self) -> Config:
        import homerun

        (config,) = homerun.suggest(self.spec, self.runs, seed=self.seed)
        self.runs.append({"config": config, "state": "running", "loss": None})
        return config


class Optuna:
    """A sampler of optuna, as it is by default; lists of numbers are whole numbers to it."""

    def __init__(self, sampler: str, begin: Mapping[str, Any]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        parameters = begin["parameters"]
        self.lists = number_lists(parameters)
        self.distributions = {name: self.distribution(p) for name, p in parameters.items()}
        chosen = getattr(optuna.samplers, sampler)(seed=begin["seed"])
        self.study = optuna.create_study(sampler=chosen)
        self.asked: list[Any] = []

    @staticmethod
    def distribution(p: Mapping[str, Any]) -> Any:
        from optuna import distributions as d

        if "values" in p:
            if is_numeric(p["values"]):
                return d.IntDistribution(0, len(p["values"]) - 1)
            return d.CategoricalDistribution(p["values"])
        if isinstance(p["min"], int):
            return d.IntDistribution(p["min"], p["max"])
        return d.FloatDistribution(p["min"], p["max"], log="distribution" in p)

    def tell(self, number: int, value: float) -> None:
        self.study.tell(self.asked[number], value)

    def ask(self) -> Config:
        self.asked.append(self.study.ask(self.distributions))
        return from_index(self.asked[-1].params, self.lists)


class Smac:
    """SMAC's facade for hyperparameters; it is told how many runs there are.

    Where it gives up, which it does on small spaces, random draws follow.
    """

    def __init__(self, begin: Mapping[str, Any]) -> None:
        from ConfigSpace import ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        parameters, seed = begin["parameters"], begin["seed"]
        self.lists = number_lists(parameters)
        self.space = ConfigurationSpace(seed=seed)
        for name, p in parameters.items():
            self.space.add(self.hyperparameter(name, p))
        self.folder = tempfile.TemporaryDirectory(prefix="homerun-bench-")
        scenario = Scenario(
            self.space,
            output_directory=self.folder.name,
            deterministic=True,
            n_trials=begin["runs"],
            seed=seed,
        )
        self.facade = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=logging.ERROR
        )
        self.asked: list[Any] = []
        self.is_exhausted = False

    @staticmethod
    def hyperparameter(name: str, p: Mapping[str, Any]) -> Any:
        from ConfigSpace import (
            CategoricalHyperparameter,
            UniformFloatHyperparameter,
            UniformIntegerHyperparameter,
        )

        if "values" in p:
            if is_numeric(p["values"]):
                return UniformIntegerHyperparameter(name, 0, len(p["values"]) - 1)
            return CategoricalHyperparameter(name, p["values"])
        if isinstance(p["min"], int):
            return UniformIntegerHyperparameter(name, p["min"], p["max"])
        return UniformFloatHyperparameter(name, p["min"], p["max"], log="distribution" in p)

    def tell(self, number: int, value: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        if number < len(self.asked):
            self.facade.tell(self.asked[number], TrialValue(cost=value), save=False)

    def ask(self) -> Config:
        from smac.main.exceptions import ConfigurationSpaceExhaustedException

        config = None
        if not self.is_exhausted:
            try:
                self.asked.append(self.facade.ask())
                config = self.asked[-1].config
            except ConfigurationSpaceExhaustedException:  # on small spaces, before they are
                self.is_exhausted = True
        return from_index(dict(config or self.space.sample_configuration()), self.lists)


class Sweeps:
    """The bayes search of W&B's package `sweeps`."""

    def __init__(self, begin: Mapping[str, Any]) -> None:
        import numpy as np
        from sweeps.config import SweepConfig

        np.random.seed(begin["seed"])  # what the package draws from
        self.spec = SweepConfig(
            {
                "method": "bayes",
                "metric": {"name": "loss", "goal": "minimize"},
                "parameters": {name: dict(p) for name, p in begin["parameters"].items()},
            }
        )
        self.runs: list[Any] = []

    def tell(self, number: int, value: float) -> None:
        from sweeps import RunState

        run = self.runs[number]
        run.state, run.summary_metrics, run.history = RunState.finished, {"loss": value}, []

    def ask(self) -> Config:
        from sweeps import RunState, next_run

        run = next_run(self.spec, self.runs)
        run.state = RunState.running
        self.runs.append(run)
        return {name: plain(entry["value"]) for name, entry in run.config.items()}


def is_numeric(values: list[Any]) -> bool:
    """Return whether values are numbers, whose order a search can use."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def number_lists(parameters: Parameters) -> dict[str, list[float]]:
    """Return the parameters that are lists of numbers."""
    return {n: p["values"] for n, p in parameters.items() if is_numeric(p.get("values", [None]))}


def from_index(config: Mapping[str, Any], lists: Mapping[str, list[float]]) -> Config:
    """Return a configuration with the numbers of lists in place of their index."""
    return {n: lists[n][int(v)] if n in lists else plain(v) for n, v in config.items()}


def plain(value: Any) -> Any:
    """Return a Python value for one of numpy."""
    return value.item() if hasattr(value, "item") else value


SEARCHERS: dict[str, Callable[[Mapping[str, Any]], Searcher]] = {
    **{name: partial(Homerun, name) for name in ("auto", "gaussian", "forest", "sobol")},
    "tpe": partial(Optuna, "TPESampler"),
    "gpsampler": partial(Optuna, "GPSampler"),
    "smac": Smac,
    "sweeps": Sweeps,
}


def main() -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")
    # What a library prints must not come between the lines of JSON.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    make = SEARCHERS[sys.argv[1]]
    searcher: Searcher | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if "begin" in request:
            searcher = make(request["begin"])
            continue
        assert searcher is not None, "begin comes first"
        started = time.process_time()
        for number, value in request["tell"]:
            searcher.tell(number, value)
        config = searcher.ask()
        answers.write(json.dumps({"config": config, "cpu_s": time.process_time() - started}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
