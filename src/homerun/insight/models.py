"""A linear model of the response: parameters by themselves and the pairs that interact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from homerun.insight.pairs import Cells, Ladder, PairTest, kept, others, select
from homerun.insight.scale import Floats
from homerun.insight.squares import (
    PureError,
    block_of,
    hc3,
    is_uneven,
    noise,
    quadratic,
)
from homerun.insight.table import Integers, Prepared
from homerun.insight.terms import Axis, Term, axes_of, main_columns

_NUMBERS = 3_000_000  # in the columns of all pairs; of more cells, as many as give these are drawn


@dataclass(frozen=True, kw_only=True, eq=False)
class EffectsModel:
    """What the parameters do to the response, on the scale of `prepared`."""

    prepared: Prepared
    axes: tuple[Axis, ...]
    terms: tuple[Term, ...]  # the products of pairs that interact
    pairs: tuple[PairTest, ...]  # every pair of factors; blocks are paired with parameters only
    beta: Floats  # (columns,), the constant first
    cov: Floats  # (columns, columns)
    estimable: Floats  # (columns, columns) projection on what the runs can tell
    noise: float  # standard deviation of a run; NaN: unknown
    freedom: int  # degrees of freedom of the noise
    explained: float  # share of the variance of the cells (adjusted R2); NaN: unknown
    held_out: float  # the same for cells that are left out of the fit, one at a time; NaN: unknown
    is_uneven: bool  # noise differs between settings: the covariance is HC3's
    clipped: int  # runs so bad that they count as the worst of the others
    notes: tuple[str, ...]

    def design(self, codes: Integers) -> Floats:
        """Return the columns of configurations, given as levels (n, factors)."""
        products = [term.columns(self.axes, codes) for term in self.terms]
        return np.column_stack([np.ones(len(codes)), main_columns(self.axes, codes), *products])

    def difference(self, read: Floats) -> tuple[float, float]:
        """Return a combination of coefficients (a difference of designs) and its standard error.

        The error is infinite where the runs leave it open.
        """
        is_open = np.abs(read @ self.estimable - read).max() > 1e-6 or self.freedom < 1
        error = np.inf if is_open else np.sqrt(max(float(read @ self.cov @ read), 0.0))
        return float(read @ self.beta), float(error)

    def design_of(self, levels: Mapping[int, int], *, most: int = 200) -> Floats:
        """Return the columns with some factors set to a level, all else as in the table (k,).

        `levels`: level by factor. It is the mean over the cells, `most` of them, spread evenly.
        """
        n = len(self.prepared.codes)
        codes = self.prepared.codes[np.unique(np.linspace(0, n - 1, min(n, most)).astype(int))]
        codes[:, list(levels)] = list(levels.values())
        mean: Floats = self.design(codes).mean(axis=0)
        return mean


def fit_effects(
    prepared: Prepared, *, alpha: float = 0.05, interactions: bool = True
) -> EffectsModel:
    """Fit the responses: numbers bend, categories are free, pairs come in by forward selection.

    A run far worse than the rest (above the third quartile by three times the quartiles' distance)
    counts as that bad and no worse. At most `alpha` of the analyses find a pair that is not there.
    """
    axes = axes_of(prepared)
    cells, clipped = cells_of(prepared)
    rank = 1 + sum(axis.main.shape[1] for axis in axes)
    wanted = _pairs_of(prepared) if interactions else []
    terms: tuple[Term, ...] = ()
    tests: list[PairTest] = []
    notes: list[str] = []
    if clipped:
        notes.append(
            f"{clipped} of {len(prepared.run_y)} runs lie far above the rest and count as the"
            " worst of the others"
        )
    if wanted:
        sample = _sample(cells, axes, wanted)
        if len(sample.y) < len(cells.y):
            notes.append(
                f"the pairs were looked for in {len(sample.y):,} configurations drawn from"
                f" {len(cells.y):,}"
            )
        found, ladder = select(axes, sample, wanted, alpha=alpha)
        terms, tests = kept(axes, sample, wanted, found, rivals=ladder.terms, alpha=alpha)
        if terms != found:
            ladder = Ladder(axes, sample, ladder.terms, given=terms)
        tests += others(axes, ladder, terms, wanted, alpha=alpha)
        tests.sort(key=lambda test: test.pair)  # as they are wanted
    if len(cells.y) - rank < 3 and not cells.pure.freedom:
        notes.append(
            f"{len(cells.y)} configurations are too few for {len(axes)} parameters: at least"
            f" {rank + 3} are needed, better {3 * rank}"
        )
    return _fitted(prepared, axes, terms, tests, cells, clipped=clipped, notes=notes)


def cells_of(prepared: Prepared) -> tuple[Cells, int]:
    """Return the cells with the worst runs clipped, weighted by their runs, and how many were."""
    y, clipped = clip(prepared.run_y)
    at, count = prepared.run_cell, prepared.count.astype(float)
    mean = np.bincount(at, weights=y, minlength=len(count)) / count
    if prepared.noise[0] is None:
        count = np.ones_like(count)
        pure = PureError()
    else:
        within = y - mean[at]
        pure = PureError(squares=float(within @ within), freedom=prepared.noise[1])
    return Cells(codes=prepared.codes, y=mean, weight=count, pure=pure), clipped


def clip(y: Floats) -> tuple[Floats, int]:
    """Return responses without those far worse than the rest, and how many were clipped."""
    low, high = np.quantile(y, [0.25, 0.75])
    limit = high + 3 * (high - low)
    worse = y > limit
    if high == low or not worse.any():
        return y, 0
    return np.minimum(y, limit), int(worse.sum())


def _pairs_of(prepared: Prepared) -> list[tuple[int, int]]:
    own = len(prepared.parameters)
    return [pair for pair in combinations(range(len(prepared.factors)), 2) if pair[0] < own]


def _sample(cells: Cells, axes: Sequence[Axis], pairs: Sequence[tuple[int, int]]) -> Cells:
    width = sum(axes[a].curved.shape[1] * axes[b].curved.shape[1] for a, b in pairs)
    most = max(_NUMBERS // max(width, 1), 500)
    if len(cells.y) <= most:
        return cells
    return cells.take(np.random.default_rng(0).permutation(len(cells.y))[:most])


def _fitted(
    prepared: Prepared,
    axes: tuple[Axis, ...],
    terms: tuple[Term, ...],
    tests: Sequence[PairTest],
    cells: Cells,
    *,
    clipped: int,
    notes: Sequence[str],
) -> EffectsModel:
    main = main_columns(axes, cells.codes)
    products = [term.columns(axes, cells.codes) for term in terms]
    root = np.sqrt(cells.weight)
    columns = np.column_stack([np.ones(len(main)), main, *products]) * root[:, None]
    y = cells.y * root
    block = block_of(columns, y, np.einsum("ij,ij->j", columns, columns))
    residual = y - columns @ block.beta
    rss, left = float(residual @ residual), len(y) - block.rank
    variance, freedom = noise(rss, left, cells.pure)
    uneven = left >= 3 and is_uneven(residual, main)
    cov = block.cov * variance
    leverage = quadratic(columns, block.cov)
    if uneven:
        cov = hc3(columns, block.cov, residual, leverage)
    centred = y - root * np.average(cells.y, weights=cells.weight)
    total = float(centred @ centred) / max(len(y) - 1, 1)
    left_out = residual / np.maximum(1 - leverage, 0.02)
    return EffectsModel(
        prepared=prepared,
        axes=axes,
        terms=terms,
        pairs=tuple(tests),
        beta=block.beta,
        cov=cov,
        estimable=block.estimable,
        noise=float(np.sqrt(variance)),
        freedom=freedom,
        explained=1 - rss / left / total if left > 0 and total > 0 else np.nan,
        held_out=1 - float(left_out @ left_out) / (len(y) - 1) / total
        if left > 0 and total > 0
        else np.nan,
        is_uneven=uneven,
        clipped=clipped,
        notes=tuple(notes),
    )
