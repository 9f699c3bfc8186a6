"""How values lie along an axis in a terminal, and the round ones that stand there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from homerun.cli import words

_LEAST, _MOST = 1e-290, 1e290  # numbers on a scale; what is beyond is at its end
_ROUND = (0.5, 1, 2, 5, 10)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How values lie along one side; categories are at 0, 1, 2, ..."""

    low: float
    high: float
    is_log: bool = False
    is_whole: bool = False  # of steps and counts: nothing lies between two of them
    categories: tuple[str, ...] = ()
    unit: Literal["", "seconds", "bytes", "share"] = ""

    def place(self, value: float) -> float | None:
        """Return where a value is, 0 for low and 1 for high; None: nowhere."""
        if not math.isfinite(value) or (self.is_log and value <= 0):
            return None
        low, high, at = self.low, self.high, value
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        span = high / 2 - low / 2  # halved: their difference may be beyond a float
        return (at / 2 - low / 2) / span if span else 0.5

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """Return some round values and their texts, about `count`."""
        if self.categories:
            stride = max(1, math.ceil(len(self.categories) / max(1, count)))
            return [(i, name) for i, name in enumerate(self.categories) if i % stride == 0]
        values = self._log_ticks(count) if self.is_log else []
        if len(values) < 2:
            values = self._linear_ticks(count)
        return list(zip(values, self._texts(values), strict=True))

    def _log_ticks(self, count: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        powers = [10.0**exponent for exponent in range(first, last + 1)]
        found: list[float] = []
        for factors in ((1,), (1, 3), (1, 2, 5)):
            values = [factor * power for power in powers for factor in factors]
            inside = [value for value in values if self.low <= value <= self.high]
            if len(found) < 2 or len(inside) <= count:
                found = inside
        return found[:: max(1, math.ceil(len(found) / max(2, count)))]

    def _linear_ticks(self, count: int) -> list[float]:
        rough = (self.high / 2 - self.low / 2) / max(1, count) * 2
        if not rough or not math.isfinite(rough):
            return [self.low]
        power = 10.0 ** math.floor(math.log10(rough))
        above = next(at for at, f in enumerate(_ROUND) if f * power >= rough * 0.999)
        for factor in _ROUND[above - 1 : above + 1][::-1]:  # a finer one, where one value is alone
            step = max(1.0, factor * power) if self.is_whole else factor * power
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            if last > first:
                break
        return [index * step for index in range(first, last + 1)]

    def _texts(self, values: list[float]) -> list[str]:
        if self.unit == "seconds":
            return [words.duration(value) if value else "0" for value in values]
        if self.unit == "bytes":
            return [words.size(value) for value in values]
        if self.unit == "share":
            return [words.share(value) for value in values]
        gaps = [abs(b - a) for a, b in pairwise(values)]
        if self.is_log or not gaps or not 1e-5 < min(gaps) < 1e6:
            return [f"{v:g}" if 1e-5 <= abs(v) < 1e6 or not v else f"{v:.0e}" for v in values]
        decimals = max(0, -math.floor(math.log10(min(gaps)) + 1e-9))
        return [f"{value:.{decimals}f}" for value in values]


def scale_of(numbers: Sequence[float], *, is_log: bool = False) -> Scale:
    """Return the scale on which all of these numbers have room."""
    numbers = [n for n in numbers if math.isfinite(n) and (n > 0 or not is_log)]
    found = [math.copysign(min(max(abs(n), _LEAST), _MOST), n) if n else 0.0 for n in numbers]
    if not found:
        return Scale(low=1.0, high=10.0) if is_log else Scale(low=0.0, high=1.0)
    low, high = min(found), max(found)
    is_whole = high - low > 1 and all(n % 1 == 0 for n in found)
    if low == high:
        room = abs(low) * 0.5 or 1.0
        low, high = low - room, high + room
    return Scale(low=low, high=high, is_log=is_log, is_whole=is_whole)
