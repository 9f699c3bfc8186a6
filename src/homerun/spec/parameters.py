"""The parameters of a sweep: W&B's keys, defaults and implied distributions, checked.

The rules are those of W&B's schema (https://github.com/wandb/sweeps, config/schema.json). Where
the file gives two bounds of different kinds, a whole and a broken number, the parameter is uniform.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from homerun.spec.place import Place, nearest, one_of, shown

Number = int | float

_BOUNDS = ("min", "max")
_NEEDS: dict[str, tuple[str, ...]] = {
    "constant": ("value",),
    "categorical": ("values",),
    "categorical_w_probabilities": ("values", "probabilities"),
    "int_uniform": _BOUNDS,
    "uniform": _BOUNDS,
    "q_uniform": _BOUNDS,
    "log_uniform": _BOUNDS,
    "inv_log_uniform": _BOUNDS,
    "q_log_uniform": _BOUNDS,
    "log_uniform_values": _BOUNDS,
    "inv_log_uniform_values": _BOUNDS,
    "q_log_uniform_values": _BOUNDS,
    "normal": (),
    "q_normal": (),
    "log_normal": (),
    "q_log_normal": (),
    "beta": (),
    "q_beta": (),
}
DISTRIBUTIONS = tuple(_NEEDS)
EXPONENTS = ("log_uniform", "inv_log_uniform", "q_log_uniform")  # bounds are base-e exponents
_KEYS = (
    *("value", "values", "probabilities", "distribution", "min", "max", "mu", "sigma", "q"),
    *("a", "b", "parameters"),
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LARGEST_EXPONENT = 700.0  # e**710 is too large for a float
_TAILS = 9.0  # standard deviations: no draw from 53 random bits lies farther out
_SHAPES = (0.01, 1e6)  # a and b of beta: outside, draws underflow or take for ever


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter with values to choose from, or one constant; nested ones have longer paths."""

    path: tuple[str, ...]  # keys from the outside in
    distribution: str
    values: tuple[Any, ...] = ()  # of constant (one), categorical, categorical_w_probabilities
    probabilities: tuple[Number, ...] = ()
    min: Number = 0  # of log_uniform, inv_log_uniform and q_log_uniform: base-e exponents
    max: Number = 0
    mu: Number = 0.0
    sigma: Number = 1.0
    a: Number = 1.0
    b: Number = 1.0
    q: Number = 1  # step of the q_ distributions; an int gives ints

    @property
    def name(self) -> str:
        """Return the dotted name, as constraints and DataFrames write it."""
        return ".".join(self.path)


def parse_parameters(
    raw: object, place: Place, notes: list[str], outer: tuple[str, ...] = ()
) -> tuple[Parameter, ...]:
    """Return all parameters, nested ones too, in the order of W&B's grid: sorted at each level."""
    if not isinstance(raw, dict) or not raw:
        raise place.error("must name at least one parameter, such as `lr: {values: [0.1, 0.01]}`")
    found: list[Parameter] = []
    for name in sorted(raw):
        here, path = place.at(name), (*outer, name)
        if not _NAME.fullmatch(name):
            raise here.error(
                f"{shown(name)} cannot be a parameter's name; use letters, digits, '_', '-', '.', "
                "with a letter or '_' first"
            )
        body = _body(raw[name], here)
        if "parameters" in body:
            if len(body) > 1:
                other = next(key for key in body if key != "parameters")
                raise here.at(other).error("does not go with parameters: on the same level")
            found += parse_parameters(body["parameters"], here.at("parameters"), notes, path)
        else:
            found.append(_parameter(body, here, path, notes))
    return tuple(found)


