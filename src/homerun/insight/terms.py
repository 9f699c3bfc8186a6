"""Parameters as columns of a linear model: polynomials of numbers, indicators of categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from homerun.insight.scale import Floats
from homerun.insight.table import Integers, Parameter, Prepared

_PROBES = 5  # places of a number with more levels at which effects are compared


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis:
    """The columns of one parameter, one row a level."""

    name: str
    main: Floats  # (levels, k)
    straight: Floats  # of its products: the line of a number, all of a category
    curved: Floats  # and with the square of a number
    probes: Integers  # levels at which effects are compared: 5 % .. 95 % of the runs lie between
    is_curved: bool  # straight and curved differ

    def part(self, order: int) -> Floats:
        """Return what a product takes: the straight columns (order 1) or the curved ones (2)."""
        return self.curved if order == 2 else self.straight


@dataclass(frozen=True, kw_only=True)
class Term:
    """A product of two parameters: of their straight columns (order 1) or of the curved ones."""

    pair: tuple[int, int]
    order: int

    def columns(self, axes: Sequence[Axis], codes: Integers) -> Floats:
        """Return the columns of the product for the cells of a table (n, k)."""
        first, second = (axes[i].part(self.order)[codes[:, i]] for i in self.pair)
        return products(first, second)

    def width(self, axes: Sequence[Axis]) -> int:
        """Return how many columns it has."""
        first, second = (axes[i].part(self.order).shape[1] for i in self.pair)
        return int(first * second)


def products(first: Floats, second: Floats) -> Floats:
    """Return all products of a column of each: (n, a) and (n, b) make (n, a * b)."""
    return (first[:, :, None] * second[:, None, :]).reshape(len(first), -1)


def axes_of(prepared: Prepared) -> tuple[Axis, ...]:
    """Return the axes of parameters and blocks; numbers bend as far as the cells allow.

    A number is a polynomial of degree 2, and of up to 4 where there are 12 cells a column.
    """
    levels = [(len(factor.levels) - 1, factor.kind == "number") for factor in prepared.factors]
    for degree in (4, 3, 2):
        if len(prepared.y) >= 12 * sum(min(k, degree) if num else k for k, num in levels):
            break
    return tuple(
        axis_of(factor, prepared.codes[:, i], degree=degree)
        for i, factor in enumerate(prepared.factors)
    )


def axis_of(factor: Parameter, codes: Integers, *, degree: int = 2) -> Axis:
    """Return the columns of a parameter; `codes` are the levels of the cells it is used for."""
    gaps = np.array([level is None for level in factor.levels])
    numbers = [level for level in factor.levels if level is not None]
    is_number = factor.kind == "number" or (
        len(numbers) >= 3 and all(type(level) in {int, float} for level in numbers)
    )
    if not is_number or len(numbers) < 2:
        main = np.eye(len(factor.levels))[:, 1:]
        probes = np.arange(len(factor.levels))
        return Axis(
            name=factor.name,
            main=main,
            straight=main,
            curved=main,
            probes=probes,
            is_curved=False,
        )
    # A number that some runs lack came as a category: it is a number all the same.
    known = Parameter(name=factor.name, kind="number", levels=tuple(numbers), is_log=factor.is_log)
    polynomial = np.zeros((len(gaps), min(degree, len(numbers) - 1)))
    polynomial[~gaps] = np.polynomial.legendre.legvander(known.coordinates, polynomial.shape[1])[
        :, 1:
    ]
    flag = gaps[:, None].astype(float)[:, : int(gaps.any())]
    return Axis(
        name=factor.name,
        main=np.column_stack([polynomial, flag]),
        straight=np.column_stack([polynomial[:, :1], flag]),
        curved=np.column_stack([polynomial[:, :2], flag]),
        probes=_probes(len(gaps), codes),
        is_curved=polynomial.shape[1] > 1,
    )


def main_columns(axes: Sequence[Axis], codes: Integers) -> Floats:
    """Return the columns of all parameters by themselves, without the constant (n, k)."""
    return np.column_stack(
        [np.empty((len(codes), 0)), *(axis.main[codes[:, i]] for i, axis in enumerate(axes))]
    )


def changes(axes: Sequence[Axis], term: Term) -> Floats:
    """Return how each change of an effect reads from the columns of a product (changes, k).

    A change: the effect of going between two levels of a parameter at one level of the other,
    less the same at another level of it.
    """
    steps = []
    for i in term.pair:
        columns = axes[i].part(term.order)[axes[i].probes]
        one, other = np.array(list(combinations(range(len(columns)), 2))).T
        steps.append(columns[one] - columns[other])
    first, second = steps
    return products(np.repeat(first, len(second), axis=0), np.tile(second, (len(first), 1)))


def _probes(levels: int, codes: Integers) -> Integers:
    if levels <= _PROBES:
        return np.arange(levels)
    places = np.quantile(codes, np.linspace(0.05, 0.95, _PROBES), method="nearest")
    found: Integers = np.unique(places).astype(np.intp)
    return found if len(found) > 1 else np.array([0, levels - 1])
