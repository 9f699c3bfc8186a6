"""Ax: a client is told the runs and asked; nothing is kept between two calls.

With W&B's `scheduler: {engine: ax, source, optimizer}` the client is the user's, and has parameters
and metrics by the names of the sweep.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any

import numpy as np
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from ax.exceptions.core import DataRequiredError, OptimizationComplete
from ax.exceptions.generation_strategy import AxGenerationException

from homerun.search.engines.foreign import Number, drawn, goals_of, number_of, told
from homerun.search.engines.functions import calling
from homerun.search.engines.schedulers import made_by_optimizer
from homerun.search.models.coordinates import Space, space_of
from homerun.search.observations import Observation, Suggestion
from homerun.spec import Sweep, fits, nest

_TRIES = 10  # asked again for a configuration that may run and is new
_SAME = Number("share", 0, lambda value: value, lambda value: value)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A client, and how parameters and goals are called there."""

    client: Client
    numbers: Mapping[str, Number]  # by dotted name
    names: tuple[str, ...]  # of the goals
    signs: tuple[float, ...]
    is_over: Callable[[Client], bool] = lambda _: False


def ax(
    folder: str, sweep: Sweep, observations: Sequence[Observation], rng: np.random.Generator, n: int
) -> list[Suggestion]:
    """Return what Ax proposes, by a client of its own or the one that `scheduler:` names."""
    space, is_users = space_of(sweep), bool(sweep.scheduler and sweep.scheduler.optimizer)
    blame = f"{sweep.source}: " + ("scheduler.optimizer" if is_users else "homerun.search: ax")
    with _quiet(), calling(blame, folder):
        asked = _users(sweep, space, folder, blame) if is_users else _own(sweep, space, blame, rng)
        _tell(asked, space, sweep, observations, blame)
        if is_users and observations:
            # The first one of a new client is never of its model: by default it is the center.
            for index in asked.client.get_next_trials(max_trials=1):
                asked.client.mark_trial_abandoned(trial_index=index)
        return _ask(asked, space, observations, rng, n)


def _own(sweep: Sweep, space: Space, blame: str, rng: np.random.Generator) -> _Asked:
    goals = goals_of(sweep, blame)
    seed = int(rng.integers(2**31))
    client = Client(random_seed=seed)
    numbers = {one.name: number_of(one) for one in space.dimensions}
    client.configure_experiment(
        parameters=[_config(f"x{i}", number) for i, number in enumerate(numbers.values())]
    )
    # Ax reads the objective as a formula: names of its own make no mistakes there.
    names = tuple(f"goal{i}" for i in range(len(goals)))
    client.configure_optimization(objective=", ".join(f"-{name}" for name in names))
    client.configure_generation_strategy(
        initialization_random_seed=seed, initialize_with_center=False
    )
    signs = tuple(-1.0 if one.is_maximized else 1.0 for one in goals)
    return _Asked(
        client=client,
        numbers={f"x{i}": number for i, number in enumerate(numbers.values())},
        names=names,
        signs=signs,
    )


def _users(sweep: Sweep, space: Space, folder: str, blame: str) -> _Asked:
    client, is_over = made_by_optimizer(sweep, folder, blame, Client)
    goals = goals_of(sweep, blame)
    return _Asked(
        client=client,
        numbers={one.name: _SAME for one in space.dimensions},
        names=tuple(one.name for one in goals),
        signs=(1.0,) * len(goals),
        is_over=is_over,
    )


def _config(name: str, number: Number) -> RangeParameterConfig | ChoiceParameterConfig:
    if number.kind == "share":
        return RangeParameterConfig(name=name, parameter_type="float", bounds=(0.0, 1.0))
    if number.kind == "rank":
        return RangeParameterConfig(name=name, parameter_type="int", bounds=(0, number.last))
    levels = list(range(number.last + 1))
    return ChoiceParameterConfig(name=name, values=levels, parameter_type="int", is_ordered=False)


def _tell(
    asked: _Asked, space: Space, sweep: Sweep, observations: Sequence[Observation], blame: str
) -> None:
    for one in told(goals_of(sweep, blame), observations):
        try:
            params = {
                name: number.inward(reduce(getitem, dimension.path, one.run.config))
                for (name, number), dimension in zip(
                    asked.numbers.items(), space.dimensions, strict=True
                )
            }
        except (KeyError, TypeError, ValueError):
            continue  # of a run that does not fit into the space, such as one of another sweep
        index = asked.client.attach_trial(parameters=params)
        if one.values is not None:
            signed = [sign * value for sign, value in zip(asked.signs, one.values, strict=True)]
            data = dict(zip(asked.names, signed, strict=True))
            asked.client.complete_trial(trial_index=index, raw_data=data)
        elif not one.is_open:
            asked.client.mark_trial_failed(trial_index=index)


def _ask(
    asked: _Asked,
    space: Space,
    observations: Sequence[Observation],
    rng: np.random.Generator,
    n: int,
) -> list[Suggestion]:
    seen = {space.key(run.config) for run in observations if not run.source}
    found: list[Suggestion] = []
    while len(found) < n and not asked.is_over(asked.client):
        try:
            suggestion = _next(asked, space, seen) or drawn(
                space, seen, rng, "Ax proposed nothing but what has run or is excluded"
            )
        except OptimizationComplete:
            break
        except (AxGenerationException, DataRequiredError):
            suggestion = drawn(space, seen, rng, "Ax waits for runs to end")
        if suggestion is None:
            break
        found.append(suggestion)
        seen.add(space.key(suggestion.config))
    return found


def _next(asked: _Asked, space: Space, seen: set[str | None]) -> Suggestion | None:
    """Return a configuration that is new and may run; None if Ax has none soon."""
    for _ in range(_TRIES):
        # One that is not taken stays open, so that Ax goes elsewhere.
        (params,) = asked.client.get_next_trials(max_trials=1).values()
        values: dict[tuple[str, ...], Any] = dict(space.constants)
        for (name, number), one in zip(asked.numbers.items(), space.dimensions, strict=True):
            values[one.path] = number.outward(params[name])
        config = nest((p.path, values[p.path]) for p in space.sweep.parameters)
        if space.key(config) not in seen and fits(space.sweep, config):
            return Suggestion(config=config, by="ax")
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ax from telling what it does; what goes wrong is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
