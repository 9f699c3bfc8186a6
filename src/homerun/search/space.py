"""What a sweep can propose: a walk over a finite space, or random draws.

A walk visits each point of a finite space once, in an order that depends on the seed alone.
Draws are for endless spaces, and for finite ones whose points are not equally likely.
"""

from collections.abc import Callable
from dataclasses import dataclass

from homerun.core import SpecError
from homerun.search.orders import balanced, shuffled
from homerun.spec import Grid, Sweep, axis_of

_EQUALLY_LIKELY = ("constant", "categorical", "int_uniform")


@dataclass(frozen=True)
class Walk:
    """An order of the points of a grid."""

    grid: Grid
    digits: Callable[[int], list[int]]  # of the i-th point in this order
    is_sorted: bool  # i counts the digits themselves, the last one fastest


def check(sweep: Sweep) -> None:
    """Refuse sweeps that homerun cannot search."""
    is_free = sweep.settings.configs or sweep.scheduler or ":" in sweep.settings.search
    if sweep.method == "custom" and not (sweep.goals or is_free):
        raise SpecError(
            f"{sweep.source}: method custom needs metric: or metrics:, the values to minimize or "
            "maximize"
        )
    if not sweep.parameters and not (sweep.scheduler and sweep.scheduler.engine == "optuna"):
        raise SpecError(
            f"{sweep.source}: has no parameters:, and scheduler.search_space goes only with "
            "engine: optuna; name the parameters in the file"
        )


def finite(sweep: Sweep) -> Grid | None:
    """Return the points a sweep can propose, or None if they are endless or not known."""
    if not sweep.parameters:  # a function defines them, see scheduler.search_space
        return None
    axes = [axis_of(p, sweep.method) for p in sweep.parameters]
    found = tuple(axis for axis in axes if axis is not None)
    return Grid(found) if len(found) == len(axes) else None


def walk(sweep: Sweep, grid: Grid) -> Walk | None:
    """Return the order in which a sweep visits its points, or None if it draws them."""
    key = f"{sweep.settings.seed}/order"
    order = sweep.settings.order if sweep.method == "grid" else "shuffle"
    if order == "grid":
        return Walk(grid, grid.digits, True)
    if order == "balanced":
        sizes = tuple(axis.size for axis in grid.axes)
        return Walk(grid, lambda i: balanced(i, sizes, key), False)
    if sweep.method == "random" and not _is_uniform(sweep, grid):
        return None
    return leftovers(sweep, grid)


def leftovers(sweep: Sweep, grid: Grid) -> Walk:
    """Return a shuffled order of all points."""
    key, size = f"{sweep.settings.seed}/order", grid.size
    return Walk(grid, lambda i: grid.digits(shuffled(i, size, key)), False)


def _is_uniform(sweep: Sweep, grid: Grid) -> bool:
    """Return whether random draws give each point of the grid equally often."""
    return all(
        p.distribution in _EQUALLY_LIKELY and axis.size >= len(p.values)  # no value listed twice
        for p, axis in zip(sweep.parameters, grid.axes, strict=True)
    )
