"""How much worse one value of a parameter is than another: matched contexts, or an adjusted model.

A context is a setting of everything else. Differences are of responses (see `Scale`): positive
means that the first value is worse than the second.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from homerun.insight.scale import Floats
from homerun.insight.table import Integers, Parameter, Prepared

_SURE = 0.95
_FEW_CONTEXTS = 8  # up to these, the repeats tell the error where there are any
_FEW_UNITS = 5  # of a level; fewer say too little of their own spread


@dataclass(frozen=True, kw_only=True)
class Part:
    """The difference within one group of contexts."""

    code: int  # level of the grouping factor; -1: the group is a single context
    difference: float
    low: float  # of the 95 % interval; -inf where nothing tells the noise
    high: float


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """The mean difference between two levels of a parameter, with its uncertainty."""

    difference: float
    error: float  # its standard error
    freedom: float  # degrees of freedom of the error
    contexts: int  # compared pairs of configurations; of an adjusted contrast: 0
    runs: int
    cluster: int = -1  # the factor by which the difference varies most, where it does
    parts: tuple[Part, ...] = ()
    spread: float = 0.0  # of the difference between contexts, beyond noise (standard deviation)
    scatter: float = 0.0  # the same as it may be at most: without repeats, noise is part of it
    is_adjusted: bool = False

    @property
    def p(self) -> float:
        """Return the two-sided p value of no difference."""
        if not np.isfinite(self.error) or self.freedom < 1:
            return 1.0
        if self.error == 0:
            return 1.0 if self.difference == 0 else 0.0
        return float(2 * special.stdtr(self.freedom, -abs(self.difference) / self.error))

    def low(self, alpha: float, *, is_strict: bool = False) -> float:
        """Return the one-sided lower bound of the difference in a context like those compared.

        `is_strict` takes all its scatter for real where no repeats tell how much is noise.
        """
        if not np.isfinite(self.error) or self.freedom < 1:
            return -np.inf
        spread = self.scatter if is_strict else self.spread
        reach = float(special.stdtrit(self.freedom, 1 - alpha)) * self.error
        return self.difference - reach - float(special.ndtri(0.95)) * spread

    def interval(self, sure: float = _SURE) -> tuple[float, float]:
        """Return the two-sided interval of the difference."""
        if not np.isfinite(self.error) or self.freedom < 1:
            return -np.inf, np.inf
        half = float(special.stdtrit(self.freedom, (1 + sure) / 2)) * self.error
        return self.difference - half, self.difference + half


@dataclass(frozen=True, kw_only=True)
class Contexts:
    """Responses by context and level: NaN where a configuration was not run."""

    others: tuple[int, ...]  # the factors that make the contexts
    codes: Integers  # (contexts, others)
    y: Floats  # (contexts, levels)
    count: Integers  # (contexts, levels) runs


def contexts_of(table: Prepared, at: int) -> Contexts:
    """Return responses by context and level of a factor.

    Factors that it determines, or that determine it (the family of a model), make no context:
    they are averaged over.
    """
    others = tuple(k for k in range(len(table.factors)) if k != at and not is_nested(table, at, k))
    codes = table.codes[:, others]
    if others:
        distinct, row = np.unique(codes, axis=0, return_inverse=True)
        row = row.reshape(-1)
    else:
        distinct, row = np.empty((1, 0), dtype=np.intp), np.zeros(len(codes), dtype=np.intp)
    levels = len(table.factors[at].levels)
    place = row * levels + table.codes[:, at]
    size = len(distinct) * levels
    cells = np.bincount(place, minlength=size)
    with np.errstate(invalid="ignore"):
        y = np.bincount(place, weights=table.y, minlength=size) / cells
    count = np.bincount(place, weights=table.count, minlength=size).astype(np.intp)
    shape = (len(distinct), levels)
    return Contexts(others=others, codes=distinct, y=y.reshape(shape), count=count.reshape(shape))


def is_nested(table: Prepared, one: int, other: int) -> bool:
    """Tell whether one of two factors determines the other, as a model its family."""
    first, second = table.codes[:, one], table.codes[:, other]
    sizes = len(table.factors[one].levels), len(table.factors[other].levels)
    finer = one if sizes[0] > sizes[1] else other
    if table.factors[finer].kind == "number":  # drawn numbers hardly repeat: by chance, then
        return False
    pairs = len(np.unique(first * sizes[1] + second))
    return sizes[0] != sizes[1] and pairs == max(sizes)


def finer_than(table: Prepared, at: int) -> int:
    """Return the factor with the most levels of those that determine a factor; -1: none does."""
    size = len(table.factors[at].levels)
    finer = [
        (len(factor.levels), k)
        for k, factor in enumerate(table.factors)
        if k != at and len(factor.levels) > size and is_nested(table, at, k)
    ]
    return max(finer)[1] if finer else -1


def matched(table: Prepared, contexts: Contexts, a: int, b: int, *, margin: float) -> Contrast:
    """Compare two levels over the contexts that have both; `margin` is a response.

    Where the difference varies with a factor more than within its levels (F test, Bonferroni), the
    error is that of its levels' means. If then every group agrees within the margin, the groups
    are taken as they are, and the error is that within them. Few contexts that do not visibly
    differ have the error of their repeats.
    """
    both = np.isfinite(contexts.y[:, a]) & np.isfinite(contexts.y[:, b])
    d = contexts.y[both, a] - contexts.y[both, b]
    n = len(d)
    runs = int(contexts.count[both][:, [a, b]].sum())
    if not n:
        return Contrast(difference=np.nan, error=np.inf, freedom=0, contexts=0, runs=0)
    counts = contexts.count[both][:, [a, b]]
    sigma, sigma_freedom = table.noise
    known = sigma**2 * (1 / counts).sum(axis=1) if sigma is not None else None
    codes = contexts.codes[both]
    cluster, groups = _cluster(d, codes, known, sigma_freedom)
    spread = float(d.std(ddof=1)) if n > 1 else np.inf
    error, freedom = spread / np.sqrt(n), float(n - 1)
    difference = float(d.mean())
    if cluster >= 0:
        means = np.array([d[groups == g].mean() for g in np.unique(groups)])
        difference = float(means.mean())
        error, freedom = float(means.std(ddof=1)) / np.sqrt(len(means)), float(len(means) - 1)
    elif known is not None and n <= _FEW_CONTEXTS:
        groups = np.arange(n)
    else:
        groups = np.zeros(n, dtype=np.intp)
    parts, pooled, pooled_freedom = _parts(d, groups, known, sigma_freedom)
    by_repeats = known is not None and n <= _FEW_CONTEXTS and cluster < 0
    if by_repeats or (len(parts) > 1 and _agree(parts, pooled_freedom, margin)):
        difference, error, freedom = float(d.mean()), pooled, pooled_freedom
    labels = tuple(
        Part(
            code=int(code) if cluster >= 0 else -1,
            difference=mean,
            low=mean - half,
            high=mean + half,
        )
        for code, mean, half in parts
    )
    beyond = _beyond_noise(spread, known)
    return Contrast(
        difference=difference,
        error=error,
        freedom=freedom,
        contexts=n,
        runs=runs,
        cluster=contexts.others[cluster] if cluster >= 0 else -1,
        parts=labels if cluster >= 0 else (),
        spread=beyond if known is not None or cluster >= 0 else 0.0,
        scatter=beyond,
    )


def _beyond_noise(spread: float, known: Floats | None) -> float:
    """Return how much a difference varies by itself; without repeats, noise is part of it."""
    if not np.isfinite(spread):
        return 0.0
    noise = float(known.mean()) if known is not None else 0.0
    return float(np.sqrt(max(spread**2 - noise, 0.0)))


def _cluster(
    d: Floats, codes: Integers, known: Floats | None, known_freedom: int
) -> tuple[int, Integers]:
    """Return the column of codes by which differences vary most, if they do, and its groups."""
    n = len(d)
    best, best_p, tested = -1, 1.0, 0
    total = float(((d - d.mean()) ** 2).sum())
    for k in range(codes.shape[1]):
        groups, size = np.unique(codes[:, k], return_inverse=True)[1], len(np.unique(codes[:, k]))
        if size < 2:
            continue
        sums = np.bincount(groups, weights=d)
        between = float((sums**2 / np.bincount(groups)).sum()) - n * float(d.mean()) ** 2
        freedom = n - size
        within = (total - between) / freedom if freedom > 0 else 0.0
        if freedom < 3:
            if known is None:
                continue
            within, freedom = float(known.mean()), known_freedom
        tested += 1
        ratio = between / (size - 1) / within if within > 1e-24 else 0.0
        p = float(special.fdtrc(size - 1, freedom, max(ratio, 0.0)))
        if p < best_p:
            best, best_p = k, p
    if best < 0 or best_p * tested >= 0.05:
        return -1, np.zeros(n, dtype=np.intp)
    return best, codes[:, best]


def _parts(
    d: Floats, groups: Integers, known: Floats | None, known_freedom: int
) -> tuple[list[tuple[int, float, float]], float, float]:
    """Return (group, mean, half a 95 % interval) and the error of the mean of all, its freedom."""
    names, at = np.unique(groups, return_inverse=True)
    size = np.bincount(at)
    means = np.bincount(at, weights=d) / size
    freedom = len(d) - len(names)
    within = float(((d - means[at]) ** 2).sum()) / freedom if freedom > 0 else np.inf
    variance = np.full(len(d), within)
    if known is not None and freedom < 4:
        variance, freedom = known, known_freedom
    of_mean = np.bincount(at, weights=variance) / size**2
    wide = float(special.stdtrit(freedom, (1 + _SURE) / 2)) if freedom >= 1 else np.inf
    halves = wide * np.sqrt(of_mean) if freedom >= 1 else np.full(len(names), np.inf)
    parts = [
        (int(name), float(mean), float(half))
        for name, mean, half in zip(names, means, halves, strict=True)
    ]
    return parts, float(np.sqrt(variance.sum())) / len(d), float(freedom)


def _agree(parts: list[tuple[int, float, float]], freedom: float, margin: float) -> bool:
    """Tell whether no group is worse by the margin where the others are better (one-sided 95 %)."""
    if freedom < 3:
        return False
    one_sided = float(special.stdtrit(freedom, _SURE) / special.stdtrit(freedom, (1 + _SURE) / 2))
    sign = 1.0 if sum(mean for _, mean, _ in parts) >= 0 else -1.0
    return all(
        sign * mean >= 0 and sign * mean - one_sided * half > -margin for _, mean, half in parts
    )


class Adjusted:
    """Differences between levels from a linear model of the response.

    Numbers are quadratic, categories and blocks indicators. The errors are HC3's (MacKinnon, White
    1985). Where another factor determines this one (a model its family), its levels are the units.
    """

    def __init__(
        self, table: Prepared, at: int, *, interactions: Iterable[tuple[int, int]] = ()
    ) -> None:
        others = [k for k in range(len(table.factors)) if k != at and not is_nested(table, at, k)]
        blocks = [columns_of(table.factors[k], table.codes[:, k]) for k in others]
        if len(table.y) < 3 * sum(block.shape[1] for block in blocks):  # few runs: straight lines
            blocks = [columns_of(table.factors[k], table.codes[:, k], degree=1) for k in others]
        blocks.append(np.ones((len(table.y), 1)))
        levels = len(table.factors[at].levels)
        mine = np.eye(levels)[table.codes[:, at]][:, 1:]
        for one, two in interactions:
            pair = [
                mine - mine.mean(axis=0)
                if k == at
                else columns_of(table.factors[k], table.codes[:, k])
                for k in (one, two)
            ]
            blocks.append((pair[0][:, :, None] * pair[1][:, None, :]).reshape(len(table.y), -1))
        rest = np.column_stack(blocks)
        q = _basis(rest)
        # What the level adds beyond everything else (Frisch, Waugh, Lovell).
        own = mine - q @ (q.T @ mine)
        values, vectors = np.linalg.eigh(own.T @ own)
        keep = values > 1e-6 * len(own)
        self.estimable = vectors[:, keep] @ vectors[:, keep].T
        inverse = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
        self.beta = inverse @ (own.T @ table.y)
        residual = table.y - q @ (q.T @ table.y) - own @ self.beta
        leverage = np.einsum("ij,ij->i", q, q) + np.einsum("ij,ij->i", own @ inverse, own)
        scaled = (own * (residual / np.maximum(1 - leverage, 0.02))[:, None]) @ inverse
        units = len(table.y)
        finer = finer_than(table, at)
        if finer >= 0:  # its levels are the units: errors add up in them
            units = len(table.factors[finer].levels)
            sums = np.zeros((units, scaled.shape[1]))
            np.add.at(sums, table.codes[:, finer], scaled)
            scaled = sums
        self.cov = scaled.T @ scaled
        self.freedom = min(len(table.y) - q.shape[1], units - 1) - int(keep.sum())
        # Levels of few units fit themselves: there the spread of all of them is the better guess.
        of_unit = table.codes[:, finer] if finer >= 0 else np.arange(units)
        cells = np.bincount(of_unit, minlength=units)
        means = np.bincount(of_unit, weights=residual, minlength=units) / np.maximum(cells, 1)
        variance = float(means @ means) / max(self.freedom, 1)
        self.plain_cov = inverse * variance * float(cells[cells > 0].mean())
        self.units = np.bincount(
            np.unique(np.column_stack([of_unit, table.codes[:, at]]), axis=0)[:, 1],
            minlength=levels,
        )
        self.runs = int(table.count.sum())
        total = float(((table.y - table.y.mean()) ** 2).sum())
        self.explained = 1 - float(residual @ residual) / total if total else 0.0

    def contrast(self, a: int, b: int) -> Contrast:
        """Return the difference of two levels, all else equal."""
        weight = np.zeros(len(self.beta) + 1)
        weight[a] += 1
        weight[b] -= 1
        weight = weight[1:]
        live = np.flatnonzero(weight)
        some, square = weight[live], np.ix_(live, live)
        variance = float(some @ self.cov[square] @ some)
        if min(self.units[a], self.units[b]) < _FEW_UNITS:
            variance = max(variance, float(some @ self.plain_cov[square] @ some))
        can_tell = self.freedom >= 3 and np.allclose(
            self.estimable[:, live] @ some, weight, atol=1e-6
        )
        return Contrast(
            difference=float(weight @ self.beta) if can_tell else np.nan,
            error=float(np.sqrt(variance)) if can_tell else np.inf,
            freedom=float(self.freedom),
            contexts=0,
            runs=self.runs,
            is_adjusted=True,
        )


def columns_of(factor: Parameter, codes: Integers, *, degree: int = 2) -> Floats:
    """Return the columns of a factor in a linear model (n, k).

    Their zero is the mean of its levels, each counted once where they are few: what another factor
    does at zero is what it does to the grid, however unevenly that was run.
    """
    if factor.kind == "number" and len(factor.levels) > 2:
        x = factor.coordinates
        columns = np.column_stack([x, x**2])[:, :degree]
    else:
        columns = np.eye(len(factor.levels))[:, 1:]
    of_runs = columns[codes]
    few = len(factor.levels) <= 12
    centred: Floats = of_runs - (columns if few else of_runs).mean(axis=0)
    return centred


def _basis(columns: Floats) -> Floats:
    """Return orthonormal columns that span the same (n, rank)."""
    lengths = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    scaled = columns[:, lengths > 0] / lengths[lengths > 0]
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    keep = values > 1e-9 * values[-1]
    kept: Floats = scaled @ (vectors[:, keep] / np.sqrt(values[keep]))
    return kept


def skillings_mack(y: Floats) -> float:
    """Return the p value of no difference between columns, over rows with gaps (NaN).

    The Skillings-Mack test; without gaps and ties it is Friedman's (Skillings, Mack 1981).
    """
    y = y[np.isfinite(y).sum(axis=1) > 1]
    k = y.shape[1]
    if len(y) < 2 or k < 2:
        return 1.0
    present = np.isfinite(y)
    size = present.sum(axis=1, keepdims=True)
    ranks = _ranks(y)
    centred = np.where(present, ranks - (size + 1) / 2, 0.0)
    weight = np.sqrt(12 / (size + 1))
    sums = (weight * centred).sum(axis=0)
    together: npt.NDArray[np.float64] = present.astype(float).T @ present.astype(float)
    cov = -together
    np.fill_diagonal(cov, 0.0)
    np.fill_diagonal(cov, -cov.sum(axis=1))
    statistic = float(sums @ np.linalg.pinv(cov) @ sums)
    return float(special.chdtrc(np.linalg.matrix_rank(cov), max(statistic, 0.0)))


def _ranks(y: Floats) -> Floats:
    """Return the ranks within each row, ties shared; gaps get ranks that are not to be used."""
    less = (y[:, None, :] < y[:, :, None]).sum(axis=2)
    equal = (y[:, None, :] == y[:, :, None]).sum(axis=2)
    ranks: Floats = less + (equal + 1) / 2
    return ranks


def clopper_pearson(wins: int, of: int) -> float:
    """Return the lower bound of a rate: one-sided, 95 % (Clopper, Pearson 1934)."""
    return float(special.betaincinv(wins, of - wins + 1, 1 - _SURE)) if wins else 0.0


def holm(p: Floats, *, of: int | None = None) -> Floats:
    """Return Holm's adjusted p values; `of` tests in all, where not all were done."""
    order = np.argsort(p)
    factors = (of or len(p)) - np.arange(len(p))
    adjusted = np.minimum(np.maximum.accumulate(p[order] * np.maximum(factors, 1)), 1.0)
    out = np.empty_like(adjusted)
    out[order] = adjusted
    return out
