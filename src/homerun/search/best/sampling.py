"""Kernels as likely as the outcomes make them, in place of the one that explains them best.

The best kernel is too sure of itself: with few runs it takes noise for structure. Here the noise is
free to be large, and slice sampling (Neal, Annals of Statistics 31, 2003) draws kernels from their
posterior. Slower than a fit, so for answers and not for each suggestion.

What the kernel does not explain is partly noise, another time when the configuration is run again,
and partly structure too fine for it, which lasts. Repeats tell one from the other; without any, the
share that lasts is as likely as its prior says.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.special import betaincinv

from homerun.search.models.dimensions import Array
from homerun.search.models.gaussian import (
    JITTER,
    SIGNAL_PRIOR,
    WEIGHT_PRIOR,
    Kernel,
    distances,
)

KERNELS = 12
_BURNED = 6  # rounds before the first kernel is kept
_ROWS = 96  # that kernels are to explain
_STEP = 1.5  # width of the first slice, in logarithms
_NOISE = (-1.2, 1.5)  # mean and standard deviation of the logarithm of the noise variance
_LASTING = (0.5, 6.0)  # of the beta distribution of the share of it that lasts
_LEAST = 1e-3  # share that lasts, and share that does not


class Drawn(NamedTuple):
    """A kernel, and what the noise in it is like."""

    kernel: Kernel
    following: float  # how far noise follows the slopes: 0 not at all, 1 in proportion
    lasting: float  # share of its variance that is the same when a configuration is run again


class Rows(NamedTuple):
    """What kernels are to explain: one row for each configuration."""

    points: Array  # (n, parameters)
    y: Array  # (n,) mean outcome, warped
    counts: Array  # (n,) runs behind it
    slopes: Array  # (n,) of the warp there, 1 on average
    spread: Array  # (n,) sum of squares of the runs around their mean

    def at(self, chosen: NDArray[np.intp]) -> "Rows":
        """Return some of the rows."""
        return Rows(*(column[chosen] for column in self))

    def weights(self, following: float, lasting: float) -> Array:
        """Return how many runs of average noise each row is worth."""
        return 1 / (self.slopes ** (2 * following) * (lasting + (1 - lasting) / self.counts))


def draw_kernels(rows: Rows, first: Kernel, *, n: int = KERNELS) -> list[Drawn]:
    """Return n kernels drawn from their posterior; the same arguments, the same kernels.

    `first`: one that explains the rows, to begin with.

    Noise that is the same everywhere in units of the metric is in proportion to the slopes on the
    warped scale; how far it is so is drawn, too.
    """
    some = rows.at(_even(len(rows.y)))
    squares = distances(some.points, first.is_category)
    has_repeats = bool((some.counts > 1).any())

    def density(t: Array) -> float:
        return _density(t, squares, some)

    rng = np.random.default_rng(0)
    t = np.append(np.log([*first.weights, first.signal, max(first.noise, 1e-3)]), [0.5, 0.2])
    lasting = betaincinv(*_LASTING, (np.arange(n) + 0.5) / n)  # as evenly as its prior has it
    found = []
    for number in range(-_BURNED, n):
        t = _slice(t, density, rng, len(t) if has_repeats else len(t) - 1)
        if number >= 0:
            *weights, signal, noise = np.exp(t[:-2])
            kernel = Kernel(np.array(weights), float(signal), float(noise), first.is_category)
            # Without repeats nothing but its prior tells what lasts.
            share = t[-1] if has_repeats else lasting[number]
            found.append(Drawn(kernel, float(t[-2]), float(share)))
    return found


def _even(n: int) -> NDArray[np.intp]:
    """Return rows evenly taken: the best would be the lucky ones, and hide the noise."""
    return np.unique(np.linspace(0, n - 1, min(n, _ROWS)).round().astype(np.intp))


def _slice(
    t: Array, density: Callable[[Array], float], rng: np.random.Generator, moving: int
) -> Array:
    """Return the next point: the first coordinates anew, by stepping out and shrinking."""
    t = t.copy()
    height = density(t)
    for i in range(moving):
        level = height - rng.exponential()
        low = t[i] - _STEP * rng.random()
        high = low + _STEP
        moved = t.copy()

        def at(x: float, i: int = i, moved: Array = moved) -> float:
            moved[i] = x
            return density(moved)

        while at(low) > level:
            low -= _STEP
        while at(high) > level:
            high += _STEP
        while True:
            x = low + (high - low) * rng.random()
            height = at(x)
            if height > level:
                break
            low, high = (x, high) if x < t[i] else (low, x)
        t[i] = x
    return t


def _density(t: Array, squares: Array, rows: Rows) -> float:
    """Return the log posterior of log weights, signal and noise, and of what the noise is like."""
    n, d = len(rows.y), len(t) - 4
    low = np.array([-9.0] * d + [-5.0, -14.0, 0.0, _LEAST])
    high = np.array([9.0] * d + [5.0, 3.0, 1.0, 1 - _LEAST])
    if (t > high).any() or (t < low).any():
        return -np.inf
    weights, (signal, noise), (following, lasting) = np.exp(t[:d]), np.exp(t[d : d + 2]), t[d + 2 :]
    q = np.sqrt(5 * (weights @ squares)).reshape(n, n)
    covariance = signal * np.exp(-q) * (1 + q + q * q / 3)
    covariance[np.diag_indices(n)] += noise / rows.weights(following, lasting) + JITTER
    factor, trouble = lapack.dpotrf(covariance, lower=1, overwrite_a=1)
    if trouble:
        return -np.inf
    alpha, _ = lapack.dpotrs(factor, rows.y, lower=1)
    value = -rows.y @ alpha / 2 - np.log(np.diag(factor)).sum()
    single = noise * (1 - lasting) * rows.slopes ** (2 * following)  # of runs around their mean
    value -= ((rows.counts - 1) * np.log(single) + rows.spread / single).sum() / 2
    (pull, push), (shape, rate), (center, spread) = WEIGHT_PRIOR, SIGNAL_PRIOR, _NOISE
    value += -(pull / weights + push * weights).sum() + shape * t[d] - rate * signal
    one, other = _LASTING
    value += (one - 1) * np.log(lasting) + (other - 1) * np.log(1 - lasting)
    return float(value - ((t[d + 1] - center) / spread) ** 2 / 2)
