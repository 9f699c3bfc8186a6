"""What the items of a mark say when one points at them, where the mark does not say it itself."""

from typing import Any

import numpy as np

from homerun.charts.figure import Axis, Bars, Boxes, Cells, Mark, Panel, Spans
from homerun.charts.ticks import show


def hovers_of(panel: Panel, mark: Mark) -> dict[str, Any]:
    """Return the hovers of a mark of bars, boxes, spans or cells; other marks say it by x and y."""
    match mark:
        case Bars() if not mark.hovers:
            texts = [_bar(panel, mark, i) for i in range(len(mark.y))]
        case Boxes():
            texts = [_box(panel, mark, i) for i in range(len(mark.x))]
        case Spans() if not mark.hovers:
            texts = [_span(panel, mark, i) for i in range(len(mark.y))]
        case Cells():
            where = np.argwhere(np.isfinite(mark.value))
            texts = [_cell(panel, mark, int(j), int(i)) for j, i in where]
        case _:
            return {}
    return {"hovers": texts}


def _bar(panel: Panel, bars: Bars, i: int) -> str:
    value = show(float(bars.value[i]), panel.x.unit)
    if bars.low is not None and bars.high is not None and np.isfinite(bars.low[i] + bars.high[i]):
        low, high = (show(float(end[i]), panel.x.unit) for end in (bars.low, bars.high))
        value += f" [{low}, {high}]"
    return f"{_place(panel.y, bars.y[i])}\n{panel.x.label}: {value}"


def _box(panel: Panel, boxes: Boxes, i: int) -> str:
    low, middle, high = (
        show(float(values[i]), panel.y.unit) for values in (boxes.low, boxes.middle, boxes.high)
    )
    return f"{_place(panel.x, boxes.x[i])}\nmedian {middle}\nmiddle half {low} to {high}"


def _span(panel: Panel, spans: Spans, i: int) -> str:
    start, end = (show(float(values[i]), panel.x.unit) for values in (spans.start, spans.end))
    lines = [spans.texts[i] if spans.texts else "", spans.label, _place(panel.y, spans.y[i])]
    return "\n".join([*(line for line in lines if line), f"{start} to {end}"])


def _cell(panel: Panel, cells: Cells, j: int, i: int) -> str:
    if cells.hovers:
        return cells.hovers[j][i]
    x, y = _place(panel.x, cells.x[i]), _place(panel.y, cells.y[j])
    value = show(float(cells.value[j, i]))
    return f"{panel.x.label} {x}, {panel.y.label} {y}\n{cells.label} {value}"


def _place(axis: Axis, value: float) -> str:
    if axis.scale != "category":
        return show(float(value), axis.unit)
    at = round(float(value))
    return axis.categories[at] if 0 <= at < len(axis.categories) else ""
