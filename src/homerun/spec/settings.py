"""homerun's own settings: the key `homerun:` of a sweep file."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from homerun.spec.configs import parse_configs
from homerun.spec.constraints import Constraint, parse_constraints
from homerun.spec.defaults import parse_defaults
from homerun.spec.early import Asha, Median, parse_rule
from homerun.spec.parameters import Parameter
from homerun.spec.place import Place, nearest, one_of, shown, whole

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
    "python",
    "search",
    "defaults",
    "prior",
    "budget",
    "configs",
    "stop_when_settled",
    "early_terminate",
)
_FEWEST = {"repeats": 1, "retries": 0, "slots": 1, "gpus": 0, "per_gpu": 1, "max_failures": 0}
_CHOICES = {
    "order": get_args(Order),
    "args_style": get_args(ArgsStyle),
    "gpu_names": get_args(GpuNames),
}
_UNITS_MIB = {"mib": 1.0, "gib": 1024.0, "mb": 1e6 / 2**20, "gb": 1e9 / 2**20}
LEARNED = "learned"
_GUIDED = ("search", "defaults", "prior", "budget")  # for bayes and custom
SEARCHES = ("auto", "forest", "gaussian", "sobol", "ax")  # by name; others are module:function
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
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
    python: str = ""  # the one programs start with: a path, or uv; "": as the agent finds it
    search: str = "auto"  # of bayes and custom: a name of SEARCHES, optuna:SAMPLER, module:function
    defaults: tuple[Mapping[str, Any], ...] = ()  # configurations to begin with, maybe in part
    begins_with_program: bool = False  # first a run with the program's own defaults
    prior: tuple[str, ...] = ()  # sweeps and runs whose results count beforehand
    budget_s: float | None = None  # time of all runs together, to find the best within
    configs: tuple[Mapping[str, Any], ...] = ()  # exactly these are run, and no search
    stop_when_settled: bool = False  # no more runs once nothing better is to be expected
    early_terminate: Median | Asha | None = None  # when to stop runs early
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
    found: dict[str, Any] = {}
    for key, value in raw.items():
        here = place.at(key)
        if key == "constraints":
            found[key] = parse_constraints(value, here, parameters, method, notes)
        elif key == "configs":
            found[key] = parse_configs(value, here, parameters, method)
        elif key != "defaults":  # for these the constraints have to be known
            name, setting = _read(key, value, here)
            found[name] = setting
    if "defaults" in raw:
        constraints = found.get("constraints", ())
        found["begins_with_program"], found["defaults"] = parse_defaults(
            raw["defaults"], place.at("defaults"), parameters, constraints, method
        )
    _check_together(raw, place, method, notes)
    return Settings(**found)


def _read(key: str, value: object, place: Place) -> tuple[str, object]:
    """Return the name and the value of a setting that stands for itself."""
    if key == "gpu_memory" and value == LEARNED:
        return "is_gpu_memory_learned", True
    if key in _CHOICES:
        return key, one_of(value, _CHOICES[key], place)
    if key in _READERS:
        name, read = _READERS[key]
        return name, read(value, place)
    return key, whole(value, place, fewest=_FEWEST.get(key))


def _check_together(raw: dict[str, Any], place: Place, method: str, notes: list[str]) -> None:
    """Refuse settings that contradict each other, and remark on those without effect."""
    if "configs" in raw:
        for other in ("constraints", "order", "search", "defaults", "prior", "budget"):
            if other in raw:
                raise place.at(other).error("does not go with configs:, which are run as listed")
    elif method in ("grid", "random"):
        notes += [
            place.at(key).note(f"has no effect: method {method} does not learn from results")
            for key in _GUIDED
            if key in raw
        ]
    if raw.get("order", "grid") != "grid" and method != "grid":
        notes.append(place.at("order").note("only orders a grid; other methods choose their own"))


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


def _python(value: object, place: Place) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise place.error(
            f"must be the path of a Python or of its environment, or uv, not {shown(value)}"
        )
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


def _search(value: object, place: Place) -> str:
    if isinstance(value, str) and (value in SEARCHES or _FUNCTION.fullmatch(value)):
        return value
    raise place.error(
        f"{shown(value)} is unknown; use {', '.join(SEARCHES)}, optuna:SAMPLER such as "
        f"optuna:TPESampler, or module:function{nearest(value, SEARCHES)}"
    )


def _prior(value: object, place: Place) -> tuple[str, ...]:
    refs = [value] if isinstance(value, str) else value
    if not isinstance(refs, list) or not refs or not all(isinstance(one, str) for one in refs):
        raise place.error(
            f"must be the id of a sweep or run, or a list of them, not {shown(value)}"
        )
    return tuple(dict.fromkeys(refs))


def _truth(value: object, place: Place) -> bool:
    if not isinstance(value, bool):
        raise place.error(f"must be true or false, not {shown(value)}")
    return value


_READERS: dict[str, tuple[str, Callable[[object, Place], object]]] = {
    "search": ("search", _search),
    "prior": ("prior", _prior),
    "budget": ("budget_s", _duration_s),
    "stop_when_settled": ("stop_when_settled", _truth),
    "timeout": ("timeout_s", _duration_s),
    "gpu_memory": ("gpu_memory_mib", _memory_mib),
    "setup": ("setup", _setup),
    "python": ("python", _python),
    "early_terminate": ("early_terminate", parse_rule),
}
