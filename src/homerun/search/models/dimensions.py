"""One parameter as a coordinate: a number from 0 to 1 by its distribution, or of a level.

Ranges are placed by the cumulative distribution function, so that a uniform draw of the coordinate
is a draw of the parameter; whole numbers and multiples of q are snapped to. Lists of numbers are
sorted and placed by value, or by logarithm where that spreads them more evenly. All other lists
are categories, in an order that does not depend on the order in the file.
"""

import itertools
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, ndtr, ndtri

from homerun.spec import Axis, Parameter, axis_of, multiple, real_bounds, steps

Array = NDArray[np.float64]

_LISTED = 2048  # values of a whole-number parameter that are held in a list
_UNEVEN = 0.1  # a list whose smallest gap is below this part of the largest keeps half of its ranks
_FEWEST_NAMES = 6  # of which families are sought
_MOST_FAMILIES = 0.7  # of the number of names
_FIRST_WORD = re.compile(r"[a-z]+")
_EDGE = 2.0**-53  # a quantile of a normal distribution stays this far from 0 and 1


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """A parameter with more than one value, and how its values become coordinates and back."""

    parameter: Parameter
    is_category: bool = False
    size: int | None = None  # number of its values; None: endless
    snap: Callable[[Array], Array]  # coordinates to the nearest ones that stand for values
    quantiles: Callable[[Array], Array]  # numbers from 0 to 1, to coordinates by distribution
    value: Callable[[float], Any]  # of a coordinate that snap has returned
    read: Callable[[Any], float | None]  # a value as a number; None: it cannot be one of these
    place: Callable[[Array], Array]  # numbers as read, to coordinates; those outside to the bounds
    levels: Array | None = None  # all coordinates in order, if they are few
    chances: Array | None = None  # of the levels, not scaled
    families: Array | None = None  # numbers of the levels' families, where names have any

    @property
    def path(self) -> tuple[str, ...]:
        """Return the keys of the parameter from the outside in."""
        return self.parameter.path

    @property
    def name(self) -> str:
        """Return the dotted name of the parameter."""
        return self.parameter.name

    def position(self, value: Any) -> float | None:
        """Return the coordinate of a value; None if it cannot be one of the parameter."""
        number = self.read(value)
        return None if number is None else float(self.place(np.array([number]))[0])


def dimension(p: Parameter, method: str) -> Dimension | None:
    """Return the coordinate of a parameter, or None if the method always gives it one value."""
    axis = axis_of(p, method)
    if axis.size == 1 if axis is not None else _is_point(p):
        return None
    if axis is not None and axis.size <= _LISTED:
        return _listed(p, axis)
    if axis is not None and p.distribution in ("int_uniform", "q_uniform"):
        return _counted(p, axis)
    return _range(p, axis)


def _is_point(p: Parameter) -> bool:
    """Return whether the bounds of a range are one number, as far as its scale can tell."""
    if p.distribution.endswith("normal") or "beta" in p.distribution:
        return False
    low, high = (float(bound) for bound in real_bounds(p))
    if "log" in p.distribution:
        return math.log(low) == math.log(high)
    return low / 2 == high / 2


