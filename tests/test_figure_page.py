"""Figures that answer to the mouse, in a real Chromium: hover, zoom, keys, export, print."""

import base64
import io
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import homerun as hr
from homerun.charts.figure import (
    Axis,
    Band,
    Bars,
    Boxes,
    Cells,
    Figure,
    Line,
    Panel,
    Points,
    Rule,
    Spans,
)
from homerun.charts.live import fragment_of
from tests.browser import Browser, changed, until

SCRIPT = "<script>window.hacked = 1</script>"


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens a figure's page; it asks no network and reports no error."""
    pages = []

    def opened(*figures, **context):
        path = tmp_path / f"{len(pages)}.html"
        if len(figures) == 1:
            figures[0].save(path)
        else:
            path.write_text(f"<!doctype html><meta charset=utf-8>{fragment_of(figures)}")
        page = browser.open(path, **context)
        pages.append(page)
        page.call("wait_for_selector", ".hr-figure canvas", state="attached")
        page.draws()
        return page

    yield opened
    for page in pages:
        hacked = page.js("window.hacked === undefined")
        said = page.close()
        assert hacked
        assert said["errors"] == []
        assert [
            url for url in said["requests"] if not url.startswith(("file:", "blob:", "data:"))
        ] == []


def cloud(n=40, groups=("vit", "convnext", SCRIPT)):
    rng = np.random.default_rng(1)
    marks = [
        Points(
            x=np.exp(rng.normal(4 + k, 0.7, n)),
            y=rng.uniform(0.05, 0.3, n),
            color=k,
            label=name,
            hovers=tuple(f"{name} {i}\nerror_rate {i}" for i in range(n)),
        )
        for k, name in enumerate(groups)
    ]
    x = Axis(label="fit_time", scale="log", unit="seconds")
    y = Axis(label="error_rate", better="low", unit="share")
    rule = Rule(at=0.15, text="baseline")
    return Figure(
        kind="scatter",
        title=f"Error {SCRIPT}",
        caption="What it says.",
        panels=(Panel(x=x, y=y, marks=(*marks, rule)),),
    )


def curves(runs=4, n=60):
    rng = np.random.default_rng(0)
    x = np.arange(n, dtype=float)
    lines = tuple(
        Line(
            x=x, y=np.exp(-x / 20) + rng.normal(0, 0.05, n) + k / 5, color=k, label=f"run {k}",
            hover=f"run {k}",
        )
        for k in range(runs)
    )  # fmt: skip
    step = Axis(label="step")
    low = Panel(x=step, y=Axis(label="error", scale="log"), marks=(Line(x=x, y=np.exp(-x / 30)),))
    top = Panel(x=step, y=Axis(label="loss"), marks=lines, weight=2)
    return Figure(kind="curves", title="loss", panels=(top, low), shares_x=True, height=420)


def place(page, part, mark, index):
    """Return where an item is, in pixels of the window."""
    return page.js(
        """([part, mark, index]) => {
        const chart = document.querySelector('.hr-figure').parentNode.homerun
        const at = chart.scene.parts[part]
        const [x, y] = chart.middle({part: at, placed: at.placed[mark], index})
        const box = chart.stage.getBoundingClientRect()
        return [box.x + x, box.y + y]
    }""",
        [part, mark, index],
    )


def tip(page):
    return page.js(
        "(() => { const tip = document.querySelector('.hr-figure-tip');"
        " return tip.hidden ? '' : tip.textContent })()"
    )


def span(page, side="xSpan"):
    return page.js(f"document.querySelector('.hr-figure').parentNode.homerun.scene.parts[0].{side}")


def shown(page):
    """Return the labels of the marks that are drawn, in all panels."""
    return page.js(
        "document.querySelector('.hr-figure').parentNode.homerun.scene.parts"
        ".flatMap(part => part.marks.map(mark => mark.label ?? ''))"
    )


