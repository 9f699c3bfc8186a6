"""Searches of others behind our door: functions of the user, optuna's samplers, Ax."""

import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial, reduce
from importlib import import_module
from operator import getitem
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from homerun.core import MissingExtraError, SpecError
from homerun.search.engines.functions import calling, function_of_module
from homerun.search.models.coordinates import space_of
from homerun.search.observations import Observation, Suggestion
from homerun.spec import Sweep, placing

Bridge = Callable[[Sweep, Sequence[Observation], np.random.Generator, int], list[Suggestion]]

_PACKAGES = {"optuna": "optuna", "ax": "ax-platform"}


def bridge_of(sweep: Sweep, folder: str = ".") -> Bridge | None:
    """Return the search of others that a sweep names; None if it uses one of ours.

    `folder`: where the functions and files it names are looked up, usually the sweep's own.
    """
    engine = sweep.scheduler.engine if sweep.scheduler else "wandb"
    if engine == "optuna":
        return partial(_engine("optuna").scheduled, str(Path(folder).resolve()))
    name = "ax" if engine == "ax" else sweep.settings.search
    return bridge(name, folder) if name == "ax" or ":" in name else None


def bridge(name: str, folder: str = ".") -> Bridge:
    """Return the search `optuna:SAMPLER`, `ax`, or `module:function`."""
    folder = str(Path(folder).resolve())
    if name == "ax":
        return partial(_engine("ax").ax, folder)
    if name.startswith("optuna:"):
        return partial(_engine("optuna").sampled, name)
    return partial(_by_function, name, folder)


def _engine(name: str) -> ModuleType:
    """Return our module for a package that may be missing."""
    try:
        return import_module(f"homerun.search.engines.{name}_bridge")
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingExtraError(f"searches of {name} need: pip install {_PACKAGES[name]}") from None


def _by_function(
    name: str,
    folder: str,
    sweep: Sweep,
    observations: Sequence[Observation],
    rng: np.random.Generator,
    n: int,
) -> list[Suggestion]:
    """Return what a function of the user proposes, checked."""
    blame = f"{sweep.source}: homerun.search: {name}"
    function = function_of_module(name, folder, blame)
    runs = [_as_dict(run, sweep) for run in observations]
    dice = random.Random(int(rng.integers(2**63)))  # noqa: S311 - repeatable, not secret
    with calling(blame, folder):
        answer = function(deepcopy(dict(sweep.spec)), runs, rng=dice, n=n)
    if not isinstance(answer, list | tuple):
        raise SpecError(
            f"{blame} returned {type(answer).__name__}; return a list of configurations, "
            "an empty one when there is nothing left to try"
        )
    space = space_of(sweep)
    seen = {space.key(run.config) for run in observations if not run.source}
    found = []
    for number, one in enumerate(answer[:n]):
        config = _checked(one, sweep, f"{blame} returned as number {number + 1}")
        key = space.key(config)
        if key in seen:
            raise SpecError(
                f"{blame} returned as number {number + 1} a configuration that the sweep has "
                f"already: {config}; leave out those in runs"
            )
        seen.add(key)
        found.append(Suggestion(config=config, by=name))
    return found


def _as_dict(run: Observation, sweep: Sweep) -> dict[str, Any]:
    """Return a run as functions of the user see it."""
    return {
        "id": run.id,
        "sweep": run.source,  # empty: the one that is searched
        "config": deepcopy(dict(run.config)),
        "state": str(run.state),
        "value": run.values.get(sweep.goals[0].name) if sweep.goals else None,
        "values": dict(run.values),
        "runtime": run.runtime_s,
    }


def _checked(answer: object, sweep: Sweep, blame: str) -> dict[str, Any]:
    """Return a configuration of the user as plain values, constants filled in."""
    if not isinstance(answer, Mapping):
        raise SpecError(f"{blame} {type(answer).__name__}; each must be a dict of parameters")
    config = plain(answer)
    found, lack = placing(sweep)(config)
    if found is None:
        wrong = lack.replace("lack ", "which lacks ").replace("have another ", "with a wrong ")
        raise SpecError(f"{blame} {config}, {wrong}; give each parameter a value it may have")
    strange = _strange(config, found)
    if strange:
        raise SpecError(f"{blame} {config}; {strange} is no parameter of the sweep")
    values = {p.name: reduce(getitem, p.path, found) for p in sweep.parameters}
    for constraint in sweep.settings.constraints:
        refusal = constraint.refusal(values)
        if refusal:
            raise SpecError(f"{blame} {config}, which homerun.constraints: exclude: {refusal}")
    return found


def _strange(config: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return the dotted name of a key that is not known; nothing if all are."""
    for key, value in config.items():
        if key not in known:
            return str(key)
        if isinstance(value, Mapping) and isinstance(known[key], Mapping):
            inner = _strange(value, known[key])
            if inner:
                return f"{key}.{inner}"
    return ""


def plain(value: Any) -> Any:
    """Return numbers of numpy as Python's own, inside lists and dictionaries too."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value
