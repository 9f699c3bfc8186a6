"""The page of parallel coordinates in a real Chromium, by mouse, keyboard and finger."""

import json
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import homerun as hr
from homerun.charts.pages import page
from homerun.charts.parallel.display import module, style
from homerun.spec import parse, parse_expression
from tests.browser import Browser, artifacts, changed, until
from tests.browser.parallel import Chart

SETTINGS = ["lr", "arch", "resize", "batch", "dropout"]
RESULTS = ["fit_time", "error_rate"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that opens a chart's page; it must ask no network and report no error."""
    charts = []

    def opened(df, *, refresh_s=None, context=None, **options):
        path = tmp_path / f"{len(charts)}.html"
        made = hr.charts.parallel(df, **options)
        if refresh_s is None:
            made.save(path)
        else:
            path.write_text(made.to_html(refresh_s=refresh_s), encoding="utf-8")
        charts.append(Chart(browser.open(path, **(context or {})), df, path))
        return charts[-1]

    yield opened
    for chart in charts:
        said = chart.page.close()
        assert said["errors"] == []
        local = ("file:", "blob:", "data:")
        assert [url for url in said["requests"] if not url.startswith(local)] == []


def sweep(runs=60, seed=0):
    """Return a table as `homerun.runs(sweep=...)` gives it."""
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "id": [f"r{i:07d}" for i in range(runs)],
            "name": [f"amber-falcon-{i}" for i in range(runs)],
            "state": "finished",
            "lr": 10 ** rng.uniform(-4, -1, runs),
            "arch": rng.choice(["resnet18", "convnext_tiny", "vit's own"], runs),
            "resize": rng.choice(["crop", "squish"], runs),
            "batch": rng.choice([16, 32, 64], runs),
            "dropout": rng.uniform(0.1, 0.6, runs),
            "epochs": 5,
            "fit_time": rng.uniform(20, 90, runs),
        }
    )
    df["error_rate"] = 0.1 + 0.05 * np.abs(np.log10(df.lr) + 2.5) + rng.normal(0, 0.01, runs)
    df.attrs |= {
        "config": [*SETTINGS, "epochs"],
        "summary": RESULTS,
        "metadata": ["id", "name", "state"],
    }
    df.attrs |= {"sweep": "x3k9a2bc", "title": "digits", "metric": "error_rate", "goal": "minimize"}
    return df


def within(df, name, ranges):
    """Return which rows pandas finds in the ranges."""
    # The page has numbers with seven digits.
    near = [(low - 1e-6 * abs(low), high + 1e-6 * abs(high)) for low, high in ranges]
    return np.flatnonzero(np.any([df[name].between(*pair) for pair in near], axis=0)).tolist()


def copied(chart, item):
    """Copy the selection; return the text that the page shows it has copied."""
    chart.page.js("document.querySelector('.pc-copied').replaceChildren()")
    chart.page.call("click", ".pc-copy")
    chart.page.call("click", f".pc-menu >> text={item}")
    return until(lambda: chart.count(".pc-copied pre") and chart.text(".pc-copied pre"))


# -- hover


def test_the_mouse_on_any_segment_shows_a_run_and_all_its_values(opened):
    chart = opened(sweep())
    axes = chart.axes()
    assert axes[-1] == "error_rate"
    assert set(axes) == {*SETTINGS, *RESULTS}
    rest = chart.page.picture("parallel")
    rest = chart.page.picture()
    for one, other in pairwise(axes):
        (x0, top, bottom), (x1, *_) = chart.box(one), chart.box(other)
        for share in (0.5, 0.4, 0.6, 0.3, 0.7):
            chart.page.move((x0 + x1) / 2, top + share * (bottom - top))
            if chart.tip():
                break
        tip = chart.tip()
        row = chart.df.set_index("name").loc[tip.pop("")]
        assert set(tip) == set(axes)
        for name, text in tip.items():
            value = row[name]
            assert (
                text == value
                if isinstance(value, str)
                else float(text) == pytest.approx(value, rel=1e-6)
            )
        assert changed(rest, chart.page.picture()) > 1_000
    chart.page.picture("parallel-hover")
    chart.page.move(2, 2)
    until(lambda: chart.tip() is None)
    assert changed(rest, chart.page.picture()) < 1_000


