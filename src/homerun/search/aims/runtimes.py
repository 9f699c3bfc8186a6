"""How long configurations take, and what that makes them worth within a budget of time.

Lee, Perrone, Archambeau and Seeger, Cost-aware Bayesian Optimization, arXiv 2003.10870, 2020: the
expected improvement is divided by the time to a power that goes from 1 to 0 with the budget.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from homerun.search.aims.budget import is_timed, left_s
from homerun.search.models import gaussian
from homerun.search.models.coordinates import Space
from homerun.search.models.dimensions import Array
from homerun.search.observations import Observation

_FEWEST = 4  # finished runs that a model is fitted to
_LEAST_SPREAD = 0.05  # of logarithms of seconds: no program is steadier


@dataclass(frozen=True)
class Runtimes:
    """A model of the logarithm of the seconds a run takes."""

    process: gaussian.Process | None  # of standardised logarithms; None: all take about as long
    center: float
    scale: float

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the logarithm of the seconds of a single run."""
        if self.process is None:
            return np.full(len(points), self.center), np.full(len(points), self.scale)
        mean, spread = self.process.predict(points)
        spread = np.sqrt(spread**2 + self.process.kernel.noise)
        return self.center + self.scale * mean, np.maximum(self.scale * spread, _LEAST_SPREAD)


@dataclass(frozen=True)
class Budget:
    """What is left of a budget, and how to spend it."""

    left_s: float
    share: float  # of the budget that is left
    runtimes: Runtimes

    def log_worth(self, points: Array) -> Array:
        """Return what to add to the log expected improvement; -inf: will hardly end in time."""
        mean, spread = self.runtimes.predict(points)
        if self.left_s <= 0:
            return np.full(len(points), -np.inf)
        room = math.log(self.left_s) - mean
        worth = log_ndtr(room / spread) - self.share * mean
        return np.asarray(np.where(room > 0, worth, -np.inf), float)


def runtimes_of(space: Space, observations: Sequence[Observation]) -> Runtimes | None:
    """Return a model of how long finished runs took; None if there are none."""
    points, seconds = [], []
    for run in observations:
        point = space.encode(run.config) if is_timed(run) else None
        if point is not None and run.runtime_s:
            points.append(point)
            seconds.append(run.runtime_s)
    if not points:
        return None
    logs = np.log(seconds)
    center, scale = float(logs.mean()), float(logs.std())
    if len(logs) < _FEWEST or scale < _LEAST_SPREAD:
        return Runtimes(None, center, max(scale, _LEAST_SPREAD))
    x, y, counts = np.array(points), (logs - center) / scale, np.ones(len(logs))
    try:
        kernel = gaussian.fit(x, y, counts, space.is_category)
        process = gaussian.condition(kernel, x, y, counts)
    except gaussian.FitError:
        return Runtimes(None, center, scale)
    return Runtimes(process, center, scale)


def budget_of(space: Space, observations: Sequence[Observation]) -> Budget | None:
    """Return what is left of the budget of a sweep; None if it has none, or no run has finished."""
    budget_s = space.sweep.settings.budget_s
    runtimes = runtimes_of(space, observations) if budget_s is not None else None
    if budget_s is None or runtimes is None:
        return None

    def expected_s(run: Observation) -> float:
        point = space.encode(run.config)
        return 0.0 if point is None else math.exp(runtimes.predict(point[None])[0][0])

    left = left_s(budget_s, observations, expected_s)
    return Budget(left, min(max(left / budget_s, 0.0), 1.0), runtimes)
