"""The points of a finite space by their number, in W&B's order; nothing is ever listed.

W&B sorts the keys at each level and lets the last one change fastest. A point's number is read as
digits of a mixed radix, one digit for each parameter, so a million points take no memory.
"""

import copy
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homerun.spec.parameters import Parameter, real_bounds, steps
from homerun.spec.place import Place

MISSING = object()  # in place of a value; None may be one
_IN_GRID = ("constant", "categorical", "int_uniform", "q_uniform")


@dataclass(frozen=True)
class Axis:
    """The distinct values of one parameter, by number."""

    path: tuple[str, ...]
    size: int
    value: Callable[[int], Any]

    @property
    def name(self) -> str:
        """Return the dotted name of the parameter."""
        return ".".join(self.path)


@dataclass(frozen=True)
class Grid:
    """All combinations of the axes' values, numbered; the last axis changes fastest."""

    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """Return the number of points."""
        return math.prod(axis.size for axis in self.axes)

    def digits(self, index: int) -> list[int]:
        """Return the number of each axis' value at a point."""
        digits = []
        for axis in reversed(self.axes):
            index, digit = divmod(index, axis.size)
            digits.append(digit)
        return digits[::-1]

    def config(self, digits: Sequence[int]) -> dict[str, Any]:
        """Return the configuration made of these values."""
        values = (axis.value(digit) for axis, digit in zip(self.axes, digits, strict=True))
        return nest(zip((axis.path for axis in self.axes), values, strict=True))

    def point(self, index: int) -> dict[str, Any]:
        """Return the configuration with this number, from 0."""
        return self.config(self.digits(index))


def nest(values: Iterable[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    """Return the configuration whose nested keys are these paths."""
    config: dict[str, Any] = {}
    for path, value in values:
        inner = config
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = copy.deepcopy(value) if isinstance(value, list | dict) else value
    return config


def value_at(config: Mapping[str, Any], path: Iterable[str]) -> Any:
    """Return a nested value of a configuration; MISSING if there is none."""
    value: Any = config
    for key in path:
        if not isinstance(value, (dict, Mapping)) or key not in value:
            return MISSING
        value = value[key]
    return value


def axis_of(p: Parameter, method: str) -> Axis | None:
    """Return the values that a method can give a parameter, or None if they are endless."""
    return grid_axis(p) if method == "grid" else random_axis(p)


def grid_axis(p: Parameter) -> Axis | None:
    """Return the values of a parameter in a grid search, or None if it has no place there."""
    if p.distribution == "q_uniform":
        return _arange(p)
    return random_axis(p) if p.distribution in _IN_GRID else None


def random_axis(p: Parameter) -> Axis | None:
    """Return the values that random draws of a parameter can give, or None if they are endless."""
    if p.values:
        chances = p.probabilities or (1,) * len(p.values)
        possible = (value for value, chance in zip(p.values, chances, strict=True) if chance)
        values = tuple({json.dumps(value, sort_keys=True): value for value in possible}.values())
        return Axis(p.path, len(values), values.__getitem__)
    if p.distribution == "int_uniform":
        low = int(p.min)
        return Axis(p.path, int(p.max) - low + 1, lambda i: low + i)
    multiples = steps(p)
    if multiples is None:
        return None
    first = multiples.start
    return Axis(p.path, multiples.stop - first, lambda i: multiple(p, first + i))


def multiple(p: Parameter, k: int) -> int | float:
    """Return k*q, inside the bounds of the parameter if it has any."""
    value = k * p.q
    if steps(p) is None:
        return value
    low, high = real_bounds(p)
    return min(max(value, low), high)


def _arange(p: Parameter) -> Axis:
    """Return min, min+q, ... below max, as numpy.arange computes them."""
    size = math.ceil((p.max - p.min) / p.q)
    step = (p.min + p.q) - p.min
    return Axis(p.path, size, lambda i: p.min + i * step)


def check_grid(parameters: Iterable[Parameter], place: Place) -> None:
    """Refuse parameters that a grid cannot list."""
    for p in parameters:
        if grid_axis(p) is None:
            instead = "list the values to try under values:, or use method: random"
            if p.distribution == "categorical_w_probabilities":
                instead = "remove probabilities:, or use method: random"
            raise place.at(*_keys(p.path)).error(
                f"{p.distribution} cannot be in a grid, which takes {', '.join(_IN_GRID)}; "
                f"{instead}"
            )


def _keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys in the file that lead to a parameter, below the first parameters:."""
    return tuple(key for name in path for key in ("parameters", name))[1:]
