"""Importance, pairs, timelines and tables of runs: what a picture says is true of its table."""

import re
import unicodedata

import numpy as np
import pandas as pd
import pytest

import homerun as hr
from homerun import insight
from homerun.charts.figure import Bars, Cells, Line, Points, Spans
from homerun.charts.ticks import plain
from homerun.core import UsageError

BAD = "</td><script>alert(1)</script>"


def grid(effect=0.0, noise=0.01, repeats=3, drop=()):
    """Return a grid of lr (log), batch and crop; `effect`: how much lr and batch interact."""
    rng = np.random.default_rng(0)
    rows = [
        {"lr": lr, "batch": batch, "resize": resize, "seed": seed}
        for lr in (1e-4, 1e-3, 1e-2)
        for batch in (16, 32, 64)
        for resize in ("crop", "squish")
        for seed in range(repeats)
        if (lr, batch) not in drop
    ]
    df = pd.DataFrame(rows)
    a, b = np.log10(df["lr"]) + 3, np.log2(df["batch"]) - 5
    log = -2 + 0.5 * a**2 - 0.2 * a + 0.1 * b + effect * a * b + noise * rng.normal(size=len(df))
    df["error_rate"] = np.exp(log)
    df["epochs"] = 5
    df.attrs |= {"metric": "error_rate", "goal": "minimize"}
    return df


def search(n=120):
    """Return runs at random places, as a search over numbers leaves them."""
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"lr": 10 ** rng.uniform(-4, -1, n), "wd": rng.uniform(0, 1, n)})
    df["acc"] = 0.9 - 0.1 * (np.log10(df["lr"]) + 2.5) ** 2 + 0.05 * df["wd"]
    df["acc"] = (df["acc"] + 0.002 * rng.normal(size=n)).clip(0, 1)
    df["name"] = [f"run-{i}" for i in range(n)]
    df.attrs |= {"metric": "acc", "goal": "maximize"}
    return df


def marks(figure, kind, panel=0):
    return [mark for mark in figure.panels[panel].marks if isinstance(mark, kind)]


# ---- importance


def test_importance_is_what_insight_says_with_the_most_important_on_top():
    df = grid(effect=0.3)
    figure = hr.charts.importance(df)
    answer = insight.importance(df, metric="error_rate")
    names = figure.panels[0].y.categories
    assert names == tuple(answer.table["parameter"][::-1])
    assert names[-1] == "lr"
    drawn = {
        names[int(y)]: (value, low, high, pale)
        for bars in marks(figure, Bars)
        for y, value, low, high, pale in zip(
            bars.y, bars.value, bars.low, bars.high, bars.is_pale, strict=True
        )
    }
    for row in answer.table.to_dict("records"):
        value, low, high, pale = drawn[row["parameter"]]
        assert (value, low, high) == (row["importance"], row["low"], row["high"])
        assert pale == (row["matters"] != "yes")
    assert answer.sentence.partition(".")[0] in figure.caption


def test_importance_marks_what_interacts():
    figure = hr.charts.importance(grid(effect=0.3))
    labelled = {bars.label: bars for bars in marks(figure, Bars)}
    together = labelled["interacts with another parameter"]
    names = figure.panels[0].y.categories
    assert {names[int(y)] for y in together.y} == {"lr", "batch"}
    assert any("interacts with batch" in hover for hover in together.hovers)
    assert [bars.label for bars in marks(hr.charts.importance(grid()), Bars)] == [""]


def test_importance_of_noise_says_so_and_of_nothing_too():
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {"a": rng.normal(size=60), "b": rng.normal(size=60), "loss": rng.uniform(size=60)}
    )
    assert "cannot tell" in hr.charts.importance(df, metric="loss", params=["a", "b"]).caption
    few = hr.charts.importance(df.head(3), metric="loss", params=["a", "b"])
    assert "cannot say anything yet" in few.caption
    none = hr.charts.importance(df.assign(loss=np.nan), metric="loss", params=["a", "b"])
    assert none.panels[0].marks == ()
    with pytest.raises(UsageError, match="which metric"):
        hr.charts.importance(df)
    with pytest.raises(UsageError, match="minimize or maximize"):
        hr.charts.importance(df, metric="loss", goal="less")


# ---- two parameters


