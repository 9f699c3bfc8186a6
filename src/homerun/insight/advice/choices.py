"""What a sweep file lets each parameter be, as lists of values; read from its plain dictionary."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homerun.core import UsageError

_OF_RANGE = 5  # values that stand for a range
_FEW = 12  # whole numbers of a range that are taken one by one


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A parameter of a sweep file and the values it may have."""

    path: tuple[str, ...]  # nested parameters have longer ones
    values: tuple[Any, ...]  # of a range: some, spread evenly over it
    is_range: bool = False

    @property
    def name(self) -> str:
        """Return the column that it has in a table of runs."""
        return ".".join(self.path)


def choices_of(parameters: Mapping[str, Any]) -> tuple[Choice, ...]:
    """Return the parameters of a sweep file, nested ones too, in the order of the file."""
    return tuple(_choices(parameters, ()))


def with_leaves(
    parameters: Mapping[str, Any], leaves: Mapping[tuple[str, ...], Any]
) -> dict[str, Any]:
    """Return the parameters of a sweep file with other settings for the leaves that are given."""

    def walk(level: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        return {
            name: {**about, "parameters": walk(about["parameters"], (*path, name))}
            if _is_nested(about)
            else leaves.get((*path, name), about)
            for name, about in level.items()
        }

    return walk(parameters, ())


def _choices(level: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Choice]:
    for name, about in level.items():
        here = (*path, str(name))
        if _is_nested(about):
            yield from _choices(about["parameters"], here)
        elif not isinstance(about, Mapping):
            yield Choice(path=here, values=(about,))
        elif "values" in about:
            yield Choice(path=here, values=tuple(about["values"]))
        elif "value" in about:
            yield Choice(path=here, values=(about["value"],))
        else:
            yield _range(about, here)


def _is_nested(about: Any) -> bool:
    return isinstance(about, Mapping) and isinstance(about.get("parameters"), Mapping)


def _range(about: Mapping[str, Any], path: tuple[str, ...]) -> Choice:
    kind = str(about.get("distribution", ""))
    low, high, is_log = _bounds(about, kind, path)
    are_whole = all(type(about.get(end)) is int for end in ("min", "max"))
    is_whole = kind in {"", "int_uniform"} and are_whole
    if is_whole and high - low < _FEW:
        return Choice(path=path, values=tuple(range(int(low), int(high) + 1)))
    values = spread(low, high, _OF_RANGE, is_log=is_log)
    if is_whole:
        values = tuple(dict.fromkeys(round(value) for value in values))
    elif kind.startswith("q_"):
        q = about.get("q", 1)
        values = tuple(dict.fromkeys(rounded(round(value / q) * q) for value in values))
        values = tuple(int(v) for v in values) if isinstance(q, int) else values
    return Choice(path=path, values=values, is_range=True)


def _bounds(
    about: Mapping[str, Any], kind: str, path: tuple[str, ...]
) -> tuple[float, float, bool]:
    """Return the ends of a range, of a distribution without ends where most of it lies."""
    try:
        if kind.endswith("normal"):
            mu, sigma = float(about.get("mu", 0)), float(about.get("sigma", 1))
            ends = (mu - 1.5 * sigma, mu + 1.5 * sigma)
            if kind.endswith("log_normal"):
                return math.exp(ends[0]), math.exp(ends[1]), True
            return *ends, False
        if kind.endswith("beta"):
            return 0.1, 0.9, False
        low, high = float(about["min"]), float(about["max"])
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"parameters.{'.'.join(path)} says neither value: nor values: nor min: and max:"
        ) from None
    if kind.endswith("log_uniform"):  # its bounds are exponents of e
        sign = -1 if kind.startswith("inv") else 1
        low, high = sorted((math.exp(sign * low), math.exp(sign * high)))
    return low, high, "log" in kind and low > 0


def spread(low: float, high: float, n: int, *, is_log: bool) -> tuple[float, ...]:
    """Return n numbers from low to high, both included, by equal steps or by equal factors."""
    if n < 2 or low == high:
        return (rounded(low),)
    shares = [i / (n - 1) for i in range(n)]
    if is_log:
        return tuple(rounded(low * (high / low) ** share) for share in shares)
    return tuple(rounded(low + (high - low) * share) for share in shares)


def rounded(value: float) -> float:
    """Return a number without the digits that arithmetic leaves behind."""
    return float(f"{value:.3g}")
