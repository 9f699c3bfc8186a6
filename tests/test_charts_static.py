"""Figures drawn with matplotlib: files that open, text that is read, nothing over anything else."""

import io
import itertools
import math
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text
from PIL import Image, ImageColor

from homerun.charts import Figure, colors
from homerun.charts.figure import (
    Axis,
    Band,
    Bars,
    Boxes,
    Cells,
    Line,
    Panel,
    Points,
    Rule,
    Spans,
)
from homerun.charts.still.labels import Box, place
from homerun.charts.still.static import drawn
from homerun.charts.ticks import domain, edges, plain, show, ticks
from homerun.core import UsageError

RNG = np.random.default_rng(0)
FINITE = st.floats(-1e9, 1e9, allow_nan=False)


def figure(*marks, x=None, y=None, **more):
    """Return a figure with one panel."""
    panel = Panel(x=x or Axis(label="x"), y=y or Axis(label="y"), marks=marks)
    return Figure(kind="test", title="digits > first try", panels=(panel,), **more)


def every_mark():
    """Return a figure with each kind of mark."""
    x, y = RNG.uniform(1, 100, 80), RNG.uniform(0.01, 1, 80)
    ordered = np.sort(x)
    names = tuple(f"run-{i}" for i in range(80))
    rows = Axis(label="", scale="category", categories=("lr", "wd", "a long name of a parameter"))
    at = np.arange(3.0)
    return Figure(
        kind="test",
        title="All there is: a title that goes on for longer than one line of this figure has room",
        panels=(
            Panel(
                x=Axis(label="fit time", scale="log", unit="seconds"),
                y=Axis(label="error_rate", better="low"),
                marks=(
                    Band(x=ordered, low=np.sort(y)[::-1] * 0.8, high=np.sort(y)[::-1], label="all"),
                    Points(x=x, y=y, texts=names, hovers=names, label="a", area=y * 3),
                    Points(x=x, y=y / 2, color=1, marker="ring", label="b"),
                    Points(x=x[:5], y=y[:5] / 3, color="ink", marker="cross", label="c"),
                    Line(x=ordered, y=np.sort(y)[::-1], is_stepped=True, end="stopped", label="l"),
                    Rule(at=0.5, text="target"),
                    Rule(at=10, along="x", text="here", is_dashed=False),
                ),
                title="points, lines, bands, rules",
            ),
            Panel(
                x=Axis(label="share", unit="share"),
                y=rows,
                marks=(
                    Bars(y=at, value=at / 4, low=at / 5, high=at / 3, is_pale=(True, False, False)),
                ),
            ),
            Panel(
                x=Axis(label="resize", scale="category", categories=("crop", "squish", "pad")),
                y=Axis(label="memory", unit="bytes"),
                marks=(Boxes(x=at, low=at * 2**30, middle=at * 2**31, high=at * 2**32),),
            ),
            Panel(
                x=Axis(label="time"),
                y=rows,
                marks=(Spans(y=at, start=at * 0, end=at * 4 + 9, texts=("one", "two", "x" * 400)),),
            ),
            Panel(
                x=Axis(label="lr", scale="log"),
                y=Axis(label="wd", scale="log"),
                marks=(
                    Cells(
                        x=10.0 ** np.arange(-4, 0),
                        y=10.0 ** np.arange(-3, 0),
                        value=np.where(np.eye(3, 4) > 0, np.nan, RNG.random((3, 4))),
                        label="error",
                        better="low",
                    ),
                ),
            ),
        ),
        caption="Words below, in small type, that go on for long enough to need a second line.",
        columns=2,
        width=900,
        height=900,
    )


def texts(canvas):
    """Return the texts of a drawn figure that are seen, and their boxes in pixels."""
    found = []
    canvas.draw_without_rendering()
    for text in canvas.findobj(Text):
        axes = text.axes
        is_tick = axes is not None and text in [
            *axes.get_xticklabels(),
            *axes.get_yticklabels(),
        ]
        shown = text.get_visible() and text.get_text().strip()
        if shown and (not is_tick or _is_within(axes, text)):
            found.append((text.get_text(), text.get_window_extent()))
    return found


def _is_within(axes, tick):
    x, y = tick.get_position()
    side = axes.get_xlim() if tick in axes.get_xticklabels() else axes.get_ylim()
    value = x if tick in axes.get_xticklabels() else y
    return min(side) <= value <= max(side)


