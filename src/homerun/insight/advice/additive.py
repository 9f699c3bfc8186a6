"""A smooth model of the response: a sum of functions, one of each parameter or group of them.

A Gaussian process with one Matern 5/2 kernel for each group (Rasmussen, Williams 2006, ch. 2, 5).
It bends as the runs say, where a polynomial would have to bend as polynomials do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from homerun.insight.models import cells_of
from homerun.insight.scale import Floats
from homerun.insight.squares import PureError
from homerun.insight.table import Integers, Prepared

_MEAN = 100.0  # variance of the constant, in variances of the response
_LIMIT = 7.0  # of the logarithms of weights and variances


@dataclass(frozen=True, kw_only=True, eq=False)
class AdditiveModel:
    """What each group of parameters does to the response, with its uncertainty."""

    prepared: Prepared
    groups: tuple[tuple[int, ...], ...]  # of factors; each is a function of its own
    weights: Floats  # (factors,) how fast the response changes along each, squared
    scales: Floats  # (groups,) variance of each function, in variances of the response
    noise: float  # standard deviation of a run, as a response
    freedom: float  # cells and repeats, less what the functions take up
    codes: Integers  # (n, factors) cells that it is fitted to
    factor: Floats  # (n, n) Cholesky factor of their covariance
    alpha: Floats  # (n,)
    unit: float  # the response's standard deviation

    def costs(self, codes: Integers, base: Integers) -> tuple[Floats, Floats]:
        """Return how much worse configurations are expected to be than one, and the errors."""
        points = np.vstack([base[None], codes])
        cross = self._kernel(points, self.codes)
        solved = linalg.solve_triangular(self.factor, cross.T, lower=True)
        mean = cross @ self.alpha
        cov = self._kernel(points, points) - solved.T @ solved
        variance = np.diag(cov)[1:] + cov[0, 0] - 2 * cov[0, 1:]
        return self.unit * (mean[1:] - mean[0]), self.unit * np.sqrt(np.maximum(variance, 0.0))

    def _kernel(self, one: Integers, other: Integers) -> Floats:
        total = np.full((len(one), len(other)), _MEAN)
        for group, scale in zip(self.groups, self.scales, strict=True):
            r2 = sum(self.weights[k] * distances(self.prepared, k, one, other) for k in group)
            total += scale * _matern(np.asarray(r2))
        return total


def fit_additive(
    table: Prepared, groups: Sequence[Sequence[int]], *, rows: Integers
) -> AdditiveModel:
    """Fit the sum of one function for each group of factors; blocks get functions of their own.

    `rows`: the cells it is fitted to; the time it takes grows with their third power.
    """
    cells, _ = cells_of(table)
    own = len(table.parameters)
    parts = (*map(tuple, groups), *((k,) for k in range(own, len(table.factors))))
    codes = table.codes[rows]
    y = cells.y[rows] - cells.y[rows].mean()
    unit = float(y.std()) or 1.0
    fit = _Likelihood(
        table=table,
        groups=parts,
        codes=codes,
        y=y / unit,
        weight=cells.weight[rows],
        pure=PureError(squares=cells.pure.squares / unit**2, freedom=cells.pure.freedom),
    )
    start = np.concatenate([np.zeros(len(table.factors) + len(parts)), [np.log(0.05)]])
    found = optimize.minimize(
        fit,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_LIMIT, _LIMIT)] * (len(start) - 1) + [(-14.0, 1.0)],
        options={"maxiter": 60, "ftol": 1e-7},
    ).x
    weights, scales, v = fit.parts(found)
    kernel, _ = fit.kernels(weights, scales)
    cov = kernel + np.diag(v / fit.weight)
    factor = np.asarray(np.linalg.cholesky(cov), dtype=np.float64)
    taken = float(np.trace(linalg.cho_solve((factor, True), kernel)))
    return AdditiveModel(
        prepared=table,
        groups=parts,
        weights=weights,
        scales=scales,
        noise=unit * float(np.sqrt(v)),
        freedom=max(len(rows) - taken + cells.pure.freedom, 1.0),
        codes=codes,
        factor=factor,
        alpha=linalg.cho_solve((factor, True), fit.y),
        unit=unit,
    )


def distances(table: Prepared, at: int, one: Integers, other: Integers) -> Floats:
    """Return squared distances along a factor: of numbers on 0 .. 1, of categories 0 or 1."""
    factor = table.factors[at]
    if factor.kind == "number":
        x = (factor.coordinates + 1) / 2
        squared: Floats = (x[one[:, at]][:, None] - x[other[:, at]][None]) ** 2
        return squared
    differ: Floats = (one[:, at][:, None] != other[:, at][None]).astype(np.float64)
    return differ


def _matern(r2: Floats) -> Floats:
    q = np.sqrt(5 * r2)
    value: Floats = (1 + q + q**2 / 3) * np.exp(-q)
    return value


@dataclass(frozen=True, kw_only=True, eq=False)
class _Likelihood:
    """Minus the log posterior of log weights, log scales and log noise, with its gradient."""

    table: Prepared
    groups: tuple[tuple[int, ...], ...]
    codes: Integers
    y: Floats
    weight: Floats
    pure: PureError

    def __post_init__(self) -> None:
        delta = [
            distances(self.table, k, self.codes, self.codes) for k in range(len(self.table.factors))
        ]
        object.__setattr__(self, "_delta", delta)

    def parts(self, values: Floats) -> tuple[Floats, Floats, float]:
        many = len(self.table.factors)
        found = np.exp(values)
        return found[:many], found[many:-1], float(found[-1])

    def kernels(self, weights: Floats, scales: Floats) -> tuple[Floats, list[Floats]]:
        """Return the kernel of all cells, and the squared distances of each group."""
        delta: list[Floats] = self._delta  # type: ignore[attr-defined]
        r2 = [np.asarray(sum(weights[k] * delta[k] for k in group)) for group in self.groups]
        total = np.full((len(self.y), len(self.y)), _MEAN)
        for scale, one in zip(scales, r2, strict=True):
            total += scale * _matern(one)
        return total, r2

    def __call__(self, values: Floats) -> tuple[float, Floats]:
        weights, scales, v = self.parts(values)
        kernel, r2 = self.kernels(weights, scales)
        noise = v / self.weight
        factor = np.linalg.cholesky(kernel + np.diag(noise + 1e-8))
        alpha = linalg.cho_solve((factor, True), self.y)
        inverse = linalg.cho_solve((factor, True), np.eye(len(self.y)))
        a = np.outer(alpha, alpha) - inverse
        repeats = self.pure.squares / v
        value = -0.5 * float(self.y @ alpha) - float(np.log(np.diag(factor)).sum())
        value -= 0.5 * (self.pure.freedom * np.log(v) + repeats)
        # Weak beliefs: smooth functions, together about as large as the differences, some noise.
        share = min(1.0, 2 / len(self.groups))
        value += float(
            (-0.1 / weights - 0.1 * weights).sum() + (share * np.log(scales) - scales).sum()
        )
        value += 0.1 * np.log(v) - 5 * v
        delta: list[Floats] = self._delta  # type: ignore[attr-defined]
        by_weight, by_scale = 0.1 / weights - 0.1 * weights, share - scales
        for g, group in enumerate(self.groups):
            q = np.sqrt(5 * r2[g])
            by_scale[g] += 0.5 * scales[g] * float((a * _matern(r2[g])).sum())
            slope = -(5 / 6) * scales[g] * (1 + q) * np.exp(-q) * a
            for k in group:
                by_weight[k] += 0.5 * weights[k] * float((slope * delta[k]).sum())
        by_noise = 0.5 * float((np.diag(a) * noise).sum()) - 0.5 * (self.pure.freedom - repeats)
        gradient = np.concatenate([by_weight, by_scale, [by_noise + 0.1 - 5 * v]])
        return -value, -gradient
