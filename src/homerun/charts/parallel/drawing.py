"""Parallel coordinates as a picture: what `parallel.js` shows at first, drawn by matplotlib."""

import io
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from homerun.charts import colors, still
from homerun.charts.arrays import Floats
from homerun.charts.figure import Axis
from homerun.charts.parallel.display import dropped
from homerun.charts.ticks import plain, ticks
from homerun.core import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 4.6  # inches
_WIDTHS = (6.4, 11.0)  # inches: of few axes, of many
_MISSING = -0.13  # where runs without a value cross an axis that goes from 0 to 1
_SHADES = 24
_FAILED = colors.CATEGORIES[1]
_MOST_VECTORS = 2000  # lines; more are pixels in .svg and .pdf too
_MOST_LABELS = 18  # of an axis
_DOTS = 200  # per inch
_DOTS_OF_LINES = 120  # of lines that are pixels among vectors
_MOST_SMALL = 4000  # lines in a saved notebook
_SMALL_DOTS = 100  # per inch there


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scale:
    """A column of the document as places on its axis: 0 bottom, 1 top, NaN no value."""

    name: str
    places: Floats
    labels: tuple[tuple[float, str], ...]
    has_gaps: bool


def picture(document: Mapping[str, Any], format: str) -> bytes:  # noqa: A002  as matplotlib calls it
    """Return the chart as "png" (200 dots per inch), "svg" or "pdf"; the same each time."""
    if format == "png":
        return _png(document, _DOTS, 256)
    # The time of writing is left out.
    times: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    file = io.BytesIO()
    with still.own_settings():
        _draw(document).savefig(file, format=format, dpi=_DOTS_OF_LINES, metadata=times[format])
    return file.getvalue()


def small_picture(document: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return the chart as a picture for a saved notebook: its MIME type and a few kilobytes."""
    from PIL import Image, features  # noqa: PLC0415  comes with matplotlib

    if not features.check("webp"):
        return "image/png", _png(document, _SMALL_DOTS, 64)
    file = io.BytesIO()
    dots = _dots(document, _SMALL_DOTS, most=_MOST_SMALL)
    Image.open(io.BytesIO(dots)).convert("RGB").save(file, format="webp", quality=50)
    return "image/webp", file.getvalue()


def _png(document: Mapping[str, Any], dots: int, shades: int) -> bytes:
    """Return a PNG of so many colours, a third as large as one of all colours."""
    from PIL import Image  # noqa: PLC0415

    file = io.BytesIO()
    image = Image.open(io.BytesIO(_dots(document, dots))).convert("RGB")
    image = image.quantize(shades, dither=Image.Dither.NONE)
    image.save(file, format="png", optimize=True, dpi=(dots, dots))
    return file.getvalue()


def _dots(document: Mapping[str, Any], dots: int, most: int | None = None) -> bytes:
    file = io.BytesIO()
    with still.own_settings():
        _draw(document, most).savefig(file, format="png", dpi=dots)
    return file.getvalue()


def _draw(document: Mapping[str, Any], most: int | None = None) -> "Figure":
    """Return the chart as a figure of matplotlib that belongs to nobody.

    `most`: of more runs every second, third, ... is drawn, from the best one on.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    columns = [column for column in document["columns"] if column["shown"]]
    width = min(max(1.15 * len(columns) + 1.2, _WIDTHS[0]), _WIDTHS[1])
    figure = Figure(figsize=(width, _HEIGHT), facecolor=colors.LIGHT["paper"])
    FigureCanvasAgg(figure)
    caption = textwrap.wrap(_caption(document), int(width * 15))[:3]
    bottom = (0.16 + 0.17 * len(caption)) / _HEIGHT
    axes = figure.add_axes((0.0, bottom, 1.0, 1 - bottom - 0.62 / _HEIGHT))
    axes.set_axis_off()
    scales = [_scale(column, document) for column in columns]
    axes.set_ylim((_MISSING if any(scale.has_gaps for scale in scales) else 0) - 0.05, 1.03)
    gap = width / (len(scales) + 0.35)  # inches between axes
    axes.set_xlim(-0.5 + 0.05, len(scales) - 0.5 + 0.3)
    every = math.ceil(document["count"] / most) if most and document["count"] else 1
    if scales and document["count"]:
        _lines(axes, scales, document, every)
    for at, (scale, column) in enumerate(zip(scales, columns, strict=True)):
        _axis(axes, at, scale, gap, is_metric=column["role"] == "metric")
    drawn = "" if every == 1 else f", one in {every} drawn"
    _words(figure, document, caption, width, drawn)
    return figure


def _words(
    figure: "Figure",
    document: Mapping[str, Any],
    caption: Sequence[str],
    width: float,
    drawn: str,
) -> None:
    left, ink, muted = 0.12 / width, colors.LIGHT["ink"], colors.LIGHT["muted"]
    count = document["count"]
    title = document["title"] or "parallel coordinates"
    figure.text(
        left, 1 - 0.12 / _HEIGHT, _short(title, int(width * 10)), size=10.5, va="top", color=ink
    )
    figure.text(
        1 - left, 1 - 0.13 / _HEIGHT, f"{count:,} run{'s' * (count != 1)}{drawn}", size=9, va="top",
        ha="right", color=muted,
    )  # fmt: skip
    for at, line in enumerate(reversed(caption)):
        figure.text(left, (0.1 + 0.17 * at) / _HEIGHT, line, size=8, color=muted)


def _caption(document: Mapping[str, Any]) -> str:
    """Return in words what the colours mean and what was left out."""
    parts = []
    named = next((c for c in document["columns"] if c["name"] == document["color"]), None)
    if named and named["role"] == "metric":
        low = document["goal"] == "minimize"
        parts.append(f"dark: the best {document['metric']} ({'lowest' if low else 'highest'}, up)")
    elif named and _has_own_colors(named):
        parts.append(f"colour: {document['color']}")
    elif named:
        parts.append(f"dark: {document['color']} up")
    if _failed(document) and not (named and _has_own_colors(named)):
        parts.append("orange: failed")
    hidden = [column["name"] for column in document["columns"] if not column["shown"]]
    left_out = dropped(document)
    if left_out:
        parts.append(left_out)
    if hidden:
        names = ", ".join(hidden[:6]) + (", ..." if len(hidden) > 6 else "")
        parts.append(f"not shown: {names}")
    return "; ".join([*parts, *document["notes"]])


def _scale(column: Mapping[str, Any], document: Mapping[str, Any]) -> _Scale:
    is_number = column["kind"] == "number"
    values = np.array(column["values" if is_number else "codes"], dtype=np.float64)
    if is_number:
        places, labels = _of_numbers(values, column)
    else:
        places, labels = _of_categories(values, column, document)
    if column["flip"]:
        places, labels = 1 - places, [(1 - place, text) for place, text in labels]
    return _Scale(
        name=column["name"],
        places=places,
        labels=tuple(labels),
        has_gaps=bool(np.isnan(values).any()),
    )


def _of_numbers(
    values: Floats, column: Mapping[str, Any]
) -> tuple[Floats, list[tuple[float, str]]]:
    known = values[~np.isnan(values)]
    if not len(known):
        return values, []
    is_log = bool(column["log"]) and known.min() > 0
    low, high = float(known.min()), float(known.max())
    if low == high:
        return np.where(np.isnan(values), np.nan, 0.5), [(0.5, plain(low))]

    def place(value: Any) -> Any:
        if is_log:
            return np.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)

    levels = np.unique(known)
    if len(levels) <= 8:
        marks = [(float(place(level)), plain(float(level))) for level in levels]
    else:
        axis = Axis(label=column["name"], scale="log" if is_log else "linear")
        found = ticks(axis, low, high, 6, is_whole=bool(column["integer"]))
        marks = [(float(place(tick.value)), tick.text) for tick in found]
    return place(values), _apart(marks, 0.035)


