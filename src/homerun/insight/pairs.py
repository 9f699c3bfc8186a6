"""Which pairs of parameters interact: forward selection, family-wise, and the size of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from homerun.insight.scale import Floats
from homerun.insight.squares import (
    Block,
    PureError,
    basis,
    block_of,
    f_tail,
    hc3,
    is_uneven,
    leverages,
    noise,
    quadratic,
    stacked,
    t_quantile,
)
from homerun.insight.table import Integers
from homerun.insight.terms import Axis, Term, changes, main_columns, places, variances

_CURVED_FREEDOM = 40  # degrees of freedom that must be left before bent products are tried
_WIDEST = 400  # columns of a product that is still tried
_CLEAR = 1e-4  # adjusted p below which a product stands in for no other
_STRAIGHT_SHARE = 0.6  # of a pair's error rate; the rest is for its bent product


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """What a linear model is fitted to: cells, their weights, and what repeats say of the noise."""

    codes: Integers
    y: Floats
    weight: Floats  # the variance of y[i] is that of a run over weight[i]
    pure: PureError

    def take(self, rows: Integers) -> "Cells":
        """Return some of the cells."""
        return Cells(
            codes=self.codes[rows], y=self.y[rows], weight=self.weight[rows], pure=self.pure
        )


@dataclass(frozen=True, kw_only=True)
class PairTest:
    """What is known of the interaction of two parameters, on the scale of the response."""

    pair: tuple[int, int]
    interacts: bool
    p: float  # adjusted for the number of pairs; NaN: it cannot be tested with these runs
    change: float  # the largest change of an effect of one between levels of the other
    bound: float  # its upper bound, for all pairs at once; NaN: unknown


def candidates(axes: Sequence[Axis], pairs: Sequence[tuple[int, int]], freedom: int) -> list[Term]:
    """Return the products to try: straight ones, and bent ones where enough freedom is left."""
    found = []
    for pair in pairs:
        straight = Term(pair=pair, order=1)
        if straight.width(axes) > _WIDEST:
            continue
        found.append(straight)
        if freedom >= _CURVED_FREEDOM and any(axes[i].is_curved for i in pair):
            found.append(Term(pair=pair, order=2))
    return found


class Ladder:
    """A linear model that grows by products of parameters; all candidates are kept free of it.

    `is_uneven`: the noise differs between settings, or has a few very large values.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        cells: Cells,
        terms: Sequence[Term],
        *,
        given: Sequence[Term] = (),
    ) -> None:
        root = np.sqrt(cells.weight)[:, None]
        main = main_columns(axes, cells.codes)
        inside = [term.columns(axes, cells.codes) for term in given]
        self.pure = cells.pure
        self.terms = list(terms)
        self.main = main
        self.q = basis(np.column_stack([np.ones(len(main)), main, *inside]) * root)
        self.columns, self.places = stacked(
            [term.columns(axes, cells.codes) * root for term in terms] or [np.empty_like(main)]
        )
        self.lengths = np.einsum("ij,ij->j", self.columns, self.columns)
        self.residual = (cells.y - np.average(cells.y, weights=cells.weight)) * root[:, 0]
        self._free_of(self.q)
        self.is_uneven = is_uneven(self.residual, self.main)

    def _free_of(self, q: Floats) -> None:
        self._blocks: dict[int, Block] = {}
        self.columns -= ((self.columns.T @ q) @ q.T).T  # column by column, as they lie in memory
        self.residual = self.residual - q @ (q.T @ self.residual)

    @property
    def freedom(self) -> int:
        """Return the degrees of freedom that the residuals have."""
        return len(self.residual) - int(self.q.shape[1])

    def block(self, at: int) -> Block:
        """Return what a candidate would add."""
        if at not in self._blocks:
            place = self.places[at]
            self._blocks[at] = block_of(self.columns[:, place], self.residual, self.lengths[place])
        return self._blocks[at]

    def p_value(self, block: Block) -> float:
        """Return the p of a partial F test; 1 where there is nothing to test or to test with."""
        if block.rank == 0:
            return 1.0
        rss = float(self.residual @ self.residual) - block.squares
        variance, freedom = noise(max(rss, 0.0), self.freedom - block.rank, self.pure)
        if freedom < 3:
            return 1.0
        ratio = block.squares / block.rank / max(variance, 1e-300)
        return f_tail(ratio, block.rank, freedom)

    def robust_p(self, at: int, block: Block) -> float:
        """Return the p of a Wald test with the HC3 covariance; 0 where it cannot be had."""
        freedom = self.freedom - block.rank
        if freedom < 3:
            return 0.0
        cov = self.robust_cov(at, block)
        wald = float(block.beta @ np.linalg.pinv(cov) @ block.beta) / block.rank
        return f_tail(wald, block.rank, freedom)

    def robust_cov(self, at: int, block: Block) -> Floats:
        """Return the HC3 covariance of a candidate's coefficients."""
        columns = self.columns[:, self.places[at]]
        leverage = leverages(self.q) + quadratic(columns, block.cov)
        return hc3(columns, block.cov, self.residual - columns @ block.beta, leverage)

    def add(self, at: int) -> None:
        """Take a candidate into the model."""
        q = basis(self.columns[:, self.places[at]], lengths=self.lengths[self.places[at]])
        self.q = np.column_stack([self.q, q])
        self._free_of(q)
        self.is_uneven = is_uneven(self.residual, self.main)


