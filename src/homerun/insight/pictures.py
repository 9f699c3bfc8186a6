"""Small pictures as SVG: nothing in them moves, runs or is fetched, and all text is escaped.

They are drawn in the colour of the text around them, so they suit light and dark pages and paper.
"""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from homerun.insight.scale import Floats
from homerun.insight.table import Integers, Parameter, show

_ACCENT = "#2f7fd1"  # told apart from black and from white
_MOST = 500  # points of a scatter
_LETTER = 6.4  # pixels a letter of 12 pixels is wide, about
_FEW_LEVELS = 12


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture and what it shows, in words."""

    svg: str
    caption: str
    is_broad: bool = False  # as wide as the page


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The way from values to pixels; what lies outside is drawn at the edge."""

    low: float
    high: float
    start: float  # pixels of `low`
    end: float  # pixels of `high`
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return where a value is, in pixels."""
        low, high, here = (self._place(v) for v in (self.low, self.high, value))
        share = (here - low) / (high - low) if high > low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round values, some three to six of them, that lie on the axis."""
        if not self.high > self.low:
            return [self.low]
        if self.is_log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            every = max(1, len(powers) // 5)
            factors = (1, 3) if len(powers) < 4 else (1,)
            found = [m * 10.0**p for p in powers[::every] for m in factors]
        else:
            rough = (self.high - self.low) / 3
            power = 10.0 ** math.floor(math.log10(rough))
            step = max(m * power for m in (1, 2, 5) if m * power <= rough)
            first = math.ceil(self.low / step)
            found = [round(first + i) * step for i in range(8)]
        return [tick for tick in found if self.low <= tick * (1 + 1e-9) and tick <= self.high]

    def _place(self, value: float) -> float:
        if not self.is_log:
            return value
        return math.log(max(value, self.low / 1e3))


def bars(
    names: Sequence[str], values: Floats, low: Floats, high: Floats, *, is_real: Sequence[bool]
) -> Picture:
    """Draw shares (0 .. 1) with their intervals, one bar a name; within the noise they are pale."""
    left = min(max(map(len, names)) * _LETTER, 160) + 14
    right, line = 610, 22
    axis = Axis(low=0, high=max(float(np.nanmax(high)), 0.05), start=left, end=right - 50)
    parts = []
    for i, name in enumerate(names):
        y = i * line + 4
        end, pale = axis.at(max(values[i], 0.0)), "0.9" if is_real[i] else "0.35"
        parts += [
            _text(left - 8, y + 12, _short(name, 160), anchor="end"),
            f'<rect x="{left}" y="{y}" width="{end - left:.1f}" height="15" rx="2"'
            f' fill="{_ACCENT}" fill-opacity="{pale}"/>',
            _line(axis.at(low[i]), y + 7.5, axis.at(high[i]), y + 7.5),
            _text(axis.at(high[i]) + 6, y + 12, f"{100 * values[i]:.0f} %"),
        ]
    shown = f"{', '.join(names[:3])}{' and more' if len(names) > 3 else ''}"
    return Picture(
        svg=_svg(right, len(names) * line + 4, parts, f"How much matters: {shown}"),
        caption="Share of the differences that each parameter makes by itself; the line is its 95 %"
        " interval, pale is within the noise.",
        is_broad=True,
    )


def effect(
    parameter: Parameter, codes: Integers, values: Floats, *, metric: str, goal: str
) -> Picture:
    """Draw what runs with each value of a parameter came to: medians, middle halves, the runs."""
    width, height = 310, 190
    up = _response_axis(values, goal, start=height - 30, end=14)
    parts = [*_up_marks(up, left=46, right=width - 6)]
    if len(parameter.levels) <= _FEW_LEVELS:
        parts += _by_level(parameter, codes, values, up, (52, width - 10))
    else:
        parts += _by_range(parameter, codes, values, up, (56, width - 14))
    parts.append(_text(46, 9, _short(f"{parameter.name} ({metric})", width - 50), is_bold=True))
    return Picture(
        svg=_svg(width, height, parts, f"{metric} by {parameter.name}"),
        caption=_beyond(values, up),
    )


def progress(values: Floats, *, metric: str, goal: str) -> Picture:
    """Draw each run in the order in which they ended, and the best so far."""
    width, height = 640, 190
    up = _response_axis(values, goal, start=height - 26, end=14)
    along = Axis(low=1, high=max(len(values), 2), start=56, end=width - 14)
    best = np.fmin.accumulate(values) if goal == "minimize" else np.fmax.accumulate(values)
    parts = [*_up_marks(up, left=46, right=width - 6)]
    parts += _dots(along, up, np.arange(1, len(values) + 1, dtype=float), values)
    turns = np.flatnonzero(np.r_[True, best[1:] != best[:-1]])
    steps = [f"M{along.at(1):.1f} {up.at(best[0]):.1f}"]
    steps += [f"H{along.at(at + 1):.1f}V{up.at(best[at]):.1f}" for at in turns[1:]]
    path = "".join([*steps, f"H{along.at(len(values)):.1f}"])
    parts.append(f'<path d="{path}" fill="none" stroke="{_ACCENT}" stroke-width="2"/>')
    for tick in {1, len(values)}:
        parts.append(_text(along.at(tick), height - 8, f"{tick}", anchor="middle"))
    parts.append(_text(46, 9, _short(f"{metric} by run", 400), is_bold=True))
    return Picture(
        svg=_svg(width, height, parts, f"Best {metric} so far"),
        caption=f"Runs in their order; the line is the best so far. {_beyond(values, up)}".strip(),
        is_broad=True,
    )


def _by_level(
    parameter: Parameter, codes: Integers, values: Floats, up: Axis, ends: tuple[int, int]
) -> Iterator[str]:
    step = (ends[1] - ends[0]) / len(parameter.levels)
    middles = []
    every = max(1, math.ceil(len(values) / _MOST))
    for code, level in enumerate(parameter.levels):
        mine = values[codes == code]
        x = ends[0] + (code + 0.5) * step
        yield _text(x, up.start + 16, _short(show(level), step - 4), anchor="middle")
        if not len(mine):
            continue
        low, middle, high = np.quantile(mine, [0.25, 0.5, 0.75])
        top, bottom = sorted((up.at(low), up.at(high)))
        wide = min(step * 0.5, 22)
        for i, value in enumerate(mine[::every]):
            aside = ((i * 0.618) % 1 - 0.5) * wide  # so that few hide another one
            yield _dot(x + aside, up.at(value))
        yield (
            f'<rect x="{x - wide / 2:.1f}" y="{top:.1f}" width="{wide:.1f}"'
            f' height="{max(bottom - top, 1):.1f}" fill="{_ACCENT}" fill-opacity="0.35"/>'
        )
        y = up.at(middle)
        yield _line(x - wide / 2 - 2, y, x + wide / 2 + 2, y, color=_ACCENT, width=2.5)
        middles.append((x, y))
    if parameter.kind == "number":
        yield _path(middles)


def _by_range(
    parameter: Parameter, codes: Integers, values: Floats, up: Axis, ends: tuple[int, int]
) -> Iterator[str]:
    levels = np.array(parameter.levels, dtype=float)
    is_log = parameter.is_log and levels[0] > 0
    along = Axis(low=levels[0], high=levels[-1], start=ends[0], end=ends[1], is_log=is_log)
    yield from _dots(along, up, levels[codes], values)
    order = np.argsort(codes, kind="stable")
    groups = np.array_split(order, min(8, max(1, len(order) // 4)))
    yield _path(
        [
            (along.at(float(np.median(levels[codes[g]]))), up.at(float(np.median(values[g]))))
            for g in groups
        ]
    )
    for value, anchor in ((levels[0], "start"), (levels[-1], "end")):
        yield _text(along.at(value), up.start + 16, f"{value:.3g}", anchor=anchor)


def _response_axis(values: Floats, goal: str, *, start: float, end: float) -> Axis:
    """Return the axis of a metric: the far tail of its bad side is cut, where there are many."""
    low, high = float(values.min()), float(values.max())
    if len(values) >= 20:
        middle, near, far = np.quantile(values, [0.5, 0.05, 0.95])
        if goal == "minimize":
            high = min(high, float(far + (far - middle)))
        else:
            low = max(low, float(near - (middle - near)))
    is_log = low > 0 and high > 10 * low
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    if is_log:
        return Axis(low=low / 1.1, high=high * 1.1, start=start, end=end, is_log=True)
    return Axis(low=low - room, high=high + room, start=start, end=end)


def _beyond(values: Floats, axis: Axis) -> str:
    many = int(((values < axis.low) | (values > axis.high)).sum())
    runs = "1 run lies" if many == 1 else f"{many} runs lie"
    return f"{runs} beyond the edge." if many else ""


def _up_marks(axis: Axis, *, left: float, right: float) -> Iterator[str]:
    yield _line(left, axis.start, right, axis.start, width=0.8)
    for tick in axis.ticks():
        y = axis.at(tick)
        yield _line(left, y, right, y, width=0.5, opacity=0.25)
        yield _text(left - 5, y + 4, f"{tick:.4g}", anchor="end", size=10)


def _dots(along: Axis, up: Axis, x: Floats, y: Floats) -> Iterator[str]:
    every = max(1, math.ceil(len(x) / _MOST))
    for a, b in zip(x[::every], y[::every], strict=True):
        yield _dot(along.at(float(a)), up.at(float(b)))


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.8" fill="currentColor" fill-opacity="0.35"/>'


def _path(points: Sequence[tuple[float, float]]) -> str:
    d = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{d}" fill="none" stroke="{_ACCENT}" stroke-width="1.5"/>' if points else ""


def _line(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    color: str = "currentColor",
    width: float = 1.2,
    opacity: float = 1.0,
) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"'
        f' stroke-width="{width}" stroke-opacity="{opacity}"/>'
    )


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, is_bold: bool = False
) -> str:
    weight = ' font-weight="600"' if is_bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{weight}'
        f' fill="currentColor">{escaped(text)}</text>'
    )


def _short(text: str, pixels: float) -> str:
    room = max(int(pixels / _LETTER), 2)
    return text if len(text) <= room else f"{text[: room - 1]}…"


def escaped(text: str) -> str:
    """Return text for HTML and SVG; what is no letter, such as a terminal's codes, is a blank."""
    return html.escape("".join(c if c.isprintable() else " " for c in text))


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}" role="img" aria-label="{escaped(title)}"'
        f' font-family="sans-serif">{"".join(parts)}</svg>'
    )
