"""Where to look next: the logarithm of the expected improvement, and the point that has the most.

The formula that stays accurate far from the best: Ament et al., Unexpected Improvements to Expected
Improvement for Bayesian Optimization, arXiv 2310.20708, 2023.
"""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
from scipy.special import erfcx, ndtr

from homerun.search.models.coordinates import Space
from homerun.search.models.dimensions import Array

DRAWN = 400  # random candidates
NEAR = 20  # neighbours of each of the best
BEST = 5  # runs, and candidates, whose neighbours are looked at
ROUNDS = 6  # of local search


class Predictor(Protocol):
    """A model of the outcomes, of which smaller is better."""

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation at points."""


def log_improvement(mean: Array, spread: Array, best: float) -> Array:
    """Return the logarithm of the expected improvement on the best of normal outcomes."""
    z = (best - mean) / spread
    near = np.maximum(z, -1.0)
    density = np.exp(-near * near / 2) / math.sqrt(2 * math.pi)
    close = np.log(density + near * ndtr(near))
    far = np.minimum(z, -1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = np.log1p(far * math.sqrt(math.pi / 2) * erfcx(-far / math.sqrt(2)))
    tail = np.where(far < -100, -2 * np.log(-far), tail)
    distant = -far * far / 2 - math.log(2 * math.pi) / 2 + tail
    return np.asarray(np.where(z > -1, close, distant) + np.log(spread), float)


def acquire(
    model: Predictor,
    space: Space,
    *,
    best: float,
    near: Array,
    rng: np.random.Generator,
    extra: Callable[[Array], Array] | None = None,
) -> Array:
    """Return points to try, the most promising first, by model and what `extra` adds.

    `near`: points whose neighbours are looked at. All untried points of a small space are.
    """

    def value(points: Array) -> Array:
        mean, spread = model.predict(points)
        found = log_improvement(mean, spread, best)
        return found if extra is None else found + extra(points)

    if space.points is not None:
        # Of equally promising ones none goes first because of its name.
        points = rng.permutation(space.points)
        return _sorted(points, value(points)) if len(points) else points
    points = np.concatenate([space.draw(rng, DRAWN), space.neighbours(near, rng, NEAR)])
    points = _distinct(points)
    if not len(points):
        return points
    values = value(points)
    for _ in range(ROUNDS):
        top = np.argsort(-values, kind="stable")[:BEST]
        more = _distinct(space.neighbours(points[top], rng, NEAR))
        if not len(more):
            break
        found = value(more)
        is_better = found.max() > values.max()
        points, values = np.concatenate([points, more]), np.concatenate([values, found])
        if not is_better:
            break
    return _sorted(points, values)


def _sorted(points: Array, values: Array) -> Array:
    """Return points by their values, the highest first; those that are ruled out are left out."""
    return points[np.argsort(-values, kind="stable")[: int((values > -np.inf).sum())]]


def _distinct(points: Array) -> Array:
    return np.unique(points, axis=0)
