"""A `charts.Figure` in braille: the same marks as on a page, as far as cells can show them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from homerun.charts import (
    Axis,
    Band,
    Bars,
    Boxes,
    Cells,
    Color,
    Figure,
    Line,
    Panel,
    Points,
    Rule,
    Spans,
)
from homerun.cli import output, words
from homerun.cli.canvas import STYLES, Series, painted, plot
from homerun.cli.scales import Scale, scale_of

_PARTS = {"accent": "cyan", "ink": "", "muted": "dim"}
_PARTS |= {"first": "bold cyan", "second": "cyan", "third": "yellow", "fourth": "red"}
_SHADES = " ░▒▓█"
_LEAST_WIDE = 60  # columns for each of several panels beside each other
_LEAST_HIGH = 8  # lines of a panel


def draw(figure: Figure, width: int, height: int, *, is_colored: bool) -> list[str]:
    """Return a figure as lines of at most `width` characters; more than `height` if it must."""
    panels = [panel for panel in figure.panels if panel.marks]  # the caption says what is missing
    columns = max(1, min(figure.columns, len(panels), width // _LEAST_WIDE))
    groups = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    caption = _wrapped(figure.caption, width)
    title = [painted(line, "bold", is_colored) for line in _wrapped(figure.title, width)]
    room = height - len(title) - len(caption)
    total = sum(max(panel.weight for panel in group) for group in groups) or 1.0
    lines = title
    for group in groups:
        share = max(panel.weight for panel in group) / total
        size = max(_LEAST_HIGH, int(room * share))
        wide = (width - 3 * (len(group) - 1)) // len(group)
        lines += _beside([_panel(one, wide, size, is_colored=is_colored) for one in group], wide)
    return [*lines, *caption]


def _panel(panel: Panel, width: int, height: int, *, is_colored: bool) -> list[str]:
    bars = [mark for mark in panel.marks if isinstance(mark, Bars)]
    if bars:
        return _bars(panel, bars, width, is_colored=is_colored)
    cells = [mark for mark in panel.marks if isinstance(mark, Cells)]
    if cells:
        return _cells(panel, cells[0], width, height, is_colored=is_colored)
    series = [one for mark in panel.marks for one in _series(mark, panel)]
    return plot(
        series,
        width,
        height,
        title=panel.title,
        x_label=panel.x.label,
        y_label=panel.y.label,
        x_scale=_scale(panel.x, [n for one in series for n in one.x]),
        y_scale=_scale(panel.y, [n for one in series for n in one.y]),
        is_colored=is_colored,
    )


def _series(mark: Any, panel: Panel) -> Iterator[Series]:
    """Yield the lines and points that stand for a mark."""
    if isinstance(mark, Rule):
        yield _rule(mark, panel)
        return
    style = _style(mark.color, is_faint=getattr(mark, "is_faint", False))
    if isinstance(mark, Points):
        yield Series(
            x=_floats(mark.x),
            y=_floats(mark.y),
            label=mark.label,
            style=style,
            kind="dots",
            letter={"cross": "×", "ring": "○"}.get(mark.marker, ""),  # noqa: RUF001
            texts=mark.texts,
        )
    elif isinstance(mark, Line):
        end = "×" if mark.end == "stopped" else ""  # noqa: RUF001
        yield Series(
            x=_floats(mark.x),
            y=_floats(mark.y),
            label=mark.label,
            style=style,
            kind="steps" if mark.is_stepped else "dashes" if mark.is_dashed else "line",
            end=end,
        )
    elif isinstance(mark, Band):
        x = _floats(mark.x)
        yield Series(x=x, y=_floats(mark.low), label=mark.label, style=style, kind="dashes")
        yield Series(x=x, y=_floats(mark.high), style=style, kind="dashes")
    elif isinstance(mark, Boxes):
        for x, low, middle, high in zip(mark.x, mark.low, mark.middle, mark.high, strict=True):
            left, right = float(x) - mark.width / 2, float(x) + mark.width / 2
            corners = [left, right, right, left, left]
            edges = [float(n) for n in (low, low, high, high, low)]
            yield Series(x=corners, y=edges, style=style)
            yield Series(x=[left, right], y=[float(middle)] * 2, style=style)
    elif isinstance(mark, Spans):
        yield _spans(mark, style)


def _rule(mark: Rule, panel: Panel) -> Series:
    """Return a line across the panel, as far as the other marks go."""
    others = [
        one for other in panel.marks if not isinstance(other, Rule) for one in _series(other, panel)
    ]
    across = [n for one in others for n in (one.y if mark.along == "x" else one.x)]
    known = [n for n in across if math.isfinite(n)]
    ends, at = ([min(known), max(known)] if known else [0.0, 1.0]), [mark.at, mark.at]
    return Series(
        x=at if mark.along == "x" else ends,
        y=ends if mark.along == "x" else at,
        style="dim",
        kind="dashes" if mark.is_dashed else "line",
        texts=("", mark.text),
    )


def _spans(mark: Spans, style: str) -> Series:
    """Return the bars from start to end as boxes."""
    x = [float(n) for pair in zip(mark.start, mark.end, strict=True) for n in pair]
    y = [float(row) + side * mark.height / 2 for row in mark.y for side in (-1, 1)]
    return Series(x=x, y=y, label=mark.label, style=style, kind="boxes")


def _bars(panel: Panel, marks: Sequence[Bars], width: int, *, is_colored: bool) -> list[str]:
    """Return horizontal bars, the highest category first: name, bar, value with its interval."""
    rows = [
        (float(y), float(value), _interval(mark, i, panel.x), mark.color, i in _pale(mark))
        for mark in marks
        for i, (y, value) in enumerate(zip(mark.y, mark.value, strict=True))
    ]
    rows.sort(key=lambda row: -row[0])
    names = [_name(panel.y, row[0]) for row in rows]
    values = [f"{_text(panel.x, value)}{interval}" for _, value, interval, _, _ in rows]
    wide = min(max(map(output.cells, names), default=0), width // 3)
    last = max(map(output.cells, values), default=0)
    room = max(4, width - wide - last - 4)
    most = max((abs(value) for _, value, _, _, _ in rows if math.isfinite(value)), default=0) or 1.0
    lines = [_bold(panel.title, width, is_colored=is_colored)] if panel.title else []
    for name, text, (_, value, _, color, is_pale) in zip(names, values, rows, strict=True):
        full = round(abs(value) / most * room) if math.isfinite(value) else 0
        bar = painted(f"{'━' * full:{room}}", _style(color, is_faint=is_pale), is_colored)
        label = output.fitted(name, wide, is_right=True)
        lines.append(f"{label}  {bar}  {text}".rstrip())
    if panel.x.label:
        lines.append(output.fitted(" " * (wide + 2) + panel.x.label, width).rstrip())
    return lines


def _cells(panel: Panel, mark: Cells, width: int, height: int, *, is_colored: bool) -> list[str]:
    """Return a grid of shades, the darkest for the highest value."""
    values = [[float(n) for n in row] for row in mark.value]
    known = [n for row in values for n in row if math.isfinite(n)]
    scale = scale_of(known)
    names = [_name(panel.y, float(y)) for y in mark.y]
    wide = min(max(map(output.cells, names), default=0), width // 3)
    room = max(len(mark.x), width - wide - 2)
    rows = max(len(mark.y), height - 4)
    lines = [_bold(panel.title, width, is_colored=is_colored)] if panel.title else []
    lines.append(output.cut(panel.y.label, width))
    for row in range(rows):
        index = len(values) - 1 - row * len(values) // rows
        is_first = row == 0 or index != len(values) - 1 - (row - 1) * len(values) // rows
        shades = "".join(
            _shade(values[index][column * len(mark.x) // room], scale) for column in range(room)
        )
        label = output.fitted(names[index] if is_first else "", wide, is_right=True)
        lines.append(f"{label}  {painted(shades, 'cyan', is_colored)}".rstrip())
    ends = [_name(panel.x, float(mark.x[0])), _name(panel.x, float(mark.x[-1]))]
    between = output.cells(ends[0]) + output.cells(ends[1])
    gap = " " * max(1, room - between)
    lines.append(output.cut(f"{' ' * (wide + 2)}{ends[0]}{gap}{ends[1]}", width))
    low, high = words.number(scale.low), words.number(scale.high)
    lines.append(
        output.cut(f"{panel.x.label}; {mark.label}: {_SHADES[1]} {low} to █ {high}", width)
    )
    return lines


def _shade(value: float, scale: Scale) -> str:
    place = scale.place(value)
    return " " if place is None else _SHADES[1 + min(3, int(place * 4))]


def _scale(axis: Axis, numbers: Sequence[float]) -> Scale:
    """Return the scale of an axis: as far as it says, for the rest as the numbers need."""
    if axis.scale == "category":
        last = len(axis.categories) - 1
        return Scale(low=-0.5, high=last + 0.5, categories=axis.categories)
    auto = scale_of(numbers, is_log=axis.scale == "log")
    low = auto.low if axis.low is None else float(axis.low)
    high = auto.high if axis.high is None else float(axis.high)
    return replace(auto, low=low, high=high, unit=axis.unit)


def _interval(mark: Bars, index: int, axis: Axis) -> str:
    if mark.low is None or mark.high is None:
        return ""
    low, high = float(mark.low[index]), float(mark.high[index])
    return f" [{_text(axis, low)}, {_text(axis, high)}]" if math.isfinite(low) else ""


def _pale(mark: Bars) -> set[int]:
    return {index for index, is_pale in enumerate(mark.is_pale) if is_pale}


def _name(axis: Axis, value: float) -> str:
    index = round(value)
    is_known = axis.scale == "category" and 0 <= index < len(axis.categories)
    return output.plain(axis.categories[index]) if is_known else words.number(value)


def _text(axis: Axis, value: float) -> str:
    texts: dict[str, Callable[[float], str]] = {
        "seconds": words.duration,
        "bytes": words.size,
        "share": words.share,
    }
    return texts.get(axis.unit, words.number)(value) if math.isfinite(value) else "-"


def _style(color: Color, *, is_faint: bool = False) -> str:
    style = _PARTS[color] if isinstance(color, str) else STYLES[color % len(STYLES)]
    return f"dim {style}".strip() if is_faint and "dim" not in style else style


def _floats(values: Sequence[Any] | Any) -> list[float]:
    return [float(value) for value in values]


def _beside(panels: Sequence[list[str]], width: int) -> list[str]:
    """Return panels beside each other."""
    if len(panels) == 1:
        return panels[0]
    high = max(map(len, panels))
    rows = zip(*([*panel, *[""] * (high - len(panel))] for panel in panels), strict=True)
    return ["   ".join(_filled(text, width) for text in row).rstrip() for row in rows]


def _filled(text: str, width: int) -> str:
    from click import unstyle  # noqa: PLC0415

    return text + " " * max(0, width - output.cells(unstyle(text)))


def _wrapped(text: str, width: int) -> list[str]:
    from textwrap import wrap  # noqa: PLC0415

    return wrap(output.plain(text), max(20, width))


def _bold(text: str, width: int, *, is_colored: bool) -> str:
    return painted(output.cut(text, width), "bold", is_colored)
