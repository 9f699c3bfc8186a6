"""A picture's paper: its title on top, its caption at the foot, and how wide its words are."""

import functools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from homerun.charts.figure import Theme
from homerun.charts.still.inking import Style
from homerun.charts.still.settings import families
from homerun.core import printable

DPI = 100
_TEXT_PX = 14.2  # 7 points where 480 pixels become 3.3 inches, half a page
_HALF_PAGE_PX = 480.0
_BROAD_PX = 640.0  # more is for a whole page


@dataclass(frozen=True)
class Letters:
    """The type of a picture: how high it is in pixels, and what fits into how much room."""

    px: float

    @classmethod
    def of(cls, width: float, columns: int = 1) -> "Letters":
        """Return the type for a picture so wide, in pixels, on half a page or on a whole one."""
        factor = width / max(columns, 1) / _HALF_PAGE_PX if width <= _BROAD_PX else 1.0
        return cls(_TEXT_PX * max(factor, 1.0))

    def width(self, text: str, *, is_bold: bool = False) -> float:
        """Return how wide a text is, in pixels."""
        return _width(printable(text), is_bold) * self.px

    def elided(self, text: str, room: float, *, is_bold: bool = False) -> str:
        """Return a text that fits, without its middle: names differ at their ends, too."""
        text = printable(text)
        kept = len(text)
        short = text
        while kept > 1 and self.width(short, is_bold=is_bold) > room:
            kept -= 1
            tail = kept // 2
            short = f"{text[: kept - tail]}…{text[len(text) - tail :]}"
        return short

    def told_apart(self, texts: Sequence[str], room: float) -> list[str]:
        """Return texts that fit; where their ends are alike, without what all of them share."""
        texts = [printable(text) for text in texts]
        short = [self.elided(text, room) for text in texts]
        if len(set(short)) == len(set(texts)):
            return short
        start = _shared(texts)
        end = _shared([text[start:][::-1] for text in texts])
        before, after = ("…" if start > 1 else ""), ("…" if end > 1 else "")
        own = [text[start if before else 0 : len(text) - (end if after else 0)] for text in texts]
        return [self.elided(f"{before}{text}{after}", room) for text in own]

    def wrapped(self, text: str, room: float, *, is_bold: bool = False) -> list[str]:
        """Return a text in lines that fit; a word that is too long loses its middle."""
        lines: list[str] = []
        # What belongs together stays so: 40 %, epochs = 5.
        for word in re.split(r"(?<!=)\s+(?![%=])", printable(text).strip()):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(longer, is_bold=is_bold) <= room:
                lines[-1] = longer
            elif word:
                lines.append(self.elided(word, room, is_bold=is_bold))
        return lines


class Sheet:
    """A canvas of matplotlib with title and caption; what lies between them is for others.

    `width`, `height` (of the body) and `above` (room for a legend, below the title) in pixels.
    """

    def __init__(
        self,
        title: str,
        caption: str,
        *,
        width: float,
        height: float,
        letters: Letters,
        theme: Theme,
        above: float = 0.0,
    ) -> None:
        px = letters.px
        self.letters, self.width = letters, width
        self.style = Style.of(theme, px * 72 / DPI)
        head = letters.wrapped(title, (width - 2 * px) / 1.15, is_bold=True)
        foot = letters.wrapped(caption, width - 2 * px)
        line = 1.35 * px
        self.below_title = 0.5 * px + len(head) * 1.2 * line if head else 0.0
        self.top = self.below_title + above  # where the body begins, from the upper edge
        self.bottom = len(foot) * line + 0.4 * px if foot else 0.0
        self.height = height + self.top + self.bottom
        self.canvas = Canvas(
            figsize=(width / DPI, self.height / DPI),
            dpi=DPI,
            facecolor=self.style.paper,
            layout="constrained",
        )
        FigureCanvasAgg(self.canvas)
        for i, text in enumerate(head):
            self.write(text, 0.6 * px, 0.5 * px + i * 1.2 * line, is_title=True)
        for i, text in enumerate(foot):
            self.write(text, 0.6 * px, self.height - self.bottom + i * line)

    def write(self, text: str, x: float, y: float, *, is_title: bool = False) -> None:
        """Write a line; y: pixels from the upper edge to its upper end."""
        self.canvas.text(
            x / self.width,
            1 - y / self.height,
            text,
            va="top",
            color=self.style.ink if is_title else self.style.soft,
            size=self.style.text * (1.15 if is_title else 1.0),
            weight="bold" if is_title else "normal",
        ).set_in_layout(False)


def _shared(texts: Sequence[str]) -> int:
    """Return how many letters all texts begin with."""
    first, last = min(texts, default=""), max(texts, default="")
    pairs = enumerate(zip(first, last, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(first), len(last)))


@functools.lru_cache(maxsize=4096)
def _width(text: str, is_bold: bool) -> float:
    """Return how wide a text is, as a multiple of its size; broad letters are square."""
    others = "".join(c for c in text if unicodedata.east_asian_width(c) not in "WF")
    broad = float(len(text) - len(others))
    if not others:
        return broad
    font = FontProperties(family=list(families()), weight="bold" if is_bold else "normal")
    vertices = TextPath((0, 0), others, size=100, prop=font, usetex=False).vertices
    return broad + (float(vertices[:, 0].max()) / 100 if len(vertices) else 0.3 * len(others))
