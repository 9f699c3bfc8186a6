"""Draws a figure with matplotlib: PNG, SVG and PDF; no global state of matplotlib is changed."""

import contextlib
import io
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Annotation
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

from homerun.charts import colors
from homerun.charts.arrays import Floats
from homerun.charts.figure import Axis, Band, Cells, Figure, Line, Panel, Points, Spans, Theme
from homerun.charts.still.inking import Style, diameter, draw_all
from homerun.charts.still.labels import Box, place
from homerun.charts.still.settings import own_settings
from homerun.charts.still.sheet import DPI, Letters, Sheet
from homerun.charts.still.svg import svg_of
from homerun.charts.ticks import Side, domain, is_whole, minor, span, ticks
from homerun.core import printable

_SLANT = 32.0  # degrees
# The longest names, as a multiple of the type: of a category, one that stands slanted, a point.
_LONGEST, _LONGEST_SLANTED, _LONGEST_NAME = 17.5, 9.5, 15.0
_BROADEST = 0.36  # of a panel, for the names of its rows
_CROWD = 250  # shapes of a kind; of more, an SVG in a page has a picture rather than each
_NEAR = 8  # pixels from one point of a line to the next, for names that keep away from it


def to_png(figure: Figure, *, theme: Theme = "light") -> bytes:
    """Return a figure as PNG, two dots a pixel."""
    with drawn(figure, theme) as canvas:
        file = io.BytesIO()
        canvas.savefig(file, format="png", dpi=2 * DPI, metadata={"Software": None})
        return file.getvalue()


def to_pdf(figure: Figure, *, theme: Theme = "light") -> bytes:
    """Return a figure as PDF, the same each time."""
    with drawn(figure, theme) as canvas:
        file = io.BytesIO()
        metadata = {"CreationDate": None, "Title": printable(figure.title)}
        canvas.savefig(file, format="pdf", metadata=metadata)
        return file.getvalue()


def to_svg(figure: Figure, *, theme: Theme = "light", is_inline: bool = False) -> str:
    """Return a figure as SVG, the same each time; `is_inline`: in the colours of a page's text."""
    light = Style.of("light", 0)
    text = {light.ink: 1.0, light.soft: 0.8, light.grid: 0.15}
    inks = {color: ("currentColor", share) for color, share in text.items()}
    inks[light.paper] = ("Canvas", 1.0)  # the page's own, light or dark
    with drawn(figure, "light" if is_inline else theme) as canvas:
        if is_inline:
            _rasterize(canvas, keep=inks)
        title = ". ".join(text for text in (figure.title, figure.caption) if text)
        return svg_of(canvas, title=title, inks=inks if is_inline else None)


def _rasterize(canvas: Canvas, *, keep: Iterable[str]) -> None:
    """Let crowds be drawn as pixels, but for those in a colour to keep, which a page changes."""
    for artist in canvas.findobj(Collection):
        paint = [*artist.get_facecolor(), *artist.get_edgecolor()]
        is_crowd = max(len(np.atleast_1d(artist.get_offsets())), len(artist.get_paths())) > _CROWD
        if is_crowd and not {to_hex(color[:3]) for color in paint[:1]} & set(keep):
            artist.set_rasterized(True)


@contextlib.contextmanager
def drawn(figure: Figure, theme: Theme) -> Iterator[Canvas]:
    """Give a figure as matplotlib has it, to be written within the block."""
    with own_settings():
        yield _Drawing(figure, theme).canvas


