"""What sets runs apart: what is known of each of them side by side."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from homerun.core.values import number

_LONGEST = 12  # characters of a percentage that still says something


@dataclass(frozen=True)
class Fact:
    """Something that is known of several runs."""

    name: str
    values: tuple[Any, ...]  # of each run; None where it has none

    @property
    def is_same(self) -> bool:
        """Whether it is the same for all of them: 1 is 1.0, and neither True nor a text."""
        return len(set(map(_key, self.values))) == 1

    def best(self, goal: str) -> frozenset[int]:
        """Return whose number is the best; empty where all are the same. goal: as of a metric."""
        known = {i: value for i, value in enumerate(self.values) if _is_number(value)}
        if len(set(known.values())) < 2:
            return frozenset()
        best = (max if goal == "maximize" else min)(known.values())
        return frozenset(i for i, value in known.items() if value == best)

    def change(self, written: Callable[[float], str] = number) -> str:
        """Return by how much the second of two numbers is more: `+0.012 (+31 %)`."""
        if len(self.values) != 2 or not all(map(_is_number, self.values)):
            return ""
        first, second = self.values
        if first == second:
            return ""
        text = f"{'+' if second > first else '-'}{written(abs(float(second) - float(first)))}"
        percent = 100 * (second - first) / abs(first) if first else math.inf
        share = f"{percent:+.0f} %" if abs(percent) >= 10 else f"{percent:+.2g} %"
        return f"{text} ({share})" if first and len(share) < _LONGEST else text


def side_by_side(documents: Iterable[Mapping[str, Any]]) -> list[Fact]:
    """Return what each document says, key by key; keys for machines (`_x`) are left out."""
    several = list(documents)
    keys = dict.fromkeys(key for document in several for key in document if key[:1] != "_")
    facts = [Fact(key, tuple(document.get(key) for document in several)) for key in keys]
    return [fact for fact in facts if any(value not in (None, "") for value in fact.values)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _key(value: Any) -> str:
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return repr(int(value) if is_whole else value)
