"""The searches: which configurations to run next, and why.

Each is a pure function of a sweep, what its runs tell, a random generator and a number. By default
they take turns (`portfolio`): mostly a Gaussian process, now and then a forest of trees, which has
other strengths, and a random draw, which no model can mislead.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain, islice
from typing import Any

import numpy as np

from homerun.core import SpecError
from homerun.search.aims.aims import Search, aim_for
from homerun.search.models.acquisition import acquire
from homerun.search.models.coordinates import LISTED, Space, space_of
from homerun.search.models.dimensions import Array
from homerun.search.models.gaussian import FitError, Kernel
from homerun.search.models.modelling import Model, forest_of, kernel_of, process_of
from homerun.search.models.outcomes import Aim, Outcomes, outcomes_of
from homerun.search.models.priors import aligned
from homerun.search.observations import Observation, Suggestion
from homerun.search.start import best_of_others, given, sequence, size_of_start
from homerun.search.threads import one_thread
from homerun.spec import Sweep

FOREST, RANDOM = 0.15, 0.05  # shares of the portfolio; the rest is the Gaussian process
_MODELS = ("gaussian", "forest")
_TO_90 = 1.6448536269514722  # standard deviations from the mean to the ends of its 90 % interval
_DRAWN = 50  # random points, of which the first new one is taken
_NODES = 32  # of the quadrature


def portfolio(
    sweep: Sweep, observations: Sequence[Observation], rng: np.random.Generator, n: int
) -> list[Suggestion]:
    """Return n next configurations; the Gaussian process, the forest and draws take turns."""
    return _search(sweep, observations, rng, n, _any)


def gaussian(
    sweep: Sweep, observations: Sequence[Observation], rng: np.random.Generator, n: int
) -> list[Suggestion]:
    """Return n next configurations by a Gaussian process."""
    return _search(sweep, observations, rng, n, lambda _: "gaussian")


def forest(
    sweep: Sweep, observations: Sequence[Observation], rng: np.random.Generator, n: int
) -> list[Suggestion]:
    """Return n next configurations by a forest of extremely randomised trees."""
    return _search(sweep, observations, rng, n, lambda _: "forest")


def sobol(
    sweep: Sweep, observations: Sequence[Observation], rng: np.random.Generator, n: int
) -> list[Suggestion]:
    """Return n next configurations of a sequence that fills the space evenly."""
    return _search(sweep, observations, rng, n, lambda _: "sobol")


SEARCHES: dict[str, Search] = {
    "auto": portfolio,
    "gaussian": gaussian,
    "forest": forest,
    "sobol": sobol,
}


def _any(rng: np.random.Generator) -> str:
    chance = rng.random()
    return "random" if chance < RANDOM else "forest" if chance < RANDOM + FOREST else "gaussian"


def _search(
    sweep: Sweep,
    observations: Sequence[Observation],
    rng: np.random.Generator,
    n: int,
    choose: Callable[[np.random.Generator], str],
) -> list[Suggestion]:
    space = space_of(sweep)
    aim = aim_for(space, observations, rng)
    outcomes = aligned(space, outcomes_of(space, observations, aim))
    found: list[Suggestion] = []
    with one_thread():
        steps = _Steps(space, aim, rng)
        while len(found) < n:
            suggestion = steps.next(outcomes, choose(rng))
            if suggestion is None and not outcomes.started and sweep.settings.constraints:
                raise SpecError(
                    f"{sweep.source}: homerun.constraints: these exclude every configuration that "
                    "was tried; loosen them"
                )
            if suggestion is None:
                break
            found.append(suggestion)
            outcomes = _with_pending(space, outcomes, suggestion.config)
    return found


def _with_pending(space: Space, outcomes: Outcomes, config: dict[str, Any]) -> Outcomes:
    """Return the outcomes with one more run that has none yet."""
    key, point = space.key(config), space.encode(config)
    assert key is not None
    assert point is not None
    return replace(
        outcomes,
        pending=np.concatenate([outcomes.pending, point[None]]),
        started=outcomes.started + 1,
        seen=outcomes.seen | {key},
    )


class _Steps:
    """Suggestions one by one, for which the kernel is fitted once."""

    def __init__(self, space: Space, aim: Aim, rng: np.random.Generator) -> None:
        self.space, self.aim, self.rng = space, aim, rng
        self.kernel: Kernel | None = None

    def next(self, outcomes: Outcomes, by: str) -> Suggestion | None:
        """Return one suggestion; None if the space is used up."""
        ways = chain(self._first(outcomes, by), self._modelled(outcomes, by), self._left())
        for suggestion in ways:
            is_new = self.space.key(suggestion.config) not in outcomes.seen
            if is_new and self._is_sensible(suggestion.config):
                return suggestion
        return None

    def _is_sensible(self, config: dict[str, Any]) -> bool:
        """Return whether nothing that the aim adds rules a configuration out."""
        extra = self.aim.extra
        point = self.space.encode(config) if extra is not None else None
        return extra is None or point is None or extra(point[None])[0] > -np.inf

    def _first(self, outcomes: Outcomes, by: str) -> Iterator[Suggestion]:
        """Yield what comes before any model: given configurations, good ones of other sweeps."""
        space = self.space
        for config in given(space):
            yield Suggestion(config=config, by="default", runs=outcomes.runs)
        is_modelled = outcomes.is_enough and by in _MODELS
        if is_modelled and outcomes.started >= size_of_start(space, outcomes):
            return
        for config in best_of_others(space, outcomes) if by != "sobol" else ():
            note = "among the best of other sweeps"
            yield Suggestion(config=config, by="start", note=note, runs=outcomes.runs)
        # The same sequence for as long as the sweep is the same, whatever its runs tell.
        for config in sequence(space, space.sweep.settings.seed % 2**32):
            name = "sobol" if by == "sobol" else "start"
            yield Suggestion(config=config, by=name, runs=outcomes.runs)

    def _modelled(self, outcomes: Outcomes, by: str) -> Iterator[Suggestion]:
        """Yield what a model finds most promising, the best first; else random draws."""
        if by in _MODELS and outcomes.is_enough:
            model, note = self._model(outcomes, by)
            points = acquire(
                model,
                self.space,
                best=model.best,
                near=model.near,
                rng=self.rng,
                extra=self.aim.extra,
            )
            by = by if not note else "forest"
            for point in points:
                yield self._explained(model, outcomes, point, by, note)
        for point in self._drawn():
            yield Suggestion(config=self.space.config(point), by="random", runs=outcomes.runs)

    def _drawn(self) -> Array:
        """Return random points; those first that what the aim adds makes likelier."""
        points = self.space.draw(self.rng, _DRAWN)
        extra = self.aim.extra
        if extra is None:
            return points
        return points[np.argsort(-extra(points) - self.rng.gumbel(size=len(points)))]

    def _left(self) -> Iterator[Suggestion]:
        """Yield what is left of a finite space."""
        most = None if self.aim.extra is None else LISTED  # each of them has to be judged
        for config in islice(self.space.walk(), most):
            yield Suggestion(config=config, by="random", note="among the last ones left")

    def _model(self, outcomes: Outcomes, by: str) -> tuple[Model, str]:
        """Return a model, and a note if it is not the one that was asked for."""
        note = ""
        if by == "gaussian":
            try:
                if self.kernel is None:
                    self.kernel = kernel_of(self.space, outcomes)
                return process_of(self.space, outcomes, self.kernel), ""
            except FitError as error:
                note = f"the Gaussian process could not be fitted: {error}"
        return forest_of(self.space, outcomes, int(self.rng.integers(2**31))), note

    def _explained(
        self, model: Model, outcomes: Outcomes, point: Array, by: str, note: str
    ) -> Suggestion:
        """Return a suggestion with what the model expects, in units of the metric."""
        config = self.space.config(point)
        if self.space.sweep.metrics:  # several goals together have no unit
            return Suggestion(config=config, by=by, runs=outcomes.runs, note=note or self.aim.note)
        (mean,), (spread,) = model.predict(point[None])
        warp, sign = outcomes.warp, outcomes.sign
        ends = sign * warp.inverse(np.array([mean - _TO_90 * spread, mean + _TO_90 * spread]))
        nodes, weights = _quadrature()
        best = float(warp.inverse(np.array([model.best]))[0])
        gains = np.maximum(best - warp.inverse(mean + spread * nodes), 0)
        return Suggestion(
            config=config,
            by=by,
            mean=sign * float(warp.inverse(np.array([mean]))[0]),
            low=float(ends.min()),
            high=float(ends.max()),
            best=sign * best,
            improvement=float(weights @ gains),
            runs=outcomes.runs,
            note=note,
        )


@cache
def _quadrature() -> tuple[Array, Array]:
    """Return nodes and weights for means over a standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()
