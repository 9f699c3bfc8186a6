"""homerun's own settings: the key `homerun:` of a sweep file."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from homerun.spec.constraints import Constraint, parse_constraints
from homerun.spec.parameters import Parameter
from homerun.spec.place import Place, nearest, one_of, shown

Order = Literal["grid", "shuffle", "balanced"]
ArgsStyle = Literal["underscore", "hyphen"]
GpuNames = Literal["uuid", "index"]

_KEYS = (
    "seed",
    "repeats",
    "order",
    "retries",
    "timeout",
    "slots",
    "gpus",
    "per_gpu",
    "gpu_memory",
    "gpu_names",
    "max_failures",
    "constraints",
    "args_style",
    "setup",
)
_FEWEST = {"repeats": 1, "retries": 0, "slots": 1, "gpus": 0, "per_gpu": 1, "max_failures": 0}
_CHOICES = {
    "order": get_args(Order),
    "args_style": get_args(ArgsStyle),
    "gpu_names": get_args(GpuNames),
}
_UNITS_MIB = {"mib": 1.0, "gib": 1024.0, "mb": 1e6 / 2**20, "gb": 1e9 / 2**20}
LEARNED = "learned"
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
    per_gpu: int | None = None  # runs on each GPU at once; None: one, or as the memory allows
    gpu_memory_mib: float | None = None  # reserved on each GPU of a run
    is_gpu_memory_learned: bool = False  # reserved as earlier runs of the program have shown
    gpu_names: GpuNames = "uuid"  # how programs are told their GPUs
    max_failures: int = 5  # failures in a row, with no success, that pause the sweep; 0: never
    args_style: ArgsStyle = "underscore"
    setup: tuple[str, ...] = ()  # a program to run before each run's own
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
        if key == "constraints":
            found[key] = parse_constraints(value, here, parameters, method, notes)
        elif key == "gpu_memory" and value == LEARNED:
            found["is_gpu_memory_learned"] = True
        elif key in _CHOICES:
            found[key] = one_of(value, _CHOICES[key], here)
        elif key in _READERS:
            name, read = _READERS[key]
            found[name] = read(value, here)
        else:
            found[key] = whole(value, here, fewest=_FEWEST.get(key))
    if found.get("order", "grid") != "grid" and method != "grid":
        notes.append(place.at("order").note("only orders a grid; other methods choose their own"))
    return Settings(**found)  # type: ignore[arg-type]


def memory_mib(text: str) -> float | None:
    """Return MiB from text such as 6GiB, 500 MiB or 6.5GB; None for any other."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([mg]i?b)\s*", text, re.IGNORECASE)
    mib = float(found[1]) * _UNITS_MIB[found[2].lower()] if found else 0.0
    return mib if 0 < mib < 1e9 else None


def _memory_mib(value: object, place: Place) -> float:
    mib = memory_mib(value) if isinstance(value, str) else None
    if mib is None:
        raise place.error(
            f"must be a size such as 6GiB or 500MiB, or {LEARNED}, not {shown(value)}"
        )
    return mib


def _setup(value: object, place: Place) -> tuple[str, ...]:
    """Return the command line of the setup: a list of arguments, or text as a shell splits it."""
    argv: object = value
    if isinstance(value, str):
        import shlex  # noqa: PLC0415  rarely needed

        try:
            argv = shlex.split(value)
        except ValueError as error:
            raise place.error(f"cannot be read: {error}; {shown(value)}") from error
    if not (isinstance(argv, list) and argv and all(isinstance(part, str) for part in argv)):
        raise place.error(
            f"must be a program with its arguments, such as [bash, prepare.sh], not {shown(value)}"
        )
    return tuple(argv)


def whole(value: object, place: Place, *, fewest: int | None = None) -> int:
    """Return a whole number that is not too small."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(value, int) or not is_whole or (fewest is not None and value < fewest):
        least = "" if fewest is None else f" of at least {fewest}"
        raise place.error(f"must be a whole number{least}, not {shown(value)}")
    if value.bit_length() > 63:  # what the database can hold
        raise place.error(f"{shown(value)} is too large; use at most {2**63 - 1}")
    return value


def duration_s(text: str) -> float | None:
    """Return seconds from text such as 90s, 30m, 4h, 1d or 1h30m; None for any other."""
    if not re.fullmatch(f"({_PART.pattern})+", text.strip()):
        return None
    return sum(float(n) * _UNITS_S[unit] for n, unit in _PART.findall(text))


def _duration_s(value: object, place: Place) -> float:
    """Return seconds from a number, or from text such as 90s, 30m, 4h, 1d or 1h30m."""
    seconds = duration_s(value) if isinstance(value, str) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    if seconds is None or not 0 < seconds < 1e9:
        raise place.error(
            f"must be seconds above 0, or text such as 90s, 30m, 4h or 1d, not {shown(value)}"
        )
    return seconds


_READERS: dict[str, tuple[str, Callable[[object, Place], object]]] = {
    "timeout": ("timeout_s", _duration_s),
    "gpu_memory": ("gpu_memory_mib", _memory_mib),
    "setup": ("setup", _setup),
}
