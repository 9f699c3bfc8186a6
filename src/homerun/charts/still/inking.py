"""Draws each kind of mark on the axes of a matplotlib figure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgba
from matplotlib.patches import Rectangle

from homerun.charts import colors
from homerun.charts.figure import (
    Band,
    Bars,
    Boxes,
    Cells,
    Color,
    Line,
    Mark,
    Panel,
    Points,
    Rule,
    Spans,
    Theme,
)
from homerun.charts.ticks import edges, ticks

_FEW = 200  # points of a line; more of them, and it is fainter where it is faint
_MARKERS = {"dot": "o", "ring": "o", "cross": "x"}


@dataclass(frozen=True, kw_only=True)
class Style:
    """The colours of a picture, and the size of its text."""

    theme: Theme
    text: float  # points
    ink: str
    soft: str  # of text that explains
    muted: str
    grid: str
    paper: str
    crowd: int = 0  # faint lines in the panel
    has_cells: bool = False  # the panel is filled with colours, dark ones and pale ones

    @classmethod
    def of(cls, theme: Theme, text: float) -> "Style":
        found = colors.DARK if theme == "dark" else colors.LIGHT
        ink, muted, grid, paper = (found[part] for part in ("ink", "muted", "grid", "paper"))
        soft = _between(ink, muted)
        return cls(theme=theme, text=text, ink=ink, soft=soft, muted=muted, grid=grid, paper=paper)

    def color(self, color: Color) -> str:
        """Return a colour of a mark as hexadecimal digits."""
        match color:
            case int():
                return colors.category(color)
            case "ink":
                return self.ink
            case "muted":
                return self.muted
            case "first" | "second" | "third" | "fourth":
                return colors.quarters(self.theme)[color]
            case _:
                return colors.ACCENT


def _between(one: str, other: str) -> str:
    parts = zip(to_rgba(one)[:3], to_rgba(other)[:3], strict=True)
    red, green, blue = ((a + b) / 2 for a, b in parts)
    return to_hex((red, green, blue))


def draw_all(axes: Axes, panel: Panel, style: Style) -> None:
    """Draw the marks of a panel; names of points and bars are written later, where there is room.

    Lines that follow one another and look the same, of which there may be thousands, are drawn at
    once.
    """
    for look, marks in groupby(panel.marks, _look):
        if look is not None:
            _lines(axes, [mark for mark in marks if isinstance(mark, Line)], style)
            continue
        for mark in marks:
            _draw(axes, mark, panel, style)


def _look(mark: Mark) -> tuple[Any, ...] | None:
    """Return what a plain faint line looks like; None of all else."""
    if not isinstance(mark, Line) or not mark.is_faint or mark.is_stepped or mark.is_dashed:
        return None
    return None if mark.end else (mark.color, mark.width, len(mark.x) < _FEW)


def _lines(axes: Axes, marks: Sequence[Line], style: Style) -> None:
    color = to_rgba(style.color(marks[0].color), _faint(marks[0], style))
    corners = [np.column_stack([mark.x, mark.y]) for mark in marks]
    axes.add_collection(
        LineCollection(
            corners, colors=[color], linewidths=marks[0].width, capstyle="round", zorder=2
        ),
        autolim=False,
    )


def _draw(axes: Axes, mark: Mark, panel: Panel, style: Style) -> None:
    match mark:
        case Points():
            _points(axes, mark, style)
        case Line():
            _line(axes, mark, style)
        case Band():
            color = style.color(mark.color)
            axes.fill_between(mark.x, mark.low, mark.high, color=color, alpha=0.2, linewidth=0)
        case Bars():
            _bars(axes, mark, style)
        case Boxes():
            _boxes(axes, mark, style)
        case Spans():
            _spans(axes, mark, style)
        case Cells():
            _cells(axes, mark, panel, style)
        case Rule():
            _rule(axes, mark, style)


def diameter(count: int) -> float:
    """Return how broad a plain dot is among so many, in points."""
    return 6.5 if count <= 60 else 5.0 if count <= 400 else 4.0 if count <= 1500 else 2.8


def _points(axes: Axes, mark: Points, style: Style) -> None:
    color = style.color(mark.color)
    wide = diameter(len(mark.x)) * (0.7 if style.has_cells else 1.0)
    area = np.full(len(mark.x), wide**2) * (1.0 if mark.area is None else mark.area)
    paint = [to_rgba(color, 0.28 if mark.is_faint else 0.6 if len(mark.x) > 500 else 0.85)]
    dots: dict[str, Any] = {"facecolors": paint, "edgecolors": "none", "linewidths": 0}
    if style.has_cells:  # seen on light cells and on dark ones
        dots = {"facecolors": colors.PALE, "edgecolors": "#000000", "linewidths": 0.6}
    ring, paper = {"facecolors": "none", "linewidths": 1.3}, style.paper
    looks: dict[str, list[dict[str, Any]]] = {  # one over the other: a sign has a halo
        "dot": [dots],
        "ring": [ring | {"edgecolors": paper, "linewidths": 3.5}, ring | {"edgecolors": paint}],
        "cross": [{"color": paper, "linewidths": 3.5}, {"color": paint, "linewidths": 1.3}],
    }
    for look in looks[mark.marker]:
        marker = _MARKERS[mark.marker]
        axes.scatter(mark.x, mark.y, s=area, marker=marker, **look, clip_on=False, zorder=3)


def _line(axes: Axes, mark: Line, style: Style) -> None:
    color = style.color(mark.color)
    axes.plot(
        mark.x,
        mark.y,
        color=to_rgba(color, _faint(mark, style) if mark.is_faint else 1.0),
        linewidth=mark.width,
        linestyle=(0, (4, 2.5)) if mark.is_dashed else "-",
        drawstyle="steps-post" if mark.is_stepped else "default",
        solid_capstyle="round",
        zorder=2 if mark.is_faint else 4,
    )
    last = np.flatnonzero(np.isfinite(mark.x) & np.isfinite(mark.y))[-1:]
    if mark.end and len(last):
        axes.plot(mark.x[last], mark.y[last], "x", color=color, markersize=6, zorder=5)


def _faint(mark: Line, style: Style) -> float:
    """Return how opaque a faint line is; many of them, in one mark or more, make up for less."""
    alone = (0.45 if len(mark.x) < _FEW else 0.3) + (0.15 if style.theme == "dark" else 0.0)
    return alone * min(1.0, math.sqrt(80 / max(style.crowd, 1)))


def _bars(axes: Axes, mark: Bars, style: Style) -> None:
    color = style.color(mark.color)
    pale = mark.is_pale or (False,) * len(mark.y)
    fills = [to_rgba(color, 0.35 if is_pale else 0.9) for is_pale in pale]
    axes.barh(mark.y, mark.value, height=0.62, color=fills, linewidth=0, zorder=2)
    if mark.low is not None and mark.high is not None:
        axes.hlines(mark.y, mark.low, mark.high, colors=style.ink, linewidth=1.2, zorder=3)
        for ends in (mark.low, mark.high):
            axes.plot(ends, mark.y, "|", color=style.ink, markersize=5, zorder=3)


def _boxes(axes: Axes, mark: Boxes, style: Style) -> None:
    color = style.color(mark.color)
    there = np.flatnonzero(np.isfinite(mark.low) & np.isfinite(mark.high))
    left, half = mark.x - mark.width / 2, mark.width / 2
    rectangles = [
        Rectangle((left[i], mark.low[i]), mark.width, mark.high[i] - mark.low[i]) for i in there
    ]
    fill = to_rgba(color, 0.22)
    axes.add_collection(
        PatchCollection(rectangles, facecolors=[fill], edgecolors="none", zorder=2.5),
        autolim=False,
    )
    x, y = mark.x[there], mark.middle[there]
    lines = [[(a - half, b), (a + half, b)] for a, b in zip(x, y, strict=True)]
    axes.add_collection(
        LineCollection(lines, colors=[color], linewidths=2.2, zorder=4), autolim=False
    )


def _spans(axes: Axes, mark: Spans, style: Style) -> None:
    low, high = mark.y - mark.height / 2, mark.y + mark.height / 2
    corners = [
        [(a, b), (c, b), (c, d), (a, d)]
        for a, b, c, d in zip(mark.start, low, mark.end, high, strict=True)
    ]
    axes.add_collection(
        PolyCollection(
            corners,
            facecolors=[to_rgba(style.color(mark.color), 0.9)],
            edgecolors=style.paper,
            linewidths=0.5,
            zorder=2,
        ),
        autolim=False,
    )


def _cells(axes: Axes, mark: Cells, panel: Panel, style: Style) -> None:
    # The best stands out from the paper, as among parallel coordinates.
    is_low_dark = (mark.better == "low") == (style.theme == "light")
    ramp = colors.RAMP if is_low_dark else colors.RAMP[::-1]
    mesh = axes.pcolormesh(
        edges(mark.x, is_log=panel.x.scale == "log"),
        edges(mark.y, is_log=panel.y.scale == "log"),
        np.ma.masked_invalid(mark.value),
        cmap=LinearSegmentedColormap.from_list("bad to good", ramp),
        edgecolors="none",
        zorder=1,
    )
    if not np.isfinite(mark.value).any():
        return
    bar = axes.figure.colorbar(mesh, ax=axes, fraction=0.05, pad=0.02, aspect=24)
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set_rasterized(False)
    low, high = mesh.get_clim()
    marks = ticks(panel.y.__class__(label=""), low, high, 5)
    bar.set_ticks([t.value for t in marks], labels=[t.text for t in marks])
    bar.ax.minorticks_off()
    bar.ax.tick_params(length=0, labelcolor=style.soft, labelsize=style.text)
    if mark.label:
        bar.set_label(mark.label, color=style.soft, size=style.text)


def _rule(axes: Axes, mark: Rule, style: Style) -> None:
    dashes: Any = (0, (4, 2.5)) if mark.is_dashed else "-"
    straight = axes.axhline if mark.along == "y" else axes.axvline
    straight(mark.at, color=style.muted, linewidth=1.2, linestyle=dashes, zorder=1.5)
    if not mark.text or not math.isfinite(mark.at):
        return
    is_up = mark.along == "x"
    axes.annotate(
        mark.text,
        (mark.at, 1) if is_up else (1, mark.at),
        xycoords=axes.get_xaxis_transform() if is_up else axes.get_yaxis_transform(),
        xytext=(3, -2) if is_up else (-2, 3),
        textcoords="offset points",
        ha="left" if is_up else "right",
        va="top" if is_up else "bottom",
        color=style.soft,
        size=style.text,
        in_layout=False,
    )
