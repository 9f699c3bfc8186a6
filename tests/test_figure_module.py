"""The module that draws figures: its own tests under Node, and that it counts as Python does."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from homerun.charts import ticks as python
from homerun.charts.figure import Axis, Bars, Cells, Figure, Line, Panel, Points
from homerun.charts.kinds.curves import smooth
from homerun.charts.live import data_of, fragment_of, module_of, page_of, place_of, script_of

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 40_000  # bytes of the script that each page with a figure carries


def test_its_own_tests_pass_under_node():
    tests = ROOT / "tests" / "js" / "figure.test.mjs"
    done = subprocess.run(
        ["node", "--test", tests], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_it_is_small_and_needs_nothing():
    module = module_of()
    assert len(module.encode()) <= LARGEST
    assert not re.search(
        r"^import |\bfetch\(|https?://(?!www\.w3\.org/2000/svg)", module, re.MULTILINE
    )
    assert "</" not in module.replace("</text>", "").replace("</svg>", "").replace(
        "</clipPath>", ""
    )


def from_node(expression, cases):
    """Return what an expression of the module says of each case."""
    script = (
        f"{module_of()}\nimport {{readFileSync}} from 'node:fs'\n"
        f"const cases = JSON.parse(readFileSync(0, 'utf8'))\n"
        f"console.log(JSON.stringify(cases.map({expression})))"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)


def test_numbers_and_ticks_are_those_of_static_pictures():
    rng = np.random.default_rng(0)
    values = [float(v) for v in rng.normal(size=300) * 10 ** rng.uniform(-9, 9, 300)]
    units = ["", "seconds", "bytes", "share"]
    assert from_node("v => plain(v)", values) == [python.plain(v) for v in values]
    shown = [[abs(v), units[i % 4]] for i, v in enumerate(values)]
    assert from_node("([v, unit]) => show(v, unit)", shown) == [python.show(*one) for one in shown]
    cases, expected = [], []
    for i in range(400):
        low = float(10 ** rng.uniform(-5, 5))
        axis = {"unit": units[i % 4], "scale": ["linear", "log"][i // 4 % 2]}
        high = low * float(1 + 10 ** rng.uniform(-2, 4 if axis["unit"] else 9))
        ends, is_whole = (low, high, int(rng.integers(2, 9))), i % 3 == 0
        cases.append([{**axis, "is_whole": is_whole}, *ends])
        written = python.ticks(Axis(label="", **axis), *ends, is_whole=is_whole)
        expected.append([[t.value, t.text] for t in written])
    found = from_node("([a, ...r]) => ticks(a, ...r).map(t => [t.value, t.text])", cases)
    for case, mine, theirs in zip(cases, found, expected, strict=True):
        assert [text for _, text in mine] == [text for _, text in theirs], case
        assert [v for v, _ in mine] == pytest.approx([v for v, _ in theirs])


def test_ticks_of_one_axis_are_written_alike():
    def texts(low, high, scale="linear"):
        return [tick.text for tick in python.ticks(Axis(label="", scale=scale), low, high, 6)]

    assert texts(1e-9, 3, "log") == ["1e-8", "1e-6", "1e-4", "0.01", "1"]
    assert texts(1e-4, 0.1, "log") == ["0.0001", "0.001", "0.01", "0.1"]
    assert texts(0, 2e-4) == ["0", "5e-5", "1e-4", "1.5e-4", "2e-4"]
    assert texts(0, 2e6) == ["0", "5e5", "1e6", "1.5e6", "2e6"]


def test_smoothing_is_that_of_static_pictures():
    values = np.random.default_rng(0).normal(size=50)
    values[[3, 20]] = np.nan
    given = [None if np.isnan(v) else float(v) for v in values]
    for weight in (0.0, 0.6, 0.97):
        (found,) = from_node(f"v => smooth(v, {weight})", [given])
        expected = smooth(values, weight)
        assert [v is None for v in found] == list(np.isnan(expected))
        there = [v for v in found if v is not None]
        assert there == pytest.approx(expected[np.isfinite(expected)])


def test_data_is_plain_small_and_says_what_items_are():
    x = np.array([1.0, np.nan, 1 / 3])
    line = Line(x=x, y=np.array([np.inf, 1e20, -0.0]))
    points = Points(x=x, y=x, hovers=("a", "b", "c"))
    value = np.array([[0.1, np.nan], [0.3, 0.2]])
    cells = Cells(x=np.arange(2.0), y=np.arange(2.0), value=value, label="error", better="low")
    bars = Bars(y=np.arange(2.0), value=np.array([0.25, 0.5]))
    category = Axis(label="", scale="category", categories=("lr", "wd"))
    number = Axis(label="x")
    panels = (
        Panel(x=number, y=number, marks=(line, points)),
        Panel(x=category, y=category, marks=(cells,)),
        Panel(x=Axis(label="share", unit="share"), y=category, marks=(bars,)),
    )
    data = data_of(Figure(kind="k", title="t", panels=panels))
    json.dumps(data, allow_nan=False)
    first, second, third = data["panels"]
    assert first["marks"][0] == {"mark": "line", "x": [1, None, 0.3333333], "y": [None, 1e20, 0]}
    assert first["marks"][1]["hovers"] == ["a", "b", "c"]
    assert second["marks"][0]["shares"] == [1.0, 0.0, 0.5]
    assert second["marks"][0]["edges"][0] == [-0.5, -0.5, 0.5, 0.5]
    assert second["marks"][0]["hovers"][2] == " wd,  wd\nerror 0.2"
    assert third["marks"][0]["hovers"] == ["lr\nshare: 25 %", "wd\nshare: 50 %"]
    assert third["y"]["ends"] == (-0.5, 1.5)


def test_a_page_carries_the_module_once_and_no_name_breaks_out():
    bad = "</script><script>alert(1)</script>"
    axis = Axis(label=bad)
    panel = Panel(x=axis, y=axis, marks=(Points(x=np.ones(1), y=np.ones(1), hovers=(bad,)),))
    figure = Figure(kind="k", title=bad, panels=(panel,), caption=bad)
    assert "<script>alert" not in page_of(figure)
    both = fragment_of([figure, figure])
    assert "<script>alert" not in both
    assert both.count("class Chart") == 1
    assert both == f"{place_of(figure)}\n{place_of(figure)}\n{script_of()}"
    assert "<svg>still</svg>" in place_of(figure, meanwhile="<svg>still</svg>")