def over_each_other(found):
    """Return the pairs of texts that cover one another by more than a pixel."""
    return [
        (a, b)
        for (a, one), (b, other) in itertools.combinations(found, 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > 1
        and min(one.y1, other.y1) - max(one.y0, other.y0) > 1
    ]


def open_png(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.convert("RGB")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_png_opens_and_shows_something(theme):
    drawing = every_mark()
    image = open_png(drawing.to_png(theme=theme))
    assert image.width == 1800
    assert image.height > 1800
    pixels = np.asarray(image, dtype=int)
    paper = pixels[0, 0]
    assert (paper > 240).all() if theme == "light" else (paper < 40).all()
    inked = (np.abs(pixels - paper).sum(axis=2) > 30).mean()
    assert 0.05 < inked < 0.6


def test_all_files_are_written_whole(tmp_path):
    drawing = figure(Points(x=np.arange(5.0), y=np.arange(5.0)))
    for ending, start in ((".png", b"\x89PNG"), (".svg", b"<svg"), (".pdf", b"%PDF")):
        path = drawing.save(tmp_path / f"x{ending}")
        assert path.read_bytes().startswith(start)
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".svg", ".pdf"}


def test_other_endings_and_folders_are_refused(tmp_path):
    drawing = figure(Points(x=np.arange(5.0), y=np.arange(5.0)))
    with pytest.raises(UsageError, match=r"x\.jpeg has \.jpeg; use one of \.html, \.png"):
        drawing.save(tmp_path / "x.jpeg")
    with pytest.raises(UsageError, match="no ending"):
        drawing.save(tmp_path / "x")
    with pytest.raises(UsageError, match="there is no folder"):
        drawing.save(tmp_path / "nowhere" / "x.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_replaced_leaves_nothing(tmp_path):
    (tmp_path / "x.svg").mkdir()
    with pytest.raises(UsageError, match=r"x\.svg cannot be written: "):
        figure(Points(x=np.arange(5.0), y=np.arange(5.0))).save(tmp_path / "x.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["x.svg"]


def test_pictures_are_the_same_each_time():
    drawing = figure(Points(x=np.arange(9.0), y=np.arange(9.0), texts=("a", "b") + ("",) * 7))
    assert drawing.to_svg() == drawing.to_svg()
    assert drawing.to_png() == drawing.to_png()
    assert drawing.to_pdf() == drawing.to_pdf()


DRAWN_ANEW = """
import hashlib, sys, numpy as np, pandas as pd
from homerun import charts
rng = np.random.default_rng(0)
df = pd.DataFrame({"lr": 10 ** rng.uniform(-5, -1, 60), "opt": rng.choice(["sgd", "adamw"], 60)})
df = df.assign(fit_time=rng.gamma(4, 30, 60), error=rng.beta(2, 9, 60))
many = pd.concat([df] * 40, ignore_index=True)
makers = [lambda: charts.scatter(df, metric="error"), lambda: charts.parallel(many, metric="error")]
for make in makers:
    for ending in ("png", "svg", "pdf"):
        data = make().save(f"{sys.argv[1]}/x.{ending}").read_bytes()
        print(ending, hashlib.sha256(data).hexdigest())
"""


def test_the_same_runs_give_the_same_file_in_another_process_at_another_time(tmp_path):
    printed = [
        subprocess.run(
            [sys.executable, "-c", DRAWN_ANEW, str(tmp_path)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "SOURCE_DATE_EPOCH": ""},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert printed[0] == printed[1]
    pdf = (tmp_path / "x.pdf").read_bytes()
    assert b"CreationDate" not in pdf
    assert b"/ID" not in pdf
    assert b"/FontFile2" in pdf  # text is text, in a font of the file's own
    svg = (tmp_path / "x.svg").read_text()
    assert "<text" in svg
    assert "date" not in svg
    assert " id=" not in svg


def settings():
    """Return the settings of matplotlib; asking for its backend would choose one."""
    return {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"}


def test_settings_of_matplotlib_stay_and_change_nothing():
    drawing, before = every_mark(), settings()
    drawn_before = drawing.to_svg()
    with mpl.rc_context({"axes.grid": True, "font.size": 30, "text.color": "red"}):
        assert drawing.to_svg() == drawn_before
        assert mpl.rcParams["font.size"] == 30
    assert settings() == before


def test_pyplot_is_not_loaded():
    program = (
        "import sys, numpy as np; from homerun.charts.figure import *;"
        "Figure(kind='x', title='x', panels=(Panel(x=Axis(label='x'), y=Axis(label='y'),"
        " marks=(Points(x=np.arange(3.0), y=np.arange(3.0)),)),)).to_png();"
        "sys.exit('matplotlib.pyplot' in sys.modules or 'sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_matplotlib_the_extra_is_named():
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from homerun import charts\n"
        "charts.Figure(kind='x', title='x', panels=()).to_png()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith("MissingExtraError: pictures need: pip install 'homerun[plot]'")


def test_svg_is_plain_shapes_and_text():
    svg = every_mark().to_svg()
    root = ET.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "g", "path", "circle", "text"}
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "points, lines, bands, rules" in words
    assert "error_rate (lower is better)" in words
    assert "id=" not in svg
    assert "url(" not in svg


def test_svg_for_a_page_has_the_colours_of_its_text():
    drawing = figure(Points(x=np.arange(5.0), y=np.arange(5.0)), caption="said")
    inline, alone = drawing.to_svg(is_inline=True), drawing.to_svg()
    assert 'fill="currentColor"' in inline
    assert "#ffffff" not in inline
    assert "#1b1f24" not in inline
    assert "currentColor" not in alone
    assert "#ffffff" in alone
    assert "#15181c" in drawing.to_svg(theme="dark")
    signs = figure(Points(x=np.arange(5.0), y=np.arange(5.0), marker="cross"))
    assert 'stroke="Canvas"' in signs.to_svg(is_inline=True)  # their halo is the page's colour


def test_text_on_a_colour_is_read():
    for color in (*colors.CATEGORIES, *colors.RAMP, colors.ACCENT):
        ink = colors.on(color)
        assert abs(light(ink) - light(color)) > 0.25, color
    for theme in ("light", "dark"):
        shades = [light(shade) for shade in colors.quarters(theme).values()]
        assert shades == sorted(shades, reverse=theme == "dark")  # the best stands out


def light(color):
    """Return how light a colour looks, 0 to 1 (CIELAB)."""
    red, green, blue = (channel / 255 for channel in ImageColor.getrgb(color))
    luminance = 0.21 * red**2.2 + 0.72 * green**2.2 + 0.07 * blue**2.2
    return 1.16 * luminance ** (1 / 3) - 0.16


def test_text_in_a_picture_is_no_markup_and_no_formula():
    name = "<script>$x_1$ & 'ü' 模型 \x1b[31m"
    drawing = figure(
        Points(x=np.arange(3.0), y=np.arange(3.0), texts=(name, "a_b$", "$"), label=name),
        Line(x=np.arange(3.0), y=np.arange(3.0), color=2, label="$\\frac{1}$"),
        x=Axis(label="$lr_0$", scale="category", categories=(name, "$a$", "b_c")),
        caption="50 % of $x$ and $y$",
    )
    svg = drawing.to_svg()
    root = ET.fromstring(svg)
    words = " ".join(element.text or "" for element in root.iter())
    assert "<script" not in svg
    assert "\x1b" not in svg
    assert "$a$" in words
    assert "$lr_0$" in words
    assert open_png(drawing.to_png()).width == 960


def test_nothing_covers_anything_and_nothing_is_outside():
    many = tuple(f"convnext_tiny_{i}" for i in range(60))
    crowd = figure(
        Points(x=RNG.uniform(10, 4000, 60), y=RNG.uniform(0.01, 0.2, 60), texts=many),
        x=Axis(label="fit time", scale="log", unit="seconds"),
        y=Axis(label="error", scale="log", better="low"),
    )
    long = figure(
        Boxes(x=np.arange(8.0), low=np.zeros(8), middle=np.ones(8), high=np.ones(8) * 2),
        x=Axis(
            label="model",
            scale="category",
            categories=tuple(f"convnext_base_in22ft1k_{i}" for i in range(8)),
        ),
    )
    for drawing in (crowd, long, every_mark()):
        with drawn(drawing, "light") as canvas:
            found = texts(canvas)
            slanted = [text for text, _ in found if "…" in text]
            assert over_each_other([one for one in found if one[0] not in slanted]) == []
            for text, box in found:
                assert box.x0 >= -1, text
                assert box.y0 >= -1, text
                assert box.x1 <= canvas.bbox.x1 + 1, text
                assert box.y1 <= canvas.bbox.y1 + 1, text


@pytest.mark.parametrize(
    ("width", "inches", "columns"), [(480, 3.3, 1), (640, 3.3, 1), (900, 6.9, 2)]
)
def test_text_is_read_on_half_a_page(width, inches, columns):
    drawing = figure(
        Points(x=np.arange(5.0), y=np.arange(5.0), label="a"),
        width=width,
        columns=columns,
        caption="c",
    )
    with drawn(drawing, "light") as canvas:
        smallest = min(text.get_size() for text in canvas.findobj(Text) if text.get_text())
    assert smallest * inches / (width / 100) >= 7


def test_a_picture_of_nothing_says_so():
    for marks in (
        (),
        (Points(x=np.empty(0), y=np.empty(0)),),
        (Line(x=np.array([np.nan]), y=np.array([1.0])),),
    ):
        assert open_png(figure(*marks).to_png()).width == 960
    assert "nothing to show yet" in figure().to_svg()
    assert Figure(kind="test", title="", panels=()).to_svg().startswith("<svg")


def test_a_notebook_gets_words_and_a_picture():
    bundle = figure(Points(x=np.arange(3.0), y=np.arange(3.0)), caption="Said.")._repr_mimebundle_()
    assert bundle["text/plain"] == "digits > first try\nSaid."
    assert set(bundle) == {"text/plain", "image/png"}
    assert repr(figure()) == "<test: digits > first try>"


@given(
    st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=30),
    st.floats(20, 200),
)
def test_names_never_cover_each_other_or_leave_the_picture(points, wide):
    anchors = np.array(points) / 1e9 * 400 + 400
    bounds = Box(0, 0, 800, 800)
    boxes = place(anchors, [(wide, 14.0)] * len(anchors), obstacles=anchors, bounds=bounds, gap=5)
    placed = [box for box in boxes if box is not None]
    for box in placed:
        assert box.left >= 0
        assert box.bottom >= 0
        assert box.right <= 800
        assert box.top <= 800
    for one, other in itertools.combinations(placed, 2):
        assert (
            one.right <= other.left
            or other.right <= one.left
            or one.top <= other.bottom
            or other.top <= one.bottom
        )


@given(
    FINITE,
    st.floats(1e-6, 1e9),
    st.integers(2, 12),
    st.sampled_from(["", "seconds", "bytes", "share"]),
)
def test_ticks_are_on_the_axis_and_few(low, wide, most, unit):
    axis = Axis(label="", unit=unit)
    high = low + max(wide, abs(low) * 1e-6)
    found = ticks(axis, low, high, most)
    assert len(found) <= most + 2
    assert all(low - abs(low) * 1e-9 <= tick.value <= high + abs(high) * 1e-9 for tick in found)
    values = [tick.value for tick in found]
    assert values == sorted(values)


@given(st.floats(1e-9, 1e6), st.floats(1.5, 1e9), st.integers(3, 10))
def test_log_ticks_are_on_the_axis_and_few(low, factor, most):
    found = ticks(Axis(label="", scale="log"), low, low * factor, most)
    assert len(found) <= 2 * most + 2
    assert all(low * 0.999 <= tick.value <= low * factor * 1.001 for tick in found)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20),
    st.sampled_from(["linear", "log"]),
)
def test_a_domain_is_finite_whatever_the_values(values, scale):
    array = np.array(values, dtype=float)
    size = np.abs(array)
    array = array[~((size < 1e-150) & (size > 0)) & ~((size > 1e150) & np.isfinite(size))]
    low, high = domain(Axis(label="", scale=scale), "x", [Points(x=array, y=array)])
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low < high
    assert low > 0 or scale == "linear"
    there = array[np.isfinite(array) & ((array > 0) | (scale == "linear"))]
    assert ((there >= low) & (there <= high)).all()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001, "0.001"),
        (1e-5, "1e-5"),
        (0.00123456, "0.001235"),
        (12345, "12,345"),
        (2e6, "2e6"),
        (-0.5, "-0.5"),
        (1e-4, "0.0001"),
    ],
)
def test_numbers_are_short(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (90, "seconds", "1.5 min"),
        (60, "seconds", "1 min"),
        (7200, "seconds", "2 h"),
        (0.2, "share", "20 %"),
        (3 * 2**30, "bytes", "3 GiB"),
        (0, "bytes", "0"),
    ],
)
def test_units_are_those_of_people(value, unit, text):
    assert show(value, unit) == text


def test_ticks_of_time_and_logs_are_round():
    seconds = ticks(Axis(label="", unit="seconds"), 0, 7300, 5)
    assert [tick.text for tick in seconds] == ["0", "0.5 h", "1 h", "1.5 h", "2 h"]
    log = ticks(Axis(label="", scale="log"), 1e-4, 1e-1, 5)
    assert [tick.text for tick in log] == ["0.0001", "0.001", "0.01", "0.1"]


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=9, unique=True), st.booleans())
def test_cells_lie_around_their_centres(centres, is_log):
    centres = np.sort(centres)
    found = edges(centres, is_log=is_log)
    assert len(found) == len(centres) + 1
    assert (found[:-1] <= centres * (1 + 1e-9)).all()
    assert (centres <= found[1:] * (1 + 1e-9)).all()
