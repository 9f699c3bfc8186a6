"""How the variance of the response divides: on full grids, by a linear model, near the top."""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import special

from homerun.insight.models import EffectsModel
from homerun.insight.pairs import Cells
from homerun.insight.scale import Floats
from homerun.insight.squares import PureError, f_tail, noise, quadratic
from homerun.insight.table import Integers, Parameter

_FEW = 12  # levels of a number up to which each counts the same
_DRAWS = 200
_REGION = 20  # cells that the better part must have
_REPEATS = 5  # degrees of freedom at which repeats alone are the noise


@dataclass(frozen=True, kw_only=True, eq=False)
class Shares:
    """How much of the variance each parameter has by itself; arrays are (parameters,)."""

    share: Floats
    low: Floats  # 95 % interval
    high: Floats
    is_noise: npt.NDArray[np.bool_]  # it explains no more than noise would
    explained: float  # R2 for runs that were not fitted; NaN: unknown
    method: str  # grid, model or forest
    partial: Floats | None = None  # partial omega squared, on a full grid


def weights_of(parameter: Parameter) -> Floats:
    """Return how much of the space each level stands for; sums to 1.

    A search crowds where it likes it: of a number with many levels, each stands for the range
    around it. Else all count the same.
    """
    levels = len(parameter.levels)
    if parameter.kind == "category" or levels <= _FEW:
        return np.full(levels, 1 / levels)
    at = parameter.coordinates
    edges = np.concatenate([[-1.0], (at[1:] + at[:-1]) / 2, [1.0]])
    widths: Floats = np.diff(edges) / 2
    return widths


def is_full_grid(sizes: list[int], cells: int) -> bool:
    """Tell whether every combination of the levels is there, so that no effect hides another."""
    return len(sizes) > 1 and cells == math.prod(sizes)


def of_grid(cells: Cells, sizes: list[int]) -> Shares:
    """Return the shares on a full grid: omega squared of an analysis of variance.

    Without repeats, what pairs of parameters leave is the noise (or, of two, the pair).
    """
    n, axes = len(cells.y), range(len(sizes))
    table = cells.y[np.lexsort(cells.codes.T[::-1])].reshape(sizes)
    table = table - table.mean()
    means = [table.mean(axis=tuple(k for k in axes if k != j)) for j in axes]
    squares = np.array([n / sizes[j] * float(means[j] @ means[j]) for j in axes])
    freedom = np.array([size - 1 for size in sizes])
    total = float((table**2).sum())
    rest, left = total - squares.sum(), n - 1 - int(freedom.sum())
    pure = PureError(
        squares=cells.pure.squares * float((1 / cells.weight).mean()), freedom=cells.pure.freedom
    )
    if left > sum(int(freedom[a] * freedom[b]) for a, b in combinations(axes, 2)):
        for a, b in combinations(axes, 2):
            both = table.mean(axis=tuple(k for k in axes if k not in (a, b)))
            rest -= n / both.size * float((both**2).sum()) - squares[a] - squares[b]
            left -= int(freedom[a] * freedom[b])
    if pure.freedom >= _REPEATS:
        variance, of_noise = pure.squares / pure.freedom, pure.freedom
    else:
        variance, of_noise = noise(max(rest, 0.0), left, pure)
    if not variance > 0 or of_noise < 1:
        variance, of_noise = 1e-12 * total / n, max(of_noise, 1)
    ratio = squares / freedom / variance
    # The noncentrality of F, and its standard error by the delta method.
    excess = np.maximum(freedom * (ratio - 1), 0.0)
    error = 1.96 * np.sqrt(2 * (freedom + 2 * excess) + 2 * excess**2 / of_noise)
    low, high = (np.maximum(excess + side * error, 0.0) * variance for side in (-1, 1))
    real = excess * variance
    others = total - squares + (1 + freedom) * variance
    p = np.array([f_tail(r, k, of_noise) for r, k in zip(ratio, freedom, strict=True)])
    return Shares(
        share=np.clip(real / (total + variance), 0.0, 1.0),
        low=low / (low + others),
        high=high / (high + others),
        is_noise=p * len(p) >= 0.05,
        explained=1 - variance * (n - 1) / total,
        method="grid",
        partial=np.clip(real / (squares + (n - freedom) * variance), 0.0, 1.0),
    )


