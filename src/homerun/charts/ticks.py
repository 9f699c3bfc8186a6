"""From where to where an axis goes, the round values on it, and how they are written."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from homerun.charts.arrays import Floats
from homerun.charts.figure import (
    Axis,
    Band,
    Bars,
    Boxes,
    Cells,
    Figure,
    Line,
    Mark,
    Panel,
    Points,
    Rule,
    Spans,
)

Side = Literal["x", "y"]

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY_S = 86400
_UNITS: dict[str, tuple[tuple[float, str], ...]] = {
    "seconds": ((_DAY_S, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")),
    "bytes": ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (1024, "KiB"), (1, "B")),
}
_LOG_SECONDS = (1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36000, _DAY_S, 10 * _DAY_S, 100 * _DAY_S)
_FINE_LOG_SECONDS = (*_LOG_SECONDS, 0.003, 0.03, 0.3, 3, 30, 120, 300, 1800)
_FINEST_LOG_SECONDS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 40, 60, 90),
    *(120, 180, 240, 300, 600, 1200, 1800, 3600, 7200, 14400, *_LOG_SECONDS[8:]),
)
_PAD = 0.04  # of an axis, free at its ends


class Tick(NamedTuple):
    """A value of an axis and how it is written."""

    value: float
    text: str


def domain(axis: Axis, side: Side, marks: Iterable[Mark]) -> tuple[float, float]:
    """Return the lowest and the highest value of an axis: as it says, else from its marks."""
    if axis.scale == "category":
        return -0.5, max(len(axis.categories), 1) - 0.5
    found = list(marks)
    parts = [np.ravel(values) for mark in found for values in _values(mark, side, axis)]
    values = np.concatenate([np.empty(0), *parts])
    is_log = axis.scale == "log"
    values = values[np.isfinite(values) & ((values > 1e-300) | (not is_log))]
    low, high = (float(values.min()), float(values.max())) if len(values) else (1.0, 10.0)
    if low == high:
        low, high = (low / 2, high * 2) if is_log else _around(low)
    pad = 0.0 if any(isinstance(mark, Cells) for mark in found) else _PAD
    if is_log:
        room = math.exp(pad * (math.log(high) - math.log(low)))
        low, high = low / room, high * room
    else:
        room = (high - low) * pad
        low, high = (0.0 if low == 0 else low - room), high + room
    return (low if axis.low is None else axis.low), (high if axis.high is None else axis.high)


def span(figure: Figure, panel: Panel, side: Side) -> tuple[float, float]:
    """Return from where to where an axis goes; of shared ones, as all panels need."""
    axis = panel.x if side == "x" else panel.y
    panels = figure.panels if side == "x" and figure.shares_x else (panel,)
    ends = [domain(axis, side, one.marks) for one in panels if one.marks or one is panel]
    return min(low for low, _ in ends), max(high for _, high in ends)


def ticks(axis: Axis, low: float, high: float, most: int, *, is_whole: bool = False) -> list[Tick]:
    """Return at most about `most` round values; `is_whole`: there is nothing between integers."""
    if axis.scale == "category":
        return [Tick(at, text) for at, text in enumerate(axis.categories)]
    like = None if axis.scale == "log" else max(abs(low), abs(high))
    if axis.scale == "log" and math.log(high) - math.log(low) > math.log(4):
        values = _by_factors(axis, low, high, most)
    else:
        step = _step((high - low) / max(most, 1), axis.unit)
        step = max(step, 1.0) if is_whole else step
        first = math.ceil(low / step - 1e-9)
        values = [float(f"{i * step:.12g}") for i in range(first, first + 50)]
        if like and axis.unit == "seconds":
            like = min(like, 5 * step)  # 15 s, 30 s, not 0.25 min, 0.5 min
    inside = [v for v in values if low - abs(low) * 1e-12 <= v <= high + abs(high) * 1e-12]
    if not axis.unit and any("e" in plain(v) for v in inside):  # not 0.0001 beside 1e-8
        return [Tick(v, plain(v, low=1e-2, high=1e4)) for v in inside]
    return [Tick(v, show(v, axis.unit, like=like)) for v in inside]


def is_whole(marks: Iterable[Mark], side: Side) -> bool:
    """Tell whether all points and lines lie on whole numbers of an axis."""
    of = [mark.x if side == "x" else mark.y for mark in marks if isinstance(mark, (Points, Line))]
    values = np.concatenate([np.empty(0), *of])
    values = values[np.isfinite(values)]
    return bool(len(values)) and bool((values == np.round(values)).all())


def minor(axis: Axis, low: float, high: float) -> list[float]:
    """Return where the small ticks of a log axis stand that have no text."""
    if axis.scale != "log" or not 1 < math.log10(high) - math.log10(low) < 7:
        return []
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for p in powers for m in range(1, 10) if low <= (v := m * 10.0**p) <= high]


def show(value: float, unit: str = "", *, like: float | None = None) -> str:
    """Return a value with its unit for people; `like`: the size that chooses the unit."""
    if unit == "share":
        return f"{plain(100 * value)} %"
    if unit not in _UNITS or not math.isfinite(value):
        return plain(value)
    if value == 0:
        return "0"
    size = abs(value) if like is None else like
    fitting = (one for one in _UNITS[unit] if size >= one[0] * 1.5 or size == one[0])
    scale, name = next(fitting, _UNITS[unit][-1])
    return f"{plain(value / scale)} {name}"


def duration(seconds: float) -> str:
    """Return how long something took, with two digits or three: 1.67 s, 58 s, 100 s, 5.25 h."""
    sizes = ((86400, "d"), (3600, "h"), (60, "min"))
    size, unit = next((one for one in sizes if seconds >= 2 * one[0]), (1, "s"))
    value = seconds / size
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.3g} {unit}"


def plain(value: float, *, low: float = 1e-4, high: float = 1e6) -> str:
    """Return a number with four digits that say something: 0.00123, 1e-5, 12,300, 2e6.

    Below `low` and from `high` on it has an exponent.
    """
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size and not low <= size < high:
        digits, _, power = f"{value:.3e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    if size >= 1e4:
        return f"{value:,.0f}"
    return f"{float(f'{value:.4g}'):.10f}".rstrip("0").rstrip(".") if value else "0"


def shortened(name: str, most: int = 32) -> str:
    """Return a name without its middle where it is long: names differ at their ends, too."""
    tail = most // 3
    return name if len(name) <= most else f"{name[: most - tail - 1]}…{name[-tail:]}"


def edges(centres: Floats, *, is_log: bool = False) -> Floats:
    """Return the edges of cells around their centres, one more than there are."""
    way = np.log(centres) if is_log else np.asarray(centres, dtype=np.float64)
    gaps = np.diff(way) if len(way) > 1 else np.ones(1)
    found: Floats = np.concatenate(
        [[way[0] - gaps[0] / 2], way[:-1] + gaps[: len(way) - 1] / 2, [way[-1] + gaps[-1] / 2]]
    )
    return np.exp(found) if is_log else found


def _values(mark: Mark, side: Side, axis: Axis) -> Iterator[Sequence[float] | Floats]:
    """Yield the values of a mark that an axis must show."""
    is_x = side == "x"
    match mark:
        case Band():
            yield from (mark.x,) if is_x else (mark.low, mark.high)
        case Bars():
            ends = (mark.value, mark.low, mark.high)
            yield from (np.zeros(1), *(e for e in ends if e is not None)) if is_x else (mark.y,)
        case Boxes():
            half = mark.width / 2
            yield from (mark.x - half, mark.x + half) if is_x else (mark.low, mark.high)
        case Spans():
            half = mark.height / 2
            yield from (mark.start, mark.end) if is_x else (mark.y - half, mark.y + half)
        case Cells():
            yield edges(mark.x if is_x else mark.y, is_log=axis.scale == "log")
        case Rule():
            yield [mark.at] if mark.along == side else []
        case _:
            yield mark.x if is_x else mark.y


def _around(value: float) -> tuple[float, float]:
    room = abs(value) / 10 or 0.5
    return value - room, value + room


def _by_factors(axis: Axis, low: float, high: float, most: int) -> list[float]:
    if axis.unit == "seconds":
        for steps in (_FINEST_LOG_SECONDS, _FINE_LOG_SECONDS, _LOG_SECONDS):
            inside = sorted(v for v in steps if low <= v <= high)
            if 2 <= len(inside) <= most:
                return inside
    decades = math.log10(high) - math.log10(low)
    every = max(1, math.ceil(decades / most))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**p for p in powers for m in factors if p % every == 0]
        found = [float(f"{v:.12g}") for v in found if low <= v <= high]
        if len(found) <= most:
            break
    return found


def _step(rough: float, unit: str) -> float:
    """Return the smallest round step that is not below `rough`."""
    if unit == "seconds" and 0.5 < rough <= _STEPS_S[-1]:
        return float(next(step for step in _STEPS_S if step >= rough))
    base = 1.0
    if unit == "bytes" and rough >= 1:
        base = 1024.0 ** math.floor(math.log2(rough) / 10)
    elif unit == "seconds" and rough > _STEPS_S[-1]:
        base = _DAY_S
    power = 10.0 ** math.floor(math.log10(rough / base))
    return base * power * next(m for m in (1, 2, 5, 10) if m * power * base >= rough * (1 - 1e-9))