def test_the_mouse_finds_the_line_under_it(opened):
    chart = opened(sweep(12), columns=["lr", "dropout", "fit_time"])
    for row in range(12):
        x, y = chart.middle("fit_time", "error_rate", row)
        chart.page.move(x, y)
        found = chart.df.set_index("name").index.get_loc(chart.tip()[""])
        assert abs(chart.middle("fit_time", "error_rate", found)[1] - y) < 2


def test_the_mouse_on_a_level_shows_all_its_runs(opened):
    df = sweep()
    chart = opened(df)
    x, y = chart.at("resize", "squish")
    rest = chart.page.picture()
    chart.page.move(x, y)
    tip, its = chart.tip(), df[df["resize"] == "squish"].error_rate
    assert tip[""] == "resize: squish"
    assert int(tip["runs"]) == len(its)
    assert float(tip["best error_rate"]) == pytest.approx(its.min(), rel=1e-6)
    assert float(tip["median error_rate"]) == pytest.approx(its.median(), rel=1e-3)
    assert tip["best run"] == df.name[its.idxmin()]
    assert changed(rest, chart.page.picture()) > 1_000
    chart.page.picture("parallel-bundle")


# -- brushes


def test_brushes_on_two_axes_leave_the_runs_that_pandas_finds(opened):
    df = sweep(200)
    chart = opened(df)
    chart.brush("lr", 0.001, 0.03)
    chart.brush("dropout", 0.2, 0.45)
    [[low, high]], [[a, b]] = chart.ranges("lr"), chart.ranges("dropout")
    assert (low, high) == (pytest.approx(0.001, rel=0.1), pytest.approx(0.03, rel=0.1))
    assert (a, b) == (pytest.approx(0.2, abs=0.01), pytest.approx(0.45, abs=0.01))
    expected = np.flatnonzero(df.lr.between(low, high) & df.dropout.between(a, b)).tolist()
    assert 10 < len(expected) < 150
    chart.shows(expected)
    chart.page.picture("parallel-brushed")


def test_a_second_range_on_an_axis_is_added_with_shift(opened):
    df = sweep(150)
    chart = opened(df)
    chart.brush("dropout", 0.15, 0.25)
    chart.brush("dropout", 0.4, 0.5, key="Shift")
    until(lambda: len(chart.ranges("dropout")) == 2)
    chart.shows(within(df, "dropout", chart.ranges("dropout")))
    assert chart.count(".pc-brush") == 2
    chart.brush("dropout", 0.3, 0.35)  # without shift: this one instead
    until(lambda: len(chart.ranges("dropout")) == 1)
    chart.shows(within(df, "dropout", chart.ranges("dropout")))


def test_levels_are_brushed_whole(opened):
    df = sweep()
    chart = opened(df)
    x, y = chart.at("resize", "crop")
    chart.page.drag((x, y - 8), (x, y + 8))
    assert chart.state()["brushes"]["resize"]["levels"] == ["crop"]
    chart.shows(np.flatnonzero(df["resize"] == "crop").tolist())


def test_a_brush_is_moved_resized_and_cleared(opened):
    df = sweep(150)
    chart = opened(df)
    chart.brush("dropout", 0.2, 0.3)
    [[low, high]] = chart.ranges("dropout")
    chart.brush("dropout", 0.25, 0.4)  # from inside: all of it moves
    until(lambda: chart.ranges("dropout")[0][0] > low + 0.1)
    [[a, b]] = chart.ranges("dropout")
    assert (a - low, b - high) == (pytest.approx(0.15, abs=0.01), pytest.approx(0.15, abs=0.01))
    chart.brush("dropout", b, 0.55)  # from its edge
    until(lambda: chart.ranges("dropout")[0][1] > b + 0.05)
    [[c, d]] = chart.ranges("dropout")
    assert (c, d) == (pytest.approx(a, abs=0.01), pytest.approx(0.55, abs=0.01))
    chart.shows(within(df, "dropout", [[c, d]]))
    chart.page.call("mouse.click", *chart.at("dropout", (c + d) / 2))
    chart.shows(range(150))
    chart.brush("dropout", 0.2, 0.3)
    chart.brush("lr", 0.001, 0.01)
    chart.page.call("click", ".pc-clear")
    chart.shows(range(150))
    assert chart.count(".pc-brush") == 0