def test_hover_says_what_is_there_and_marks_it(opened):
    page = opened(cloud())
    before = page.picture()
    for mark, index in ((0, 3), (1, 7), (2, 11)):
        page.move(*place(page, 0, mark, index))
        assert tip(page).startswith(("vit", "convnext", SCRIPT)[mark])
        assert tip(page).endswith(f"error_rate {index}")
    # Its series comes forward, the others go back.
    until(lambda: page.js("document.querySelector('canvas').style.opacity") == "0.25")
    assert changed(before, page.picture("figure-scatter")) > 1000
    page.move(5, 5)
    assert tip(page) == ""
    until(lambda: page.js("document.querySelector('canvas').style.opacity") == "1")
    assert page.js("document.querySelector('h3').textContent") == f"Error {SCRIPT}"


def test_every_kind_of_mark_answers(opened):
    category = Axis(label="", scale="category", categories=("lr", "batch"))
    two = np.array([0.0, 1.0])
    bars = Bars(y=two, value=two + 0.2, low=two, high=two + 0.5, is_pale=(True, False))
    boxes = Boxes(x=two, low=two + 1, middle=two + 2, high=two + 3)
    spans = Spans(y=two, start=two * 60, end=two * 60 + 3600, label="finished")
    value = np.array([[0.1, np.nan], [0.3, 0.4]])
    cells = Cells(x=two, y=two, value=value, label="error", better="low")
    band = Band(x=two, low=two, high=two + 1)
    number = Axis(label="value")
    panels = (
        Panel(x=Axis(label="share", unit="share"), y=category, marks=(bars,)),
        Panel(x=category, y=number, marks=(boxes,)),
        Panel(x=Axis(label="since 10:00", unit="seconds"), y=category, marks=(spans,)),
        Panel(x=category, y=category, marks=(cells,)),
        Panel(x=number, y=number, marks=(band, Line(x=two, y=two, is_stepped=True, end="stopped"))),
    )
    figure = Figure(kind="all", title="all", panels=panels, columns=2, width=900, height=700)
    page = opened(figure)
    told = []
    for part, mark, index in ((0, 0, 1), (1, 0, 1), (2, 0, 1), (3, 0, 1), (4, 1, 1)):
        page.move(*place(page, part, mark, index))
        told.append(tip(page))
    assert told[0] == "batch\nshare: 120 % [100 %, 150 %]"
    assert told[1] == "batch\nmedian 3\nmiddle half 2 to 4"
    assert told[2] == "finished\nbatch\n1 min to 61 min"
    assert "error 0.3" in told[3]
    assert told[4] == "value: 1\nvalue: 1"
    page.picture("figure-marks")


def test_legend_hides_a_series_and_shows_only_one(opened):
    page = opened(cloud())
    page.call("click", ".hr-figure-bar button >> nth=1")
    assert shown(page) == ["vit", SCRIPT, ""]
    pressed = "[...document.querySelectorAll('button[aria-pressed]')].map(b => b.ariaPressed)"
    assert page.js(pressed) == ["true", "false", "true"]
    page.call("click", ".hr-figure-bar button >> nth=1")
    page.call("dblclick", ".hr-figure-bar button >> nth=0")
    assert shown(page) == ["vit", ""]
    page.call("dblclick", ".hr-figure-bar button >> nth=0")
    assert len(shown(page)) == 4


def test_zoom_by_drag_wheel_and_keys_and_back(opened):
    page = opened(cloud())
    whole, high = span(page), span(page, "ySpan")
    (x0, y0), (x1, _) = place(page, 0, 0, 0), place(page, 0, 0, 1)
    page.drag((min(x0, x1), y0), (min(x0, x1) + 150, y0))
    zoomed = span(page)
    assert zoomed[1] - zoomed[0] < whole[1] - whole[0]
    assert span(page, "ySpan") == high
    page.call("dblclick", ".hr-figure-stage")
    assert span(page) == whole
    page.drag((x0, y0), (x0, y0 - 60), key="Shift")
    assert span(page) == whole
    assert span(page, "ySpan") != high
    page.call("click", "text=reset")
    assert span(page, "ySpan") == high
    page.move(x0, y0)
    page.call("mouse.wheel", 0, -300)
    page.draws()
    assert span(page) == whole  # the page scrolls, until one has clicked on the figure
    page.call("focus", ".hr-figure-stage")
    page.call("mouse.wheel", 0, -300)
    until(lambda: span(page) != whole)
    page.press("0")
    assert span(page) == whole
    page.press("+")
    assert span(page)[0] > whole[0]


