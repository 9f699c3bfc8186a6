"""Tables from elsewhere: what is no clear table of runs is refused in a line, all else is drawn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from homerun import charts, insight
from homerun.cli.braille import draw
from homerun.core import UsageError
from tests.browser import Browser
from tests.cli_call import attempt

LOOKS = {
    "parallel": charts.parallel,
    "scatter": charts.scatter,
    "effect": charts.effect,
    "progress": charts.progress,
    "importance": charts.importance,
    "pair": charts.pair,
    "table": charts.table,
    "report": charts.report,
    "insight.compare": lambda df, **aim: insight.compare(df, "resize", **aim),
    "insight.report": insight.report,
}
LOOKS_WITHOUT_METRIC = {
    "diff": lambda df: charts.diff(df, "run 1", "run 2"),
    "timeline": charts.timeline,
    "curves": charts.curves,
}


def runs():
    rng = np.random.default_rng(0)
    count = 24
    df = pd.DataFrame(
        {
            "resize": ["crop", "squish"] * (count // 2),
            "lr": np.repeat([1e-4, 1e-3, 1e-2], count // 3),
            "fit_time": rng.uniform(50, 200, count),
        }
    )
    return df.assign(error=0.1 + 0.05 * (df.resize == "crop") + rng.normal(0, 0.002, count))


class Foreign:
    """A table of another library, which can turn itself into one of pandas."""

    __module__ = "polars.dataframe.frame"

    def to_pandas(self):
        return runs()


def twice():
    return pd.concat([runs(), runs()[["lr"]]], axis=1)


def levels():
    return runs().set_axis(pd.MultiIndex.from_product([["all"], runs().columns]), axis=1)


TABLES = [
    (twice, "more than one column lr; rename or drop"),
    (levels, "columns have 2 levels; make them one"),
    (lambda: runs().to_dict("list"), "a pandas DataFrame, one row a run; got dict"),
    (lambda: runs().error, "one row a run; got Series"),
    (lambda: runs().to_numpy(), "one row a run; got numpy.ndarray"),
    (Foreign, "got polars.Foreign: hand in .to_pandas()"),
]


@pytest.mark.parametrize(("make", "words"), TABLES, ids=[words for _, words in TABLES])
@pytest.mark.parametrize("look", [*LOOKS, *LOOKS_WITHOUT_METRIC])
def test_what_is_no_clear_table_of_runs_is_refused_in_a_line(look, make, words):
    draw, aim = (LOOKS | LOOKS_WITHOUT_METRIC)[look], {"metric": "error"} if look in LOOKS else {}
    with pytest.raises(UsageError) as caught:
        draw(make(), **aim)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("look", [look for look in LOOKS if not look.startswith("insight")])
def test_columns_that_are_called_by_numbers_are_drawn(look):
    df = runs().set_axis([0, 1, "fit_time", "error"], axis=1)
    assert LOOKS[look](df, metric="error") is not None
    assert df.columns.tolist() == [0, 1, "fit_time", "error"]


@pytest.mark.parametrize("look", LOOKS)
def test_a_metric_of_words_is_refused_in_a_line(look):
    with pytest.raises(UsageError, match="metric 'resize' has no numbers; it has 'crop'"):
        LOOKS[look](runs(), metric="resize")


def test_curves_of_a_table_of_runs_say_what_they_need():
    with pytest.raises(UsageError, match=r"curves need points .* homerun\.history\(df\.id\)"):
        charts.curves(runs())


def test_runs_of_a_table_without_names_are_told_apart_by_their_place():
    by_name, by_place = charts.diff(runs(), "run 1", "run 2"), charts.diff(runs(), 1, 2)
    assert repr(by_name) == repr(by_place)
    with pytest.raises(UsageError, match="the table has no run 0; there is run 1, run 2"):
        charts.diff(runs(), 0, 1)
    with pytest.raises(UsageError, match="the table has no run 0; there is none"):
        charts.diff(runs().iloc[:0], 0, 1)


def test_the_log_of_one_run_is_drawn_as_its_program_wrote_it():
    log = pd.DataFrame({"epoch": range(5), "train_loss": 1.0, "error": [0.5, 0.3, 0.2, 0.15, 0.1]})
    picture = charts.curves(log, key="error")
    (line,) = picture.panels[0].marks
    assert line.x.tolist() == [0, 1, 2, 3, 4]
    assert line.y.tolist() == log.error.tolist()
    with pytest.raises(UsageError, match="no column 'run'"):  # rows that do not count up
        charts.curves(log.assign(epoch=5))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_log_in_a_file_has_curves(folder):
    points = [{"run": run, "step": at, "loss": 1 / (at + run)} for run in (1, 2) for at in range(5)]
    pd.DataFrame(points).to_csv("logs.csv", index=False)
    done = attempt("plot", "logs.csv", "--kind", "curves", "--key", "loss")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "logs-curves.html: how the metric went while runs ran, 10 points\n"
    assert "loss" in (folder / "logs-curves.html").read_text()


def test_a_few_runs_of_a_file_are_put_side_by_side(folder):
    runs().to_csv("runs.csv", index=False)
    chosen = attempt("plot", "runs.csv", "--kind", "diff", "--where", "lr < 0.001 and fit_time > 0")
    assert (chosen.returncode, chosen.stdout) == (2, "")
    assert "a diff is of 2 to 6 runs; these are 8: name those to compare" in chosen.stderr
    runs()[:2].to_csv("two.csv", index=False)
    assert attempt("plot", "two.csv", "--kind", "diff").returncode == 0
    assert "squish" in (folder / "two-diff.html").read_text()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_file_is_read_whatever_parts_its_columns(folder, separator):
    runs().to_csv("runs.csv", index=False, sep=separator)
    done = attempt("plot", "runs.csv", "--metric", "error", "-o", "x.html")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "x.html: every run a line through all its settings, 24 runs\n"
    assert "no metric was named: --metric NAME" in attempt("plot", "runs.csv").stderr


# What JupyterLab says of tables in outputs.
JUPYTER = """.jp-RenderedHTMLCommon:not(.jp-RenderedMarkdown) :is(td, th, tr)
    {text-align: right; vertical-align: middle; padding: 0.5em; white-space: normal}"""


def test_words_stand_at_the_left_and_numbers_at_the_right_in_a_notebook(tmp_path):
    df = runs()
    shown = [
        charts.table(df, metric="error"),
        charts.diff(df, 1, 2),
        insight.report(df, metric="error"),
    ]
    body = "".join(one._repr_html_() for one in shown)
    path = tmp_path / "notebook.html"
    path.write_text(f"<style>{JUPYTER}</style><div class=jp-RenderedHTMLCommon>{body}</div>")
    with Browser() as browser:
        page = browser.open(path)
        sides = page.js("""[...document.querySelectorAll("td, th")].map((cell) =>
            [cell.classList.contains("number"), getComputedStyle(cell).textAlign])""")
    assert len(sides) > 100
    assert {tuple(pair) for pair in sides} == {(False, "left"), (True, "right")}


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_a_table_says_what_it_is_sorted_by(goal):
    html = charts.table(runs(), metric="error", goal=goal).to_html()
    word = {"minimize": "ascending", "maximize": "descending"}[goal]
    assert (
        html.count('aria-sort="') == html.count(f'aria-sort="{word}"><button>error</button>') == 1
    )


def test_a_report_opens_in_the_browser(folder, monkeypatch):
    runs().to_csv("runs.csv", index=False)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = attempt("report", "runs.csv", "--metric", "error", "--open")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"open {(folder / 'report.html').as_uri()}" in done.stderr
    assert "<html" in (folder / "report.html").read_text()
    done = attempt("report", "runs.csv", "--metric", "error", "--open", "-o", "x.md")
    assert (done.returncode, (folder / "x.md").exists()) == (2, False)
    assert "--open shows a page in the browser: -o x.html" in done.stderr


def test_a_verdict_is_whole_on_a_narrow_terminal():
    picture = replace(charts.progress(runs(), metric="error"), title="a verdict of words " * 8)
    lines = draw(picture, 80, 24, is_colored=False)
    assert "".join(lines).count("verdict") == 8
    assert max(map(len, lines)) <= 80


def test_the_frame_lies_over_the_picture_where_a_notebook_wraps_frames(tmp_path):
    html = charts.effect(runs(), metric="error")._repr_mimebundle_()["text/html"]
    path = tmp_path / "marimo.html"
    wrapped = html.replace("<iframe", "<div><iframe").replace("</iframe>", "</iframe></div>")
    path.write_text(f"<!doctype html>{wrapped}")
    with Browser() as browser:
        page = browser.open(path)
        tops = page.js(
            "['iframe', 'svg'].map((s) => document.querySelector(s).getBoundingClientRect().top)"
        )
    assert tops[0] == tops[1]


def test_levels_that_give_the_same_are_called_the_same():
    panel = charts.effect(runs().assign(error=0.5), "resize", metric="error").panels[0]
    assert panel.title == "crop the same as squish in 3 pairs"