# -- axes


def test_axes_are_moved_by_drag(opened):
    chart = opened(sweep())
    before = chart.axes()
    (x0, *_), (x1, *_) = chart.box(before[0]), chart.box(before[2])
    name = chart.page.js("document.querySelector('.pc-name').getBoundingClientRect().toJSON()")
    y = name["y"] + name["height"] / 2
    chart.page.drag((x0, y), (x1, y))
    assert chart.axes() == [before[1], before[2], before[0], *before[3:]]
    chart.kept("order", chart.axes())
    x, y = chart.box(before[0])[0], chart.box(before[0])[1]
    assert x == pytest.approx(x1, abs=2)  # it has come to rest where the other was


def test_axes_are_flipped_made_linear_hidden_and_added(opened):
    chart = opened(sweep())
    up = chart.at("lr", 0.001)[1] - chart.at("lr", 0.01)[1]
    assert up > 0
    chart.menu("lr", "Flip")
    assert chart.at("lr", 0.001)[1] - chart.at("lr", 0.01)[1] == pytest.approx(-up, abs=1)
    chart.menu("lr", "Flip")
    assert chart.at("lr", 0.001)[1] - chart.at("lr", 0.01)[1] == pytest.approx(up, abs=1)
    chart.menu("lr", "Linear scale")
    assert chart.at("lr", 0.001)[1] - chart.at("lr", 0.01)[1] < up / 2
    chart.menu("lr", "Log scale")
    assert chart.at("lr", 0.001)[1] - chart.at("lr", 0.01)[1] == pytest.approx(up, abs=1)
    before = chart.axes()
    chart.menu("dropout", "Hide")
    assert chart.axes() == [name for name in before if name != "dropout"]
    chart.page.call("click", ".pc-add")
    chart.page.call("click", ".pc-menu >> text=dropout")
    assert chart.axes()[-1] == "error_rate"
    assert set(chart.axes()) == set(before)


def test_a_menu_closes_by_its_button_and_by_a_click_elsewhere(opened):
    chart = opened(sweep(20))
    for close in (lambda: chart.page.call("click", ".pc-copy"), lambda: chart.page.press("Escape")):
        chart.page.call("click", ".pc-copy")
        assert chart.count(".pc-menu") == 1
        close()
        until(lambda: chart.count(".pc-menu") == 0)
        assert chart.page.js("document.activeElement.className") == "pc-copy"
    chart.page.call("click", ".pc-copy")
    chart.page.call("mouse.click", 300, 700)
    until(lambda: chart.count(".pc-menu") == 0)


def test_all_axes_may_be_hidden(opened):
    chart = opened(sweep(20), columns=["lr", "arch"])
    for name in chart.axes():
        chart.menu(name, "Hide")
    assert chart.axes() == []
    chart.page.move(600, 300)
    chart.page.call("focus", ".pc-plot")
    chart.page.press("ArrowDown")
    assert "rank 1 of 20" in chart.text(".pc-live")
    chart.page.call("click", ".pc-add")
    chart.page.call("click", ".pc-menu >> text=arch")
    assert chart.axes() == ["arch"]


def test_any_column_colours_the_lines(opened):
    chart = opened(sweep())
    first = chart.page.picture()
    chart.page.call("select_option", ".pc-color", label="Colour: arch")
    chart.page.draws()
    assert changed(first, chart.page.picture()) > 5_000
    assert {"resnet18", "convnext_tiny", "vit's own"} <= set(chart.texts(".pc-legend > span"))
    chart.page.picture("parallel-colour-by-arch")
    chart.menu("lr", "Colour by rank")
    by_rank = chart.page.picture()
    chart.menu("lr", "Colour by value")
    assert chart.state()["byValue"]
    assert changed(by_rank, chart.page.picture()) > 500


