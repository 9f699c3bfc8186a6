"""What searches of others are told: parameters as plain numbers, and what runs count as."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from homerun.core import ENDED, RunState, SpecError
from homerun.search.models.coordinates import Space
from homerun.search.models.dimensions import Dimension
from homerun.search.observations import Observation, Suggestion
from homerun.spec import Metric, Sweep

_DRAWN = 100


@dataclass(frozen=True)
class Number:
    """A parameter as a number: of a level without an order, of a rank, or from 0 to 1."""

    kind: Literal["level", "rank", "share"]
    last: int  # of levels and ranks, from 0
    inward: Callable[[Any], Any]  # from a value; raises ValueError for one that has no number
    outward: Callable[[Any], Any]  # to a value


def number_of(one: Dimension) -> Number:
    """Return a parameter as a number; evenly spaced values have ranks."""

    def place(value: Any) -> float:
        found = one.position(value)
        if found is None:
            raise ValueError(f"{one.name} has no level {value!r}")
        return found

    if one.levels is None or (not one.is_category and np.ptp(np.diff(one.levels)) > 1e-9):
        return Number(
            "share", 0, place, lambda u: one.value(float(one.snap(np.array([float(u)]))[0]))
        )
    last = len(one.levels) - 1
    if one.is_category:
        return Number("level", last, lambda value: int(place(value)), one.value)
    return Number(
        "rank", last, lambda value: round(place(value) * last), lambda rank: one.value(rank / last)
    )


def goals_of(sweep: Sweep, blame: str) -> Sequence[Metric]:
    """Return the goals of a sweep; `blame` begins the error if there are none."""
    if not sweep.goals:
        raise SpecError(f"{blame} needs metric: or metrics:, the values to minimize or maximize")
    return sweep.goals


@dataclass(frozen=True)
class Told:
    """What a run counts as: open, ended with a value for each goal, or ended without."""

    run: Observation
    is_open: bool
    values: list[float] | None


def told(goals: Sequence[Metric], observations: Sequence[Observation]) -> list[Told]:
    """Return what runs count as: the worst for what a failed one lacks. Preempted ones are out."""
    worst = [_worst(goal, observations) for goal in goals]
    found = []
    for run in observations:
        if run.state is RunState.PREEMPTED:  # given back, to be run again
            continue
        is_open = run.state not in ENDED
        values = None if is_open else _values(run, goals, worst)
        found.append(Told(run, is_open, values))
    return found


def _worst(goal: Metric, observations: Sequence[Observation]) -> float | None:
    """Return the worst value of a goal at finished runs of the sweep; None if there is none."""
    own = (run for run in observations if not run.source and run.state is RunState.FINISHED)
    values = [value for run in own if (value := _finite(run, goal)) is not None]
    choose = min if goal.is_maximized else max
    return choose(values) if values else None


def _values(
    run: Observation, goals: Sequence[Metric], worst: Sequence[float | None]
) -> list[float] | None:
    is_whole = run.state is RunState.FINISHED or run.is_censored
    values = []
    for goal, instead in zip(goals, worst, strict=True):
        own = _finite(run, goal) if is_whole else None
        value = instead if own is None else own
        if value is None:
            return None
        values.append(value)
    return values


def _finite(run: Observation, goal: Metric) -> float | None:
    value = run.values.get(goal.name)
    return None if value is None or not math.isfinite(value) else float(value)


def drawn(
    space: Space, seen: set[str | None], rng: np.random.Generator, note: str
) -> Suggestion | None:
    """Return a configuration that is new at random; None if there is none."""
    draws = (space.config(point) for point in space.draw(rng, _DRAWN))
    for configs in (draws, space.walk()):
        for config in configs:
            if space.key(config) not in seen:
                return Suggestion(config=config, by="random", note=note)
    return None