def test_pair_shows_the_mean_of_each_combination_and_the_best():
    df = grid(effect=0.3)
    figure = hr.charts.pair(df)
    (cells,) = marks(figure, Cells)
    x, y = figure.panels[0].x, figure.panels[0].y
    assert {x.label, y.label} == {"lr", "batch"}
    by = df.assign(log=np.log(df["error_rate"])).groupby(["lr", "batch"])["log"].mean().map(np.exp)
    for (lr, batch), mean in by.items():
        at = {"lr": plain(lr), "batch": str(batch)}
        i, j = x.categories.index(at[x.label]), y.categories.index(at[y.label])
        assert cells.value[j, i] == pytest.approx(mean)
        assert "mean of 6 runs" in cells.hovers[j][i]
    assert cells.better == "low"
    (best,) = [mark for mark in marks(figure, Points) if mark.label == "best"]
    i, j = int(best.x[0]), int(best.y[0])
    assert cells.value[j, i] == np.nanmin(cells.value)
    assert "interact" in figure.title
    assert "tune them together" in figure.title


def test_pair_of_independent_parameters_says_how_little_they_could():
    title = hr.charts.pair(grid(noise=0.002), "lr", "batch").title
    bound = re.fullmatch(r"lr and batch are independent: at most ([\d.]+) % together", title)
    assert bound, title
    assert 0 < float(bound[1]) < 2


def test_pair_fills_what_was_not_tried_together_with_what_a_model_expects():
    figure = hr.charts.pair(grid(drop={(1e-2, 64)}), "lr", "batch")
    (cells,) = marks(figure, Cells)
    assert np.isfinite(cells.value).all()
    whole = marks(hr.charts.pair(grid(), "lr", "batch"), Cells)[0].value
    assert cells.value[2, 2] == pytest.approx(whole[2, 2], rel=0.1)
    assert "expected; 0 runs here" in cells.hovers[2][2]
    dots = next(mark for mark in marks(figure, Points) if mark.label == "runs")
    assert len(dots.x) == 8
    assert "cells without a dot" in figure.caption


def test_pair_of_numbers_is_a_surface_on_their_own_axes_empty_where_nobody_was():
    df = search()
    figure = hr.charts.pair(df[df["lr"].lt(1e-2) | df["wd"].lt(0.5)], "lr", "wd")
    panel = figure.panels[0]
    assert (panel.x.scale, panel.y.scale) == ("log", "linear")
    (cells,) = marks(figure, Cells)
    away = cells.value[cells.y > 0.75][:, cells.x > 0.05]
    assert np.isnan(away).all()
    assert np.isfinite(cells.value).mean() > 0.6
    assert cells.better == "high"
    dots = next(mark for mark in marks(figure, Points) if mark.label == "runs")
    assert {hover.partition("\n")[0] for hover in dots.hovers} <= set(df["name"])
    (best,) = [mark for mark in marks(figure, Points) if mark.label == "best"]
    assert 1e-3 < best.x[0] < 1e-2


def test_pair_chooses_the_partner_and_refuses_what_is_no_pair():
    df = grid(effect=0.3)
    figure = hr.charts.pair(df, "batch")
    assert (figure.panels[0].x.label, figure.panels[0].y.label) == ("batch", "lr")
    with pytest.raises(UsageError, match="lrr"):
        hr.charts.pair(df, "lrr", "batch")
    with pytest.raises(UsageError, match="5 in every run"):
        hr.charts.pair(df, "epochs", "batch", params=["lr"])
    one = df[(df["batch"] == 16) & (df["resize"] == "crop")]
    with pytest.raises(UsageError, match="two parameters that vary"):
        hr.charts.pair(one)


# ---- timeline


def machine(**change):
    """Return three runs on GPU 0 and one on GPU 1, with a gap of 100 s on GPU 0."""
    df = pd.DataFrame(
        {
            "id": list("abcd"),
            "name": ["one", "two", "three", BAD],
            "state": ["finished", "failed", "running", "finished"],
            "reason": ["", "exit code 1", "", ""],
            "devices": [["0"], ["0"], ["0"], ["1"]],
            "started_at": [1000.0, 1100.0, 1300.0, 1000.0],
            "ended_at": [1100.0, 1200.0, None, 1500.0],
            "error_rate": [0.1, None, None, 0.2],
        }
    )
    for column in ("started_at", "ended_at"):
        df[column] = pd.to_datetime(df[column], unit="s", utc=True)
    df.attrs["metric"] = "error_rate"
    return df.assign(**change)


