"""Parallel coordinates as files: a page that asks no network, and pictures."""

import base64
import gzip
import io
import itertools
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image, ImageColor

import homerun as hr
from homerun.charts import pages, still
from homerun.charts.parallel.display import module
from homerun.charts.parallel.drawing import Drawing
from homerun.charts.still.sheet import Letters
from homerun.core import MissingExtraError, UsageError
from tests.environments import environment

ROOT = Path(__file__).resolve().parent.parent
EVIL = "</script><script>alert(1)</script><!--\u2028 & 'x' \"y\""


def runs(count, seed=0):
    """Return a table of runs over three categories and five numbers, with a few gaps."""
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "name": [f"amber-falcon-{at}" for at in range(count)],
            "arch": rng.choice(["resnet18", "convnext_tiny", "vit_small"], count),
            "optimizer": rng.choice(["sgd", "adamw"], count),
            "augment": rng.choice([True, False], count),
            "epochs": 5,
            "lr": 10 ** rng.uniform(-5, -1, count),
            "weight_decay": 10 ** rng.uniform(-4, 0, count),
            "dropout": rng.uniform(0, 0.5, count),
            "fit_time": rng.gamma(4, 30, count),
            "error_rate": rng.beta(2, 12, count),
        }
    )
    return df.mask(rng.uniform(size=df.shape) < 0.02).assign(name=df["name"], epochs=5)