def _of_categories(
    codes: Floats, column: Mapping[str, Any], document: Mapping[str, Any]
) -> tuple[Floats, list[tuple[float, str]]]:
    """Return places of runs, spread within the band of their category by the metric's rank."""
    count = max(len(column["levels"]), 1)
    metric = next((c for c in document["columns"] if c["role"] == "metric"), None)
    shares = np.full(len(codes), 0.5)
    if metric is not None:
        shares = _shares_within(codes, metric, document)
    places = (codes + 0.5 + 0.5 * (shares - 0.5)) / count
    marks = [((at + 0.5) / count, text) for at, text in enumerate(column["levels"])]
    every = max(1, math.ceil(len(marks) / _MOST_LABELS))
    return places, marks[::-1][::every]


def _shares_within(codes: Floats, metric: Mapping[str, Any], document: Mapping[str, Any]) -> Floats:
    """Return for each run the share of its category's runs that are worse."""
    values = np.array(metric["values"], dtype=np.float64)
    goodness = -values if document["goal"] == "minimize" else values
    order = np.lexsort((np.where(np.isnan(goodness), -np.inf, goodness), codes))
    ordered = codes[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(codes)])
    within = np.arange(len(codes)) - np.repeat(starts, sizes)
    shares = np.empty(len(codes))
    shares[order] = (within + 0.5) / np.repeat(sizes, sizes)
    return shares


def _apart(marks: list[tuple[float, str]], gap: float) -> list[tuple[float, str]]:
    """Return the marks that are not too near to the one below."""
    kept: list[tuple[float, str]] = []
    for mark in sorted(marks):
        if not kept or mark[0] - kept[-1][0] >= gap:
            kept.append(mark)
    return kept


def _lines(axes: "Axes", scales: Sequence[_Scale], document: Mapping[str, Any], every: int) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    places = np.column_stack([scale.places for scale in scales])
    ends = np.where(np.isnan(places), _MISSING, places)
    if ends.shape[1] == 1:  # a lone axis has a tick for each run
        ends = np.repeat(ends, 2, axis=1)
        across = np.array([-0.06, 0.06])
    else:
        across = np.arange(ends.shape[1], dtype=np.float64)
    tints, order = _tints(document)
    order = order[::-1][::every][::-1]
    segments = np.stack([np.broadcast_to(across, ends.shape), ends], axis=2)
    count = len(order)
    lines = LineCollection(
        list(segments[order]),
        colors=[tints[at] for at in order],
        linewidths=1.1 if count <= 300 else 0.8 if count <= 3000 else 0.5,
        alpha=max(0.12, min(0.85, 12 / math.sqrt(count))),
        rasterized=count > _MOST_VECTORS,
        capstyle="round",
    )
    axes.add_collection(lines)


