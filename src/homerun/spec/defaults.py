"""Configurations to begin a search with: `homerun: defaults:`, checked against the parameters."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any

from homerun.spec.configs import leaves
from homerun.spec.constraints import Constraint
from homerun.spec.fits import can_be, meant
from homerun.spec.grid import nest
from homerun.spec.parameters import Parameter, real_bounds
from homerun.spec.place import Place, nearest, shown

PROGRAM = "program"  # the program's own defaults, whatever they are


def parse_defaults(
    raw: object,
    place: Place,
    parameters: Sequence[Parameter],
    constraints: Sequence[Constraint],
    method: str,
) -> tuple[bool, tuple[dict[str, Any], ...]]:
    """Return whether a search begins with the program's own defaults, and with what else.

    A configuration is nested as those of the runs, and may leave parameters out.
    """
    items = raw if isinstance(raw, list) else [raw]
    configs = []
    for i, item in enumerate(items):
        here = place.at(i) if isinstance(raw, list) else place
        if item == PROGRAM:
            continue
        if not isinstance(item, dict) or not item:
            raise here.error(
                f"must be values such as {{lr: 0.01}}, a list of such mappings, or the word "
                f"{PROGRAM}, not {shown(item)}"
            )
        configs.append(_config(item, here, parameters, constraints, method))
    if not items:
        raise place.error("is empty; give values such as {lr: 0.01}, or remove the line")
    return PROGRAM in items, tuple(configs)


def _config(
    raw: Mapping[str, Any],
    place: Place,
    parameters: Sequence[Parameter],
    constraints: Sequence[Constraint],
    method: str,
) -> dict[str, Any]:
    by_name = {p.name: p for p in parameters}
    found: dict[tuple[str, ...], Any] = {}
    for path, value in leaves(raw, {p.path for p in parameters}):
        name, here = ".".join(path), place.at(*path)
        if name not in by_name:
            raise here.error(
                f"is no parameter of the sweep; use {', '.join(by_name)}{nearest(name, by_name)}"
            )
        p = by_name[name]
        found[p.path] = _value(p, value, here, method)
    config = nest(found.items())
    if len(found) == len(parameters):
        values = {p.name: reduce(getitem, p.path, config) for p in parameters}
        for constraint in constraints:
            refusal = constraint.refusal(values)
            if refusal is not None:
                raise place.error(f"is excluded by the constraints: {refusal}")
    return config


def _value(p: Parameter, value: Any, place: Place, method: str) -> Any:
    if can_be(p, method, value):
        return value
    known = meant(p, method, value)
    if known is not None:
        return known
    if p.values:
        listed = ", ".join(map(shown, p.values[:8])) + (", ..." if len(p.values) > 8 else "")
        texts = [one for one in p.values if isinstance(one, str)]
        raise place.error(f"{shown(value)} is none of its values: {listed}{nearest(value, texts)}")
    where = f"{p.distribution} values"
    if p.min < p.max:
        low, high = real_bounds(p)
        where += f" from {low:g} to {high:g}"
    raise place.error(f"{shown(value)} is none of its {where}")