class Page(HTMLParser):
    """The elements of a page, and the texts of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts.append(data)


def unpacked(text):
    """Return the page in a page that unpacks itself."""
    return gzip.decompress(base64.b64decode(Page(text).scripts[0])).decode()


def test_the_page_holds_everything_and_asks_nobody(tmp_path):
    chart = hr.charts.parallel(runs(50), metric="error_rate", title="digits > crop")
    text = chart.save(tmp_path / "runs.html").read_text()
    assert text == chart.to_html()
    page = Page(text)
    assert json.loads(page.scripts[0]) == json.loads(json.dumps(chart.document))
    assert [one["type"] for tag, one in page.elements if tag == "script"] == [
        "application/json",
        "module",
    ]
    policy = next(one["content"] for tag, one in page.elements if "http-equiv" in one)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in re.search(r"script-src[^;]*", policy)[0]
    addresses = set(re.findall(r"https?://[^\"'\s)]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of SVG, which nobody opens
    assert not [one for _, one in page.elements if "src" in one]
    assert "<title>digits &gt; crop</title>" in text


def test_without_scripts_the_best_runs_are_a_table():
    text = hr.charts.parallel(runs(50), metric="error_rate").to_html()
    table = re.search(r"<noscript>.*?</noscript>", text, re.DOTALL)[0]
    assert "allow it for this page" in table
    assert table.count("<tr>") == 11
    assert "The best of 50 runs by error_rate" in table
    assert "<title>parallel coordinates</title>" in text


def test_five_hundred_runs_take_120_kilobytes():
    assert len(hr.charts.parallel(runs(500), metric="error_rate").to_html().encode()) <= 120_000


def test_labels_stand_where_people_read():
    labels = {"lr": "learning rate", "error_rate": "share of errors"}
    chart = hr.charts.parallel(runs(50), metric="error_rate", columns=["arch", "lr"], labels=labels)
    table = re.search(r"<noscript>.*?</noscript>", chart.to_html(), re.DOTALL)[0]
    heads = re.findall(r"<th>(.*?)</th>", table)
    assert heads == ["run", "share of errors", "arch", "learning rate"]
    with still.own_settings():
        drawing = Drawing(chart.document, "light")
    texts = {found.get_text() for found in drawing.sheet.canvas.findobj(Text)}
    assert {"arch", "learning rate"} <= texts
    assert any("share of errors" in text for text in texts)
    assert not any("error_rate" in text or text == "lr" for text in texts)


def test_names_cannot_leave_their_place():
    df = runs(20).assign(arch=[EVIL, "x"] * 10, name=EVIL)
    df = df.rename(columns={"lr": EVIL})
    chart = hr.charts.parallel(df, metric="error_rate", title=EVIL)
    page = Page(chart.to_html())
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert json.loads(page.scripts[0]) == chart.document
    assert "\u2028" not in chart.to_html()
    stand_in = Page(chart._repr_mimebundle_()["text/html"])
    frame = next(one for tag, one in stand_in.elements if tag == "iframe")
    assert Page(unpacked(frame["srcdoc"])).scripts[0] == page.scripts[0]
    assert "script" not in [tag for tag, _ in stand_in.elements]


def test_a_half_of_a_surrogate_pair_is_written(tmp_path):
    df = runs(5).assign(arch=["a\udcff", "b", "a\udcff", "b", "b"])
    hr.charts.parallel(df, metric="error_rate", title="\udcff").save(tmp_path / "x.html")
    for name in ("x.png", "x.svg", "x.pdf"):
        hr.charts.parallel(df, metric="error_rate", title="\udcff").save(tmp_path / name)


def test_any_page_can_be_made():
    text = pages.page(
        "a", module="const run = 1; // </script>", data={"x": float("nan")}, start="run;"
    )
    page = Page(text)
    assert json.loads(page.scripts[0]) == {"x": None}
    assert "<\\/script>" in page.scripts[1]


def test_pictures_are_what_their_names_say(tmp_path):
    chart = hr.charts.parallel(runs(80), metric="error_rate", title="digits > $crop$ or squish")
    with Image.open(chart.save(tmp_path / "x.png")) as image:
        assert image.format == "PNG"
        assert image.width == 1800  # a whole page
    svg = chart.save(tmp_path / "x.svg").read_text()
    assert svg.startswith("<svg")
    assert "$crop$ or squish: 80 runs" in svg
    assert svg == chart.save(tmp_path / "y.SVG").read_text()  # the same runs, the same file
    assert chart.save(str(tmp_path / "x.pdf")).read_bytes().startswith(b"%PDF")


def test_a_picture_is_light_or_dark(tmp_path):
    chart = hr.charts.parallel(runs(30), metric="error_rate")
    for theme, paper in (("light", "#ffffff"), ("dark", "#15181c")):
        with Image.open(chart.save(tmp_path / "x.png", theme=theme)) as image:
            dot = image.convert("RGB").getpixel((2, 2))
            assert np.abs(np.subtract(dot, ImageColor.getrgb(paper))).max() < 8
        assert f'fill="{paper}"' in chart.save(tmp_path / "x.svg", theme=theme).read_text()
        assert chart.save(tmp_path / "x.pdf", theme=theme).read_bytes().startswith(b"%PDF")
    saved = chart._repr_mimebundle_()["text/html"]
    assert 'media="(prefers-color-scheme: dark)"' in saved


def drawing_of(df, **options):
    """Return a chart's document as it is drawn on a light page, with its texts and their boxes."""
    document = hr.charts.parallel(df, metric="error_rate", **options).document
    with still.own_settings():
        drawing = Drawing(document, "light")
        drawing.sheet.canvas.draw_without_rendering()
        found = [
            (text.get_text(), text.get_window_extent())
            for text in drawing.sheet.canvas.findobj(Text)
            if text.get_text().strip() and text.get_visible()
        ]
    return drawing, found


LONG = "a_parameter.with_a_very_long_name.of_a_model.that_ends_here"


@pytest.mark.parametrize(
    "df",
    [
        runs(1),
        runs(40)[["lr", "arch", "error_rate"]],
        runs(40).rename(columns={"lr": LONG, "arch": f"{LONG}_too"}),
        runs(400).assign(arch=[f"level-{at % 40:02d}-of-a-long-category" for at in range(400)]),
        runs(60).assign(arch=["随机梯度下降", "アダム", "🚀🚀"] * 20),
        runs(60).assign(lr=10.0 ** np.linspace(-12, 12, 60), dropout=np.linspace(-1e12, 1e12, 60)),
        runs(60).assign(error_rate=np.nan),
        runs(60).assign(state=["failed"] * 9 + ["finished"] * 51),
    ],
)
def test_no_text_covers_another_or_leaves_the_page(df):
    drawing, found = drawing_of(df)
    sheet = drawing.sheet.canvas.bbox
    for text, box in found:
        assert box.x0 >= -1, text
        assert box.x1 <= sheet.x1 + 1, text
        assert box.y0 >= -1, text
        assert box.y1 <= sheet.y1 + 1, text
    pairs = [
        (a, b)
        for (a, one), (b, other) in itertools.combinations(found, 2)
        if min(one.x1, other.x1) - max(one.x0, other.x0) > 2
        and min(one.y1, other.y1) - max(one.y0, other.y0) > 2
    ]
    assert pairs == []