# -- runs


def test_two_runs_are_pinned_and_compared(opened):
    df = sweep(12)
    chart = opened(df, columns=["arch", "fit_time"])
    for row in (int(df.error_rate.idxmin()), int(df.error_rate.idxmax())):
        chart.page.move(*chart.middle("fit_time", "error_rate", row))
        assert chart.tip()[""] == df.name[row]
        chart.page.call("mouse.down")
        chart.page.call("mouse.up")
    lines = [text.split("\t") for text in chart.texts(".pc-pins tr")]
    assert [text.strip() for text in lines[0] if text.strip()] == [
        df.name[df.error_rate.idxmin()],
        df.name[df.error_rate.idxmax()],
    ]
    [error] = [line for line in lines if line[0].strip() == "error_rate"]
    assert [float(text) for text in error[1:]] == pytest.approx(
        [df.error_rate.min(), df.error_rate.max()]
    )
    chart.page.picture("parallel-pinned")
    chart.page.call("click", ".pc-pins >> text=Unpin")
    assert chart.count(".pc-pins table") == 0


def test_the_table_sorts_and_its_rows_highlight_their_lines(opened):
    df = sweep(40)
    chart = opened(df)
    assert chart.shown() == df.error_rate.argsort().tolist()
    heads = "[...document.querySelectorAll('.pc-table th button')].map((e) => e.title)"
    assert chart.page.js(heads) == ["run", "error_rate", *chart.axes()[:-1]]
    chart.page.call("click", ".pc-table button >> text=lr")
    assert chart.shown() == df.lr.argsort().tolist()
    chart.page.call("click", ".pc-table button >> text=lr")
    assert chart.shown() == df.lr.argsort().tolist()[::-1]
    assert "descending" in chart.page.js(
        "[...document.querySelectorAll('.pc-table [aria-sort]')].map((e) => e.ariaSort)"
    )
    rest = chart.page.picture()
    row = int(df.lr.argsort().tolist()[-3])
    chart.page.call("hover", f".pc-row[data-row='{row}']")
    chart.page.draws()
    assert changed(rest, chart.page.picture()) > 1_000
    assert chart.page.js("document.querySelector('.pc-row.pc-on').dataset.row") == str(row)


# -- taking it along


def test_the_selection_is_copied_as_pandas_and_as_where(opened):
    df = sweep(150)
    chart = opened(df)
    chart.brush("lr", 0.001, 0.03)
    x, y = chart.at("arch", "vit's own")
    chart.page.drag((x, y - 8), (x, y + 8))
    until(lambda: len(chart.state()["brushes"]) == 2)
    expected = sorted(chart.shown())
    assert 5 < len(expected) < 140
    query = copied(chart, "pandas query")
    namespace = {"df": df}
    found = eval(query, {"__builtins__": {}}, namespace)
    assert found.index.tolist() == expected
    command = copied(chart, "Filter for homerun")
    start, text = re.fullmatch(r'(homerun ls x3k9a2bc --where) "(.*)"', command).groups()
    assert start
    where = parse_expression(re.sub(r"\\(.)", r"\1", text), set(df.columns))
    rows = df.to_dict("records")
    assert [row for row in range(150) if where.holds(rows[row])] == expected
    chart.page.picture("parallel-copied")


def test_the_selection_is_copied_as_the_next_sweeps_parameters(opened):
    df = sweep(150)
    chart = opened(df)
    chart.brush("lr", 0.001, 0.03)
    chart.page.drag(*((x, y + by) for by in (-8, 8) for x, y in [chart.at("resize", "crop")]))
    text = copied(chart, "Parameters of the next")
    found = parse("program: train.py\nmethod: random\nmetric: {name: error_rate}\n" + text)
    parameters = {parameter.name: parameter for parameter in found.parameters}
    lr = parameters["lr"]
    assert lr.distribution == "log_uniform_values"
    assert within(df, "lr", [(lr.min, lr.max)]) == within(df, "lr", chart.ranges("lr"))
    assert "crop" in str(parameters["resize"])
    assert "squish" not in str(parameters["resize"])
    assert set(parameters) <= {*SETTINGS, "epochs"}
    assert "error_rate" not in text