def test_panels_share_x_and_the_slider_smooths(opened):
    page = opened(curves())
    x, y = place(page, 0, 0, 10)
    page.drag((x, y), (x + 200, y))
    spans = page.js(
        "document.querySelector('.hr-figure').parentNode.homerun.scene.parts.map(p => p.xSpan)"
    )
    assert spans[0] == spans[1]
    assert spans[0][0] == pytest.approx(10, abs=0.2)
    page.call("dblclick", ".hr-figure-stage")
    before = page.picture()
    page.call("fill", ".hr-figure input", "0.9")
    page.draws()
    assert changed(before, page.picture("figure-curves")) > 1000
    page.move(*place(page, 0, 1, 30))
    assert tip(page).startswith("run 0\nstep: 30")


def test_keys_walk_over_points_and_are_spoken(opened):
    page = opened(cloud())
    page.call("focus", ".hr-figure-stage")
    spoken = []
    for _ in range(3):
        page.press("ArrowRight")
        spoken.append(page.js("document.querySelector('[aria-live]').textContent"))
    assert len(set(spoken)) == 3
    assert all(text.startswith("vit") for text in spoken)
    page.press("ArrowDown")
    assert tip(page).startswith("convnext")
    page.press("Escape")
    assert tip(page) == ""
    assert "Arrow keys" in page.js("document.querySelector('[role=application]').ariaLabel")


def test_a_narrow_dark_picture_is_read_whole(opened):
    figure = cloud()
    said = "convnext better than swin in 17 of 30 pairs, worse in 13"
    faint = Line(x=np.array([10.0, 900.0]), y=np.array([0.1, 0.2]), is_faint=True)
    panel = replace(figure.panels[0], title=said, marks=(faint,))
    figure = replace(figure, panels=(panel,))
    looks = []
    for scheme in ("light", "dark"):
        page = opened(figure, viewport={"width": 340, "height": 700}, color_scheme=scheme)
        scene = "document.querySelector('.hr-figure').parentNode.homerun.scene"
        lines = page.js(f"{scene}.parts[0].title")
        assert len(lines) == 2
        assert " ".join(lines) == said
        looks.append(page.js(f"{scene}.theme.faint"))
        assert page.js("document.querySelector('figure').ariaLabel") == figure.title
    assert looks[1] > 1.5 * looks[0]


def test_a_page_of_very_many_runs_is_small_and_answers(opened, tmp_path):
    figure = cloud(n=7000)
    figure.save(tmp_path / "large.html")
    assert (tmp_path / "large.html").stat().st_size < 400_000
    page = opened(figure)
    page.move(*place(page, 0, 1, 30))
    assert tip(page).startswith("convnext")
    counts = "scene.parts[0].placed.map(one => one.px?.length ?? 0)"
    counted = page.js(f"document.querySelector('.hr-figure').parentNode.homerun.{counts}")
    assert counted == [7000, 7000, 7000, 0]


def test_a_finger_taps(opened):
    page = opened(cloud(), has_touch=True, viewport={"width": 400, "height": 800})
    page.call("touchscreen.tap", *place(page, 0, 1, 4))
    until(lambda: tip(page).startswith("convnext"))
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    page.picture("figure-narrow")


def test_export_is_the_whole_picture(opened, tmp_path):
    page = opened(cloud())
    assert page.download("text=SVG", tmp_path / "x.svg") == "scatter.svg"
    root = ET.parse(tmp_path / "x.svg").getroot()
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"vit", "convnext", SCRIPT, "baseline", "What it says."} <= set(texts)
    assert "error_rate (lower is better)" in texts
    assert page.download("text=PNG", tmp_path / "x.png") == "scatter.png"
    image = Image.open(tmp_path / "x.png")
    assert image.width == 2 * page.js("document.querySelector('.hr-figure-stage').clientWidth")
    assert len(image.convert("RGB").getcolors(1 << 24)) > 20


