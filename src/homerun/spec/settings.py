"""homerun's own settings: the key `homerun:` of a sweep file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from homerun.spec.constraints import Constraint, parse_constraints
from homerun.spec.parameters import Parameter
from homerun.spec.place import Place, nearest, one_of, shown

Order = Literal["grid", "shuffle", "balanced"]
ArgsStyle = Literal["underscore", "hyphen"]

_KEYS = (
    "seed",
    "repeats",
    "order",
    "retries",
    "timeout",
    "slots",
    "gpus",
    "max_failures",
    "constraints",
    "args_style",
)
_FEWEST = {"repeats": 1, "retries": 0, "slots": 1, "gpus": 0, "max_failures": 0}
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])\s*")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How homerun runs a sweep, beyond what W&B's keys say."""

    seed: int = 0
    repeats: int = 1  # runs of each configuration
    order: Order = "grid"
    retries: int = 0  # new attempts after a run failed or crashed
    timeout_s: float | None = None  # a run is stopped after this time
    slots: int | None = None  # runs at once; None: one for each visible GPU, or one
    gpus: int | None = None  # GPUs for each run; None: one if there are any
    max_failures: int = 5  # failures in a row, with no success, that pause the sweep; 0: never
    args_style: ArgsStyle = "underscore"
    constraints: tuple[Constraint, ...] = ()


def parse_settings(
    raw: object, place: Place, parameters: Sequence[Parameter], method: str, notes: list[str]
) -> Settings:
    """Return the settings under `homerun:`."""
    if not isinstance(raw, dict):
        raise place.error(f"is {shown(raw)}; give settings such as `seed: 1` below it")
    for key in raw:
        if key not in _KEYS:
            raise place.at(key).error(f"is unknown; use {', '.join(_KEYS)}{nearest(key, _KEYS)}")
    found: dict[str, object] = {}
    for key, value in raw.items():
        here = place.at(key)
        if key == "timeout":
            found["timeout_s"] = _duration_s(value, here)
        elif key == "order":
            found["order"] = one_of(value, get_args(Order), here)
        elif key == "args_style":
            found["args_style"] = one_of(value, get_args(ArgsStyle), here)
        elif key == "constraints":
            found["constraints"] = parse_constraints(value, here, parameters, method, notes)
        else:
            found[key] = whole(value, here, fewest=_FEWEST.get(key))
    if found.get("order", "grid") != "grid" and method != "grid":
        notes.append(place.at("order").note("only orders a grid; other methods choose their own"))
    return Settings(**found)  # type: ignore[arg-type]


def whole(value: object, place: Place, *, fewest: int | None = None) -> int:
    """Return a whole number that is not too small."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(value, int) or not is_whole or (fewest is not None and value < fewest):
        least = "" if fewest is None else f" of at least {fewest}"
        raise place.error(f"must be a whole number{least}, not {shown(value)}")
    if value.bit_length() > 63:  # what the database can hold
        raise place.error(f"{shown(value)} is too large; use at most {2**63 - 1}")
    return value


def _duration_s(value: object, place: Place) -> float:
    """Return seconds from a number, or from text such as 90s, 30m, 4h, 1d or 1h30m."""
    seconds = 0.0
    if isinstance(value, str) and re.fullmatch(f"({_PART.pattern})+", value.strip()):
        seconds = sum(float(n) * _UNITS_S[unit] for n, unit in _PART.findall(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    if not 0 < seconds < 1e9:
        raise place.error(
            f"must be seconds above 0, or text such as 90s, 30m, 4h or 1d, not {shown(value)}"
        )
    return seconds