def test_the_picture_is_saved_as_png_and_svg(opened, tmp_path):
    df = sweep()
    chart = opened(df)
    chart.brush("lr", 0.001, 0.03)
    chart.page.call("click", ".pc-export")
    name = chart.page.download(".pc-menu >> text=PNG", tmp_path / "chart.png")
    assert name == "digits.png"
    with Image.open(tmp_path / "chart.png") as image:
        assert image.width > 1_000
        assert len(image.convert("RGB").getcolors(1_000_000)) > 100
        legend = image.convert("RGB").crop((0, 48, 700, 72))  # of two dots a pixel
        assert len([color for _, color in legend.getcolors(20_000) if len({*color}) > 1]) > 20
        legend.save(artifacts() / "parallel-legend.png")
    chart.page.call("click", ".pc-export")
    assert chart.page.download(".pc-menu >> text=SVG", tmp_path / "chart.svg") == "digits.svg"
    root = ET.parse(tmp_path / "chart.svg").getroot()
    texts = {"".join(node.itertext()) for node in root.iter(f"{SVG}text")}
    assert {*SETTINGS, *RESULTS} <= texts
    ends = [f"error_rate: {df.error_rate.max():.4g}", f"{df.error_rate.min():.4g} best"]
    assert "".join(ends) in chart.text(".pc-legend")
    assert {"better ↑", *ends} <= texts
    paths = [node.get("d") for node in root.iter(f"{SVG}path")]
    assert sum(path.count("M") for path in paths) == 60 + int(chart.text(".pc-count b"))


# -- without a mouse


def test_the_keyboard_reaches_everything(opened):
    df = sweep()
    chart = opened(df)
    reached = set()
    for _ in range(60):
        chart.page.call("keyboard.press", "Tab")
        reached.add(chart.page.js("document.activeElement.className.split(' ')[0]"))
    assert {
        "pc-color",
        "pc-add",
        "pc-copy",
        "pc-export",
        "pc-plot",
        "pc-name",
        "pc-more",
        "pc-table",
    } <= reached
    best = df.error_rate.argsort().tolist()
    chart.page.call("focus", ".pc-plot")
    chart.page.press("ArrowDown", "ArrowDown")
    assert df.name[best[1]] in chart.text(".pc-live")
    chart.page.press("Enter")
    assert df.name[best[1]] in chart.text(".pc-pins")
    chart.page.press("Escape")
    assert chart.count(".pc-pins table") == 0
    before = chart.axes()
    chart.page.call("focus", "[data-pc-axis='lr'] .pc-name")
    chart.page.press("ArrowRight" if before[0] == "lr" else "ArrowLeft")
    assert abs(chart.axes().index("lr") - before.index("lr")) == 1
    chart.page.press("ArrowUp")  # the first tenth is brushed
    chart.shows(within(df, "lr", chart.ranges("lr")))
    chart.page.press("Delete")
    chart.shows(range(60))
    chart.page.call("focus", "[data-pc-axis='lr'] .pc-more")
    chart.page.press("Enter")
    assert chart.page.js("document.activeElement.role") == "menuitem"
    chart.page.press("ArrowDown", "ArrowDown", "Escape")
    assert chart.count(".pc-menu") == 0
    focused = "document.activeElement.className"
    assert chart.page.js(focused) == "pc-more"
    chart.page.press("Enter", "Tab")  # on, and the menu is closed
    until(lambda: chart.count(".pc-menu") == 0)
    assert chart.page.js(focused) in {"pc-name", "pc-table"}
    chart.page.call("focus", "[data-pc-axis='lr'] .pc-more")
    chart.page.press("Enter", "ArrowUp", "Enter")
    assert "lr" not in chart.axes()
    assert chart.page.js(focused) == "pc-plot"  # as the axis is hidden
    chart.page.press("End")
    assert df.name[best[-1]] in chart.text(".pc-live")
    assert chart.tip()[""] == df.name[best[-1]]
    chart.page.press("Tab")
    assert chart.tip() is None


