"""The space of a sweep as arrays: points, draws, neighbours and constraints.

A point is a row with one coordinate for each parameter that has more than one value.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homerun.core import SpecError, config_hash
from homerun.search.models.dimensions import Array, Dimension, dimension
from homerun.search.space import finite, leftovers
from homerun.spec import (
    MISSING,
    Constraint,
    Sweep,
    axis_of,
    nest,
    part_of,
    real_bounds,
    value_at,
)

LISTED = 2_000  # allowed points of a space that are all looked at
_ENUMERATED = 20_000  # points of a space with constraints that are tried to find these
_ROUNDS = 50  # of draws, until enough are allowed
_WALKED = 300_000  # points of a finite space that are tried for one that is left
_MOVES = np.array([0.2, 0.07, 0.02, 0.005])  # standard deviations of local moves
_SECOND = 0.4  # probability that a neighbour differs in a second parameter

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Space:
    """What a sweep can propose."""

    sweep: Sweep
    dimensions: tuple[Dimension, ...]
    constants: tuple[tuple[tuple[str, ...], Any], ...]

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """Return what proposals must keep to."""
        return self.sweep.settings.constraints

    @cached_property
    def is_category(self) -> Mask:
        """Return which coordinates are numbers of levels without an order."""
        return np.array([one.is_category for one in self.dimensions], dtype=bool)

    @cached_property
    def size(self) -> int | None:
        """Return the number of points, constraints not counted; None: endless."""
        sizes = [one.size for one in self.dimensions]
        return None if None in sizes else math.prod(size for size in sizes if size)

    def encode(self, config: Mapping[str, Any]) -> Array | None:
        """Return the point of a configuration; None if it lacks one, or has a level not listed.

        A number outside of its range stands for the nearest bound.
        """
        return self.encode_all([config])[0]

    def encode_all(self, configs: Sequence[Mapping[str, Any]]) -> list[Array | None]:
        """Return the points of configurations, as `encode` does."""
        columns = [[_read(one, config) for config in configs] for one in self.dimensions]
        known = [i for i in range(len(configs)) if all(column[i] is not None for column in columns)]
        points = np.empty((len(known), len(self.dimensions)))
        for number, (one, column) in enumerate(zip(self.dimensions, columns, strict=True)):
            points[:, number] = one.place(np.array([column[i] for i in known], dtype=float))
        found: list[Array | None] = [None] * len(configs)
        for i, point in zip(known, points, strict=True):
            found[i] = point
        return found

    def config(self, point: Array) -> dict[str, Any]:
        """Return the configuration of a point, constants and all."""
        values = dict(self.constants)
        for one, coordinate in zip(self.dimensions, point, strict=True):
            values[one.path] = one.value(float(coordinate))
        return nest((p.path, values[p.path]) for p in self.sweep.parameters)

    def key(self, config: Mapping[str, Any]) -> str | None:
        """Return a fingerprint of what a configuration says of the sweep's parameters."""
        part = part_of(self.sweep, config)
        return None if part is None else config_hash(part)

    def snap(self, points: Array) -> Array:
        """Return the nearest points that stand for values."""
        return _by_column([one.snap for one in self.dimensions], points)

    def quantiles(self, uniform: Array) -> Array:
        """Return the points for numbers from 0 to 1, each by the distribution of its parameter."""
        return _by_column([one.quantiles for one in self.dimensions], uniform)

    def allowed(self, points: Array) -> Mask:
        """Return which points keep to all constraints."""
        mask = np.ones(len(points), dtype=bool)
        columns = {one.name: i for i, one in enumerate(self.dimensions)}
        fixed = {".".join(path): value for path, value in self.constants}
        for constraint in self.constraints:
            names = sorted(constraint.names & columns.keys())
            where = [columns[name] for name in names]
            known: dict[bytes, bool] = {}
            for row in np.flatnonzero(mask):
                part = points[row, where]
                found = known.get(part.tobytes())
                if found is None:
                    values = {
                        name: self.dimensions[i].value(float(u))
                        for name, i, u in zip(names, where, part, strict=True)
                    }
                    found = constraint.refusal(fixed | values) is None
                    known[part.tobytes()] = found
                mask[row] = found
        return mask

    def draw(self, rng: np.random.Generator, n: int) -> Array:
        """Return n random points that are allowed; fewer if few are."""
        if not self.constraints:
            return self.quantiles(rng.random((n, len(self.dimensions))))
        found: list[Array] = []
        for _ in range(_ROUNDS):
            points = self.quantiles(rng.random((max(n, 50), len(self.dimensions))))
            found.append(points[self.allowed(points)])
            if sum(map(len, found)) >= n:
                break
        return np.concatenate(found)[:n]

    def neighbours(self, points: Array, rng: np.random.Generator, each: int) -> Array:
        """Return points near these that differ in one or two parameters, and are allowed."""
        near = np.repeat(points, each, axis=0)
        count, d = len(near), len(self.dimensions)
        rows = np.arange(count)
        first = rng.integers(d, size=count)
        self._move(near, rows, first, rng)
        if d > 1:
            second = (first + rng.integers(1, d, size=count)) % d
            chosen = rng.random(count) < _SECOND
            self._move(near, rows[chosen], second[chosen], rng)
        near = self.snap(near)
        return near[self.allowed(near)] if self.constraints else near

    def _move(
        self,
        points: Array,
        rows: NDArray[np.intp],
        columns: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> None:
        """Change one coordinate of each of these rows, in place."""
        steps = rng.normal(size=len(rows)) * rng.choice(_MOVES, size=len(rows))
        jumps = rng.random(len(rows))
        for column, one in enumerate(self.dimensions):
            here = columns == column
            at, old = rows[here], points[rows[here], column]
            if one.levels is None:
                points[at, column] = np.clip(old + steps[here], 0, 1)
                continue
            size = len(one.levels)
            number = np.searchsorted(one.levels, one.snap(old))
            if one.is_category:
                other = number + 1 + np.floor(jumps[here] * (size - 1)).astype(int)
                points[at, column] = one.levels[other % size]
            else:
                # One or two ranks, in long rows as far as a continuous move goes.
                far = np.rint(steps[here] * (size - 1)).astype(int)
                short = np.where(jumps[here] < 0.35, 1, 2) * np.sign(steps[here]).astype(int)
                other = np.clip(number + np.where(np.abs(far) > 2, far, short), 0, size - 1)
                points[at, column] = one.levels[other]

    @cached_property
    def points(self) -> Array | None:
        """Return all allowed points, if they are few."""
        most = _ENUMERATED if self.constraints else LISTED
        if self.size is None or self.size > most:
            return None
        levels = [one.levels for one in self.dimensions]
        known = [one for one in levels if one is not None]
        if len(known) < len(levels):
            return None
        if not known:
            return np.empty((1, 0))
        points = np.stack([g.ravel() for g in np.meshgrid(*known, indexing="ij")], axis=1)
        points = points[self.allowed(points)]
        return points if len(points) <= LISTED else None

    def walk(self) -> Iterator[dict[str, Any]]:
        """Yield the allowed configurations of a finite space in shuffled order; see `_WALKED`."""
        grid = finite(self.sweep)
        if grid is None:
            return
        order = leftovers(self.sweep, grid)
        paths = {axis.name: axis for axis in grid.axes}
        for index in range(min(grid.size, _WALKED)):
            digits = order.digits(index)
            values = {
                name: axis.value(i) for (name, axis), i in zip(paths.items(), digits, strict=True)
            }
            if all(constraint.refusal(values) is None for constraint in self.constraints):
                yield grid.config(digits)


def space_of(sweep: Sweep) -> Space:
    """Return the space of a sweep."""
    if not sweep.parameters:
        raise SpecError(
            f"{sweep.source}: has no parameters:, which this needs; name them in the file, as "
            "scheduler.search_space defines them for optuna alone"
        )
    found, constants = [], []
    for p in sweep.parameters:
        one = dimension(p, sweep.method)
        if one is None:
            axis = axis_of(p, sweep.method)
            only = float(real_bounds(p)[0]) if axis is None else axis.value(0)
            constants.append((p.path, only))
        else:
            found.append(one)
    return Space(sweep, tuple(found), tuple(constants))


def _by_column(functions: Sequence[Callable[[Array], Array]], points: Array) -> Array:
    found = np.empty_like(points)
    for column, function in enumerate(functions):
        found[:, column] = function(points[:, column])
    return found


def _read(one: Dimension, config: Mapping[str, Any]) -> float | None:
    value = value_at(config, one.path)
    return None if value is MISSING else one.read(value)


def levels_of(points: Array, is_category: Mask) -> tuple[int, ...]:
    """Return how many levels each category has at points."""
    return tuple(int(points[:, i].max()) + 1 for i in np.flatnonzero(is_category))


def indicators(points: Array, is_category: Mask, levels: Sequence[int]) -> list[Array]:
    """Return for each category its columns of 0 and 1, one for each level."""
    return [
        (points[:, column, None] == np.arange(count)).astype(float)
        for column, count in zip(np.flatnonzero(is_category), levels, strict=True)
    ]