def _listed(p: Parameter, axis: Axis) -> Dimension:
    values = [axis.value(i) for i in range(axis.size)]
    if not p.values:
        places = np.linspace(0.0, 1.0, axis.size)
        if p.distribution not in ("int_uniform", "q_uniform"):
            to, _ = _distribution(p)
            places = np.unique(np.asarray(to(np.array(values, float)), float))
            if len(places) < len(values):  # beyond the resolution of the distribution
                places = np.linspace(0.0, 1.0, axis.size)
        return _ordered(p, values, places, np.ones(axis.size))
    chances = _chances(p, values)
    numbers = [_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    if len(set(known)) == len(values):
        order = np.argsort(known)
        return _ordered(
            p, [values[i] for i in order], spread(np.array(known)[order]), chances[order]
        )
    texts = [_text(value) for value in values]
    order = np.argsort(np.array(texts, dtype=object), kind="stable")
    return _category(p, [values[i] for i in order], chances[order])


def _ordered(p: Parameter, values: list[Any], places: Array, chances: Array) -> Dimension:
    """Return the coordinate of sorted numbers at these places."""
    numbers = np.array([float(value) for value in values])

    return Dimension(
        parameter=p,
        size=len(values),
        snap=lambda u: places[_nearest(places, u)],
        quantiles=_by_chance(places, chances),
        value=lambda u: values[int(_nearest(places, np.array([u]))[0])],
        read=_number,
        place=lambda x: np.interp(x, numbers, places),
        levels=places,
        chances=chances,
    )


def _category(p: Parameter, values: list[Any], chances: Array) -> Dimension:
    numbers = {_text(value): float(i) for i, value in enumerate(values)}
    levels = np.arange(len(values), dtype=float)
    return Dimension(
        parameter=p,
        is_category=True,
        size=len(values),
        snap=lambda u: np.clip(np.rint(u), 0, len(values) - 1),
        quantiles=_by_chance(levels, chances),
        value=lambda u: values[int(u)],
        read=lambda value: numbers.get(_text(value)),
        place=lambda x: x,
        levels=levels,
        chances=chances,
        families=_families(values),
    )


def _families(values: Sequence[Any]) -> Array | None:
    """Return which names begin alike, as resnet18 and resnet50 do; None if that groups too few."""
    if len(values) < _FEWEST_NAMES or not all(isinstance(value, str) for value in values):
        return None
    words = [_FIRST_WORD.match(value.lower()) for value in values]
    heads = [word[0] if word else value for word, value in zip(words, values, strict=True)]
    known = sorted(set(heads))
    if not 1 < len(known) <= _MOST_FAMILIES * len(values):
        return None
    return np.array([float(known.index(head)) for head in heads])


def _counted(p: Parameter, axis: Axis) -> Dimension:
    """Return the coordinate of a long row of evenly spaced, equally likely numbers."""
    last = axis.size - 1
    low, high = float(axis.value(0)), float(axis.value(last))

    def index(u: float) -> int:
        # Whole numbers throughout: a float cannot count more than 2**53 values.
        return round(u * last) if last < 2**52 else int(u * 2**53) * last >> 53

    return Dimension(
        parameter=p,
        size=axis.size,
        snap=lambda u: np.rint(np.clip(u, 0, 1) * last) / last,
        quantiles=lambda u: np.rint(u * last) / last,
        value=lambda u: axis.value(index(u)),
        read=_number,
        place=lambda x: (np.clip(x, low, high) / 2 - low / 2) / (high / 2 - low / 2),
    )


def _range(p: Parameter, axis: Axis | None) -> Dimension:
    """Return the coordinate of a distribution, rounded to multiples of q where it has one."""
    place, number = _distribution(p)
    low, high = _reach(p)
    is_stepped, allowed = p.distribution.startswith("q_"), steps(p)

    def value(u: float) -> Any:
        real = min(max(float(number(np.array([u]))[0]), low), high)
        if not is_stepped:
            return real
        k = round(real / p.q)
        return multiple(p, k if allowed is None else min(max(k, allowed[0]), allowed[-1]))

    def snap(u: Array) -> Array:
        u = np.clip(u, 0, 1)
        if not is_stepped:
            return u
        rounded = np.rint(np.clip(number(u), low, high) / p.q) * p.q
        return np.asarray(place(np.clip(rounded, low, high)), float)

    return Dimension(
        parameter=p,
        size=None if axis is None else axis.size,
        snap=snap,
        quantiles=snap,
        value=value,
        read=_number,
        place=lambda x: np.clip(place(np.clip(x, low, high)), 0, 1),
    )


def _distribution(p: Parameter) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Return the cumulative distribution function of a parameter and its inverse."""
    kind = p.distribution.removeprefix("q_")
    if kind == "beta":
        return lambda x: betainc(p.a, p.b, np.clip(x, 0, 1)), lambda u: betaincinv(p.a, p.b, u)
    if kind in ("normal", "log_normal"):
        is_log = kind == "log_normal"

        def normal_place(x: Array) -> Array:
            with np.errstate(divide="ignore", invalid="ignore"):
                raw = np.log(np.maximum(x, 0.0)) if is_log else x
            return np.asarray(ndtr((raw - p.mu) / p.sigma), float)

        def normal_number(u: Array) -> Array:
            raw = p.mu + p.sigma * ndtri(np.clip(u, _EDGE, 1 - _EDGE))
            return np.asarray(np.exp(raw) if is_log else raw, float)

        return normal_place, normal_number
    low, high = (float(bound) for bound in real_bounds(p))
    if "log" in kind:
        first, last = math.log(low), math.log(high)
        return (
            lambda x: (np.log(np.maximum(x, low)) - first) / (last - first),
            lambda u: np.exp((1 - u) * first + u * last),
        )
    # Halves keep the width of the widest ranges finite.
    return (
        lambda x: (x / 2 - low / 2) / (high / 2 - low / 2),
        lambda u: (1 - u) * low + u * high,
    )


def _reach(p: Parameter) -> tuple[float, float]:
    """Return the least and greatest real value; of a log-normal one none is 0."""
    if p.distribution.endswith("normal"):
        is_log = p.distribution == "log_normal"
        return (math.ulp(0.0) if is_log else -math.inf), math.inf
    low, high = real_bounds(p)
    return float(low), float(high)


def spread(numbers: Array) -> Array:
    """Return places from 0 to 1 for sorted numbers: by value, or by logarithm if that is more even.

    A 0 before numbers that are even by logarithm stands one mean gap below them. Of a list that is
    uneven either way, the mean of that place and of the rank.
    """
    found = [numbers / 2 - numbers[0] / 2]
    if numbers[0] > 0:
        found.append(np.log(numbers))
    elif numbers[0] == 0 and len(numbers) > 2:
        logs = np.log(numbers[1:])
        found.append(np.concatenate([[logs[0] - (logs[-1] - logs[0]) / (len(logs) - 1)], logs]))
    # Numbers may be closer to each other than halves or logarithms can tell.
    scaled = [(one - one[0]) / (one[-1] - one[0]) for one in found if one[-1] > one[0]]
    if not scaled:
        return np.linspace(0.0, 1.0, len(numbers))
    best = max(scaled, key=_evenness)
    if _evenness(best) < _UNEVEN:
        best = (best + np.linspace(0.0, 1.0, len(best))) / 2
    return np.asarray(best, float)


def _evenness(places: Array) -> float:
    gaps = np.diff(places)
    return float(gaps.min() / gaps.max())


def _nearest(places: Array, u: Array) -> NDArray[np.intp]:
    return np.searchsorted((places[1:] + places[:-1]) / 2, u)


def _by_chance(places: Array, chances: Array) -> Callable[[Array], Array]:
    totals = np.cumsum(chances) / np.sum(chances)
    last = len(places) - 1
    return lambda u: places[np.minimum(np.searchsorted(totals, u, side="right"), last)]


def _chances(p: Parameter, values: Sequence[Any]) -> Array:
    """Return how likely each value is; one listed twice is twice as likely."""
    numbers = {_text(value): i for i, value in enumerate(values)}
    chances = np.zeros(len(values))
    for value, chance in zip(p.values, p.probabilities or itertools.repeat(1), strict=False):
        if chance:
            chances[numbers[_text(value)]] += chance
    return chances


def _number(value: object) -> float | None:
    """Return a finite number as a float; None for all else, True and False among them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
