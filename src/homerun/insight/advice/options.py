"""The values that a parameter may have in the next sweep: tried ones, new ones, those beyond."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from homerun.insight.advice.choices import Choice, rounded
from homerun.insight.settled import Finding
from homerun.insight.table import Parameter, level_of

_MANY = 12  # levels of a number above which some stand for all
_PROBES = 9
_BEYOND = 2  # values that extend a range


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a parameter may be."""

    levels: tuple[Any, ...]  # of the table and of the sweep file, and those beyond
    kept: tuple[int, ...]  # codes of those that are in question
    beyond: tuple[Any, ...] = ()  # the next values, where the best one lies at an end
    originals: Mapping[Any, Any] = field(default_factory=dict)  # lists and mappings by their text
    is_drawn: bool = False  # a number with so many values that some stand for all

    def value(self, code: int) -> Any:
        """Return a level as it stands in a sweep file."""
        level = self.levels[code]
        if isinstance(level, str):
            return self.originals.get(level, level)
        return rounded(level) if self.is_drawn and isinstance(level, float) else level


def options_of(parameter: Parameter, choice: Choice | None, findings: Sequence[Finding]) -> Options:
    """Return all values in question: of the table, of the sweep file, beyond an end that won."""
    listed = () if choice is None or choice.is_range else choice.values
    extended = next((one for one in findings if one.verdict == "extend"), None)
    beyond = _beyond(parameter, extended.value[0]) if extended else ()
    levels = _united(parameter, [*map(level_of, listed), *beyond])
    codes = list(range(len(levels)))
    is_drawn = parameter.kind == "number" and len(levels) > _MANY and not listed
    if is_drawn:
        codes = _probes(replace(parameter, levels=levels), codes)
    return Options(
        levels=levels,
        kept=tuple(codes),
        beyond=tuple(beyond),
        originals={level_of(v): v for v in listed if not isinstance(v, str | int | float | None)},
        is_drawn=is_drawn,
    )


def _united(parameter: Parameter, more: Iterable[Any]) -> tuple[Any, ...]:
    found = list(parameter.levels)
    for level in more:
        is_number = isinstance(level, int | float) and not isinstance(level, bool)
        if (is_number or parameter.kind == "category") and not _is_among(level, found):
            found.append(level)
    return tuple(sorted(found)) if parameter.kind == "number" else tuple(found)


def _is_among(level: Any, levels: Iterable[Any]) -> bool:
    """Tell whether a level is there; True is not 1, and 1.0 is 1."""
    return any(
        level == other and isinstance(level, bool) == isinstance(other, bool) for other in levels
    )


def _beyond(parameter: Parameter, side: str) -> tuple[Any, ...]:
    """Return the next values below or above, by the same ratio or step as the last ones."""
    levels = parameter.levels if len(parameter.levels) <= _MANY else _ends(parameter)
    last, inner = (levels[0], levels[1]) if side == "<" else (levels[-1], levels[-2])
    is_whole = all(isinstance(level, int) for level in levels)
    found: list[Any] = []
    for _ in range(_BEYOND):
        if parameter.is_log and inner > 0 and last > 0:
            value = last * last / inner
        else:
            value = 2 * last - inner
            # A share stays one, and what was never negative does not become so.
            if levels[0] >= 0 and value <= 0:
                value = last / 2
            elif levels[0] >= 0 and last < 1 <= value:
                value = (last + 1) / 2
        value = round(value) if is_whole else rounded(value)
        if value in (last, 0):
            break
        found.append(value)
        inner, last = last, value
    return tuple(found)


def _ends(parameter: Parameter) -> tuple[Any, ...]:
    """Return five values that stand for a range."""
    at = _probes(parameter, range(len(parameter.levels)), n=5)
    return tuple(parameter.levels[k] for k in at)


def _probes(parameter: Parameter, codes: Sequence[int], *, n: int = _PROBES) -> list[int]:
    """Return levels that are spread evenly over those in question."""
    x = parameter.coordinates[list(codes)]
    nearest = {int(abs(x - place).argmin()) for place in np.linspace(x.min(), x.max(), n)}
    return [codes[at] for at in sorted(nearest)]
