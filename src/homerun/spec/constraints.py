"""Constraints: which combinations of parameters may run, and why the others may not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from homerun.spec.expression import (
    Expression,
    ExpressionError,
    Values,
    parse_expression,
    same,
)
from homerun.spec.grid import axis_of
from homerun.spec.parameters import Parameter, real_bounds
from homerun.spec.place import Place, nearest, shown

_KEYS = ("require", "when", "reason")
_TRIED = 5_000  # combinations that are tried when a file is read
_LISTED = 200  # an axis with more values is tried at its ends


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """What must hold, optionally only when something else holds, and the reason for people."""

    require: Expression
    when: Expression | None = None
    reason: str = ""

    @property
    def text(self) -> str:
        """Return the constraint in one line."""
        return self.require.text + (f" when {self.when.text}" if self.when else "")

    @property
    def names(self) -> frozenset[str]:
        """Return the dotted names of the parameters it looks at."""
        return self.require.names | (self.when.names if self.when else frozenset())

    def refusal(self, values: Values) -> str | None:
        """Return why these values may not run, or None if they may."""
        try:
            if (self.when is None or self.when.holds(values)) and not self.require.holds(values):
                return self.reason or f"not {self.text}"
        except ExpressionError as error:
            return str(error)
        return None


def parse_constraints(
    raw: object, place: Place, parameters: Sequence[Parameter], method: str, notes: list[str]
) -> tuple[Constraint, ...]:
    """Return the constraints of a file after trying them on the values of its parameters."""
    if not isinstance(raw, list):
        raise place.error(f"is {shown(raw)}; give a list of constraints")
    by_name = {p.name: p for p in parameters}
    found = []
    for i, item in enumerate(raw):
        here = place.at(i)
        constraint = _constraint(item, here, by_name)
        _try(constraint, here, by_name, method)
        _note_strangers(constraint, here, by_name, notes)
        found.append(constraint)
    return tuple(found)


def _constraint(item: object, place: Place, known: dict[str, Parameter]) -> Constraint:
    if isinstance(item, str):
        return Constraint(require=_expression(item, place, known))
    if not isinstance(item, dict):
        raise place.error(
            f"is {shown(item)}; give an expression in quotes, "
            "or {require: ..., when: ..., reason: ...}"
        )
    for key, value in item.items():
        if key not in _KEYS:
            raise place.at(key).error(f"is unknown; use {', '.join(_KEYS)}{nearest(key, _KEYS)}")
        if not isinstance(value, str):
            raise place.at(key).error(f"must be text, not {shown(value)}; put it in quotes")
    if "require" not in item:
        raise place.error("has no require: the expression that must hold")
    when = _expression(item["when"], place.at("when"), known) if "when" in item else None
    require = _expression(item["require"], place.at("require"), known)
    return Constraint(require=require, when=when, reason=" ".join(item.get("reason", "").split()))


def _expression(text: str, place: Place, known: dict[str, Parameter]) -> Expression:
    try:
        return parse_expression(" ".join(text.splitlines()).strip(), known)
    except ExpressionError as error:
        raise place.error(str(error)) from None


def _try(
    constraint: Constraint, place: Place, parameters: dict[str, Parameter], method: str
) -> None:
    """Refuse a constraint that cannot be computed for values the sweep will propose."""
    names = sorted(constraint.names)
    combinations = product(*(_samples(parameters[name], method) for name in names))
    for combination in islice(combinations, _TRIED):
        values = dict(zip(names, combination, strict=True))
        try:
            if constraint.when is None or constraint.when.holds(values):
                constraint.require.holds(values)
        except ExpressionError as error:
            told = ", ".join(f"{name} = {shown(value)}" for name, value in values.items())
            raise place.error(f"{error} (for {told})" if told else str(error)) from None


def _samples(p: Parameter, method: str) -> list[Any]:
    axis = axis_of(p, method)
    if axis is not None:
        numbers = range(axis.size) if axis.size <= _LISTED else (0, axis.size - 1)
        return [axis.value(i) for i in numbers]
    if p.distribution.endswith("normal"):
        middle = math.exp(p.mu) if "log" in p.distribution else float(p.mu)
        return [middle]
    return [float(bound) for bound in real_bounds(p)]


def _note_strangers(
    constraint: Constraint, place: Place, parameters: dict[str, Parameter], notes: list[str]
) -> None:
    """Remark on values that a constraint names and its parameter never has: often misspelt."""
    for expression in (constraint.require, constraint.when):
        for name, literal in expression.compared if expression else ():
            values = parameters[name].values
            if values and not any(same(literal, value) for value in values):
                texts = [value for value in values if isinstance(value, str)]
                notes.append(
                    place.note(f"{literal!r} is no value of {name}{nearest(literal, texts)}")
                )
