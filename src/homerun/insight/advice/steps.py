"""Which values are still worth running, parameter by parameter, and in which small sweeps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from homerun.insight.advice.additive import AdditiveModel, fit_additive
from homerun.insight.scale import Floats
from homerun.insight.squares import t_quantile
from homerun.insight.table import Integers, Prepared

_SURE = 0.95  # one-sided: a value below this chance of being worth it is left out
_COMBINATIONS = 2000  # of parameters that interact; of more, each is looked at by itself
_AT_ONCE = 4  # values of a parameter in one small sweep; the results tell which come next
_SEEN = 2  # runs of a number's best value and of those next to it, at least
_ENOUGH = 6  # runs of a value near the top after which more of the same would tell little
_MOST_REPEATS = 3

Levels = tuple[int, ...]  # codes


@dataclass(frozen=True, kw_only=True, eq=False)
class Open:
    """Parameters that are tuned together, and what is known of their values."""

    at: tuple[int, ...]  # of the parameters in the table
    levels: tuple[Levels, ...]  # worth running, for each of them; the best first
    loss: float  # what the best could give away to another at most (95 %), as a response
    is_done: bool  # nothing is to be gained that could be told from noise
    repeats: int  # of each combination that the next sweep needs

    @property
    def runs(self) -> int:
        """Return how many runs its sweep has."""
        return self.repeats * math.prod(map(len, self.levels))


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """The best configuration that is to be expected, and what may be better still."""

    model: AdditiveModel
    base: Integers  # (factors,) the best expected configuration, as levels
    groups: tuple[Open, ...]  # most at stake first, those that are done last

    def cost(self, at: int, level: int) -> tuple[float, float, float]:
        """Return what a level costs, all else at its best: expected, and a 90 % interval."""
        codes = self.base[None].copy()
        codes[0, at] = level
        mean, error = self.model.costs(codes, self.base)
        half = t_quantile(_SURE, self.model.freedom) * float(error[0])
        return float(mean[0]), float(mean[0]) - half, float(mean[0]) + half


def with_levels(table: Prepared, levels: Mapping[int, Sequence[Any]]) -> Prepared:
    """Return the table with other levels of some factors: all it has, and some that never ran."""
    factors, codes = list(table.factors), table.codes.copy()
    for at, values in levels.items():
        old = factors[at]
        factors[at] = replace(old, levels=tuple(values))
        place = {(type(level) is bool, level): k for k, level in enumerate(values)}
        moved = np.array([place[type(one) is bool, one] for one in old.levels], dtype=np.intp)
        codes[:, at] = moved[codes[:, at]]
    own = len(table.parameters)
    return replace(table, parameters=tuple(factors[:own]), blocks=tuple(factors[own:]), codes=codes)


def standing(
    table: Prepared,
    groups: Sequence[Sequence[int]],
    *,
    kept: Sequence[Levels],
    step: float,
    rows: Integers | None = None,
) -> Standing:
    """Say which of the levels `kept` may be best; `step`: a response that does not matter.

    `rows`: the cells that it is judged by; None: all.
    """
    model = fit_additive(table, groups, rows=np.arange(len(table.y)) if rows is None else rows)
    base = np.zeros(len(table.factors), dtype=np.intp)
    base[: len(kept)] = [levels[0] for levels in kept]
    parts = [at for group in groups for at in _parts(group, kept)]
    tried = [
        tuple(k for k in levels if k in set(table.codes[:, at].tolist())) or levels
        for at, levels in enumerate(kept)
    ]
    for at in parts:
        codes = _crossed(base, at, tried)
        costs, _ = model.costs(codes, base)
        base = codes[int(costs.argmin())]
    found = [_open(model, base, at, kept, step) for at in parts]
    found.sort(key=lambda one: (one.is_done, -one.loss))
    return Standing(model=model, base=base, groups=tuple(found))


def _parts(group: Sequence[int], kept: Sequence[Levels]) -> list[Sequence[int]]:
    """Return the group, or each of its parameters where its combinations are too many."""
    if math.prod(len(kept[k]) for k in group) <= _COMBINATIONS:
        return [group]
    return [[k] for k in group]


def _crossed(base: Integers, at: Sequence[int], kept: Sequence[Levels]) -> Integers:
    combinations = np.array(list(product(*(kept[k] for k in at))), dtype=np.intp)
    codes = np.tile(base, (len(combinations), 1))
    codes[:, list(at)] = combinations
    return codes


def _open(
    model: AdditiveModel, base: Integers, at: Sequence[int], kept: Sequence[Levels], step: float
) -> Open:
    sure, tolerance = t_quantile(_SURE, model.freedom), max(step, model.noise)
    codes = _crossed(base, at, kept)
    codes = codes[(codes != base).any(axis=1)]
    cost, error = model.costs(codes, base)
    listed = [  # numbers of which all values are in question, not some for all
        k
        for k in at
        if model.prepared.factors[k].kind == "number"
        and len(kept[k]) == len(model.prepared.factors[k].levels)
    ]
    is_thin = _is_thin(model.prepared, listed, at, codes, base)
    is_new = any(_runs_by_level(model.prepared, k)[base[k]] < _SEEN for k in listed)
    may_win = (cost - sure * error < 0) | is_thin
    codes, cost, error = codes[may_win], cost[may_win], error[may_win]
    order = np.argsort(cost - sure * error, kind="stable")
    best_first = np.vstack([base[None], codes[order]])
    loss = float((sure * error - cost).max(initial=0.0))
    runs = _runs_of(model.prepared, at, best_first)
    return Open(
        at=tuple(at),
        levels=tuple(_few(model.prepared, k, best_first[:, k]) for k in at),
        loss=loss,
        is_done=not (is_new or is_thin.any())
        and (loss <= tolerance or bool((runs >= _ENOUGH).all())),
        repeats=_repeats(cost, error, model.noise, sure, tolerance) if (runs >= _SEEN).all() else 1,
    )


def _few(table: Prepared, at: int, best_first: Integers) -> Levels:
    """Return the levels for one sweep: the likeliest, of a number spread over what may win."""
    levels = list(dict.fromkeys(map(int, best_first)))
    if table.factors[at].kind == "category" or len(levels) <= _AT_ONCE:
        return tuple(levels[:_AT_ONCE])
    x = table.factors[at].coordinates
    chosen = levels[:1]
    while len(chosen) < _AT_ONCE:
        chosen.append(max(levels, key=lambda k: min(abs(x[k] - x[one]) for one in chosen)))
    return tuple(chosen)


def _is_thin(
    table: Prepared, numbers: Sequence[int], at: Sequence[int], codes: Integers, base: Integers
) -> npt.NDArray[np.bool_]:
    """Tell which configurations are next to the best along a number, at a value that hardly ran."""
    found = np.zeros(len(codes), dtype=bool)
    for k in numbers:
        others = [other for other in at if other != k]
        is_near = abs(codes[:, k] - base[k]) == 1
        is_near &= (codes[:, others] == base[others]).all(axis=1)
        found |= is_near & (_runs_by_level(table, k)[codes[:, k]] < _SEEN)
    return found


def _runs_by_level(table: Prepared, at: int) -> Floats:
    levels = len(table.factors[at].levels)
    counts = np.bincount(table.codes[:, at], weights=table.count, minlength=levels)
    return counts.astype(np.float64)


def _runs_of(table: Prepared, at: Sequence[int], codes: Integers) -> Integers:
    """Return how many runs have each combination of levels."""
    same = (table.codes[:, None, list(at)] == codes[None][:, :, list(at)]).all(axis=2)
    runs: Integers = table.count @ same
    return runs


def _repeats(cost: Floats, error: Floats, noise: float, sure: float, tolerance: float) -> int:
    """Return how many more runs of each would bring what may be lost below the tolerance."""
    for repeats in range(1, _MOST_REPEATS):
        left = 1 / np.sqrt(1 / error**2 + repeats / (2 * noise**2))
        if (sure * left - cost <= tolerance).all():
            return repeats
    return _MOST_REPEATS
