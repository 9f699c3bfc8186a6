"""How likely a configuration runs out of memory, from those that did: a logistic regression.

Memory grows with products of sizes, and coordinates of sizes are mostly logarithms: their weighted
sum is all it takes, few deaths suffice, and what is larger still is known without trying.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from homerun.search.models.coordinates import Mask, indicators, levels_of
from homerun.search.models.dimensions import Array

_WEIGHT = 8.0  # standard deviation of the prior of a weight, over the whole range of a parameter
_OFFSET = 4.0
_AVERSION = 3.0  # a death teaches less than a run, so it has to be that much less likely
_STEPS = 50
_CLOSE = 1e-6


@dataclass(frozen=True)
class Memory:
    """A fitted regression."""

    weights: Array  # of the features; the last one is the offset
    covariance: Array
    is_category: Mask
    levels: tuple[int, ...]  # of each category

    def log_worth(self, points: Array) -> Array:
        """Return what to add to the log expected improvement."""
        return _AVERSION * self.log_fits(points)

    def log_fits(self, points: Array) -> Array:
        """Return the logarithm of the probability that there is memory enough."""
        features = _features(points, self.is_category, self.levels)
        mean = features @ self.weights
        variance = np.einsum("ij,jk,ik->i", features, self.covariance, features)
        # The mean of the probability over what the weights may be: MacKay, The Evidence Framework
        # Applied to Classification Networks, Neural Computation 4, 1992.
        return np.asarray(log_expit(-mean / np.sqrt(1 + np.pi * variance / 8)), float)


def learn(points: Array, died: Mask, is_category: Mask) -> Memory:
    """Return what runs that fitted and runs that died of memory say; (n, parameters) and (n,)."""
    levels = levels_of(points, is_category)
    features = _features(points, is_category, levels)
    precision = np.full(features.shape[1], _WEIGHT**-2)
    precision[-1] = _OFFSET**-2
    weights = np.zeros(features.shape[1])
    for _ in range(_STEPS):  # Newton's method; the prior makes it one hill
        chance = expit(features @ weights)
        slope = features.T @ (died - chance) - precision * weights
        bend = (features.T * (chance * (1 - chance))) @ features + np.diag(precision)
        step = np.linalg.solve(bend, slope)
        weights = weights + step / max(1.0, float(np.abs(step).max()) / 4)
        if np.abs(step).max() < _CLOSE:
            break
    return Memory(weights, np.linalg.inv(bend), is_category, levels)


def _features(points: Array, is_category: Mask, levels: tuple[int, ...]) -> Array:
    """Return numbers around 0, a column of 0 and 1 for each level, and a column of 1."""
    columns = indicators(points, is_category, levels)
    return np.concatenate(
        [points[:, ~is_category] - 0.5, *columns, np.ones((len(points), 1))], axis=1
    )