def test_rows_and_heads_of_the_table_follow_the_keyboard(opened):
    df = sweep()
    chart = opened(df)
    chart.page.call("focus", ".pc-table")
    chart.page.press(*["ArrowDown"] * 25)
    assert df.name[df.error_rate.argsort().tolist()[24]] in chart.text(".pc-live")
    until(lambda: chart.count(".pc-on"))
    place = """["top", "bottom"].map((side) => [".pc-table", ".pc-on"].map((selector) =>
        document.querySelector(selector).getBoundingClientRect()[side]))"""
    (top, row_top), (bottom, row_bottom) = chart.page.js(place)
    assert top < row_top < row_bottom <= bottom
    chart.page.call("focus", ".pc-table th:nth-child(3) button")
    for way in ("ascending", "descending"):
        chart.page.press("Enter")
        assert chart.page.js("document.activeElement.parentNode.ariaSort") == way


def test_a_screen_reader_finds_names_a_table_and_what_changed(opened):
    chart = opened(sweep())
    assert sorted(chart.axes()) == sorted([*SETTINGS, *RESULTS])
    seen = json.dumps(chart.page.cdp("Accessibility.getFullAXTree"))
    for role in ("table", "columnheader", "row", "cell"):
        assert f'"value": "{role}"' in seen or f'"value": "{role.replace("h", "H")}"' in seen
    unnamed = chart.page.js("""[...document.querySelectorAll(
        "button, select, input, [role=application], [role=table]")]
        .filter((node) => !(node.innerText?.trim() || node.ariaLabel || node.title)).length""")
    assert unnamed == 0
    assert chart.page.js("document.querySelector('.pc-live').ariaLive") == "polite"
    assert "60 runs" in chart.text(".pc-count")


def test_fingers_hover_pin_and_brush(opened):
    df = sweep(12)
    chart = opened(
        df,
        columns=["dropout", "fit_time"],
        context={"has_touch": True, "viewport": {"width": 700, "height": 900}},
    )
    row = int(df.error_rate.idxmin())
    chart.page.call("touchscreen.tap", *chart.middle("fit_time", "error_rate", row))
    until(lambda: df.name[row] in chart.text(".pc-pins"))
    (x, y), (_, z) = chart.at("dropout", 0.2), chart.at("dropout", 0.4)
    touch = lambda kind, *points: chart.page.cdp(  # noqa: E731
        "Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": at} for at in points]
    )
    touch("touchStart", y)
    for at in np.linspace(y, z, 6)[1:]:
        touch("touchMove", float(at))
    touch("touchEnd")
    chart.page.draws()
    chart.shows(within(df, "dropout", chart.ranges("dropout")))
    assert len(chart.shown()) < 12
    chart.page.picture("parallel-touch")


def test_it_is_dark_where_the_reader_likes_it_dark(opened):
    chart = opened(sweep(), context={"color_scheme": "dark"})
    image = chart.page.picture("parallel-dark")
    assert np.median(image) < 60
    x, y = chart.at("lr", 0.01)
    assert image[int(y) - 4 : int(y) + 4, int(x) - 100 : int(x) + 100].max() > 120


def test_a_page_that_refreshes_itself_keeps_its_state_and_shows_new_runs(opened):
    df = sweep(60)
    chart = opened(df.head(40), refresh_s=1)
    chart.brush("lr", 0.001, 0.03)
    chart.menu("dropout", "Flip")
    chart.menu("resize", "Hide")
    until(lambda: chart.state()["hidden"] == ["resize"])
    before = chart.state()
    more = hr.charts.parallel(df).to_html(refresh_s=1)
    chart.path.with_suffix(".new").write_text(more, encoding="utf-8")
    chart.path.with_suffix(".new").replace(chart.path)
    until(lambda: chart.count(".pc-count b") and "of 60 runs" in chart.text(".pc-count"))
    after = chart.state()
    assert {key: after[key] for key in before if key != "order"} == {
        key: before[key] for key in before if key != "order"
    }
    assert set(after["order"]) == set(before["order"])
    chart.shows(within(df, "lr", before["brushes"]["lr"]["ranges"]))
    assert "resize" not in chart.axes()