class _Drawing:
    """A figure as matplotlib has it: panels laid out, names placed where there is room."""

    def __init__(self, figure: Figure, theme: Theme) -> None:
        self.figure = figure
        self.letters = Letters.of(figure.width, figure.columns)
        self.px = self.letters.px  # of all text
        self.legend = _Legend(figure, self.letters)
        sheet = Sheet(
            figure.title,
            figure.caption,
            width=figure.width,
            height=figure.height + self._slanted_height(),
            letters=self.letters,
            theme=theme,
            above=self.legend.height,
        )
        self.style, self.canvas = sheet.style, sheet.canvas
        self.legend.draw(sheet)
        pad = 0.6 * self.px / DPI
        body = (
            0,
            sheet.bottom / sheet.height,
            1,
            (sheet.height - sheet.top - sheet.bottom) / sheet.height,
        )
        engine: Any = self.canvas.get_layout_engine()
        engine.set(rect=body, w_pad=pad, h_pad=pad / 2, wspace=0.02, hspace=0.02)
        self.slanted: list[Axes] = []
        self.titles: list[Annotation] = []
        self.axes = [self.panel(axes, panel) for axes, panel in self._grid()]
        self.canvas.draw_without_rendering()
        self.canvas.set_layout_engine("none")
        for words in self.titles:
            left = words.axes.get_window_extent().x0 if words.axes is not None else 0.0
            factor = 1.1 if words.get_fontweight() == "bold" else 1.0
            words.set_text(
                self.letters.elided(words.get_text(), (self.room(words) - left) / factor)
            )
        for axes, panel in zip(self.axes, figure.panels, strict=True):
            self.name(axes, panel)

    def _slanted_height(self) -> float:
        """Return how much slanted names add to the picture, so that its panels stay as high."""
        figure = self.figure
        room = figure.width / max(figure.columns, 1) - 5 * self.px
        extra = [
            min(max(map(self.letters.width, panel.x.categories)), _LONGEST_SLANTED * self.px)
            if panel.x.scale == "category" and self._is_long(panel.x.categories, room)
            else 0.0
            for panel in figure.panels
        ]
        columns = max(figure.columns, 1)
        rows = (max(extra[start : start + columns]) for start in range(0, len(extra), columns))
        return sum(rows) * math.sin(math.radians(_SLANT))

    def _is_long(self, texts: Sequence[str], room: float) -> bool:
        """Tell whether names of categories side by side would cover one another."""
        broadest = max(map(self.letters.width, texts), default=0.0)
        return min(broadest, _LONGEST * self.px) > room / max(len(texts), 1) - 0.5 * self.px

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
        faint = sum(isinstance(mark, Line) and mark.is_faint for mark in panel.marks)
        has_cells = any(isinstance(mark, Cells) for mark in panel.marks)
        style = replace(self.style, crowd=faint, has_cells=has_cells)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set(color=style.muted, linewidth=0.8)
        axes.set_facecolor("none")
        axes.tick_params(which="both", length=0, labelsize=style.text, labelcolor=style.soft, pad=4)
        axes.grid(color=style.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        self._scale(axes, panel, "x")
        self._scale(axes, panel, "y")
        draw_all(axes, panel, style)
        axes.set(xlim=span(self.figure, panel, "x"), ylim=span(self.figure, panel, "y"))
        for line in self.legend.direct.get(id(panel), ()):
            self._name_line(axes, line)
        self._titles(axes, panel, style)
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
            (pixels[i], self.letters.elided(text, _LONGEST_NAME * self.px), mark)
            for mark, pixels in zip(marks, everything, strict=True)
            for i, text in enumerate(mark.texts)
            if text and np.isfinite(pixels[i]).all()
        ]
        paths = [_along(axes, mark) for mark in panel.marks if isinstance(mark, Line)]
        obstacles = np.concatenate([np.empty((0, 2)), *everything, *paths])
        boxes = place(
            np.array([pixel for pixel, _, _ in at]).reshape(-1, 2),
            [(self.letters.width(text) + 2, 1.2 * self.px) for _, text, _ in at],
            obstacles=obstacles[np.isfinite(obstacles).all(axis=1)],
            bounds=bounds,
            taken=[
                Box(*text.get_window_extent().extents)
                for text in axes.texts
                if text not in self.titles
            ],
            gap=diameter(max((len(mark.x) for mark in marks), default=1)) * DPI / 72 / 2 + 2,
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
            if text and 2 * self.px < right - left and self.letters.width(text) + 6 < right - left:
                self._text_at(left + 4, y, text, colors.on(self.style.color(mark.color)))

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
            broadest = _BROADEST * self.figure.width / max(self.figure.columns, 1)
            longest = _LONGEST * self.px if side == "x" else broadest
            texts = self.letters.told_apart(texts, longest)
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
        is_long = side == "x" and self._is_long(texts, room)
        if is_long:
            self.slanted.append(axes)
            texts = self.letters.told_apart(texts, _LONGEST_SLANTED * self.px)
        high = self.px / math.sin(math.radians(_SLANT)) if is_long else 1.3 * self.px
        every = max(1, math.ceil(high / each)) if is_long or side == "y" else 1
        return [text if at % every == 0 else "" for at, text in enumerate(texts)]

    def _titles(self, axes: Axes, panel: Panel, style: Style) -> None:
        """Write the names of the axes: y's upright over the axis, as nobody reads it sideways."""
        each = self.figure.width / max(self.figure.columns, 1)
        share = 0.6 if style.has_cells else 0.8  # of the panel: the rest is beside the axis
        is_last = panel in self.figure.panels[-max(self.figure.columns, 1) :]
        if panel.x.label and (is_last or not self.figure.shares_x):
            label = self._label(panel.x, share * each)
            axes.set_xlabel(label, color=style.soft, size=style.text, labelpad=3, loc="right")
        if self.figure.shares_x and not is_last:
            axes.tick_params(labelbottom=False)
        room = each - 2 * self.px
        over = [(line, True) for line in self.letters.wrapped(panel.title, room, is_bold=True)]
        if panel.y.label:
            over.append((self._label(panel.y, min(room, share * each)), False))
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

    def _label(self, axis: Axis, room: float) -> str:
        """Return what an axis is called and which end is better; a long name without its middle."""
        better = f" ({axis.better}er is better)" if axis.better else ""
        return self.letters.elided(axis.label, room - self.letters.width(better)) + better

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


class _Legend:
    """What colours mean, in rows under the title; lines that end apart have their name there."""

    def __init__(self, figure: Figure, letters: Letters) -> None:
        self.figure, self.letters = figure, letters
        self.direct: dict[int, list[Line]] = {}
        self.has_cells = any(isinstance(m, Cells) for panel in figure.panels for m in panel.marks)
        entries: dict[tuple[str, Any], Any] = {}
        for panel in figure.panels:
            direct = self._direct(panel)
            self.direct[id(panel)] = direct
            for mark in panel.marks:
                label = "" if mark in direct else getattr(mark, "label", "")
                if label and hasattr(mark, "color"):
                    entries.setdefault((label, mark.color), mark)
        px, room = letters.px, figure.width - 1.2 * letters.px
        entries = dict(sorted(entries.items(), key=lambda entry: entry[0][1] == "muted"))
        self.places: list[tuple[float, int, str, Any]] = []
        x, row = 0.0, 0
        for (label, _), mark in entries.items():
            text = letters.elided(label, room - 2 * px)
            wide = 1.5 * px + letters.width(text) + px
            if x and x + wide - px > room:
                x, row = 0.0, row + 1
            self.places.append((x + 0.6 * px, row, text, mark))
            x += wide
        self.height = (row + 1) * 1.4 * px + 0.3 * px if self.places else 0.0

    def draw(self, sheet: Sheet) -> None:
        """Draw it below the title of a sheet."""
        px, style = self.letters.px, sheet.style
        for x, row, text, mark in self.places:
            y = sheet.below_title + (0.85 + 1.4 * row) * px
            color = style.color(mark.color)
            is_line = isinstance(mark, Line)
            is_dots = isinstance(mark, Points)
            half = 0.55 * px if is_line else 0.3 * px
            at = np.array([x + 0.55 * px - half, x + 0.55 * px + half])
            if is_dots:
                at = at.mean(keepdims=True)
            marker = {"cross": "x", "ring": "o"}.get(mark.marker, "o") if is_dots else ""
            is_dot = is_dots and mark.marker == "dot"
            is_white = is_dot and self.has_cells  # as it stands on them
            line = mpl.lines.Line2D(
                at / sheet.width,
                np.full(len(at), 1 - y / sheet.height),
                color=color,
                linewidth=mark.width if is_line else 7,
                linestyle=(0, (4, 2.5)) if is_line and mark.is_dashed else "-",
                solid_capstyle="butt",
                marker=marker,
                markersize=6,
                markeredgewidth=1.2,
                markeredgecolor="#000000" if is_white else color,
                markerfacecolor=colors.PALE if is_white else color if is_dot else "none",
                alpha=0.5 if isinstance(mark, Band) else 1.0,
            )
            line.set_in_layout(False)
            sheet.canvas.add_artist(line)
            sheet.write(text, x + 1.5 * px, y - 0.55 * px)

    def _direct(self, panel: Panel) -> list[Line]:
        """Return the lines of a panel that have their name at their end: few, and apart."""
        lines = [
            m for m in panel.marks if isinstance(m, Line) and m.label and np.isfinite(m.y).any()
        ]
        if not lines or len(lines) > 6 or self.figure.columns > 1:
            return []
        if any(self.letters.width(m.label) > 0.3 * self.figure.width for m in lines):
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
        rows = math.ceil(len(self.figure.panels) / max(self.figure.columns, 1))
        room = (self.figure.height / rows - 4 * self.letters.px) * panel.weight
        gaps = np.diff(np.sort(ends)) * room
        return lines if not len(gaps) or gaps.min() > 1.25 * self.letters.px else []


def _along(axes: Axes, line: Line) -> Floats:
    """Return points on a line that is not faint, in pixels."""
    if line.is_faint or len(line.x) > 100:
        return np.empty((0, 2))
    x, y = line.x, line.y
    if line.is_stepped and len(x) > 1:
        x, y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
    corners = axes.transData.transform(np.column_stack([x, y]))
    parts = [
        np.linspace(a, b, max(int(np.hypot(*(b - a)) / _NEAR), 1), endpoint=False)
        for a, b in itertools.pairwise(corners)
        if np.isfinite(a).all() and np.isfinite(b).all()
    ]
    return np.concatenate([np.empty((0, 2)), *parts])


def _share(value: float, low: float, high: float, axis: Axis) -> float:
    if axis.scale == "log":
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)
