"""How sure it is which configuration is best: from means and covariances, nothing else.

Smaller is better throughout. Loads numpy: only for whoever has a model.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from homerun.search.best.recommendation import MOST_REPEATS

TIED = 0.05  # chance to be better than the best, above which a configuration is not told apart
_TELLING = 1.645 + 0.842  # standard errors: found at the 5 % level with a power of 80 %
_DRAWS = 2_000
_CONTENDERS = 300  # with the lowest means; what is behind so many has no chance

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Beliefs:
    """What is held of the true means of n configurations, and of the noise of single runs."""

    mean: Array  # (n,)
    covariance: Array  # (n, n)
    noise: float  # variance of a single run around its mean

    @property
    def best(self) -> int:
        """Return the index of the lowest mean."""
        return int(np.argmin(self.mean))

    def sd(self) -> Array:
        """Return the standard deviations of the true means."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def draw(self, n: int) -> Array:
        """Return n joint draws of the true means, one a row; the same ones every time."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        normal = np.random.default_rng(0).standard_normal((n, len(self.mean)))
        return np.asarray(self.mean + normal @ root.T)


def chances(beliefs: Beliefs) -> Array:
    """Return the probability of each configuration to be the best, by joint draws."""
    order = np.argsort(beliefs.mean, kind="stable")[:_CONTENDERS]
    some = replace(
        beliefs,
        mean=beliefs.mean[order],
        covariance=beliefs.covariance[np.ix_(order, order)],
    )
    drawn = some.draw(_DRAWS)
    result = np.zeros(len(beliefs.mean))
    is_lowest = drawn <= drawn.min(axis=1, keepdims=True)  # of exact ties each gets its share
    result[order] = (is_lowest / is_lowest.sum(axis=1, keepdims=True)).mean(axis=0)
    return result


def differences(beliefs: Beliefs) -> tuple[Array, Array]:
    """Return how far each configuration is behind the best, and the variance of that."""
    best, variance = beliefs.best, np.diag(beliefs.covariance)
    spread = variance + variance[best] - 2 * beliefs.covariance[best]
    return beliefs.mean - beliefs.mean[best], np.maximum(spread, 0.0)


def ties(beliefs: Beliefs) -> NDArray[np.bool_]:
    """Return which configurations are better than the best with a probability above 5 %."""
    behind, variance = differences(beliefs)
    with np.errstate(divide="ignore", invalid="ignore"):
        better = np.where(variance > 0, ndtr(-behind / np.sqrt(variance)), behind <= 0)
    tied: NDArray[np.bool_] = better > TIED
    tied[beliefs.best] = False
    return tied


def repeats_to_tell(behind: float, variance: float, noise: float) -> int | None:
    """Return how many further runs of each of two configurations would tell them apart.

    One-sided test at 5 % with a power of 80 %, what is known already counted; None: over 20, or
    no number would do.
    """
    if behind <= 0 or variance <= 0:
        return None
    wanted = (_TELLING / behind) ** 2  # precision of the difference, 1 / variance
    runs = int(np.ceil(min(2 * noise * (wanted - 1 / variance), 1e6)))
    return max(runs, 1) if runs <= MOST_REPEATS else None