def _body(raw: object, place: Place) -> dict[str, Any]:
    if isinstance(raw, list):
        raise place.error("is a list; write {values: [...]} to sweep over it")
    if not isinstance(raw, dict):
        raise place.error(f"is {shown(raw)}; write {{value: {shown(raw)}}} for one fixed value")
    for key in raw:
        if key not in _KEYS:
            raise place.at(key).error(
                f"is unknown; use {', '.join(_KEYS)}{nearest(key, _KEYS)}; "
                "parameters inside a parameter stand under parameters:"
            )
    return raw


def _parameter(
    body: dict[str, Any], place: Place, path: tuple[str, ...], notes: list[str]
) -> Parameter:
    distribution = _distribution(body, place)
    for key in _NEEDS[distribution]:
        if key not in body:
            raise place.error(f"{distribution} needs {' and '.join(_NEEDS[distribution])}")
    for key in body:
        if key != "distribution" and key not in _allowed(distribution):
            raise place.at(key).error(
                f"does not go with {distribution}, which takes "
                f"{', '.join(_allowed(distribution)) or 'nothing else'}"
            )
    if "value" in body:
        return Parameter(path=path, distribution=distribution, values=(body["value"],))
    if "values" in body:
        values, probabilities = _values(body, place)
        return Parameter(
            path=path, distribution=distribution, values=values, probabilities=probabilities
        )
    numbers: dict[str, Any] = {
        key: number(body[key], place.at(key)) for key in body if key != "distribution"
    }
    parameter = Parameter(path=path, distribution=distribution, **numbers)
    _check(parameter, place)
    if distribution in EXPONENTS:
        sign = -1 if distribution == "inv_log_uniform" else 1
        low, high = sorted(math.exp(sign * bound) for bound in (parameter.min, parameter.max))
        notes.append(
            place.note(
                f"{distribution} takes base-e exponents, so values lie between {low:.4g} and "
                f"{high:.4g}; use {distribution}_values to give the values themselves"
            )
        )
    return parameter


def _allowed(distribution: str) -> tuple[str, ...]:
    kind = distribution.removeprefix("q_")
    allowed = _NEEDS[distribution]
    if kind in ("normal", "log_normal"):
        allowed += ("mu", "sigma")
    if kind == "beta":
        allowed += ("a", "b")
    return (*allowed, "q") if distribution.startswith("q_") else allowed


def _distribution(body: dict[str, Any], place: Place) -> str:
    """Return the distribution that is named, or that the other keys imply."""
    if "distribution" in body:
        return one_of(body["distribution"], DISTRIBUTIONS, place.at("distribution"))
    if "value" in body:
        return "constant"
    if "values" in body:
        return "categorical_w_probabilities" if "probabilities" in body else "categorical"
    for key, name in {"q": "q_uniform", "mu": "normal", "sigma": "normal", "a": "beta"}.items():
        if key in body:
            raise place.error(f"has {key} but no distribution; add `distribution: {name}`")
    if "min" in body and "max" in body:
        whole = all(type(body[bound]) is int for bound in _BOUNDS)
        return "int_uniform" if whole else "uniform"
    raise place.error("needs value, values, both min and max, or a distribution")


def _values(body: dict[str, Any], place: Place) -> tuple[tuple[Any, ...], tuple[Number, ...]]:
    values, here = body["values"], place.at("values")
    if not isinstance(values, list) or not values:
        raise here.error(f"is {shown(values)}; give a list of at least one value")
    if "probabilities" not in body:
        return tuple(values), ()
    here = place.at("probabilities")
    if not isinstance(body["probabilities"], list):
        raise here.error(f"is {shown(body['probabilities'])}; give a list of numbers")
    chances = [number(p, here.at(i)) for i, p in enumerate(body["probabilities"])]
    if len(chances) != len(values):
        raise here.error(f"has {len(chances)} numbers for {len(values)} values; give one for each")
    if min(chances) < 0:
        raise here.error(f"has {min(chances)}; a probability is at least 0")
    if not math.isclose(sum(chances), 1, abs_tol=1e-5):
        raise here.error(f"add up to {sum(chances):.6g}; they must add up to 1")
    return tuple(values), tuple(chances)


