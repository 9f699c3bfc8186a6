"""Parallel coordinates as a picture: what `parallel.js` shows at first, drawn by matplotlib."""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from homerun.charts import colors, still
from homerun.charts.figure import Theme
from homerun.charts.parallel.display import dropped
from homerun.charts.parallel.placing import failed, ranks, scale_of
from homerun.charts.ticks import plain
from homerun.core import counted, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from homerun.charts.still.sheet import Letters

_HALF, _WHOLE = 480.0, 900.0  # pixels: half a page, a whole one
_FEW_AXES = 6  # on half a page
_HEIGHTS = {_HALF: 250.0, _WHOLE: 320.0}  # of the axes
_SHADES = 24
_FAILED = colors.CATEGORIES[1]
_MOST_VECTORS = 2000  # lines; more are pixels in .svg and .pdf too
_DOTS = 200  # per inch, of a .png and of lines that are pixels
_MOST_SMALL = 4000  # lines in a saved notebook
_SMALL_DOTS = {_HALF: 125, _WHOLE: 100}  # per inch there
_MOST_WORDS = 5  # lines of the caption
_BAR = 6.0  # length of a bar of shades, as a multiple of the type


class _Entry(NamedTuple):
    """What a colour means, as the row above the axes says it; a bar where there are shades."""

    text: str
    color: str = ""
    shades: tuple[str, ...] = ()
    ends: tuple[str, str] = ("", "")  # of the bar
    is_dashed: bool = False


def picture(document: Mapping[str, Any], format: str, theme: Theme = "light") -> bytes:  # noqa: A002  as matplotlib calls it
    """Return the chart as "png" (200 dots per inch), "svg" or "pdf"; the same each time."""
    if format == "png":
        return _png(document, _DOTS, 256, theme)
    with still.own_settings():
        drawing = Drawing(document, theme)
        if format == "svg":
            name = ". ".join(text for text in (drawing.title, drawing.caption) if text)
            return still.svg_of(drawing.sheet.canvas, title=name).encode()
        file = io.BytesIO()
        metadata = {"CreationDate": None, "Title": printable(drawing.title)}
        drawing.sheet.canvas.savefig(file, format=format, dpi=_DOTS, metadata=metadata)
        return file.getvalue()


def small_picture(document: Mapping[str, Any], theme: Theme) -> tuple[str, bytes]:
    """Return the chart as a picture for a saved notebook: its MIME type and a few kilobytes."""
    from PIL import Image, features  # noqa: PLC0415  comes with matplotlib

    per_inch = _SMALL_DOTS[_width(document)]
    if not features.check("webp"):
        return "image/png", _png(document, per_inch, 64, theme)
    file = io.BytesIO()
    dots = _dots(document, per_inch, theme, most=_MOST_SMALL)
    Image.open(io.BytesIO(dots)).convert("RGB").save(file, format="webp", quality=40)
    return "image/webp", file.getvalue()


def _png(document: Mapping[str, Any], dots: int, shades: int, theme: Theme) -> bytes:
    """Return a PNG of so many colours, a third as large as one of all colours."""
    drawn = _dots(document, dots, theme)
    from PIL import Image  # noqa: PLC0415  comes with matplotlib

    file = io.BytesIO()
    image = Image.open(io.BytesIO(drawn)).convert("RGB")
    image = image.quantize(shades, dither=Image.Dither.NONE)
    image.save(file, format="png", optimize=True, dpi=(dots, dots))
    return file.getvalue()


def _dots(document: Mapping[str, Any], dots: int, theme: Theme, most: int | None = None) -> bytes:
    file = io.BytesIO()
    with still.own_settings():
        Drawing(document, theme, most).sheet.canvas.savefig(file, format="png", dpi=dots)
    return file.getvalue()


def _width(document: Mapping[str, Any]) -> float:
    """Return how wide the picture is, in pixels."""
    shown = sum(bool(column["shown"]) for column in document["columns"])
    return _HALF if shown <= _FEW_AXES else _WHOLE