def select(
    axes: Sequence[Axis], cells: Cells, pairs: Sequence[tuple[int, int]], *, alpha: float = 0.05
) -> tuple[tuple[Term, ...], Ladder]:
    """Return the products that improve the model, the strongest first, and the grown model.

    Forward selection; each step holds its p against alpha over the number of pairs that are left
    (Holm), so that a wrong pair is found in at most alpha of the analyses.
    """
    terms = candidates(axes, pairs, len(cells.y) - main_columns(axes, cells.codes).shape[1] - 1)
    ladder = Ladder(axes, cells, terms)
    chosen: list[int] = []
    while True:
        limit = alpha / max(len(pairs) - len({terms[k].pair for k in chosen}), 1)
        quick = {k: _quick_p(ladder, k) for k in range(len(terms)) if k not in chosen}
        promising = sorted((k for k, p in quick.items() if p <= limit), key=quick.__getitem__)
        step = next((k for k in promising if _p_value(ladder, k) <= limit), None)
        if step is None:
            break
        chosen.append(step)
        ladder.add(step)
    return tuple(terms[k] for k in chosen), ladder


def _quick_p(ladder: Ladder, at: int) -> float:
    return ladder.p_value(ladder.block(at)) / _share(ladder.terms, at)


def _p_value(ladder: Ladder, at: int) -> float:
    """Return the p of a candidate; with uneven noise it must convince by HC3 as well."""
    quick = _quick_p(ladder, at)
    if quick > 0.05 or not ladder.is_uneven:
        return quick
    return max(quick, ladder.robust_p(at, ladder.block(at)) / _share(ladder.terms, at))


def _share(terms: Sequence[Term], at: int) -> float:
    """Return the share of a pair's error rate that one of its products has."""
    term = terms[at]
    if term.order == 2:
        return 1 - _STRAIGHT_SHARE
    has_bent = Term(pair=term.pair, order=2) in terms[at + 1 : at + 2]
    return _STRAIGHT_SHARE if has_bent else 1.0


def kept(
    axes: Sequence[Axis],
    cells: Cells,
    pairs: Sequence[tuple[int, int]],
    terms: Sequence[Term],
    *,
    rivals: Sequence[Term],
    alpha: float,
) -> tuple[tuple[Term, ...], list[PairTest]]:
    """Return the chosen products that hold beside all others, and what is known of their pairs.

    One that stood in for another before that came in is dropped again, one that may stand in for a
    rival (another product) too small to be found itself, and a straight product beside its bent
    one.
    """
    bent = {term.pair for term in terms if term.order == 2}
    terms = tuple(term for term in terms if term.order == 2 or term.pair not in bent)
    while True:
        chosen = {term.pair for term in terms}
        tests = [
            _test_beside(
                axes,
                cells,
                terms,
                pair,
                rivals=[term for term in rivals if term.pair not in chosen],
                pairs=len(pairs),
                alpha=alpha,
            )
            for pair in sorted(chosen)
        ]
        weakest = max(tests, key=lambda test: test.p, default=None)
        if weakest is None or weakest.p <= alpha:
            return terms, tests
        terms = tuple(term for term in terms if term.pair != weakest.pair)


def _test_beside(
    axes: Sequence[Axis],
    cells: Cells,
    terms: Sequence[Term],
    pair: tuple[int, int],
    *,
    rivals: Sequence[Term],
    pairs: int,
    alpha: float,
) -> PairTest:
    own = [term for term in terms if term.pair == pair]
    given = [term for term in terms if term.pair != pair]
    ladder = Ladder(axes, cells, own, given=given)
    p = min(1.0, pairs * _p_value(ladder, 0))
    if _CLEAR < p <= alpha and _stands_in(axes, cells, own[0], given, rivals):
        p = 1.0
    change, bound = _size(axes, ladder, 0, alpha=alpha / pairs)
    return PairTest(pair=pair, interacts=True, p=p, change=change, bound=bound)