def spans_of(figure):
    """Return {name: (row, start, end, label)}, and the idle times."""
    rows = figure.panels[0].y.categories
    found, idle = {}, []
    for mark in marks(figure, Spans):
        for k, (y, start, end) in enumerate(zip(mark.y, mark.start, mark.end, strict=True)):
            place = (rows[round(float(y))].partition(":")[0], start, end)
            if mark.label == "idle":
                idle.append(place)
            else:
                found[mark.texts[k]] = (*place, mark.label)
    return found, idle


def test_timeline_has_a_row_per_gpu_and_counts_what_was_idle():
    figure = hr.charts.timeline(machine())
    found, idle = spans_of(figure)
    assert found["one"] == ("GPU 0", 0, 100, "finished")
    assert found["two"] == ("GPU 0", 100, 200, "failed")
    assert found["three"] == ("GPU 0", 300, 500, "running")  # until the last that is known
    assert found[BAD] == ("GPU 1", 0, 500, "finished")
    assert idle == [("GPU 0", 200, 300)]
    assert figure.panels[0].y.categories == (
        "GPU 1: 100 % busy",
        "GPU 0: 80 % busy, 100 s idle",
    )
    assert figure.caption == "Idle for 100 s in all (10 %); the longest gap is 100 s, on GPU 0."
    assert "<script>alert" not in figure.to_html()
    hover = next(m for m in marks(figure, Spans) if m.label == "failed").hovers[0]
    assert hover.split("\n")[:2] == ["two", "failed exit code 1"]


def test_timeline_packs_runs_without_a_gpu_into_slots_and_shows_those_at_once_apart():
    figure = hr.charts.timeline(machine(devices=[[], [], [], []]))
    found, _ = spans_of(figure)
    assert {row for row, *_ in found.values()} == {"slot 0", "slot 1"}
    shared = hr.charts.timeline(machine(devices=[["0"], ["0"], ["0"], ["0"]]))
    heights = {mark.height for mark in marks(shared, Spans) if mark.label != "idle"}
    assert heights == {0.38}
    (row,) = shared.panels[0].y.categories
    assert row == "GPU 0: 100 % busy"


def test_timeline_shows_sensors_below_and_breaks_lines_in_silence():
    times = pd.to_datetime([1000, 1005, 1010, 1400, 1405], unit="s", utc=True)
    power = pd.DataFrame(
        {"run": "a", "key": "system.gpu.0.powerWatts", "value": 250.0, "time": times}
    )
    use = power.assign(key="system.gpu.1.gpu", value=[50.0, 60, 70, 80, 90])
    figure = hr.charts.timeline(machine(), pd.concat([power, use], ignore_index=True))
    assert [panel.y.label for panel in figure.panels] == ["", "utilisation", "power (W)"]
    assert figure.shares_x
    (line,) = marks(figure, Line, 1)
    assert line.label == "GPU 1"
    assert np.nanmax(line.y) == pytest.approx(0.9)
    assert np.isnan(line.x).sum() == 1
    host = power.assign(key="system.cpu", value=40.0)
    only = hr.charts.timeline(machine(), host)
    assert [marks(only, Line, 1)[0].label] == ["CPU"]


def test_timeline_is_coloured_by_any_column_and_shows_what_failed():
    df = machine(model=["vit", "vit", "resnet", None], sweep="x3k9a2bc")
    figure = hr.charts.timeline(df, color="model")
    found, _ = spans_of(figure)
    assert {name: label for name, (*_, label) in found.items()} == {
        "one": "vit",
        "two": "vit",
        "three": "resnet",
        BAD: "no model",
    }
    (sign,) = marks(figure, Points)
    assert (sign.label, sign.marker, sign.x.tolist()) == ("failed", "cross", [150])
    assert "model vit" in sign.hovers[0].split("\n")
    assert figure.caption.startswith("Colours: model.")
    assert draws_all(figure)
    assert {m.label for m in marks(hr.charts.timeline(df, color="sweep"), Spans)} == {
        "x3k9a2bc",
        "idle",
    }
    with pytest.raises(UsageError, match="no column 'modell'; there is model"):
        hr.charts.timeline(df, color="modell")


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_timeline_colours_numbers_by_quarters_the_best_first(goal):
    count = 20
    df = pd.DataFrame(
        {
            "state": ["finished"] * count,
            "started_at": np.arange(count) * 10.0,
            "ended_at": np.arange(count) * 10.0 + 10,
            "score": np.arange(count) / 10,
        }
    )
    df.attrs.update(metric="score", goal=goal)
    figure = hr.charts.timeline(df, color="score")
    first = next(mark for mark in marks(figure, Spans) if mark.color == "first")
    assert bool(min(first.start) == 0) is (goal == "minimize")
    assert {mark.color for mark in marks(figure, Spans)} == {"first", "second", "third", "fourth"}
    assert draws_all(figure)


