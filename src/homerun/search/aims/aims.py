"""What a sweep goes for: its goal or goals, within its budget of time and the memory there is."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from homerun.core import RunState
from homerun.search.aims.budget import is_spent
from homerun.search.aims.goals import weighted_aim
from homerun.search.aims.memory import Memory, learn
from homerun.search.aims.runtimes import budget_of
from homerun.search.models.coordinates import Space
from homerun.search.models.dimensions import Array
from homerun.search.models.outcomes import Aim, aim_of
from homerun.search.observations import Observation, Suggestion
from homerun.spec import Sweep

Search = Callable[[Sweep, Sequence[Observation], np.random.Generator, int], list[Suggestion]]


def aim_for(space: Space, observations: Sequence[Observation], rng: np.random.Generator) -> Aim:
    """Return what the sweep of a space goes for next."""
    metrics = space.sweep.metrics
    aim = weighted_aim(observations, metrics, rng) if metrics else aim_of(space.sweep.metric)
    memory, budget = memory_of(space, observations), budget_of(space, observations)
    parts: list[Callable[[Array], Array]] = []
    if memory is not None:
        parts.append(memory.log_worth)
    if budget is not None:
        parts.append(budget.log_worth)
    if not parts:
        return aim
    return replace(aim, extra=lambda points: np.sum([part(points) for part in parts], axis=0))


def memory_of(space: Space, observations: Sequence[Observation]) -> Memory | None:
    """Return what runs say about memory; None if none died for lack of it."""
    if not any(run.out_of_memory for run in observations):
        return None
    points, died = [], []
    for run in observations:
        is_told = run.out_of_memory or run.is_censored or run.state is RunState.FINISHED
        point = space.encode(run.config) if is_told else None
        if point is not None:
            points.append(point)
            died.append(bool(run.out_of_memory))
    if not any(died):
        return None
    return learn(np.array(points), np.array(died), space.is_category)


def one_by_one(search: Search) -> Search:
    """Return a search that looks again for each suggestion: at other goals, with less time left."""

    def look(
        sweep: Sweep, observations: Sequence[Observation], rng: np.random.Generator, n: int
    ) -> list[Suggestion]:
        known, found = list(observations), list[Suggestion]()
        while len(found) < n and not is_spent(sweep, known):
            more = search(sweep, known, rng, 1)
            if not more:
                break
            found += more
            known.append(Observation(config=more[0].config, state=RunState.PENDING))
        return found

    return look
