"""Charts are tables that say how they are shown; curves are scikit-learn's, points are W&B's."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

import homerun
from homerun import Table, plot
from homerun.core import UsageError


def test_a_logged_chart_keeps_its_table_and_what_it_shows(home):
    table = Table(columns=["step", "loss"], data=[[0, 0.5], [1, 0.25]])
    with homerun.init(project="p") as run:
        run.log({"curve": plot.line(table, "step", "loss", title="Loss"), "epoch": 1})
        chart = run.summary["curve"]
        run.log({"val": {"apart": plot.bar(table, "step", "loss", split_table=True)}})
        run.log({"apart": plot.scatter(table, "step", "loss", split_table=True)})
    frame = homerun.history(run.id)
    assert chart["_type"] == "custom-chart"
    assert chart["spec"] == "wandb/line/v0"
    assert dict(chart["fields"]) == {"x": "step", "y": "loss", "stroke": None}
    assert dict(chart["string_fields"]) == {"title": "Loss"}
    assert (chart["nrows"], chart["ncols"]) == (2, 2)
    saved = json.loads(Path(run.dir, chart["path"]).read_text())
    assert saved == {"columns": ["step", "loss"], "data": [[0, 0.5], [1, 0.25]]}
    values = dict(zip(frame["key"], frame["value"], strict=True))
    table_file = values["curve_table"]  # W&B's key for the table
    assert (table_file["_type"], table_file["path"]) == ("table-file", chart["path"])
    assert values["curve"]["table_key"] == "curve_table"
    assert values["val.apart"]["spec"] == "wandb/bar/v0"
    assert "Custom Chart Tables/apart_table" in values


def test_charts_of_tables():
    table = Table(columns=["a", "b"], data=[[1, 2]])
    charts = {
        "wandb/line/v0": plot.line(table, "a", "b", stroke="a"),
        "wandb/scatter/v0": plot.scatter(table, "a", "b", title="t"),
        "wandb/bar/v0": plot.bar(table, "a", "b"),
        "wandb/histogram/v0": plot.histogram(table, value="a"),
        "me/mine": homerun.plot_table("me/mine", table, {"x": "a"}, {"title": "t"}),
        "other": homerun.visualize("other", table),
    }
    for name, chart in charts.items():
        assert (chart.spec, chart.table) == (name, table)
    assert charts["wandb/line/v0"].fields == {"x": "a", "y": "b", "stroke": "a"}
    assert charts["me/mine"].string_fields == {"title": "t"}
    frame = plot.plot_table("me/mine", pd.DataFrame({"a": [1]}), {"x": "a"})
    assert frame.table.data == [[1]]


def test_line_series():
    chart = plot.line_series([0, 1], [[5, 6], [7, 8]], keys=["a", "b"], title="t", xname="n")
    assert chart.table.columns == ["step", "lineKey", "lineVal"]
    assert chart.table.data == [[0, "a", 5], [1, "a", 6], [0, "b", 7], [1, "b", 8]]
    assert chart.string_fields == {"title": "t", "xname": "n"}
    apart = plot.line_series([[0, 1], [2]], [np.array([5, 6]), pd.Series([7])])
    assert apart.table.data == [[0, "line_0", 5], [1, "line_0", 6], [2, "line_1", 7]]


# -- confusion matrices ------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=50))
def test_confusion_is_scikit_learns(pairs):
    actual, guessed = map(list, zip(*pairs, strict=True))
    names = list("abcd")
    chart = plot.confusion_matrix(y_true=actual, preds=np.array(guessed), class_names=names)
    counts = np.array([row[2] for row in chart.table.data]).reshape(4, 4)
    assert [row[:2] for row in chart.table.data[:2]] == [["a", "a"], ["a", "b"]]
    assert np.array_equal(counts, metrics.confusion_matrix(actual, guessed, labels=range(4)))
    seen = sorted({*actual, *guessed})
    pairs_seen = [pairs.count((a, b)) for a in seen for b in seen]
    unnamed = plot.confusion_matrix(y_true=np.array(actual), preds=guessed).table.data
    assert [row[2] for row in unnamed] == pairs_seen
    assert unnamed[0][0] == "Class_1"


def test_confusion_from_probabilities():
    probs = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    for given_probs in (probs, probs.tolist()):
        chart = plot.confusion_matrix(given_probs, [0, 1, 1], class_names=["no", "yes"], title="t")
        assert chart.table.data == [
            ["no", "no", 1],
            ["no", "yes", 0],
            ["yes", "no", 1],
            ["yes"] * 2 + [1],
        ]
    assert chart.spec == "wandb/confusion_matrix/v1"


# -- curves ------------------------------------------------------------------------------------

samples = (
    st.integers(2, 60)
    .flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(0, 2), min_size=n, max_size=n),
            st.lists(  # few different scores, so that many are equal
                st.lists(st.integers(0, 8).map(lambda i: i / 8), min_size=3, max_size=3),
                min_size=n,
                max_size=n,
            ),
        )
    )
    .filter(lambda sample: len(set(sample[0])) > 1)
)


@settings(deadline=None)
@given(samples)
def test_roc_is_scikit_learns(sample):
    y_true, y_probas = sample
    rows = []
    for i, value in enumerate(np.unique(y_true)):
        fpr, tpr, _ = metrics.roc_curve(y_true, np.array(y_probas)[:, i], pos_label=value)
        rows += [[value, *point] for point in zip(fpr.round(3), tpr.round(3), strict=True)]
    chart = plot.roc_curve(y_true, y_probas)
    assert chart.table.columns == ["class", "fpr", "tpr"]
    assert np.allclose(chart.table.data, rows, atol=1e-9)


@settings(deadline=None)
@given(samples, st.sampled_from([2, 21, 50]))
def test_pr_is_scikit_learns_with_wandbs_interpolation(sample, size):
    y_true, y_probas = sample
    recalls = np.linspace(0, 1, size)[::-1]
    rows = []
    for i, value in enumerate(np.unique(y_true)):
        precision, recall, _ = metrics.precision_recall_curve(
            y_true, np.array(y_probas)[:, i], pos_label=value
        )
        precision = np.maximum.accumulate(precision)[::-1]
        at = np.searchsorted(recall[::-1], recalls, side="left")
        points = zip(precision[at].round(3), recalls.round(3), strict=True)
        rows += [[value, *point] for point in points]
    chart = plot.pr_curve(y_true, y_probas, interp_size=size)
    assert chart.table.columns == ["class", "precision", "recall"]
    assert np.allclose(chart.table.data, rows, atol=1e-9)


def test_classes_of_curves_are_named():
    probas = [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]
    named = plot.roc_curve([0, 1, 1], probas, labels=["cat", "dog"])
    assert {row[0] for row in named.table.data} == {"cat", "dog"}
    texts = plot.pr_curve(["cat", "dog", "dog"], probas, labels=["a", "b"], classes_to_plot=["dog"])
    assert {row[0] for row in texts.table.data} == {"dog"}
    series = plot.roc_curve(pd.Series(["cat", "dog", "dog"]), pd.DataFrame(probas))
    assert {row[0] for row in series.table.data} == {"cat", "dog"}
    json.dumps([named.table.data, texts.table.data, series.table.data])
    assert named.fields == {"x": "fpr", "y": "tpr", "class": "class"}
    assert texts.string_fields["x-axis-title"] == "Recall"


def test_long_curves_are_thinned_out_evenly():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 60_000)
    scores = rng.random(60_000)
    chart = plot.roc_curve(y_true, np.stack([1 - scores, scores], axis=1))
    full = sum(
        len(metrics.roc_curve(y_true, column, pos_label=i)[0])
        for i, column in enumerate((1 - scores, scores))
    )
    rows = chart.table.data
    assert full > Table.MAX_ROWS >= len(rows) > Table.MAX_ROWS - 3
    for name in (0, 1):
        points = [row[1:] for row in rows if row[0] == name]
        assert (points[0], points[-1]) == ([0, 0], [1, 1])
        assert points == sorted(points)
        area = np.trapezoid([y for _, y in points], [x for x, _ in points])
        assert area == pytest.approx(
            metrics.roc_auc_score(y_true == name, scores if name else 1 - scores), abs=1e-3
        )


LIST: Any = [0.5, 0.7]


@pytest.mark.parametrize(
    "make",
    [
        lambda: plot.line(LIST, "a", "b"),
        lambda: plot.line_series([[1], [2]], [[1]]),
        lambda: plot.line_series([1], [[1]], keys=["a", "b"]),
        lambda: plot.confusion_matrix(y_true=[0]),
        lambda: plot.confusion_matrix([[1.0]], [0], [0]),
        lambda: plot.confusion_matrix(y_true=[0, 1], preds=[0]),
        lambda: plot.confusion_matrix(y_true=[0, 5], preds=[0, 1], class_names=["a", "b"]),
        lambda: plot.roc_curve([0, 1]),
        lambda: plot.roc_curve([0, 1], LIST),
        lambda: plot.roc_curve([0, 1, 2], [[0.5, 0.5]] * 3),
        lambda: plot.pr_curve([0, 1], [[0.5, 0.5]] * 2, labels=["a"]),
        lambda: plot.pr_curve([0, 1], [[0.5, 0.5]] * 2, classes_to_plot=[7]),
    ],
)
def test_bad_values_are_refused_in_one_line(make):
    with pytest.raises(UsageError) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_plotting_loads_no_library_that_it_does_not_need():
    code = """
import sys
import homerun as wandb
assert "homerun.compat.plot" not in sys.modules
table = wandb.Table(columns=["x", "y"], data=[[1, 2]])
wandb.plot.line(table, "x", "y")
wandb.plot.line_series([1], [[2]])
wandb.plot.confusion_matrix(y_true=[0, 1], preds=[0, 1])
print([name for name in ("numpy", "pandas", "sklearn", "matplotlib") if name in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"
