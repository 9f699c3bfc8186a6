"""A picture before it is drawn: panels, axes and marks in the units of the data.

Functions of this room turn a DataFrame into a `Figure`; `static.py` draws it with matplotlib,
`live/` as a page that answers to the mouse, and a terminal in braille.
"""

import base64
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from homerun.charts import still
from homerun.charts.arrays import Floats
from homerun.charts.pages import LARGEST, layered
from homerun.charts.writing import save
from homerun.core import counted

Theme = Literal["light", "dark"]

# An index into the categories of `colors.py`, a part that it plays, or a quarter of numbers, of
# which the first is the best.
Color = int | Literal["accent", "ink", "muted", "first", "second", "third", "fourth"]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What a direction of a panel means; positions on a category axis are 0, 1, 2, ..."""

    label: str  # with the unit: fit time (s)
    scale: Literal["linear", "log", "category"] = "linear"
    categories: tuple[str, ...] = ()
    low: float | None = None  # None: from the marks
    high: float | None = None
    better: Literal["low", "high", ""] = ""  # which end is better, where one is
    unit: Literal["", "seconds", "bytes", "share"] = ""  # how ticks are written


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Dots, one per row; `area` is relative to a plain dot."""

    x: Floats
    y: Floats
    color: Color = "accent"
    label: str = ""  # in the legend; empty: not there
    area: Floats | None = None
    is_faint: bool = False
    marker: Literal["dot", "ring", "cross"] = "dot"
    hovers: tuple[str, ...] = ()  # per point, lines parted by \n; the first is its name
    texts: tuple[str, ...] = ()  # per point, written beside it; empty: nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """One line through points in their order; NaN makes a gap."""

    x: Floats
    y: Floats
    color: Color = "accent"
    label: str = ""
    width: float = 1.5  # points
    is_faint: bool = False
    is_dashed: bool = False
    is_stepped: bool = False  # holds each value until the next
    end: Literal["", "stopped"] = ""  # a cross where the run was stopped early
    hover: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Band:
    """The room between two lines."""

    x: Floats
    low: Floats
    high: Floats
    color: Color = "accent"
    label: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """Horizontal bars from 0, one per category of the y axis, with intervals where known."""

    y: Floats
    value: Floats
    low: Floats | None = None
    high: Floats | None = None
    color: Color = "accent"
    label: str = ""
    is_pale: tuple[bool, ...] = ()  # within the noise
    hovers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Boxes:
    """The middle half and the median of the values at a place of the x axis."""

    x: Floats
    low: Floats  # first quartile
    middle: Floats
    high: Floats  # third quartile
    width: float = 0.5  # in units of the x axis
    color: Color = "accent"


@dataclass(frozen=True, kw_only=True, eq=False)
class Spans:
    """Horizontal bars from start to end in rows of the y axis, as in a timeline."""

    y: Floats
    start: Floats
    end: Floats
    color: Color = "accent"
    label: str = ""
    height: float = 0.7  # of a row
    hovers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """A value for each cell of a grid, as a colour; NaN stays empty."""

    x: Floats  # centres, ascending
    y: Floats
    value: Floats  # (y, x)
    label: str = ""  # of the colour bar
    better: Literal["low", "high", ""] = ""
    hovers: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """A straight line across a panel at a value of one axis."""

    at: float
    along: Literal["x", "y"] = "y"  # the axis that `at` is a value of
    text: str = ""
    is_dashed: bool = True


Mark = Points | Line | Band | Bars | Boxes | Spans | Cells | Rule


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Marks over a pair of axes, the first mark lowest."""

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    title: str = ""
    weight: float = 1.0  # of its height, among panels below each other


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """Panels in rows of `columns`, and what they show in words."""

    kind: str  # as `homerun plot --kind` calls it
    title: str
    panels: tuple[Panel, ...]
    caption: str = ""  # one or two sentences: what it says, and what was left out
    columns: int = 1
    shares_x: bool = False  # panels below each other have one x axis
    width: float = 480.0  # pixels at 100 per inch
    height: float = 320.0  # of the panels; title, legend and caption come on top of it

    def save(self, path: str | os.PathLike[str], *, theme: Theme = "light") -> Path:
        """Write the picture, whole or not at all, as its name ends: .html .png .svg .pdf.

        A page suits light and dark by itself; `theme` is for the others.
        """
        makers = {
            ".html": lambda: self.to_html().encode(),
            ".png": lambda: self.to_png(theme=theme),
            ".svg": lambda: self.to_svg(theme=theme).encode(),
            ".pdf": lambda: self.to_pdf(theme=theme),
        }
        return save(path, makers)

    def to_png(self, *, theme: Theme = "light") -> bytes:
        """Return the picture as PNG, two dots a pixel."""
        return still.to_png(self, theme=theme)

    def to_svg(self, *, theme: Theme = "light", is_inline: bool = False) -> str:
        """Return the picture as SVG; `is_inline`: for a page, in the colours of its text."""
        return still.to_svg(self, theme=theme, is_inline=is_inline)

    def to_pdf(self, *, theme: Theme = "light") -> bytes:
        """Return the picture as PDF."""
        return still.to_pdf(self, theme=theme)

    def to_html(self, *, refresh_s: float | None = None) -> str:
        """Return the picture as a page that answers to the mouse and needs nothing else.

        With `refresh_s` it loads itself again after so many seconds.
        """
        from homerun.charts.live import page_of  # noqa: PLC0415  not for those who draw a PNG

        return page_of(self, refresh_s=refresh_s)

    def __repr__(self) -> str:
        return f"<{self.kind}: {self.title}. {self.caption}>".replace(". >", ">")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the picture for a notebook: words, a PNG, and a live page where one can point.

        The page lies in a frame over the picture, which is seen where frames are taken out.
        """
        words = "\n".join(text for text in (self.title, self.caption) if text)
        bundle = {"text/plain": words, "image/png": base64.b64encode(self.to_png()).decode()}
        marks = [mark for panel in self.panels for mark in panel.marks]
        if any(getattr(mark, "hovers", ()) or getattr(mark, "hover", "") for mark in marks):
            page, picture = self.to_html(), self.to_svg(is_inline=True)
            if len(page) + len(picture) < LARGEST:
                height = int(self.height) + 160
                bundle["text/html"] = layered(picture, page, height=height, title=self.title)
        return bundle


def nothing_yet(kind: str, title: str, metric: str, runs: int) -> Figure:
    """Return the picture of a sweep of which no run has ended well so far."""
    bare = Axis(label="", scale="category")
    panel = Panel(x=bare, y=replace(bare, label=metric), marks=())
    caption = f"None of {counted(runs, 'run')} has finished with a finite {metric}."
    return Figure(kind=kind, title=title, panels=(panel,), caption=caption)


def joined(*sentences: str) -> str:
    """Return the sentences that say something, as one text."""
    return " ".join(sentence for sentence in sentences if sentence)