def of_model(model: EffectsModel) -> Shares:
    """Return the shares by a linear model, over all combinations of the levels.

    What the noise of the coefficients adds to a variance is taken off; intervals by drawing
    coefficients.
    """
    weights = [weights_of(parameter) for parameter in model.prepared.parameters]
    reads = [_marginal(model, j, weights) for j in range(len(weights))]
    forms = [_form(read, weight) for read, weight in zip(reads, weights, strict=True)]
    whole = sum(forms) + _products_form(model, weights)
    rng = np.random.default_rng(0)
    values, vectors = np.linalg.eigh(model.cov)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    errors = rng.normal(size=(_DRAWS, len(model.beta))) @ root.T
    drawn = model.beta + errors
    total = max(_of(whole, model.beta) - float(np.sum(whole * model.cov)), 1e-300)
    real = np.array([_of(form, model.beta) - float(np.sum(form * model.cov)) for form in forms])
    real = np.maximum(real, 0.0) / total
    totals = quadratic(drawn, whole)
    spread = np.array([(quadratic(drawn, form) / totals).std() for form in forms])
    p = np.array([_p_value(model, read - read.mean(axis=0)) for read in reads])
    share = np.minimum(real, 1.0)
    return Shares(
        share=share,
        low=np.maximum(share - 1.96 * spread, 0.0),
        high=np.minimum(share + 1.96 * spread, 1.0),
        is_noise=p * len(p) >= 0.05,
        explained=model.held_out,
        method="model",
    )


def _p_value(model: EffectsModel, read: Floats) -> float:
    """Return the p of a Wald test that all that is read is 0."""
    live = np.flatnonzero(np.abs(read).max(axis=0) > 1e-12)
    if not len(live) or model.freedom < 1:
        return 1.0
    short = np.asarray(np.linalg.qr(read[:, live], mode="r"))  # no more rows than columns
    values, vectors = np.linalg.eigh(short @ model.cov[np.ix_(live, live)] @ short.T)
    keep = values > 1e-9 * values[-1]
    if values[-1] <= 0:
        return 1.0
    along = vectors[:, keep].T @ (short @ model.beta[live])
    rank = int(keep.sum())
    return f_tail(float(along @ (along / values[keep])) / rank, rank, model.freedom)


def _marginal(model: EffectsModel, j: int, weights: list[Floats]) -> Floats:
    """Return how the mean response at each level of a parameter reads from the coefficients."""
    axes = model.axes
    levels = len(weights[j])
    parts = [np.ones((levels, 1))]
    for k, axis in enumerate(axes):
        parts.append(axis.main if k == j else _mean(axis.main, weights[k], levels))
    for term in model.terms:
        first, second = (
            axes[k].part(term.order)
            if k == j
            else _mean(axes[k].part(term.order), weights[k], levels)
            for k in term.pair
        )
        parts.append((first[:, :, None] * second[:, None, :]).reshape(levels, -1))
    return np.column_stack(parts)


def _mean(columns: Floats, weight: Floats, times: int) -> Floats:
    return np.tile(weight @ columns, (times, 1))


def _form(read: Floats, weight: Floats) -> Floats:
    """Return the quadratic form that gives the variance of what is read."""
    away = read - weight @ read
    live = np.flatnonzero(np.abs(away).max(axis=0) > 1e-12)  # the columns of one parameter
    form = np.zeros((read.shape[1], read.shape[1]))
    form[np.ix_(live, live)] = away[:, live].T @ (away[:, live] * weight[:, None])
    return form


def _of(form: Floats, beta: Floats) -> float:
    return float(beta @ form @ beta)