class Drawing:
    """The chart as a figure of matplotlib that belongs to nobody; all places are in pixels.

    `most`: of more runs every second, third, ... is drawn, from the best one on.
    """

    def __init__(self, document: Mapping[str, Any], theme: Theme, most: int | None = None) -> None:
        from homerun.charts.still.sheet import Letters, Sheet  # noqa: PLC0415  with matplotlib

        self.document = document
        self.columns = [column for column in document["columns"] if column["shown"]]
        count = document["count"]
        every = math.ceil(count / most) if most and count else 1
        width = _width(document)
        self.letters = letters = Letters.of(width)
        self.px = px = letters.px
        self.width = width
        self.tints = _Tints(document, theme)
        self.title = document["title"] or "parallel coordinates"
        if count != 1 or not document["title"]:
            self.title += f": {counted(count, 'run')}"
        self.caption = _caption(document, letters, width - 2 * px)
        if every > 1:
            self.caption = f"One run in {every} is drawn. {self.caption}"
        legend = _rows(self.tints.entries(), letters, width - 1.2 * px)
        high = _HEIGHTS[width]
        scales = [scale_of(column, document, 1.15 * px / high) for column in self.columns]
        self.scales = scales
        self._across()
        names = self._names()
        head = 1.2 * px * max((row + 1 for _, _, row in names), default=1) + 0.8 * px
        gaps = 1.7 * px if any(scale.gaps for scale in scales) else 0.0
        self.sheet = Sheet(
            self.title,
            self.caption,
            width=width,
            height=high + head + gaps + 1.2 * px,
            letters=letters,
            theme=theme,
            above=1.4 * px * len(legend) + (0.3 * px if legend else 0),
        )
        self.style = self.sheet.style
        self.low = self.sheet.bottom + gaps + 0.8 * px  # of the axes
        self.high = self.low + high
        self.missing = self.low - 1.3 * px  # where runs without a value cross an axis
        self.axes = self._axes()
        self._legend(legend)
        self._lines(every)
        for at in range(len(scales)):
            self._axis(at)
        for at, row in {at: row for _, at, row in reversed(names)}.items():
            stem = [self.high, self.high + (0.6 + 1.2 * row) * px]
            self.axes.plot([self.x[at]] * 2, stem, color=self.style.grid, linewidth=0.8, zorder=1)
        for text, at, row in names:
            self._name(text, at, self.high + 0.8 * px + 1.2 * px * row)
        if not scales or not count:
            self.axes.text(
                width / 2, (self.low + self.high) / 2, "nothing to show yet",
                ha="center", color=self.style.soft, size=self.style.text, zorder=4,
                bbox={"facecolor": self.style.paper, "linewidth": 0},
            )  # fmt: skip

    def _axes(self) -> "Axes":
        self.sheet.canvas.set_layout_engine("none")
        axes = self.sheet.canvas.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set(xlim=(0, self.width), ylim=(0, self.sheet.height))
        return axes

    def _across(self) -> None:
        """Decide where the axes stand: the first one's labels are before it, others behind."""
        px, count, letters = self.px, len(self.scales), self.letters
        widest = [
            max([letters.width(text) for _, text in scale.labels], default=0.0)
            for scale in self.scales
        ]
        widest = [
            max(wide, letters.width(scale.gaps))
            for wide, scale in zip(widest, self.scales, strict=True)
        ]
        least, most = 2.5 * px, (0.24 if self.width == _HALF else 0.16) * self.width
        sides = [min(max(wide + 1.4 * px, least), most) for wide in widest] or [least]
        left, right = (sides[0], sides[-1]) if count > 1 else (self.width / 2, self.width / 2)
        self.x = np.linspace(left, self.width - right, max(count, 1))
        self.gap = float(self.x[1] - self.x[0]) if count > 1 else self.width / 2
        self.sides = (left, right)

    def _room(self, at: int) -> float:
        """Return how wide the labels of an axis may be."""
        count = len(self.scales)
        side = self.sides[0] if at == 0 and count > 1 else self.sides[1] if at == count - 1 else 0
        return (side or self.gap) - 1.1 * self.px

    def _names(self) -> list[tuple[str, int, int]]:
        """Return the names of the axes in lines, with axis and row; at two heights if they must."""
        names = [scale.label for scale in self.scales]
        bold = [column["role"] == "metric" for column in self.columns]

        def lines(at: int, room: float) -> list[str]:
            return _in_two(self.letters, names[at], room, is_bold=bold[at])

        rooms = [self._name_room(at, 1) for at in range(len(names))]
        single = [lines(at, room) for at, room in enumerate(rooms)]
        if not any("…" in line for parts in single for line in parts):
            return [
                (text, at, row)
                for at, parts in enumerate(single)
                for row, text in enumerate(reversed(parts))
            ]
        found = []
        base = 0
        for first in (1, 0):  # every second name is above the others; the last one below
            own = [at for at in range(len(names)) if (len(names) - at) % 2 == first]
            wide = [(at, lines(at, self._name_room(at, 2))) for at in own]
            found += [
                (text, at, base + row)
                for at, parts in wide
                for row, text in enumerate(reversed(parts))
            ]
            base = max((len(parts) for _, parts in wide), default=0)
        return found

    def _name_room(self, at: int, gaps: int) -> float:
        """Return how wide a name may be that has so many gaps to the next one on its height."""
        inside = gaps * self.gap - 0.6 * self.px
        edge = min(self.x[at], self.width - self.x[at]) - 0.4 * self.px
        return float(min(inside, max(2 * edge, edge + inside / 2)))

    def _name(self, text: str, at: int, y: float) -> None:
        is_metric = self.columns[at]["role"] == "metric"
        half = self.letters.width(text, is_bold=is_metric) / 2 + 0.4 * self.px
        self.axes.text(
            min(max(self.x[at], half), self.width - half), y, text, ha="center", va="baseline",
            size=self.style.text, color=self.style.ink, weight="bold" if is_metric else "normal",
        )  # fmt: skip

    def _axis(self, at: int) -> None:
        x, scale, px = float(self.x[at]), self.scales[at], self.px
        ink, soft = self.style.ink, self.style.soft
        self.axes.plot([x, x], [self.low, self.high], color=ink, linewidth=1.0, zorder=3)
        if self.columns[at]["role"] == "metric":
            self.axes.plot(x, self.high, "^", color=ink, markersize=6, zorder=3, clip_on=False)
        is_left = at == 0 and len(self.scales) > 1
        room = self._room(at)
        texts = self._texts(at, room)
        labels = [
            (self.low + place * (self.high - self.low), text, ink)
            for (place, _), text in zip(scale.labels, texts, strict=True)
        ]
        if scale.gaps:
            self.axes.plot([x - 4, x + 4], [self.missing] * 2, color=soft, linewidth=1.0, zorder=3)
            labels.append((self.missing, self.letters.elided(scale.gaps, room), soft))
        is_over = not is_left and at < len(self.scales) - 1
        for y, text, color in labels:
            if color == ink:
                self.axes.plot([x - 2, x + 2], [y, y], color=ink, linewidth=0.9, zorder=3)
            self.axes.text(
                x + (-0.45 if is_left else 0.45) * px, y, text,
                ha="right" if is_left else "left", va="center_baseline", zorder=4,
                size=self.style.text, color=color,
                bbox={"facecolor": self.style.paper, "alpha": 0.72, "linewidth": 0, "pad": 0.6}
                if is_over else None,
            )  # fmt: skip

    def _texts(self, at: int, room: float) -> list[str]:
        """Return the labels of an axis as they fit: numbers with fewer digits, names elided."""
        letters, texts = self.letters, [text for _, text in self.scales[at].labels]
        if self.columns[at]["kind"] == "category":
            return letters.told_apart(texts, room)
        found = []
        for text in texts:
            value = float(text.replace(",", ""))
            shorter = [plain(float(f"{value:.{digits}g}")) for digits in (3, 2, 1)]
            shorter.append(f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e"))
            fitting = (one for one in (text, *shorter) if letters.width(one) <= room)
            found.append(next(fitting, shorter[-1]))
        return found

    def _lines(self, every: int) -> None:
        from matplotlib.collections import LineCollection  # noqa: PLC0415

        if not self.scales or not self.document["count"]:
            return
        places = np.column_stack([scale.places for scale in self.scales])
        height = self.low + places * (self.high - self.low)
        height = np.where(np.isnan(places), self.missing, height)
        across = self.x
        if len(self.scales) == 1:  # a lone axis has a tick for each run
            height, across = np.repeat(height, 2, axis=1), self.x[0] + np.array([-12.0, 12.0])
        order = self.tints.order[::-1][::every][::-1]
        segments = np.stack([np.broadcast_to(across, height.shape), height], axis=2)
        count = len(order)
        dashes: tuple[Any, Any] = ("-", (0, (4, 2.5)))
        lines = LineCollection(
            list(segments[order]),
            colors=[self.tints.of_run[at] for at in order],
            linewidths=1.3 if count <= 300 else 0.9 if count <= 3000 else 0.6,
            linestyles=[dashes[at in self.tints.failed] for at in order],
            alpha=max(0.05, min(0.85, 12 / math.sqrt(count), 400 / count)),
            rasterized=count > _MOST_VECTORS,
            capstyle="round",
            joinstyle="round",
        )
        self.axes.add_collection(lines, autolim=False)

    def _legend(self, rows: Sequence[Sequence[tuple[float, _Entry]]]) -> None:
        """Write what the colours mean, in the row below the title."""
        px, axes = self.px, self.axes
        for row, entries in enumerate(rows):
            y = self.sheet.height - self.sheet.below_title - (0.85 + 1.4 * row) * px
            for start, entry in entries:
                x = start + 0.6 * px
                if entry.shades:
                    self._words(x, y, entry.text)
                    x += self.letters.width(entry.text) + 0.5 * px
                    each = _BAR * px / len(entry.shades)
                    for k, shade in enumerate(entry.shades):
                        axes.fill_between(
                            [x + k * each, x + (k + 1) * each + 0.3], y - 0.35 * px, y + 0.35 * px,
                            color=shade, linewidth=0,
                        )  # fmt: skip
                    self._words(x + (_BAR + 0.5) * px, y, entry.ends[1])
                    continue
                dashes: Any = (0, (3, 2)) if entry.is_dashed else "-"
                axes.plot(
                    [x, x + 1.1 * px], [y, y], color=entry.color, linewidth=2.4, linestyle=dashes
                )
                self._words(x + 1.5 * px, y, entry.text)

    def _words(self, x: float, y: float, text: str) -> None:
        style = self.style
        self.axes.text(x, y, text, va="center_baseline", color=style.soft, size=style.text)


class _Tints:
    """The colour of each run, the order to draw them in (the best last), and what colours mean."""

    def __init__(self, document: Mapping[str, Any], theme: Theme) -> None:
        found = colors.DARK if theme == "dark" else colors.LIGHT
        self.document, self.muted = document, found["muted"]
        self.count = document["count"]
        named = (c for c in document["columns"] if c["name"] == document["color"])
        self.column = next(named, None)
        self.ramp = _ramp(theme)
        self.failed = frozenset(failed(document))
        self.lacking = 0  # runs without a value of the column
        self.of_run, self.order = self._of_runs()
        for row in self.failed:
            self.of_run[row] = _FAILED

    @property
    def _has_own_colors(self) -> bool:
        """Tell whether each level of the column has a colour, and no shade."""
        column = self.column
        is_few = column is not None and column["kind"] == "category"
        return is_few and column is not None and len(column["levels"]) <= len(colors.CATEGORIES)

    def _of_runs(self) -> tuple[list[str], list[int]]:
        column = self.column
        if column is None:
            return [colors.ACCENT] * self.count, list(range(self.count))
        values = np.array(column.get("values", column.get("codes")), dtype=np.float64)
        gone: Any = np.isnan(values)
        self.lacking = int(gone.sum()) - sum(bool(gone[row]) for row in self.failed)
        if self._has_own_colors:
            codes = column["codes"]
            tints = [self.muted if code is None else colors.category(code) for code in codes]
            return tints, list(range(self.count))
        places = ranks(-values if column["flip"] else values)
        shades = np.where(gone, 0, places * (_SHADES - 1)).round().astype(int)
        tints = [self.muted if no else self.ramp[at] for at, no in zip(shades, gone, strict=True)]
        return tints, np.argsort(np.where(gone, -1, places), kind="stable").tolist()

    def entries(self) -> Iterator[_Entry]:
        """Yield what the colours mean."""
        column = self.column
        if column is not None and self._has_own_colors:
            for code, level in enumerate(column["levels"]):
                yield _Entry(level, colors.category(code))
        elif column is not None:
            yield from self._bar(column)
        if column is not None and self.lacking:
            yield _Entry(f"{self.lacking:,} without {column['label']}", self.muted)
        if self.failed:
            yield _Entry(f"{len(self.failed):,} failed", _FAILED, is_dashed=True)

    def _bar(self, column: Mapping[str, Any]) -> Iterator[_Entry]:
        values = np.array(column.get("values", column.get("codes")), dtype=np.float64)
        known = np.flatnonzero(~np.isnan(values))
        if not len(known) or values[known].min() == values[known].max():
            return
        low, high = values[known].min(), values[known].max()
        if column["kind"] == "category":
            ends = [column["levels"][int(low)], column["levels"][int(high)]]
        else:
            ends = [plain(float(low)), plain(float(high))]
        if column["flip"]:
            ends.reverse()
        best = " best" if column["role"] == "metric" else ""
        yield _Entry(column["label"], shades=tuple(self.ramp), ends=(ends[0], f"{ends[1]}{best}"))


def _rows(
    entries: Iterator[_Entry], letters: "Letters", room: float
) -> list[list[tuple[float, _Entry]]]:
    """Return the entries of a legend in rows, each with where it starts."""
    rows: list[list[tuple[float, _Entry]]] = []
    px, x = letters.px, 0.0
    for entry in entries:
        if entry.shades:
            low, high = (letters.elided(text, room / 4) for text in entry.ends)
            bar = letters.width(low) + letters.width(high) + (_BAR + 1.5) * px
            name = letters.elided(entry.text, room - bar)
            entry_in = entry._replace(text=f"{name} {low}", ends=("", high))
            wide = letters.width(name) + bar
        else:
            entry_in = entry._replace(text=letters.elided(entry.text, room - 1.5 * px))
            wide = letters.width(entry_in.text) + 1.5 * px
        if not rows or (x and x + wide > room):
            rows.append([])
            x = 0.0
        rows[-1].append((x, entry_in))
        x += wide + px
    return rows


def _caption(document: Mapping[str, Any], letters: "Letters", room: float) -> str:
    """Return in words what is best and what was left out, in a few lines."""
    parts = []
    labels = {column["name"]: column["label"] for column in document["columns"]}
    if document["metric"]:
        best = "lowest" if document["goal"] == "minimize" else "highest"
        parts.append(f"Up is better: the {best} {labels[document['metric']]}.")
    if document["color"] and document["color"] != document["metric"]:
        parts.append(f"Colour: {labels[document['color']]}.")
    left_out = dropped(document)
    if left_out:
        parts.append(f"{left_out[0].upper()}{left_out[1:]}.")
    hidden = [column["label"] for column in document["columns"] if not column["shown"]]
    if hidden:
        names = ", ".join(hidden[:6])
        more = f" and {len(hidden) - 6:,} more" if len(hidden) > 6 else ""
        parts.append(f"Not shown: {names}{more}.")
    parts += [f"{note[0].upper()}{note[1:]}." for note in document["notes"]]
    lines = letters.wrapped(" ".join(parts), room)
    if len(lines) > _MOST_WORDS:
        last = lines[_MOST_WORDS - 1]
        while letters.width(f"{last} …") > room:
            last = last[:-1]
        lines = [*lines[: _MOST_WORDS - 1], f"{last} …"]
    return " ".join(lines)


def _ramp(theme: Theme) -> list[str]:
    """Return shades from bad to good: the end that vanishes on the paper is left out."""
    ends = colors.RAMP[1:] if theme == "dark" else colors.RAMP[-2::-1]
    stops = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in ends])
    at = np.linspace(0, len(stops) - 1, _SHADES)
    mixed = np.column_stack([np.interp(at, range(len(stops)), stops[:, i]) for i in range(3)])
    return ["#{:02x}{:02x}{:02x}".format(*row) for row in mixed.round().astype(int).tolist()]


def _in_two(letters: "Letters", name: str, room: float, *, is_bold: bool) -> list[str]:
    """Return a name in a line, or in two that part where its parts meet, each elided to fit."""
    if letters.width(name, is_bold=is_bold) <= room:
        return [letters.elided(name, room, is_bold=is_bold)]
    cuts = [at + 1 for at, sign in enumerate(name) if sign in "._/- " and 0 < at < len(name) - 1]

    def longest(cut: int) -> float:
        parts = (name[:cut], name[cut:])
        return max(letters.width(part, is_bold=is_bold) for part in parts)

    cut = min(cuts, key=longest, default=0)
    parts = [name[:cut], name[cut:]] if cut else [name]
    return [letters.elided(part, room, is_bold=is_bold) for part in parts]
