"""Draws a figure with matplotlib: PNG, SVG and PDF; no global state of matplotlib is changed."""

import contextlib
import functools
import io
import itertools
import math
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.text import Annotation
from matplotlib.textpath import TextPath
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from homerun.charts.arrays import Floats
from homerun.charts.figure import Axis, Band, Figure, Line, Panel, Points, Spans, Theme
from homerun.charts.still.inking import Style, diameter, draw
from homerun.charts.still.labels import Box, place
from homerun.charts.still.settings import own_settings
from homerun.charts.still.svg import svg_of
from homerun.charts.ticks import Side, domain, is_whole, minor, shortened, span, ticks

_DPI = 100
_TEXT_PX = 14.2  # 7 points where 480 pixels become 3.3 inches, half a page
_HALF_PAGE_PX = 480.0
_BROAD_PX = 640.0  # more is for a whole page
_LONGEST = 26  # letters of a category,
_LONGEST_SLANTED = 17
_SLANT = 32.0  # degrees


def to_png(figure: Figure, *, theme: Theme = "light") -> bytes:
    """Return a figure as PNG, two dots a pixel."""
    with drawn(figure, theme) as canvas:
        file = io.BytesIO()
        canvas.savefig(file, format="png", dpi=2 * _DPI, metadata={"Software": None})
        return file.getvalue()


def to_pdf(figure: Figure, *, theme: Theme = "light") -> bytes:
    """Return a figure as PDF, the same each time."""
    with drawn(figure, theme) as canvas:
        file = io.BytesIO()
        canvas.savefig(file, format="pdf", metadata={"CreationDate": None, "Title": figure.title})
        return file.getvalue()


def to_svg(figure: Figure, *, theme: Theme = "light", is_inline: bool = False) -> str:
    """Return a figure as SVG, the same each time; `is_inline`: in the colours of a page's text."""
    light = Style.of("light", 0)
    inks = {light.ink: 1.0, light.soft: 0.8, light.grid: 0.15}
    with drawn(figure, "light" if is_inline else theme) as canvas:
        title = ". ".join(text for text in (figure.title, figure.caption) if text)
        return svg_of(canvas, title=title, inks=inks if is_inline else None)


@contextlib.contextmanager
def drawn(figure: Figure, theme: Theme) -> Iterator[Canvas]:
    """Give a figure as matplotlib has it, to be written within the block."""
    with own_settings():
        yield _Drawing(figure, theme).canvas