def number(value: object, place: Place) -> Number:
    """Return a finite number; text and booleans are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "; remove the quotes" if isinstance(value, str) and _looks_numeric(value) else ""
        raise place.error(f"must be a number, not {shown(value)}{hint}")
    try:
        is_finite = math.isfinite(value)
    except OverflowError:
        is_finite = False
    if not is_finite:
        raise place.error(f"must be a finite number, not {shown(value)}")
    return value


def _looks_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check(parameter: Parameter, place: Place) -> None:
    """Refuse numbers that no value could be drawn from."""
    p, name = parameter, parameter.distribution
    if name == "int_uniform":
        for bound in _BOUNDS:
            if not isinstance(getattr(p, bound), int):
                raise place.at(bound).error(f"must be a whole number, not {getattr(p, bound)}")
    if "min" in _NEEDS[name] and p.min >= p.max:
        raise place.at("min").error(f"{p.min} must be less than max, {p.max}")
    if name.endswith("_values") and p.min <= 0:
        raise place.at("min").error(f"must be above 0 for {name}, not {p.min}")
    if name in EXPONENTS and max(-p.min, p.max) > _LARGEST_EXPONENT:
        raise place.error(
            f"{name} takes base-e exponents and e**{max(-p.min, p.max)} is too large; "
            f"use {name}_values to give the values themselves"
        )
    if p.sigma <= 0:
        raise place.at("sigma").error(f"must be above 0, not {p.sigma}; use value: for a constant")
    for shape in ("a", "b"):
        if not _SHAPES[0] <= getattr(p, shape) <= _SHAPES[1]:
            raise place.at(shape).error(f"must be from 0.01 to 1e6, not {getattr(p, shape)}")
    if p.q <= 0:
        raise place.at("q").error(f"must be above 0, not {p.q}")
    _check_reach(p, place)


def _check_reach(p: Parameter, place: Place) -> None:
    """Refuse distributions whose values overflow, or hold no multiple of q."""
    if "normal" in p.distribution:
        farthest = abs(p.mu) + _TAILS * p.sigma
        is_log = "log" in p.distribution
        if farthest > (_LARGEST_EXPONENT if is_log else 1e300):
            raise place.error(f"mu {p.mu} and sigma {p.sigma} give values too large for a float")
        reach = math.exp(farthest) if is_log else farthest
    else:
        reach = max(map(abs, real_bounds(p)))
    if math.isinf(reach / p.q):
        raise place.at("q").error(f"{p.q} is too small a step for values up to {reach:.4g}")
    multiples = steps(p)
    if multiples is not None and not multiples:
        low, high = real_bounds(p)
        raise place.at("q").error(f"no multiple of {p.q} lies between {low:.6g} and {high:.6g}")


def real_bounds(p: Parameter) -> tuple[Number, Number]:
    """Return the smallest and largest value of a parameter with bounds, exponents resolved."""
    if p.distribution in ("beta", "q_beta"):
        return 0, 1
    if p.distribution == "inv_log_uniform":
        return math.exp(-p.max), math.exp(-p.min)
    if p.distribution in EXPONENTS:
        return math.exp(p.min), math.exp(p.max)
    return p.min, p.max


def steps(p: Parameter) -> range | None:
    """Return the k whose k*q a quantised parameter with bounds can be; None for all others."""
    if p.distribution not in ("q_uniform", "q_log_uniform", "q_log_uniform_values", "q_beta"):
        return None
    low, high = (bound / p.q for bound in real_bounds(p))
    # 0.3 / 0.1 is 2.9999999999999996: a bound that is a multiple of q must stay inside.
    first = round(low) if math.isclose(low, round(low), rel_tol=1e-12) else math.ceil(low)
    last = round(high) if math.isclose(high, round(high), rel_tol=1e-12) else math.floor(high)
    return range(first, last + 1)
