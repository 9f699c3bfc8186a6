"""Rules that stop runs early: W&B's hyperband, and those of our own under `homerun:`.

`homerun.search` decides by them; here they are nouns and how a sweep file says them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homerun.spec.parameters import number
from homerun.spec.place import Place, nearest, one_of, shown, whole

_COMMON = ("type", "min_runs", "min_fraction", "min_iter", "budget")
_KEYS = {"median": (*_COMMON, "patience"), "asha": (*_COMMON, "eta")}


@dataclass(frozen=True, kw_only=True)
class Hyperband:
    """When to stop runs early: bands of iterations, at each of which the top 1/eta go on."""

    min_iter: int | None = None
    max_iter: int | None = None  # needs s; wins over min_iter
    s: float | None = None
    eta: float = 3
    strict: bool = True  # compare the value at the band, not the best so far


@dataclass(frozen=True, kw_only=True)
class Median:
    """Stop a run whose best is worse than the median best of the finished runs by then."""

    min_runs: int = 4  # finished runs before any is stopped
    min_fraction: float = 0.2  # of its budget that a run has at least
    min_iter: int = 1  # values of the metric that a run has at least
    budget: float | str | None = None  # values it logs, or their key in its config
    patience: int = 1  # further checks at which it is worse before it is stopped


@dataclass(frozen=True, kw_only=True)
class Asha:
    """Stop a run that is not among the best 1/eta at a rung: a fraction of its budget."""

    min_runs: int = 4  # finished runs before any is stopped
    min_fraction: float = 0.2  # the first rung; the next are eta times as far each
    min_iter: int = 1  # values of the metric that a run has at least
    budget: float | str | None = None  # values it logs, or their key in its config
    eta: float = 3


Rule = Hyperband | Median | Asha


def parse_rule(raw: object, place: Place) -> Median | Asha:
    """Return the rule under `homerun: early_terminate:`."""
    if not isinstance(raw, Mapping):
        raise place.error(f"is {shown(raw)}; write `{{type: median}}` or `{{type: asha}}`")
    if raw.get("type") == "hyperband":
        raise place.error("type hyperband is W&B's own: move it out of homerun:, to the top")
    kind = one_of(raw.get("type"), tuple(_KEYS), place.at("type"))
    for key in raw:
        if key not in _KEYS[kind]:
            allowed = ", ".join(_KEYS[kind])
            hint = nearest(key, _KEYS[kind])
            raise place.at(key).error(f"is unknown; {kind} takes {allowed}{hint}")
    found: dict[str, Any] = {
        key: whole(raw[key], place.at(key), fewest=fewest)
        for key, fewest in (("min_runs", 1), ("min_iter", 1), ("patience", 0))
        if key in raw
    }
    if "min_fraction" in raw:
        found["min_fraction"] = _fraction(raw["min_fraction"], place.at("min_fraction"))
    if "budget" in raw:
        found["budget"] = _budget(raw["budget"], place.at("budget"))
    if "eta" in raw:
        found["eta"] = above_one(raw["eta"], place.at("eta"))
    return Median(**found) if kind == "median" else Asha(**found)


def above_one(value: object, place: Place) -> float:
    """Return a number above 1."""
    found = number(value, place)
    if found <= 1:
        raise place.error(f"must be above 1, not {found}")
    return found


def _fraction(value: object, place: Place) -> float:
    found = number(value, place)
    if not 0 < found < 1:
        raise place.error(f"must be above 0 and below 1, not {found}")
    return found


def _budget(value: object, place: Place) -> float | str:
    if isinstance(value, str) and value.strip():
        return value
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise place.error(
            "must be a number of logged values, or the name of a configuration key such as "
            f"epochs, not {shown(value)}"
        )
    found = number(value, place)
    if found < 1:
        raise place.error(f"must be at least 1, not {found}")
    return found
