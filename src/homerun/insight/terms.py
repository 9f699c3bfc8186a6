"""Parameters as columns of a linear model: polynomials of numbers, indicators of categories."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def places(axes: Sequence[Axis], term: Term) -> Floats:
    """Return the columns of a product at all pairs of places where effects are compared (a, b, k).

    The parameter with more places comes first.
    """
    first, second = (axes[i].part(term.order)[axes[i].probes] for i in term.pair)
    columns = first[:, None, :, None] * second[None, :, None, :]
    found: Floats = columns.reshape(len(first), len(second), -1)
    return found if len(first) >= len(second) else found.swapaxes(0, 1)


def changes(values: Floats) -> Floats:
    """Return all changes of an effect from what there is at pairs of places (a, b, ...).

    A change: the effect of going between two places of a parameter at one place of the other,
    less the same at another place of it (one row a pair of a, one column a pair of b).
    """
    one, other = np.triu_indices(len(values), 1)
    effects = values[one] - values[other]
    one, other = np.triu_indices(values.shape[1], 1)
    found: Floats = effects[:, one] - effects[:, other]
    return found


def variances(cov: Floats) -> Floats:
    """Return the variance of all changes from the covariance of all places (a, b, a, b)."""
    own = np.einsum("ikil->ikl", cov)
    one, other = np.triu_indices(len(cov), 1)
    between = cov[one, :, other]
    effects = own[one] + own[other] - between - between.swapaxes(1, 2)
    own = np.einsum("ekk->ek", effects)
    one, other = np.triu_indices(cov.shape[1], 1)
    found: Floats = own[:, one] + own[:, other] - 2 * effects[:, one, other]
    return found


def _probes(levels: int, codes: Integers) -> Integers:
    if levels <= _PROBES:
        return np.arange(levels)
    places = np.quantile(codes, np.linspace(0.05, 0.95, _PROBES), method="nearest")
    found: Integers = np.unique(places).astype(np.intp)
    return found if len(found) > 1 else np.array([0, levels - 1])