# -- odd tables


def test_names_are_never_taken_for_html(opened):
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    df = sweep(20)
    df.loc[3, "name"] = evil
    df = df.rename(columns={"dropout": evil})
    df["resize"] = [evil if i % 3 else "</script>" for i in range(20)]
    df.attrs |= {
        "config": [evil if c == "dropout" else c for c in df.attrs["config"]],
        "title": evil,
    }
    chart = opened(df)
    assert evil in chart.axes()
    chart.page.call("hover", ".pc-row[data-row='3']")
    assert any(evil in text for text in chart.texts(".pc-row"))
    chart.page.call("click", ".pc-row[data-row='3']")
    assert evil in chart.text(".pc-pins")
    chart.page.drag(*((x, y + by) for by in (-8, 8) for x, y in [chart.at("resize", "</script>")]))
    assert "script" in copied(chart, "pandas query")
    assert chart.count("script") == 2  # the data and the module
    assert chart.count("img") == 0
    chart.page.picture("parallel-hostile")


def test_missing_values_infinities_and_failed_runs_have_a_place(opened):
    df = sweep(60)
    df.loc[[3, 4, 5], "state"] = "failed"
    df.loc[[3, 4, 5], "error_rate"] = np.nan
    df.loc[6, "error_rate"] = np.inf
    df.loc[7, "fit_time"] = -np.inf
    df.loc[[8, 9], "dropout"] = np.nan
    df.loc[10, "arch"] = None
    chart = opened(df)
    assert chart.text(".pc-count") == "60 runs"
    assert "3 failed" in chart.text(".pc-legend")
    assert len(chart.texts(".pc-tick.pc-none")) >= 4
    chart.page.picture("parallel-missing")
    x, y = chart.box("error_rate")[0], chart.slot("error_rate")
    chart.page.move(x, y)
    assert int(chart.tip()["runs"]) == 4
    chart.page.drag((x, y - 10), (x, y + 10))
    chart.shows([3, 4, 5, 6])
    query = copied(chart, "pandas query")
    found = eval(query, {"__builtins__": {}}, {"df": df})
    assert found.index.tolist() == [3, 4, 5, 6]
    assert "inf" in chart.text(".pc-row[data-row='6']")
    chart.page.call("click", ".pc-clear")
    chart.shows(range(60))


@pytest.mark.parametrize("runs", [0, 1, 2])
def test_few_runs_are_a_chart_too(opened, runs):
    chart = opened(sweep(60).head(runs), metric="error_rate", goal="minimize")
    assert chart.text(".pc-count").split() == [str(runs), "run" if runs == 1 else "runs"]
    assert chart.count(".pc-row") == runs
    chart.page.press("Tab", "Tab", "ArrowDown", "Escape")
    chart.page.move(640, 300)
    chart.page.picture(f"parallel-{runs}-runs")


def test_two_hundred_columns_stay_usable(opened):
    rng = np.random.default_rng(0)
    df = pd.DataFrame({f"parameter_{i}.of.a.long.name": rng.uniform(1, 2, 40) for i in range(200)})
    df.attrs["config"] = list(df.columns)
    df["error_rate"] = rng.uniform(0, 1, 40)
    chart = opened(df, metric="error_rate", goal="minimize")
    assert 5 <= len(chart.axes()) <= 12
    assert chart.axes()[-1] == "error_rate"
    assert chart.text(".pc-caption").startswith(f"{201 - len(chart.axes())} more columns under")
    chart.page.picture("parallel-200-columns")
    hidden = next(c for c in df.columns if c not in chart.axes())
    chart.page.call("click", ".pc-add")
    chart.page.call("fill", ".pc-menu input", hidden)
    chart.page.call("click", f".pc-menu button:not([hidden]) >> text={hidden}")
    assert hidden in chart.axes()