def test_text_is_read_on_half_a_page_and_many_axes_take_a_whole_one():
    for columns, width, inches in ((["lr", "arch"], 480, 3.3), (None, 900, 6.9)):
        drawing, _ = drawing_of(runs(30), columns=columns)
        assert drawing.sheet.width == width
        sizes = [text.get_size() for text in drawing.sheet.canvas.findobj(Text) if text.get_text()]
        assert min(sizes) * inches / (width / 100) >= 7


def test_the_picture_says_what_colours_are_and_what_was_dropped():
    df = runs(60).assign(state=["failed"] * 9 + ["finished"] * 51)
    df.loc[:8, "error_rate"] = np.nan
    _, found = drawing_of(df)
    words = " ".join(text for text, _ in found)
    assert "parallel coordinates: 60 runs" in words
    assert re.search(r"error_rate 0\.\d+ 0\.\d+ best", words)
    assert "9 failed" in words
    assert "Up is better: the lowest error_rate." in words
    assert "epochs = 5" in words
    assert words.split().count("failed") == 2  # in the legend, and below the axis
    _, found = drawing_of(df, color="arch")
    assert {"resnet18", "convnext_tiny", "vit_small"} <= {text for text, _ in found}
    assert "Colour: arch." in " ".join(text for text, _ in found)


def test_names_that_begin_and_end_alike_are_told_apart():
    letters = Letters(10.0)
    names = [f"convnext_base_{at}_in22ft1k_384_a_long_name" for at in range(4)]
    assert letters.told_apart(names, 60) == ["…0…", "…1…", "…2…", "…3…"]
    assert letters.told_apart(["sgd", "adamw"], 60) == ["sgd", "adamw"]
    short = letters.elided("convnext_base_in22ft1k", 80)
    assert re.fullmatch("conv.*….*ft1k", short)
    assert letters.width(short) <= 80
    assert letters.told_apart([], 60) == []


def test_the_best_line_is_drawn_last(tmp_path):
    df = pd.DataFrame({"x": [1.0, 1.0, 1.0, 2.0], "error": [0.1, 0.2, 0.3, 0.4]})
    image = Image.open(io.BytesIO(saved(df, tmp_path, metric="error")))
    dark = [count for count, color in image.convert("RGB").getcolors(1 << 24) if sum(color) < 200]
    assert sum(dark) > 100


def saved(df, folder, **options):
    return hr.charts.parallel(df, **options).save(folder / "chart.png").read_bytes()


@pytest.mark.parametrize(
    "df",
    [
        runs(0),
        runs(1),
        runs(5).assign(error_rate=np.nan),
        runs(5)[["error_rate"]],
        runs(30).assign(state=["failed"] * 3 + ["finished"] * 27),
        pd.DataFrame(np.random.default_rng(0).uniform(size=(40, 200))).assign(error_rate=range(40)),
    ],
)
def test_odd_tables_make_a_picture_and_a_page(df, tmp_path):
    assert len(saved(df, tmp_path, metric="error_rate")) > 2000
    assert "</html>" in hr.charts.parallel(df, metric="error_rate").to_html()


def test_no_metric_and_colours_by_category(tmp_path):
    assert saved(runs(30), tmp_path) != saved(runs(30), tmp_path, color="arch")


def test_many_runs_are_pixels_in_vector_files(tmp_path):
    chart = hr.charts.parallel(runs(5000), metric="error_rate")
    assert chart.save(tmp_path / "x.svg").stat().st_size < 3_000_000
    chart = hr.charts.parallel(runs(20_000), metric="error_rate")
    page = chart._repr_mimebundle_()["text/html"]  # too large to be kept: the picture alone
    assert "<iframe" not in page
    assert "<img" in page
    assert len(page) < 300_000


