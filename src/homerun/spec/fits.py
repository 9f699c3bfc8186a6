"""Whether a configuration is a point of a sweep's space, such as one that another sweep ran."""

import math
from collections.abc import Callable, Mapping
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from homerun.spec.configs import as_text
from homerun.spec.grid import MISSING, Axis, axis_of, multiple, nest, value_at
from homerun.spec.parameters import Parameter, real_bounds

if TYPE_CHECKING:
    from homerun.spec.sweep import Sweep  # which has settings, and these have defaults that fit

_CLOSE = 1e-9  # relative: what a person types for a computed number

Config = Mapping[str, Any]


def fits(sweep: "Sweep", config: Config) -> bool:
    """Return whether a sweep could propose a configuration; keys of no parameter do not count."""
    part = part_of(sweep, config)
    return part is not None and fitting(sweep)(part)


def part_of(sweep: "Sweep", config: Config) -> dict[str, Any] | None:
    """Return what a configuration says of the parameters of a sweep; None if one is missing."""
    if not sweep.parameters:  # a function defines them
        return dict(config)
    values = [(p.path, value_at(config, p.path)) for p in sweep.parameters]
    return None if any(value is MISSING for _, value in values) else nest(values)


def fitting(sweep: "Sweep") -> Callable[[Config], bool]:
    """Return a function of a configuration of all parameters: whether the sweep could propose it.

    1 and 1.0 are two values.
    """
    if sweep.settings.configs:
        listed = {as_text(config) for config in sweep.settings.configs}
        return lambda config: as_text(config) in listed
    checks = [(p.name, p.path, _check_of(p, sweep.method)) for p in sweep.parameters]
    constraints = sweep.settings.constraints

    def is_fitting(config: Config) -> bool:
        values = {name: reduce(getitem, path, config) for name, path, _ in checks}
        return all(may_be(values[name]) for name, _, may_be in checks) and not any(
            constraint.refusal(values) is not None for constraint in constraints
        )

    return is_fitting


def placing(sweep: "Sweep") -> Callable[[Config], tuple[dict[str, Any] | None, str]]:
    """Return a function of any configuration: the point of the sweep's space that it stands for.

    Beside it is what keeps it from standing for one: `lack lr`, `have another lr`. Constants that
    are missing are filled in, 2.0 is taken as 2, and constraints do not count. A sweep without
    parameters, which a function defines, takes any.
    """
    if not sweep.parameters:
        return lambda config: (dict(config), "")
    checks = [(p, _check_of(p, sweep.method)) for p in sweep.parameters]

    def place(config: Config) -> tuple[dict[str, Any] | None, str]:
        found = []
        for p, may_be in checks:
            value = value_at(config, p.path)
            if value is MISSING and p.distribution == "constant":
                value = p.values[0]
            if value is MISSING:
                return None, f"lack {p.name}"
            if not may_be(value):
                value = meant(p, sweep.method, value)
                if value is None:
                    return None, f"have another {p.name}"
            found.append((p.path, value))
        return nest(found), ""

    return place


def usable(sweep: "Sweep", config: Config) -> tuple[dict[str, Any], list[str]]:
    """Return the values in a configuration that a sweep can use, and of which parameters none is.

    Constants are neither here nor there.
    """
    values, others = [], []
    for p in sweep.parameters:
        value, may_be = value_at(config, p.path), _check_of(p, sweep.method)
        if value is not MISSING and not may_be(value):
            value = meant(p, sweep.method, value)
        if p.distribution == "constant":
            continue
        if value is not MISSING and may_be(value):
            values.append((p.path, value))
        else:
            others.append(p.name)
    return nest(values), others


def can_be(p: Parameter, method: str, value: Any) -> bool:
    """Return whether a method can give a parameter exactly this value."""
    return _check_of(p, method)(value)


def meant(p: Parameter, method: str, value: Any) -> Any:
    """Return the number of a parameter that a person means: 2.0 by 2; None if it has none."""
    axis = axis_of(p, method)
    if axis is None or not _is_number(value):
        return None
    if p.values:
        close = [one for one in map(axis.value, range(axis.size)) if _is_close(one, value)]
        return close[0] if len(close) == 1 else None
    near = _nearest(p, axis, value)
    return near if near is not None and _is_close(near, value) else None


def _check_of(p: Parameter, method: str) -> Callable[[Any], bool]:
    """Return a function of a value: whether a method can give it to a parameter."""
    axis = axis_of(p, method)
    if p.values and axis is not None:
        known = {as_text(axis.value(i)) for i in range(axis.size)}
        return lambda value: as_text(value) in known
    if p.distribution == "int_uniform":
        return lambda value: type(value) is int and p.min <= value <= p.max
    if axis is not None:
        return lambda value: _is_number(value) and _is_equal(_nearest(p, axis, value), value)
    if p.distribution.startswith("q_"):
        return lambda value: _is_number(value) and _is_equal(multiple(p, round(value / p.q)), value)
    low, high = _reach(p)
    return lambda value: _is_number(value) and low <= value <= high


def _reach(p: Parameter) -> tuple[float, float]:
    if p.distribution == "normal":
        return -math.inf, math.inf
    return (math.ulp(0.0), math.inf) if p.distribution == "log_normal" else real_bounds(p)


def _nearest(p: Parameter, axis: Axis, value: float) -> Any:
    """Return the value of an evenly spaced axis that is nearest to a number."""
    if p.distribution == "int_uniform":
        return min(max(round(value), int(p.min)), int(p.max))
    first = axis.value(0)
    i = round((value - first) / p.q)
    near = [min(max(j, 0), axis.size - 1) for j in (i - 1, i, i + 1)]
    return min(map(axis.value, near), key=lambda one: abs(one - value))


def _is_number(value: object) -> bool:
    """Return whether a value is a number that can be computed with as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_equal(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _is_close(one: Any, value: float) -> bool:
    return _is_number(one) and math.isclose(one, value, rel_tol=_CLOSE)