class _Drawing:
    """A figure as matplotlib has it: panels laid out, names placed where there is room."""

    def __init__(self, figure: Figure, theme: Theme) -> None:
        self.figure = figure
        per_column = figure.width / max(figure.columns, 1)
        factor = per_column / _HALF_PAGE_PX if figure.width <= _BROAD_PX else 1.0
        self.px = _TEXT_PX * max(factor, 1.0)  # of all text
        self.style = Style.of(theme, self.px * 72 / _DPI)
        self.legend = _Legend(self)
        title = self.wrapped(figure.title, (figure.width - 2 * self.px) / 1.15, is_bold=True)
        caption = self.wrapped(figure.caption, figure.width - 2 * self.px)
        line = 1.35 * self.px
        top = (0.5 * self.px + len(title) * 1.2 * line if title else 0) + self.legend.height
        bottom = len(caption) * line + 0.4 * self.px if caption else 0
        self.height = figure.height + top + bottom
        self.canvas = Canvas(
            figsize=(figure.width / _DPI, self.height / _DPI),
            dpi=_DPI,
            facecolor=self.style.paper,
            layout="constrained",
        )
        FigureCanvasAgg(self.canvas)
        for i, text in enumerate(title):
            self.write(text, 0.6 * self.px, 0.5 * self.px + i * 1.2 * line, is_title=True)
        self.legend.draw(top - self.legend.height)
        for i, text in enumerate(caption):
            self.write(text, 0.6 * self.px, self.height - bottom + i * line)
        pad = 0.6 * self.px / _DPI
        rect = (0, bottom / self.height, 1, (self.height - top - bottom) / self.height)
        engine: Any = self.canvas.get_layout_engine()
        engine.set(rect=rect, w_pad=pad, h_pad=pad / 2, wspace=0.02, hspace=0.02)
        self.slanted: list[Axes] = []
        self.titles: list[Annotation] = []
        self.axes = [self.panel(axes, panel) for axes, panel in self._grid()]
        self.canvas.draw_without_rendering()
        self.canvas.set_layout_engine("none")
        for words in self.titles:
            left = words.axes.get_window_extent().x0 if words.axes is not None else 0.0
            factor = 1.1 if words.get_fontweight() == "bold" else 1.0
            words.set_text(self.cut(words.get_text(), (self.room(words) - left) / factor))
        for axes, panel in zip(self.axes, figure.panels, strict=True):
            self.name(axes, panel)

    def _grid(self) -> Iterator[tuple[Axes, Panel]]:
        panels = self.figure.panels
        columns = max(min(self.figure.columns, len(panels)), 1)
        rows = math.ceil(len(panels) / columns)
        if not panels:
            return
        heights = [max(p.weight for p in panels[r * columns :][:columns]) for r in range(rows)]
        grid = self.canvas.add_gridspec(rows, columns, height_ratios=heights)
        for at, panel in enumerate(panels):
            yield self.canvas.add_subplot(grid[at // columns, at % columns]), panel

    def panel(self, axes: Axes, panel: Panel) -> Axes:
        """Draw a panel, without the names of its points."""
        style = self.style
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set(color=style.muted, linewidth=0.8)
        axes.set_facecolor("none")
        axes.tick_params(which="both", length=0, labelsize=style.text, labelcolor=style.soft, pad=4)
        axes.grid(color=style.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        self._scale(axes, panel, "x")
        self._scale(axes, panel, "y")
        for mark in panel.marks:
            draw(axes, mark, panel, style)
        axes.set(xlim=span(self.figure, panel, "x"), ylim=span(self.figure, panel, "y"))
        for line in self.legend.direct.get(id(panel), ()):
            self._name_line(axes, line)
        self._titles(axes, panel)
        if not panel.marks:
            axes.text(
                0.5,
                0.5,
                "nothing to show yet",
                transform=axes.transAxes,
                ha="center",
                va="center",
                color=style.soft,
                size=style.text,
            )
        return axes

    def name(self, axes: Axes, panel: Panel) -> None:
        """Write the names of points and spans for which there is room."""
        marks = [mark for mark in panel.marks if isinstance(mark, Points)]
        window = axes.get_window_extent()
        bounds = Box(window.x0, window.y0, self.canvas.bbox.x1 - 2, window.y1 + self.px / 2)
        everything = [axes.transData.transform(np.column_stack([m.x, m.y])) for m in marks]
        at = [
            (pixels[i], text, mark)
            for mark, pixels in zip(marks, everything, strict=True)
            for i, text in enumerate(mark.texts)
            if text and np.isfinite(pixels[i]).all()
        ]
        paths = [_along(axes, mark) for mark in panel.marks if isinstance(mark, Line)]
        obstacles = np.concatenate([np.empty((0, 2)), *everything, *paths])
        boxes = place(
            np.array([pixel for pixel, _, _ in at]).reshape(-1, 2),
            [(self.width(text) + 2, 1.2 * self.px) for _, text, _ in at],
            obstacles=obstacles[np.isfinite(obstacles).all(axis=1)],
            bounds=bounds,
            taken=[
                Box(*text.get_window_extent().extents)
                for text in axes.texts
                if text not in self.titles
            ],
            gap=diameter(max((len(mark.x) for mark in marks), default=1)) * _DPI / 72 / 2 + 2,
        )
        for box, (_, text, _) in zip(boxes, at, strict=True):
            if box is not None:
                self._text_at(box.left + 1, (box.bottom + box.top) / 2, text, self.style.ink)
        for mark in panel.marks:
            if isinstance(mark, Spans) and mark.texts:
                self._name_spans(axes, mark)

    def _name_spans(self, axes: Axes, mark: Spans) -> None:
        start = axes.transData.transform(np.column_stack([mark.start, mark.y]))
        end = axes.transData.transform(np.column_stack([mark.end, mark.y]))
        for (left, y), (right, _), text in zip(start, end, mark.texts, strict=True):
            if text and 2 * self.px < right - left and self.width(text) + 6 < right - left:
                self._text_at(left + 4, y, text, "#ffffff")

    def _text_at(self, x: float, y: float, text: str, color: str) -> None:
        self.canvas.text(
            x / self.canvas.bbox.width,
            y / self.canvas.bbox.height,
            text,
            va="center_baseline",
            color=color,
            size=self.style.text,
        )

    def _scale(self, axes: Axes, panel: Panel, side: Side) -> None:
        axis = panel.x if side == "x" else panel.y
        low, high = span(self.figure, panel, side)
        if axis.scale == "log":
            (axes.set_xscale if side == "x" else axes.set_yscale)("log", nonpositive="mask")
        rows = math.ceil(len(self.figure.panels) / max(self.figure.columns, 1))
        room = (
            self.figure.width / max(self.figure.columns, 1) - 5 * self.px
            if side == "x"
            else self.figure.height / rows - 4 * self.px
        )
        most = max(int(room / self.px / (5 if side == "x" else 2.2)), 2)
        found = ticks(axis, low, high, most, is_whole=is_whole(panel.marks, side))
        ruler = axes.xaxis if side == "x" else axes.yaxis
        texts = [tick.text for tick in found]
        if axis.scale == "category":
            texts = [shortened(text, _LONGEST) for text in texts]
            texts = self._spread(axes, texts, room, side)
        ruler.set_major_locator(FixedLocator([tick.value for tick in found]))
        ruler.set_major_formatter(FixedFormatter(texts))
        small = minor(axis, low, high)
        ruler.set_minor_locator(FixedLocator(small) if small else NullLocator())
        ruler.set_minor_formatter(NullFormatter())
        ruler.grid(visible=axis.scale != "category", which="major")
        if axes in self.slanted and side == "x":
            for label in axes.get_xticklabels():
                label.set(rotation=_SLANT, ha="right", rotation_mode="anchor")
        axes.set_axisbelow(True)

    def _spread(self, axes: Axes, texts: list[str], room: float, side: Side) -> list[str]:
        """Return the names of categories so that none covers the next: slanted, or some of them."""
        each = room / max(len(texts), 1)
        broadest = max(map(self.width, texts), default=0.0)
        is_long = side == "x" and broadest > each - 0.5 * self.px
        if is_long:
            self.slanted.append(axes)
            texts = [shortened(text, _LONGEST_SLANTED) for text in texts]
        high = self.px / math.sin(math.radians(_SLANT)) if is_long else 1.3 * self.px
        every = max(1, math.ceil(high / each)) if is_long or side == "y" else 1
        return [text if at % every == 0 else "" for at, text in enumerate(texts)]

    def _titles(self, axes: Axes, panel: Panel) -> None:
        """Write the names of the axes: y's upright over the axis, as nobody reads it sideways."""
        style = self.style
        is_last = panel in self.figure.panels[-max(self.figure.columns, 1) :]
        if panel.x.label and (is_last or not self.figure.shares_x):
            axes.set_xlabel(
                _with_better(panel.x), color=style.soft, size=style.text, labelpad=3, loc="right"
            )
        if self.figure.shares_x and not is_last:
            axes.tick_params(labelbottom=False)
        room = self.figure.width / max(self.figure.columns, 1) - 2 * self.px
        over = [(line, True) for line in self.wrapped(panel.title, room, is_bold=True)]
        if panel.y.label:
            over.append((self.cut(_with_better(panel.y), room), False))
        for row, (text, is_bold) in enumerate(reversed(over)):
            words = axes.annotate(
                text,
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, style.text * (0.55 + 1.35 * row)),
                textcoords="offset points",
                va="bottom",
                color=style.ink if is_bold else style.soft,
                weight="bold" if is_bold else "normal",
                size=style.text,
                annotation_clip=False,
            )
            self.titles.append(words)

    def room(self, words: Annotation) -> float:
        """Return where a title must end, in pixels: with its column."""
        columns = max(min(self.figure.columns, len(self.axes)), 1)
        at = self.axes.index(words.axes) % columns if words.axes in self.axes else 0
        return self.figure.width * (at + 1) / columns - 0.5 * self.px

    def _name_line(self, axes: Axes, line: Line) -> None:
        last = np.flatnonzero(np.isfinite(line.x) & np.isfinite(line.y))[-1]
        axes.annotate(
            line.label,
            (1, line.y[last]),
            xycoords=axes.get_yaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            va="center_baseline",
            color=self.style.color(line.color),
            size=self.style.text,
            annotation_clip=False,
        )

    def write(self, text: str, x: float, y: float, *, is_title: bool = False) -> None:
        """Write a line of title or caption; y: pixels from the top to its upper end."""
        self.canvas.text(
            x / self.figure.width,
            1 - y / self.height,
            text,
            va="top",
            color=self.style.ink if is_title else self.style.soft,
            size=self.style.text * (1.15 if is_title else 1.0),
            weight="bold" if is_title else "normal",
        ).set_in_layout(False)

    def width(self, text: str, *, is_bold: bool = False) -> float:
        """Return how wide a text is, in pixels."""
        return _width(text, is_bold) * self.px

    def cut(self, text: str, room: float) -> str:
        """Return as much of a text as fits."""
        while len(text) > 2 and self.width(text) > room:
            text = text[:-2].rstrip() + "…"
        return text

    def wrapped(self, text: str, room: float, *, is_bold: bool = False) -> list[str]:
        """Return a text in lines that fit; a word that is too long is cut."""
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(longer, is_bold=is_bold) <= room:
                lines[-1] = longer
            else:
                lines.append(self.cut(word, room))
        return lines


class _Legend:
    """What colours mean, in rows under the title; lines that end apart have their name there."""

    def __init__(self, drawing: _Drawing) -> None:
        self.drawing = drawing
        self.direct: dict[int, list[Line]] = {}
        entries: dict[tuple[str, Any], Any] = {}
        for panel in drawing.figure.panels:
            direct = self._direct(panel)
            self.direct[id(panel)] = direct
            for mark in panel.marks:
                label = "" if mark in direct else getattr(mark, "label", "")
                if label and hasattr(mark, "color"):
                    entries.setdefault((label, mark.color), mark)
        px, room = drawing.px, drawing.figure.width - 1.2 * drawing.px
        entries = dict(sorted(entries.items(), key=lambda entry: entry[0][1] == "muted"))
        self.places: list[tuple[float, int, str, Any]] = []
        x, row = 0.0, 0
        for (label, _), mark in entries.items():
            text = drawing.cut(label, room - 2 * px)
            wide = 1.5 * px + drawing.width(text) + px
            if x and x + wide - px > room:
                x, row = 0.0, row + 1
            self.places.append((x + 0.6 * px, row, text, mark))
            x += wide
        self.height = (row + 1) * 1.4 * px + 0.3 * px if self.places else 0.0

    def draw(self, top: float) -> None:
        """Draw it at so many pixels from the top."""
        drawing = self.drawing
        px, style, canvas = drawing.px, drawing.style, drawing.canvas
        for x, row, text, mark in self.places:
            y = top + (0.85 + 1.4 * row) * px
            color = style.color(mark.color)
            is_line = isinstance(mark, Line)
            is_dots = isinstance(mark, Points)
            half = 0.55 * px if is_line else 0.3 * px
            at = np.array([x + 0.55 * px - half, x + 0.55 * px + half])
            if is_dots:
                at = at.mean(keepdims=True)
            marker = {"cross": "x", "ring": "o"}.get(mark.marker, "o") if is_dots else ""
            line = mpl.lines.Line2D(
                at / drawing.figure.width,
                np.full(len(at), 1 - y / drawing.height),
                color=color,
                linewidth=mark.width if is_line else 7,
                linestyle=(0, (4, 2.5)) if is_line and mark.is_dashed else "-",
                solid_capstyle="butt",
                marker=marker,
                markersize=6,
                markeredgewidth=1.2,
                markerfacecolor="none" if marker and mark.marker == "ring" else color,
                alpha=0.5 if isinstance(mark, Band) else 1.0,
            )
            line.set_in_layout(False)
            canvas.add_artist(line)
            drawing.write(text, x + 1.5 * px, y - 0.55 * px)

    def _direct(self, panel: Panel) -> list[Line]:
        """Return the lines of a panel that have their name at their end: few, and apart."""
        lines = [
            m for m in panel.marks if isinstance(m, Line) and m.label and np.isfinite(m.y).any()
        ]
        if not lines or len(lines) > 6 or self.drawing.figure.columns > 1:
            return []
        if any(self.drawing.width(m.label) > 0.3 * self.drawing.figure.width for m in lines):
            return []
        low, high = domain(panel.x, "x", panel.marks)
        bottom, top = domain(panel.y, "y", panel.marks)
        if panel.x.scale == "category":
            return []
        ends = []
        for line in lines:
            last = np.flatnonzero(np.isfinite(line.x) & np.isfinite(line.y))[-1]
            if _share(line.x[last], low, high, panel.x) < 0.88:
                return []
            ends.append(_share(line.y[last], bottom, top, panel.y))
        rows = math.ceil(len(self.drawing.figure.panels) / max(self.drawing.figure.columns, 1))
        room = (self.drawing.figure.height / rows - 4 * self.drawing.px) * panel.weight
        gaps = np.diff(np.sort(ends)) * room
        return lines if not len(gaps) or gaps.min() > 1.25 * self.drawing.px else []


@functools.lru_cache(maxsize=4096)
def _width(text: str, is_bold: bool) -> float:
    """Return how wide a text is, as a multiple of its size."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if is_bold else "normal")
    vertices = TextPath((0, 0), text, size=100, prop=font, usetex=False).vertices
    return float(vertices[:, 0].max()) / 100 if len(vertices) else 0.3 * len(text)


def _along(axes: Axes, line: Line) -> Floats:
    """Return points on a line that is not faint, in pixels and some twenty apart."""
    if line.is_faint or len(line.x) > 100:
        return np.empty((0, 2))
    x, y = line.x, line.y
    if line.is_stepped and len(x) > 1:
        x, y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
    corners = axes.transData.transform(np.column_stack([x, y]))
    parts = [
        np.linspace(a, b, max(int(np.hypot(*(b - a)) / 20), 1), endpoint=False)
        for a, b in itertools.pairwise(corners)
        if np.isfinite(a).all() and np.isfinite(b).all()
    ]
    return np.concatenate([np.empty((0, 2)), *parts])


def _share(value: float, low: float, high: float, axis: Axis) -> float:
    if axis.scale == "log":
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def _with_better(axis: Axis) -> str:
    if not axis.better:
        return axis.label
    return f"{axis.label} ({axis.better}er is better)"