def test_plain_text_says_what_it_shows():
    chart = hr.charts.parallel(runs(50), metric="error_rate", columns=["lr", "arch"])
    assert repr(chart).splitlines()[:3] == [
        "Parallel coordinates of 50 runs, minimize error_rate",
        "axes: lr | arch | error_rate",
        "dropped: epochs = 5",
    ]
    assert repr(hr.charts.parallel(runs(1))).startswith("Parallel coordinates of 1 run\n")
    without = hr.charts.parallel(runs(50))
    assert "no metric was named" in repr(without)
    assert "<p>no metric was named" in without.to_html()


def test_before_there_is_a_live_chart_all_is_selected():
    df = runs(10)
    chart = hr.charts.parallel(df, metric="error_rate")
    pd.testing.assert_frame_equal(chart.selected, df)
    assert len(chart.pinned) == 0


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(
        UsageError, match=r"x\.jpeg has \.jpeg; use one of \.html, \.png, \.svg, \.pdf"
    ):
        hr.charts.parallel(runs(5), metric="error_rate").save(tmp_path / "x.jpeg")


WIDGET = """
import pandas as pd, homerun as hr
df = pd.DataFrame({"x": [1, 2, 3], "error": [0.3, 0.2, 0.1]}, index=["a", "b", "c"])
chart = hr.charts.parallel(df, metric="error")
widget = chart.widget()
assert widget is chart.widget()
assert widget.selected == [0, 1, 2] and widget.pinned == []
assert widget.document == chart.document
widget.selected, widget.pinned = [2, 0], [1]
assert list(chart.selected.index) == ["c", "a"], chart.selected
assert list(chart.pinned.index) == ["b"]
widget.selected = [7]
assert len(chart.selected) == 0
print("fine")
"""


def test_what_the_live_chart_selects_comes_back_as_rows():
    assert in_python(environment("browser"), WIDGET) == "fine\n"


def test_without_anywidget_it_says_what_to_install():
    chart = hr.charts.parallel(runs(5), metric="error_rate")
    with pytest.raises(MissingExtraError, match=r"pip install 'homerun\[widget\]'"):
        chart.widget()


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_without_matplotlib_it_says_what_to_install(ending):
    code = f"""
import sys, pandas as pd, homerun as hr
from homerun.core import MissingExtraError
sys.modules["matplotlib"] = sys.modules["PIL"] = None
try: hr.charts.parallel(pd.DataFrame({{"a": [1, 2]}}), metric="a").save("x.{ending}")
except MissingExtraError as error: print(error)
"""
    assert in_python(sys.executable, code) == "pictures need: pip install 'homerun[plot]'\n"


def test_importing_charts_loads_neither_pandas_nor_matplotlib():
    code = "import sys, homerun as hr; hr.charts; print({'pandas', 'matplotlib'} & {*sys.modules})"
    assert in_python(sys.executable, code) == "set()\n"


def test_pages_need_neither_matplotlib_nor_anywidget():
    code = """
import sys, pandas as pd, homerun as hr
df = pd.DataFrame({"a": [1, 2, 3], "fit_time": [3.0, 1.0, 2.0], "error": [0.3, 0.2, 0.1]})
hr.charts.parallel(df, metric="error").to_html()
hr.charts.scatter(df, metric="error").to_html()
hr.charts.table(df, metric="error").to_html()
print({"matplotlib", "anywidget", "sklearn"} & {*sys.modules})
"""
    assert in_python(sys.executable, code) == "set()\n"


def test_a_picture_leaves_pyplot_alone(tmp_path):
    code = f"""
import sys, pandas as pd, homerun as hr
hr.charts.parallel(pd.DataFrame({{"a": [1, 2]}}), metric="a").save({str(tmp_path / "x.png")!r})
print("matplotlib.pyplot" in sys.modules)
"""
    assert in_python(sys.executable, code) == "False\n"


def in_python(python, code):
    done = subprocess.run(
        [python, "-c", code],
        env={"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_module_is_in_the_package():
    assert "export default" in module()
