"""How many configurations a sweep has, how many its constraints exclude, how many runs it plans."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from homerun.search.space import check, finite
from homerun.spec import Axis, Constraint, Grid, Sweep

_LISTED = 100_000  # combinations of constrained parameters that are tried one by one


@dataclass(frozen=True, kw_only=True)
class Count:
    """Sizes of a sweep; None stands for endless, or for not known before it is tried."""

    points: int | None  # configurations in the space
    excluded: int | None  # of these, by constraints
    planned: int | None  # runs: allowed points times repeats, at most run_cap
    by_constraint: tuple[int | None, ...] = ()  # what each constraint excludes on its own


def count(sweep: Sweep) -> Count:
    """Count a sweep without listing it: only the parameters that constraints name are tried."""
    check(sweep)
    constraints, cap = sweep.settings.constraints, sweep.run_cap
    if sweep.settings.configs:
        points = len(sweep.settings.configs)
        runs = points * sweep.settings.repeats
        return Count(points=points, excluded=0, planned=min(runs, cap or runs))
    grid = finite(sweep)
    if grid is None:
        unknown = (None,) * len(constraints)
        excluded = None if constraints else 0
        return Count(points=None, excluded=excluded, planned=cap, by_constraint=unknown)
    excluded, by_constraint = _excluded(grid, constraints)
    planned = None if excluded is None else (grid.size - excluded) * sweep.settings.repeats
    if planned is not None and cap is not None:
        planned = min(planned, cap)
    if planned is not None and planned >= 2**63:  # nobody lives to see the end
        planned = None
    return Count(
        points=grid.size, excluded=excluded, planned=planned, by_constraint=tuple(by_constraint)
    )


def is_empty(grid: Grid, constraints: Sequence[Constraint]) -> bool:
    """Return whether constraints surely exclude every point."""
    for numbers in _connected(constraints):
        group = [constraints[number] for number in numbers]
        axes, size = _axes(grid, group)
        if size <= _LISTED and not any(
            all(constraint.refusal(values) is None for constraint in group)
            for values in _combinations(axes)
        ):
            return True
    return False


def _excluded(grid: Grid, constraints: Sequence[Constraint]) -> tuple[int | None, list[int | None]]:
    """Return how many points break any constraint, and how many break each; None: not known."""
    alone: list[int | None] = [None] * len(constraints)
    allowed, free, is_known = 1, grid.size, True
    for numbers in _connected(constraints):
        group = [constraints[number] for number in numbers]
        axes, size = _axes(grid, group)
        if size > _LISTED:
            is_known = False
            for number in numbers if len(numbers) > 1 else ():
                alone[number] = _excluded(grid, [constraints[number]])[0]
            continue
        refused, fine = [0] * len(group), 0
        for values in _combinations(axes):
            breaks = [constraint.refusal(values) is not None for constraint in group]
            fine += not any(breaks)
            refused = [total + one for total, one in zip(refused, breaks, strict=True)]
        for number, total in zip(numbers, refused, strict=True):
            alone[number] = total * (grid.size // size)
        allowed, free = allowed * fine, free // size
    return grid.size - allowed * free if is_known else None, alone


def _axes(grid: Grid, constraints: Sequence[Constraint]) -> tuple[list[Axis], int]:
    """Return the axes that constraints look at, and the number of their combinations."""
    names = {name for constraint in constraints for name in constraint.names}
    axes = [axis for axis in grid.axes if axis.name in names]
    return axes, math.prod(axis.size for axis in axes)


def _combinations(axes: Sequence[Axis]) -> Iterator[dict[str, Any]]:
    names = [axis.name for axis in axes]
    columns = [[axis.value(i) for i in range(axis.size)] for axis in axes]
    return (dict(zip(names, values, strict=True)) for values in product(*columns))


def _connected(constraints: Sequence[Constraint]) -> list[list[int]]:
    """Group the numbers of constraints that share parameters; groups do not affect each other."""
    groups: list[tuple[frozenset[str], list[int]]] = []
    for number, constraint in enumerate(constraints):
        joined = [group for group in groups if group[0] & constraint.names]
        groups = [group for group in groups if not group[0] & constraint.names]
        names = constraint.names.union(*(names for names, _ in joined))
        groups.append((names, [*(n for _, numbers in joined for n in numbers), number]))
    return [numbers for _, numbers in groups]