def test_timeline_has_a_lane_for_each_gpu():
    times = pd.to_datetime(np.arange(1000, 1500, 5), unit="s", utc=True)
    history = pd.concat(
        pd.DataFrame(
            {"run": "a", "key": f"system.gpu.{gpu}.gpu", "value": 90.0 * gpu, "time": times}
        )
        for gpu in (0, 1)
    )
    figure = hr.charts.timeline(machine(), history)
    lanes = figure.panels[1]
    assert lanes.y.categories == ("GPU 1", "GPU 0")
    assert lanes.y.label == "utilisation, 0 to 100 %"
    top, low = (mark for mark in lanes.marks if isinstance(mark, Line))
    assert top.hover == "GPU 1: mean 90 %"
    assert np.allclose(top.y, -0.4 + 0.8 * 0.9)
    assert np.allclose(low.y, 0.6)
    assert draws_all(figure)


def draws_all(figure):
    return bool(figure.to_png() and figure.to_html() and figure.to_svg(theme="dark"))


def test_timeline_of_a_queue_says_what_is_missing():
    with pytest.raises(UsageError, match="none of 4 runs has started"):
        hr.charts.timeline(machine(started_at=pd.NaT, ended_at=pd.NaT))
    with pytest.raises(UsageError, match="no started_at"):
        hr.charts.timeline(machine().drop(columns="started_at"))
    some = machine()
    some.loc[3, ["started_at", "ended_at"]] = pd.NaT
    assert "1 of 4 runs have not started" in hr.charts.timeline(some).caption
    rows = hr.charts.timeline(machine(devices=[["GPU-aaaabbbb-cccc"], ["MIG-1"], [], None]))
    found, _ = spans_of(rows)
    assert found["one"][0] == "GPU aaaabbbb"
    assert found["two"][0] == "GPU MIG-1"
    assert {found["three"][0], found[BAD][0]} == {"slot 0", "slot 1"}


# ---- tables


def cells_of(html):
    """Return the texts of the first table, row by row."""
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in body.split("</tr>")[:-1]]


def test_table_shows_what_varies_the_best_first_and_names_the_rest():
    df = grid().assign(name=[f"run-{i}" for i in range(54)])
    table = hr.charts.table(df)
    html = table.to_html()
    rows = cells_of(html)
    assert len(rows) == 54
    values = [float(row[1]) for row in rows]
    assert values == sorted(values)
    assert 'class="number bar best"' in html
    assert html.count('best"') == 1
    heads = re.findall(r"<button>(.*?)</button>", html)
    assert heads == ["run", "error_rate", "lr", "batch", "resize", "seed"]
    assert table.caption == "The same in all: epochs 5."
    most = hr.charts.table(df, goal="maximize")
    assert float(cells_of(most.to_html())[0][1]) == max(values)


def test_table_of_many_runs_shows_the_best_and_says_so():
    n = 10_000
    df = pd.DataFrame({"lr": np.linspace(0, 1, n), "loss": np.linspace(5, 1, n)})
    table = hr.charts.table(df, metric="loss", n=50)
    html = table.to_html()
    assert len(cells_of(html)) == 50
    assert "The best 50 of 10,000 runs." in html
    assert len(html) < 60_000
    with pytest.raises(UsageError, match="at least one run"):
        hr.charts.table(df, metric="loss", n=0)


def test_table_escapes_and_copes_with_gaps_odd_values_and_nothing():
    df = pd.DataFrame(
        {
            "name": [BAD, "数据-1", "c"],
            "state": ["finished", "failed", "running"],
            "reason": ["", BAD, ""],
            "lr": [0.1, None, 0.3],
            "layers": [[1, 2], {"a": 1}, None],
            "loss": [np.inf, None, 0.5],
        }
    )
    df.attrs |= {"config": ["lr", "layers"], "summary": ["loss"], "metric": "loss"}
    table = hr.charts.table(df)
    html = table.to_html() + table._repr_html_()
    assert "<script>alert" not in html
    assert html.count(' class="not-finished"') == 4
    assert "<script" not in table._repr_html_()
    assert "state" in repr(table)
    empty = hr.charts.table(df.head(0))
    assert "0 runs" in repr(empty)
    assert "0 runs" in empty.to_html()