def test_dark_light_print_and_resize(opened):
    page = opened(cloud(), color_scheme="dark")
    dark = page.picture("figure-dark")
    assert dark.mean() < 60
    page.call("emulate_media", color_scheme="light")
    page.draws()
    assert page.picture("figure-light").mean() > 200
    page.call("emulate_media", color_scheme="dark", media="print")
    page.draws()
    inked = page.js("getComputedStyle(document.querySelector('.hr-figure')).color")
    assert inked == "rgb(27, 31, 36)"
    page.call("emulate_media", media="screen")
    page.call("set_viewport_size", {"width": 500, "height": 700})
    until(lambda: page.js("document.querySelector('canvas').clientWidth") < 500)


def test_several_figures_in_one_page_are_apart(opened):
    page = opened(cloud(), curves())
    assert page.js("document.querySelectorAll('.hr-figure').length") == 2
    page.call("click", ".hr-figure-bar button >> nth=0")
    assert page.js("document.querySelectorAll('[aria-pressed=false]').length") == 1


@pytest.mark.parametrize("marks", [(), (Points(x=np.array([]), y=np.array([])),)])
def test_nothing_to_draw_is_no_error(opened, marks):
    axis = Axis(label="x")
    page = opened(Figure(kind="none", title="none", panels=(Panel(x=axis, y=axis, marks=marks),)))
    page.move(300, 150)
    assert tip(page) == ""
    page.press("ArrowRight")


def test_many_points_and_curves_stay_quick(opened):
    page = opened(cloud(n=3400))
    hover = """() => {
        const chart = document.querySelector('.hr-figure').parentNode.homerun
        const box = chart.stage.getBoundingClientRect()
        const times = []
        for (let i = 0; i < 60; i++) {
            const [clientX, clientY] = [box.x + 80 + 6 * i, box.y + 60 + 3 * i]
            const at = {clientX, clientY, pointerType: 'mouse'}
            const before = performance.now()
            chart.stage.dispatchEvent(new PointerEvent('pointermove', at))
            times.push(performance.now() - before)
        }
        return times.sort((a, b) => a - b)[30]
    }"""
    assert page.js(hover) < 4  # milliseconds
    page = opened(curves(runs=200, n=500))
    assert page.js(hover) < 4
    png = page.js("document.querySelector('.hr-figure').parentNode.homerun.toPNG()")
    assert Image.open(io.BytesIO(base64.b64decode(png.partition(",")[2]))).width > 100


def test_a_table_is_sorted_by_a_click_and_a_diff_has_live_curves(browser, tmp_path):
    df = pd.DataFrame({"id": ["a", "b", "c"], "lr": [0.1, None, 0.001], "loss": [0.5, 0.2, 0.9]})
    page = browser.open(hr.charts.table(df, metric="loss").save(tmp_path / "table.html"))
    column = "[...document.querySelectorAll('tbody tr')].map(row => row.cells[0].textContent)"
    assert page.js(column) == ["b", "a", "c"]
    page.call("click", "text=lr")
    assert page.js(column) == ["c", "a", "b"]  # by value, what is missing last
    page.call("click", "text=lr")
    assert page.js(column) == ["a", "c", "b"]
    assert page.js("document.querySelector('[aria-sort]').ariaSort") == "descending"
    assert page.close()["errors"] == []
    history = pd.DataFrame(
        {
            "run": ["a"] * 3 + ["b"] * 3,
            "key": "loss",
            "step": [0, 1, 2] * 2,
            "value": [0.5] * 3 + [0.9] * 3,
        }
    )
    diff = hr.charts.diff(df, "a", "b", metric="loss", history=history)
    page = browser.open(diff.save(tmp_path / "diff.html"))
    page.call("wait_for_selector", ".hr-figure canvas", state="attached")
    page.draws()
    page.move(*place(page, 0, 0, 1))
    assert tip(page) == "a\nstep: 1\nloss: 0.5"
    assert page.close()["errors"] == []


def test_a_picture_with_nothing_to_show_does_not_stop_the_others(opened):
    df = pd.DataFrame({"lr": [0.1, 0.2], "loss": [np.nan, np.nan], "runtime_s": [1.0, 2.0]})
    few = df.assign(loss=[0.1, 0.2])
    page = opened(
        hr.charts.importance(few, metric="loss"),
        hr.charts.importance(df, metric="loss"),
        hr.charts.progress(df, metric="loss"),
        hr.charts.progress(few, metric="loss"),
    )
    assert page.js("document.querySelectorAll('.hr-figure-stage').length") == 4