SEVERAL = """
const [one, other] = [1, 2].map((k) => document.getElementById(`chart${k}`));
const shadow = document.getElementById("chart3").attachShadow({ mode: "open" });
shadow.append(document.querySelectorAll("style")[0].cloneNode(true));
window.charts = [one, other, shadow].map((place) => parallel(place, data[0], { height: 200 }));
window.next = data[1];
"""


def test_several_charts_on_a_page_do_not_know_of_each_other(browser, tmp_path):
    documents = [hr.charts.parallel(df).document for df in (sweep(40), sweep(30, seed=1))]
    body = "".join(f'<div id="chart{k}"></div>' for k in (1, 2, 3))
    path = tmp_path / "several.html"
    path.write_text(
        page("several", module=module(), data=documents, start=SEVERAL, style=style(), body=body)
    )
    opened = browser.open(path)
    opened.call("wait_for_selector", "#chart2 .pc-row")
    opened.js("charts[0].setState({ brushes: { resize: { levels: ['crop'] } }, flips: ['lr'] })")
    opened.js("charts[1].setDocument(next)")
    opened.draws()
    brushed = int((sweep(40)["resize"] == "crop").sum())
    counts = "charts.map((chart) => chart.selected().length)"
    assert opened.js(counts) == [brushed, 30, 40]
    assert opened.js("charts.map((chart) => chart.state().flips.includes('lr'))") == [
        True,
        False,
        False,
    ]
    looks = opened.js("""[document, document, document.getElementById("chart3").shadowRoot].map(
        (root, k) => [...root.querySelectorAll(".pc-root")][k % 2]).map((root) => {
            const axis = getComputedStyle(root.querySelector(".pc-axis"));
            return [axis.position, axis.width, root.offsetHeight > 300];
        })""")
    assert looks == [["absolute", "30px", True]] * 3
    opened.js("charts[1].setState({ pins: ['r0000003'] })")
    opened.js("charts[1].setDocument({ ...next, title: 'again' })")
    assert opened.js("charts[1].state().pins") == ["r0000003"]  # they stay with their runs
    opened.picture("parallel-several")
    opened.js("charts.forEach((chart) => chart.destroy())")
    assert opened.js("document.querySelectorAll('.pc-root').length") == 0
    assert opened.close()["errors"] == []


def test_a_frame_unpacks_itself_and_without_script_the_picture_below_is_seen(browser, tmp_path):
    shown = hr.charts.parallel(sweep(40))._repr_mimebundle_()["text/html"]
    pages = []
    for text in (shown.replace("allow-scripts ", ""), shown):
        path = tmp_path / f"{len(pages)}.html"
        path.write_text(f"<!doctype html><meta charset=utf-8>{text}", encoding="utf-8")
        pages.append(browser.open(path))
    still, live = pages
    until(lambda: still.picture().std() > 20)
    picture = still.picture()
    until(lambda: changed(picture, live.picture()) > 50_000)
    live.picture("parallel-in-a-frame")
    assert np.array_equal(still.picture(), picture)  # the frame does not cover it later
    still.close()
    assert live.close()["errors"] == []


def test_long_names_and_many_levels_fit(opened):
    df = sweep(120)
    df["arch"] = [f"convnextv2_tiny.fcmae_ft_in22k_in1k_384.number_{i % 40}" for i in range(120)]
    df["augmentation policy with a very long name indeed"] = ["yes", "no", "perhaps"] * 40
    df.attrs["config"] = [*SETTINGS, "augmentation policy with a very long name indeed"]
    for width in (1280, 640):
        chart = opened(df, context={"viewport": {"width": width, "height": 800}})
        assert chart.page.js("document.documentElement.scrollWidth <= innerWidth")
        chart.page.picture(f"parallel-long-names-{width}")


def test_500_runs_are_a_small_page(tmp_path):
    rng = np.random.default_rng(0)
    df = sweep(500)
    for name in ("eps", "weight_decay"):
        df[name] = 10 ** rng.uniform(-6, -2, 500)
    path = hr.charts.parallel(df).save(tmp_path / "page.html")
    assert path.stat().st_size <= 120_000