def _tints(document: Mapping[str, Any]) -> tuple[list[str], list[int]]:
    """Return the colour of each run, and the order to draw them in: the best last."""
    count = document["count"]
    column = next((c for c in document["columns"] if c["name"] == document["color"]), None)
    muted = colors.LIGHT["muted"]
    if column is None:
        return [colors.ACCENT] * count, list(range(count))
    if _has_own_colors(column):
        tints = [muted if code is None else colors.category(code) for code in column["codes"]]
        return tints, list(range(count))
    values = np.array(column.get("values", column.get("codes")), dtype=np.float64)
    places = _ranks(-values if column["flip"] else values)
    ramp, gone = _ramp(), np.isnan(places)
    shades = np.where(gone, 0, places * (len(ramp) - 1)).round().astype(int)
    tints = [muted if lost else ramp[at] for at, lost in zip(shades, gone, strict=True)]
    for row in _failed(document):
        tints[row] = _FAILED
    return tints, np.argsort(np.where(gone, -1, places), kind="stable").tolist()


def _has_own_colors(column: Mapping[str, Any]) -> bool:
    """Tell whether each level of a column has a colour, and no shade."""
    return column["kind"] == "category" and len(column["levels"]) <= len(colors.CATEGORIES)


def _ranks(values: Floats) -> Floats:
    """Return the place of each value among all as 0..1; equal values share theirs."""
    known = ~np.isnan(values)
    _, inverse, count = np.unique(values[known], return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count + 1) / 2
    places = np.full(len(values), np.nan)
    places[known] = (middle / max(known.sum() - 1, 1))[inverse]
    return places


def _failed(document: Mapping[str, Any]) -> list[int]:
    """Return the rows of runs that failed or crashed and have no metric."""
    states = document.get("states") or {"levels": [], "codes": []}
    bad = {at for at, name in enumerate(states["levels"]) if name in {"failed", "crashed"}}
    metric = next((c for c in document["columns"] if c["role"] == "metric"), None)
    return [
        row
        for row, code in enumerate(states["codes"])
        if code in bad and (metric is None or metric["values"][row] is None)
    ]


def _ramp() -> list[str]:
    """Return shades from pale to dark; the end that vanishes on paper is left out."""
    stops = np.array(
        [[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in colors.RAMP[-2::-1]]
    )
    at = np.linspace(0, len(stops) - 1, _SHADES)
    mixed = np.column_stack([np.interp(at, range(len(stops)), stops[:, i]) for i in range(3)])
    return ["#{:02x}{:02x}{:02x}".format(*row) for row in mixed.round().astype(int).tolist()]


def _axis(axes: "Axes", at: int, scale: _Scale, gap: float, *, is_metric: bool) -> None:
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    ink, muted, paper = (colors.LIGHT[name] for name in ("ink", "muted", "paper"))
    halo = [withStroke(linewidth=2.4, foreground=paper, alpha=0.85)]
    axes.plot([at, at], [0, 1], color=ink, linewidth=0.9, zorder=3)
    room = max(int(gap * 13), 6)  # letters from an axis to the next
    name = "\n".join(_wrapped(scale.name, room))
    axes.annotate(
        name, (at, 1), (0, 11), textcoords="offset points", ha="center", va="baseline", size=8.5,
        color=ink, fontweight="bold" if is_metric else "normal", annotation_clip=False,
        linespacing=0.95,
    )  # fmt: skip
    labels = list(scale.labels)
    if scale.has_gaps:
        axes.plot([at - 0.05, at + 0.05], [_MISSING] * 2, color=muted, linewidth=0.9, zorder=3)
        labels.append((_MISSING, "missing"))
    for place, text in labels:
        if place != _MISSING:
            axes.plot([at, at + 0.025], [place, place], color=ink, linewidth=0.8, zorder=3)
        axes.annotate(
            _short(text, room), (at, place), (4, 0), textcoords="offset points",
            va="center", size=7.5, zorder=4,
            color=muted if place == _MISSING else ink,
            path_effects=halo, annotation_clip=False,
        )  # fmt: skip


def _wrapped(name: str, width: int) -> Iterator[str]:
    """Yield at most two lines of a name, parted where its parts meet; the end is kept."""
    if len(name) <= width:
        yield _short(name, width)
        return
    cut = max((name.rfind(sign, 0, width) for sign in "._/- "), default=-1) + 1 or width
    yield _short(name[:cut], width)
    rest = name[cut:]
    yield _short(rest if len(rest) <= width else f"…{rest[1 - width :]}", width)


def _short(text: str, width: int) -> str:
    plain_text = printable(text)
    return plain_text if len(plain_text) <= width else f"{plain_text[: width - 1]}…"
