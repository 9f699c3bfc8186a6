"""A Gaussian process over numbers and categories, fitted by marginal likelihood with priors.

Kernel: Matern 5/2 with a weight for each parameter; the distance of a category is 0 or 1 (Hamming).
Formulas: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapters 2, 4, 5.
The priors are those of optuna's GPSampler.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.optimize import minimize

from homerun.search.models.coordinates import Mask
from homerun.search.models.dimensions import Array

FITTED = 128  # rows that a kernel is fitted to
JITTER = 1e-6
MAX_STEPS = 25  # of the optimiser
TOLERANCE = 1e-2
WEIGHT_PRIOR = (0.1, 0.1)  # pulls of the weights away from 0 and from infinity
SIGNAL_PRIOR = (2.0, 1.0)  # shape and rate of a gamma distribution
NOISE_PRIOR = (1.1, 30.0)
_START = (1.0, 1.0, 0.01)  # weights, signal, noise
_BOUNDS = ((-7.0, 7.0), (-5.0, 5.0), (-14.0, 1.0))  # logarithms of the same


class FitError(ArithmeticError):
    """The numbers do not make a Gaussian process."""


@dataclass(frozen=True)
class Kernel:
    """The fitted parameters of a Gaussian process."""

    weights: Array  # (parameters,) of squared distances
    signal: float  # variance
    noise: float  # variance of a single run
    is_category: Mask

    def __call__(self, one: Array, other: Array) -> Array:
        """Return the covariance of the values at two sets of points."""
        numbers = ~self.is_category
        scale = np.sqrt(self.weights[numbers])
        a, b = one[:, numbers] * scale, other[:, numbers] * scale
        squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T)
        for column in np.flatnonzero(self.is_category):
            squares += self.weights[column] * (one[:, column, None] != other[:, column])
        return _matern(np.maximum(squares, 0), self.signal)[0]


@dataclass(frozen=True)
class Process:
    """A Gaussian process given outcomes."""

    kernel: Kernel
    points: Array
    factor: Array  # Cholesky factor of the covariance of the outcomes, lower
    alpha: Array

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation at points, without the noise of a run."""
        cross = self.kernel(self.points, points)
        half, trouble = lapack.dtrtrs(self.factor, cross, lower=1)
        if trouble:
            raise FitError("singular covariance")
        variance = self.kernel.signal - np.einsum("ij,ij->j", half, half)
        return cross.T @ self.alpha, np.sqrt(np.maximum(variance, 1e-12))


def fit(points: Array, y: Array, counts: Array, is_category: Mask) -> Kernel:
    """Return the kernel that explains the outcomes best; at most FITTED of them are looked at."""
    chosen = representative(y)
    points, y, counts = points[chosen], y[chosen], counts[chosen]
    squares = distances(points, is_category)
    d = points.shape[1]
    start = np.log([_START[0]] * d + list(_START[1:]))
    bounds = [_BOUNDS[0]] * d + list(_BOUNDS[1:])
    found = minimize(
        _loss,
        start,
        args=(squares, y, counts),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": MAX_STEPS, "gtol": TOLERANCE},
    )
    if not np.isfinite(found.fun):
        raise FitError("the likelihood is not finite")
    *weights, signal, noise = np.exp(found.x)
    return Kernel(np.array(weights), float(signal), float(noise), is_category)


def condition(kernel: Kernel, points: Array, y: Array, counts: Array) -> Process:
    """Return the process given outcomes."""
    covariance = kernel(points, points)
    covariance[np.diag_indices_from(covariance)] += kernel.noise / counts + JITTER
    factor, trouble = lapack.dpotrf(covariance, lower=1, overwrite_a=1)
    if trouble:
        raise FitError("the covariance is not positive definite")
    alpha, _ = lapack.dpotrs(factor, y, lower=1)
    if not np.isfinite(alpha).all():
        raise FitError("the weights of the outcomes are not finite")
    return Process(kernel, points, factor, alpha)


def distances(points: Array, is_category: Mask) -> Array:
    """Return the squared distances along each parameter, (parameters, n * n)."""
    columns = []
    for column, is_level in zip(points.T, is_category, strict=True):
        gap = column[:, None] - column
        columns.append((gap != 0).astype(float) if is_level else gap * gap)
    return np.array(columns).reshape(points.shape[1], len(points) ** 2)


def likelihood(t: Array, squares: Array, y: Array, counts: Array) -> tuple[float, Array]:
    """Return the log likelihood times the priors, and its gradient.

    `t`: logarithms of the weights, the signal and the noise.
    """
    n, weights = len(y), np.exp(t[:-2])
    signal, noise = np.exp(t[-2:])
    kernel, slope = _matern((weights @ squares).reshape(n, n), float(signal))
    covariance = kernel.copy()
    covariance[np.diag_indices(n)] += noise / counts + JITTER
    factor, trouble = lapack.dpotrf(covariance, lower=1, overwrite_a=1)
    if trouble:
        raise FitError("the covariance is not positive definite")
    alpha, _ = lapack.dpotrs(factor, y, lower=1)
    inverse, _ = lapack.dpotri(factor, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    value = -y @ alpha / 2 - np.log(np.diag(factor)).sum() - n / 2 * np.log(2 * np.pi)
    a = np.outer(alpha, alpha) - inverse
    (low, high), (shape, rate) = WEIGHT_PRIOR, SIGNAL_PRIOR
    noise_shape, noise_rate = NOISE_PRIOR
    value += -(low / weights + high * weights).sum() + (shape - 1) * t[-2] - rate * signal
    value += (noise_shape - 1) * t[-1] - noise_rate * noise
    gradient = np.empty_like(t)
    gradient[:-2] = weights / 2 * (squares @ (a * slope).ravel()) + low / weights - high * weights
    gradient[-2] = (a * kernel).sum() / 2 + shape - 1 - rate * signal
    gradient[-1] = noise / 2 * (np.diag(a) / counts).sum() + noise_shape - 1 - noise_rate * noise
    return float(value), gradient


def _loss(t: Array, squares: Array, y: Array, counts: Array) -> tuple[float, Array]:
    try:
        value, gradient = likelihood(t, squares, y, counts)
    except FitError:
        return 1e10, np.zeros_like(t)
    return -value, -gradient


def _matern(squares: Array, signal: float) -> tuple[Array, Array]:
    """Return the kernel and its derivative by the squared distance."""
    q = np.sqrt(5 * squares)
    decay = signal * np.exp(-q)
    return decay * (1 + q + q * q / 3), -5 / 6 * decay * (1 + q)


def representative(y: Array, most: int = FITTED) -> NDArray[np.intp]:
    """Return at most so many rows: the best for half of them, and the rest taken evenly."""
    if len(y) <= most:
        return np.arange(len(y))
    order = np.argsort(y, kind="stable")
    best, rest = order[: most // 2], np.sort(order[most // 2 :])
    even = np.linspace(0, len(rest) - 1, most - most // 2).round().astype(int)
    return np.sort(np.concatenate([best, rest[even]]))