def test_table_as_text_fits_a_terminal():
    names = [f"数据-{'long-name-' * 4}{i}" for i in range(54)]
    text = repr(hr.charts.table(grid().assign(name=names, other=range(54))))
    for line in text.splitlines():
        wide = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
        assert wide <= 80, line
    assert "... and 34 more rows" in text


def test_table_has_small_curves_of_the_metric():
    df = machine().assign(lr=[1, 2, 3, 4])
    history = pd.DataFrame(
        {"run": ["a"] * 5 + ["d"] * 200, "key": "error_rate", "value": np.linspace(1, 0.1, 205)}
    )
    html = hr.charts.table(df, history=history).to_html()
    assert html.count("<svg") == 2
    assert max(path.count("L") for path in re.findall(r'd="(M.*?)"', html)) < 40


def test_a_table_is_saved_as_html_only_and_whole(tmp_path):
    table = hr.charts.table(grid())
    assert table.save(tmp_path / "t.html").read_text() == table.to_html()
    assert [path.name for path in tmp_path.iterdir()] == ["t.html"]
    with pytest.raises(UsageError, match=r"t\.png has \.png; use \.html"):
        table.save(tmp_path / "t.png")
    with pytest.raises(UsageError, match="no folder"):
        table.save(tmp_path / "none" / "t.html")


def pairs():
    df = pd.DataFrame(
        {
            "id": ["aaa", "bbb", "ccc"],
            "number": [1, 2, 3],
            "name": ["one", "two", BAD],
            "lr": [0.1, 0.2, 0.1],
            "arch": ["vit", "vit", "vit"],
            "error_rate": [0.04, 0.05, 0.04],
            "fit_time": [10.0, 12.0, 9.0],
            "git.commit": ["abc", "abc", "def"],
            "host": ["h", "h", "h"],
            "packages.torch": ["2.8", "2.9", "2.8"],
        }
    )
    df.attrs |= {"config": ["lr", "arch"], "summary": ["error_rate", "fit_time"]}
    df.attrs |= {"metric": "error_rate", "goal": "minimize"}
    return df


def test_diff_shows_what_differs_first_and_which_is_better():
    diff = hr.charts.diff(pairs(), "one", "bbb")
    settings, results, about, same = diff.parts
    assert [[cell.text for cell in row] for row in settings.rows] == [["lr", "0.1", "0.2"]]
    assert [[cell.text for cell in row] for row in results.rows] == [
        ["error_rate", "0.04", "0.05", "+0.01 (+25 %)"],
        ["fit_time", "10", "12", "+2 (+20 %)"],
    ]
    best = [[cell.is_best for cell in row] for row in results.rows]
    assert best == [[False, True, False, False], [False] * 4]
    assert [row[0].text for row in about.rows] == ["packages.torch"]
    assert {row[0].text: row[1].text for row in same.rows} == {
        "arch": "vit",
        "host": "h",
        "git.commit": "abc",
    }
    assert same.is_folded
    assert diff.caption == "Only lr differs."
    assert "<details>" in diff.to_html()
    assert "Only lr differs." in repr(diff)


def test_diff_of_several_with_curves_and_of_runs_that_are_none():
    history = pd.DataFrame(
        {
            "run": np.repeat(["aaa", "bbb", "ccc"], 10),
            "key": "valid_loss",
            "step": [*range(10)] * 3,
            "value": np.linspace(1, 0.1, 30),
        }
    )
    only = pd.DataFrame({"run": "aaa", "key": "other", "step": range(3), "value": 1.0})
    diff = hr.charts.diff(pairs(), history=pd.concat([history, only], ignore_index=True))
    (figure,) = diff.figures
    assert [panel.y.label for panel in figure.panels] == ["valid_loss"]
    assert [mark.label for mark in figure.panels[0].marks] == ["one", "two", BAD]
    assert "<script>alert" not in diff.to_html()
    assert diff.to_html().count("class Chart") == 1
    assert diff.parts[1].head == ("", "one", "two", BAD)
    with pytest.raises(UsageError, match="no run 'four'; there is"):
        hr.charts.diff(pairs(), "one", "four")
    with pytest.raises(UsageError, match="2 to 6 runs; got 1"):
        hr.charts.diff(pairs(), "one")
    with pytest.raises(UsageError, match="name those"):
        hr.charts.diff(grid())