def _stands_in(
    axes: Sequence[Axis], cells: Cells, own: Term, given: Sequence[Term], rivals: Sequence[Term]
) -> bool:
    """Tell whether some rival beside a product leaves nothing of it (p > .02).

    Searches crowd: parameters go together there, and so do their products.
    """
    ladder = Ladder(axes, cells, [own, *rivals], given=given)
    place = ladder.places[0]
    for at in range(1, len(ladder.terms)):
        q = basis(ladder.columns[:, ladder.places[at]], lengths=ladder.lengths[ladder.places[at]])
        columns = ladder.columns[:, place] - q @ (q.T @ ladder.columns[:, place])
        residual = ladder.residual - q @ (q.T @ ladder.residual)
        block = block_of(columns, residual, ladder.lengths[place])
        rss = max(float(residual @ residual) - block.squares, 0.0)
        left = ladder.freedom - q.shape[1] - block.rank
        variance, freedom = noise(rss, left, ladder.pure)
        if block.rank == 0 or freedom < 3:
            continue
        ratio = block.squares / block.rank / max(variance, 1e-300)
        if f_tail(ratio, block.rank, freedom) > 0.02:
            return True
    return False


def others(
    axes: Sequence[Axis],
    ladder: Ladder,
    terms: Sequence[Term],
    pairs: Sequence[tuple[int, int]],
    *,
    alpha: float,
) -> list[PairTest]:
    """Return what is known of the pairs that were not chosen, beside those that were."""
    found = []
    chosen = {term.pair for term in terms}
    tried: dict[tuple[int, int], list[int]] = {}
    for k, term in enumerate(ladder.terms):
        tried.setdefault(term.pair, []).append(k)
    for pair in pairs:
        if pair in chosen:
            continue
        at = tried.get(pair)
        if not at or ladder.block(at[-1]).rank == 0:
            found.append(
                PairTest(pair=pair, interacts=False, p=np.nan, change=np.nan, bound=np.nan)
            )
            continue
        p = min(1.0, len(pairs) * min(_p_value(ladder, k) for k in at))
        change, bound = _size(axes, ladder, at[-1], alpha=alpha / len(pairs))
        found.append(PairTest(pair=pair, interacts=False, p=p, change=change, bound=bound))
    return found


def _size(axes: Sequence[Axis], ladder: Ladder, at: int, *, alpha: float) -> tuple[float, float]:
    """Return the largest change of an effect and its upper bound (one-sided, 1 - alpha).

    The bound of the largest is the largest bound: it holds for the change that truly is largest.
    It is NaN where the runs leave a change open, as where levels never met.
    """
    block = ladder.block(at)
    rss = max(float(ladder.residual @ ladder.residual) - block.squares, 0.0)
    variance, freedom = noise(rss, ladder.freedom - block.rank, ladder.pure)
    at_places = places(axes, ladder.terms[at])
    cov = block.cov * variance
    if ladder.is_uneven and ladder.freedom - block.rank >= 3:
        robust = ladder.robust_cov(at, block)
        cov = robust if np.trace(robust) > np.trace(cov) else cov
    estimate = np.abs(changes(at_places @ block.beta))
    is_open = _is_open(at_places @ block.estimable - at_places)
    if is_open.all():
        return np.nan, np.nan
    change = float(estimate[~is_open].max())
    if is_open.any() or freedom < 1:
        return change, np.nan
    flat = at_places.reshape(-1, len(cov))
    spread = variances((flat @ cov @ flat.T).reshape(2 * at_places.shape[:2]))
    error = np.sqrt(np.maximum(spread, 0.0))
    return change, float((estimate + t_quantile(1 - alpha, freedom) * error).max())


def _is_open(lost: Floats) -> npt.NDArray[np.bool_]:
    """Tell which changes the runs leave open, from what is lost of each place (a, b, k)."""
    count, others = (len(np.triu_indices(size, 1)[0]) for size in lost.shape[:2])
    found = np.zeros((count, others), dtype=bool)
    if np.abs(lost).max() > 1e-6 / 4:
        for k in range(lost.shape[2]):  # one column at a time: all at once can be gigabytes
            found |= np.abs(changes(lost[:, :, k])) > 1e-6
    return found