def _products_form(model: EffectsModel, weights: list[Floats]) -> Floats:
    """Return the form of the variance that only the pairs together have."""
    form = np.zeros((len(model.beta), len(model.beta)))
    start = 1 + sum(axis.main.shape[1] for axis in model.axes)
    for term in model.terms:
        first, second = (_form(model.axes[k].part(term.order), weights[k]) for k in term.pair)
        both = np.kron(first, second)
        stop = start + len(both)
        form[start:stop, start:stop] = both
        start = stop
    return form


def near_top(
    parameters: tuple[Parameter, ...], codes: Integers, y: Floats, *, best: float, within: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return share, low, high and p by parameter of what sets the `best` apart `within` the better.

    PED-ANOVA (Watanabe, Bansal, Hutter 2023): the Pearson divergence of the best cells (a share of
    all, such as .1) from those within the better part (.5), one parameter at a time; less what
    chance alone gives. Intervals by the bootstrap over cells. NaN of too few cells.
    """
    n = len(y)
    order = np.argsort(y, kind="stable")
    region = order[: int(np.ceil(within * n))]
    if len(region) < _REGION:
        gaps = np.full(len(parameters), np.nan)
        return gaps, gaps, gaps, gaps
    top = np.zeros(len(region), dtype=bool)
    top[: max(int(np.ceil(best * n)), min(8, len(region) // 3))] = True
    places = [
        _bins(parameter, codes[region, j], int(top.sum())) for j, parameter in enumerate(parameters)
    ]
    rng = np.random.default_rng(0)
    ones = np.ones((1, len(region)))
    drawn = rng.multinomial(len(region), ones[0] / len(region), size=_DRAWS).astype(float)
    found = [_divergence(place, top, ones) for place in places]
    again = np.array([_divergence(place, top, drawn)[0] for place in places])
    chance = np.array([chance for _, chance, _ in found])
    real = np.maximum(np.array([value[0] for value, _, _ in found]) - chance, 0.0)
    total = float(real.sum()) or 1.0
    # A resample adds chance of its own to that of the sample.
    draws = np.maximum(again - 2 * chance[:, None], 0.0)
    spread = (draws / np.maximum(draws.sum(axis=0), 1e-300)).std(axis=1)
    share = real / total
    p = np.array([p for _, _, p in found])
    return share, np.maximum(share - 1.96 * spread, 0), np.minimum(share + 1.96 * spread, 1), p


def _bins(parameter: Parameter, codes: Integers, top: int) -> Integers:
    """Return the bin of each cell: a level, or one of a few with as many cells each."""
    most = int(np.clip(np.sqrt(top), 2, 5))
    if parameter.kind == "category" or len(np.unique(codes)) <= most + 2:
        return np.unique(codes, return_inverse=True)[1].astype(np.intp)
    edges = np.quantile(codes, np.linspace(0, 1, most + 1)[1:-1])
    bins = np.searchsorted(edges, codes, side="right")
    return np.unique(bins, return_inverse=True)[1].astype(np.intp)


def _divergence(place: Integers, top: Floats, drawn: Floats) -> tuple[Floats, float, float]:
    """Return the Pearson divergence for weights (draws, cells), what chance gives, and p."""
    bins = np.eye(int(place.max()) + 1)[place]
    everyone, best = drawn @ bins, drawn @ (bins * top[:, None])
    q = everyone / everyone.sum(axis=1, keepdims=True)
    p = best / np.maximum(best.sum(axis=1, keepdims=True), 1.0)
    value = np.where(q > 0, (p - q) ** 2 / np.where(q > 0, q, 1.0), 0.0).sum(axis=1)
    n, m, freedom = len(place), int(top.sum()), bins.shape[1] - 1
    if freedom == 0 or n <= m + 1:
        return value, 0.0, 1.0
    factor = m * (n - 1) / (n - m)
    return value, freedom / factor, float(special.chdtrc(freedom, float(value[0]) * factor))
