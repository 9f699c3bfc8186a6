"""The pictures of a table of runs: what is in them is what the runs did."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import homerun as hr
from homerun import charts
from homerun.charts.figure import Band, Boxes, Line, Points
from homerun.charts.kinds.curves import curves, smooth
from homerun.charts.kinds.effect import effect, pairs_of
from homerun.charts.kinds.progress import best_so_far, progress
from homerun.charts.kinds.scatter import family, pareto, scatter
from homerun.core import UsageError
from homerun.insight import prepare

WORTH = st.integers(0, 6).map(float)


def grid(resizes=("crop", "squish"), seeds=3, noise=0.03):
    """Return a full grid of made runs in which crop is better by a little."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "name": f"amber-falcon-{i}",
            "resize": resize,
            "lr": lr,
            "model": model,
            "seed": seed,
            "fit_time": (60 if model == "vit_tiny" else 200) * (1 + 0.1 * rng.random()),
            "error": 0.05
            * np.exp(
                0.1 * (np.log10(lr) + 3) ** 2 + 0.08 * (resize != "crop") + noise * rng.normal()
            ),
        }
        for i, (resize, lr, model, seed) in enumerate(
            itertools.product(
                resizes, (1e-4, 1e-3, 1e-2), ("convnext_tiny", "vit_tiny"), range(seeds)
            )
        )
    ]
    df = pd.DataFrame(rows)
    df.attrs.update(
        metric="error",
        goal="minimize",
        config=["resize", "lr", "model", "seed"],
        title="pets > try",
    )
    return df


def marks(figure, kind):
    return [mark for panel in figure.panels for mark in panel.marks if isinstance(mark, kind)]


def draws(figure):
    """Tell whether a figure is drawn."""
    return "<text" in figure.to_svg()


def history(curves_of, *, key="loss", seconds=10.0):
    """Return a history frame of named lists of values."""
    rows = [
        {
            "run": run,
            "key": key,
            "step": step,
            "value": value,
            "time": 1e9 + at * 500 + step * seconds,
        }
        for at, (run, values) in enumerate(curves_of.items())
        for step, value in enumerate(values)
    ]
    df = pd.DataFrame(rows, columns=["run", "key", "step", "value", "time"])
    df["time"] = pd.to_datetime(df["time"], unit="s", utc=True)
    return df


# ---- scatter


@given(st.lists(st.tuples(WORTH, WORTH), max_size=25), st.sampled_from(["minimize", "maximize"]))
def test_front_is_what_no_other_beats(points, goal):
    x = np.array([a for a, _ in points])
    y = np.array([b for _, b in points])
    front = pareto(x, y, goal=goal)
    sign = 1 if goal == "minimize" else -1
    wanted = {
        (a, b)
        for a, b in points
        if not any((c <= a and sign * d <= sign * b) and (c, d) != (a, b) for c, d in points)
    }
    assert {(x[i], y[i]) for i in front} == wanted
    assert len(front) == len(wanted)
    assert (np.diff(x[front]) > 0).all()


def test_scatter_has_each_configuration_once_and_its_repeats_averaged():
    df = grid()
    figure = scatter(df)
    dots = marks(figure, Points)
    found = sorted((x, y) for mark in dots for x, y in zip(mark.x, mark.y, strict=True))
    means = df.groupby(["resize", "lr", "model"])[["fit_time", "error"]].mean()
    assert np.allclose(found, sorted(means.itertuples(index=False, name=None)))
    assert "repeats averaged (36 runs)" in figure.caption
    assert figure.title == "pets > try: error against fit_time"
    assert figure.panels[0].x.unit == "seconds"
    assert draws(figure)


def test_scatter_colours_by_family_and_names_the_front():
    df = pd.DataFrame(
        {
            "model": [f"{f}_{s}" for f in "abcdefghij" for s in ("tiny", "base")],
            "fit_time": np.arange(20) + 10.0,
            "error": np.linspace(0.5, 0.1, 20),
        }
    )
    figure = scatter(df, metric="error", params=["model"])
    labels = [mark.label for mark in marks(figure, Points)]
    assert len(labels) == 8
    assert "other" in labels
    named = [text for mark in marks(figure, Points) for text in mark.texts if text]
    assert len(named) == 20  # each is on the front
    hovers = [hover for mark in marks(figure, Points) for hover in mark.hovers]
    assert hovers[0].split("\n")[1:3] == ["error: 0.1842", "fit_time: 25 s"] or len(hovers) == 20


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("convnext_tiny", "convnext"),
        ("resnet26d", "resnet"),
        ("swinv2_cr_tiny_ns_224", "swinv"),
        ("org/vit-b-16", "vit"),
        ("モデル_大", "モデル"),
        ("123", "123"),
        ("", ""),
    ],
)
def test_family_is_the_first_word(name, first):
    assert family(name).startswith(first)


def test_scatter_counts_what_it_leaves_out():
    df = grid(seeds=1)
    df.loc[0, "error"] = np.nan
    df.loc[1, "error"] = np.inf
    df.loc[2, "fit_time"] = np.nan
    figure = scatter(df)
    assert sum(len(mark.x) for mark in marks(figure, Points)) == 9
    assert "2 without a finite error" in figure.caption
    assert "1 without fit_time left out" in figure.caption


def test_scatter_has_a_panel_per_data_set():
    df = pd.concat([grid().assign(dataset="pets"), grid().assign(dataset="planet")])
    df = df.reset_index(drop=True)
    df["error"] += np.where(df.dataset == "pets", 0.0, 0.001)
    figure = scatter(df, metric="error", params=["resize", "lr", "model"], repeats="seed")
    assert [panel.title for panel in figure.panels] == ["dataset pets", "dataset planet"]


def test_scatter_takes_any_columns():
    df = grid()
    df["memory"] = np.linspace(1, 8, len(df))
    figure = scatter(df, x="memory", size="fit_time", color="lr", label="name")
    dots = marks(figure, Points)
    assert {mark.label for mark in dots} == {"0.0001", "0.001", "0.01"}
    assert all(mark.area is not None for mark in dots)
    assert draws(figure)
    with pytest.raises(UsageError, match="no column 'nothing'"):
        scatter(df, x="nothing")
    with pytest.raises(UsageError, match="name a cost with x="):
        scatter(df.drop(columns=["fit_time"]))


# ---- effect


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 2), WORTH),
        min_size=2,
        max_size=24,
        unique_by=lambda row: row[:3],
    ),
    st.sampled_from(["minimize", "maximize"]),
)
def test_pairs_are_counted_right(rows, goal):
    df = pd.DataFrame(rows, columns=["resize", "lr", "seed", "score"])
    df["score"] += 1 + np.arange(len(df)) * 1e-9
    if df.resize.nunique() < 2:
        return
    table = prepare(df, metric="score", goal=goal, params=["resize", "lr"], repeats="seed")
    if [factor.name for factor in table.factors] == ["resize"] and df.lr.nunique() > 1:
        return  # lr goes along with it: the next test
    pairs = pairs_of(df, table, table.at("resize"), df["score"].to_numpy())
    a, b = (df[df.resize == level].set_index(["lr", "seed"])["score"] for level in "ab")
    if not pairs.by_seed:
        a, b = a.groupby("lr").mean(), b.groupby("lr").mean()
    both = a.index.intersection(b.index)
    if goal == "minimize":
        wins, losses = int((a[both] < b[both]).sum()), int((a[both] > b[both]).sum())
    else:
        wins, losses = int((a[both] > b[both]).sum()), int((a[both] < b[both]).sum())
    assert pairs.wins(0, 1, goal=goal) == (wins, losses, len(both))
    left, right = pairs.neighbours(np.arange(2))
    assert len(left) == len(both)
    assert (pairs.context[left] == pairs.context[right]).all()
    assert (pairs.level[left] != pairs.level[right]).all()


def test_a_parameter_that_goes_along_is_named():
    df = grid()
    df["size"] = np.where(df.resize == "crop", 224, 288)
    figure = effect(df, "resize", metric="error", params=["resize", "size", "lr", "model"])
    assert "size goes along with resize: one stands for both." in figure.caption
    other = effect(df, "size", metric="error", params=["resize", "size", "lr", "model"])
    assert other.panels[0].x.label == "size"
    assert "resize goes along with size" in other.caption
    assert "size goes" not in effect(df, "lr", params=["resize", "size", "lr"]).caption


def test_effect_answers_whether_one_value_is_always_better():
    df = grid()
    wide = df.pivot_table(index=["lr", "model", "seed"], columns="resize", values="error")
    wins = int((wide.crop < wide.squish).sum())
    figure = effect(df, "resize")
    (panel,) = figure.panels
    assert panel.title == f"crop better than squish in {wins} of 18 pairs"
    assert panel.x.categories == ("crop", "squish")
    lines = {mark.label: np.isnan(mark.x).sum() for mark in marks(figure, Line)}
    assert lines == {"crop better": wins, "squish better": 18 - wins}
    assert "the seed is the same" in figure.caption
    assert draws(figure)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_effect_has_each_finite_run_once(seed, count):
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "resize": rng.choice(["crop", "squish", "pad"], count),
            "lr": 10 ** rng.uniform(-5, -1, count),
            "error": np.where(rng.random(count) < 0.2, np.nan, rng.lognormal(size=count) ** 3),
        }
    )
    used = df[np.isfinite(df.error)]
    for name in ("resize", "lr"):
        if used[name].nunique() < 2:
            continue
        (dots,) = marks(effect(df, name, metric="error", params=["resize", "lr"]), Points)
        if len(dots.x) != len(used):  # exact repeats count once
            assert used.duplicated().any()
            continue
        values = sorted(hover.split("\n")[1] for hover in dots.hovers)
        assert len(values) == len(used)
        clipped = dots.y[np.argsort(dots.y)]
        assert (clipped <= np.sort(used.error.to_numpy()) + 1e-12).all()


def test_effect_of_the_parameters_that_tell_most():
    figure = effect(grid(noise=0.001), most=2)
    assert [panel.x.label for panel in figure.panels] == ["lr", "resize"]
    assert figure.columns == 2
    assert "1 parameter that tell less" in figure.caption


def test_effect_of_a_number_with_many_values():
    rng = np.random.default_rng(1)
    lr = 10 ** rng.uniform(-5, -1, 100)
    df = pd.DataFrame({"lr": lr, "loss": (np.log10(lr) + 3) ** 2 + rng.normal(size=100) ** 2})
    df.loc[0, "loss"] = 1e7
    figure = effect(df, "lr", metric="loss", params=["lr"])
    assert figure.panels[0].x.scale == "log"
    assert figure.panels[0].y.high < 100
    assert "at the edge" in figure.caption
    assert not marks(figure, Boxes)


def test_medians_of_a_number_stand_side_by_side():
    sizes = np.repeat([100, *range(224, 240)], [3, 160, *[4] * 15])
    df = pd.DataFrame({"size": sizes, "loss": np.random.default_rng(0).random(len(sizes))})
    (line,) = marks(effect(df, "size", metric="loss", params=["size"]), Line)
    assert len(line.x) > 2
    assert (np.diff(line.x) > 0).all()


def test_a_family_does_not_keep_its_models_apart():
    df = grid()
    df["family"] = df.model.str.split("_").str[0] + df.resize.where(df.model == "x", "")
    figure = effect(df, "model", metric="error", params=["model", "family", "lr", "resize"])
    assert "18 pairs" in figure.panels[0].title


def test_nothing_to_compare_is_said():
    df = grid()
    with pytest.raises(UsageError, match="epochs"):
        effect(df.assign(epochs=5), "epochs")
    with pytest.raises(UsageError, match="nothing to compare"):
        effect(pd.DataFrame({"error": [0.1, 0.2]}), metric="error")


# ---- curves


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=40),
    st.floats(0, 0.99),
)
def test_smoothing_is_that_of_tensorboard(values, weight):
    last, seen, wanted = 0.0, 0, []
    for value in values:  # resmoothDataset of TensorBoard's line chart
        if not np.isfinite(value):
            wanted.append(value)
            continue
        last = last * weight + (1 - weight) * value
        seen += 1
        wanted.append(last / (1 - weight**seen))
    found = smooth(np.array(values, dtype=float), weight)
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6, equal_nan=True)


def test_smoothing_does_not_start_at_zero_and_keeps_infinities():
    assert smooth(np.array([4.0, 4.0, 4.0]), 0.9).tolist() == pytest.approx([4, 4, 4])
    assert smooth(np.array([1.0, np.inf, 1.0]), 0.5).tolist() == pytest.approx([1, np.inf, 1])


def test_few_runs_have_a_line_each_and_the_raw_one_under_it():
    frame = history({"one": [3, 2, 1], "two": [3, 2.5, 2]})
    figure = curves(frame, smoothing=0.5)
    lines = marks(figure, Line)
    assert [line.label for line in lines] == ["", "one", "", "two"]
    assert lines[0].y.tolist() == [3, 2, 1]
    assert lines[0].is_faint
    assert lines[1].y.tolist() == pytest.approx(smooth(np.array([3.0, 2, 1]), 0.5))
    assert "Best: one." in figure.caption
    assert draws(figure)


def test_time_is_that_since_the_start_of_each_run():
    frame = history({"one": [3, 2, 1], "two": [3, 2.5, 2]})
    lines = marks(curves(frame, x="time"), Line)
    assert [line.x.tolist() for line in lines] == [[0, 10, 20], [0, 10, 20]]
    runs = pd.DataFrame({"id": ["one", "two"], "started_at": frame.time.iloc[[0, 3]].to_numpy()})
    runs["started_at"] -= pd.Timedelta(seconds=5)
    lines = marks(curves(frame, x="time", runs=runs), Line)
    assert lines[0].x.tolist() == [5, 15, 25]


def test_a_history_may_have_a_column_for_each_metric():
    wide = pd.DataFrame(
        {"run": ["a"] * 3, "epoch": [1, 2, 3], "note": "", "loss": [3, 2, None], "acc": [0, 1, 2]}
    )
    figure = curves(wide, key="loss")
    assert marks(figure, Line)[0].x.tolist() == [1, 2]
    assert curves(wide).panels[0].y.label == "acc"
    assert marks(curves(wide, key="acc", x="epoch"), Line)[0].x.tolist() == [1, 2, 3]
    with pytest.raises(UsageError, match="no column 'key'"):
        curves(wide.drop(columns="epoch"))


def test_epochs_are_those_logged_in_the_same_step():
    values = history({"one": [3, 2, 1]})
    epochs = history({"one": [0, 0.5, 1]}, key="epoch")
    figure = curves(pd.concat([values, epochs]), key="loss", x="epoch")
    assert marks(figure, Line)[0].x.tolist() == [0, 0.5, 1]
    with pytest.raises(UsageError, match="no run logged 'epoch'"):
        curves(values, x="epoch")


def test_groups_have_bands_and_medians():
    frame = history({f"r{i}": [i + 1.0, i + 0.5] for i in range(20)})
    runs = pd.DataFrame({"id": [f"r{i}" for i in range(20)], "opt": ["adam", "sgd"] * 10})
    figure = curves(frame, runs=runs, color="opt")
    assert [line.label for line in marks(figure, Line)] == ["adam", "sgd"]
    bands = marks(figure, Band)
    assert bands[0].low.tolist() == pytest.approx([5.5, 5.0])  # quartiles of 1, 3, ... 19
    assert bands[0].high.tolist() == pytest.approx([14.5, 14.0])
    with pytest.raises(UsageError, match="runs="):
        curves(frame, color="opt")


def test_repeats_of_few_configurations_are_bands_by_themselves():
    df = grid(resizes=("crop",), seeds=3)
    df["id"] = [f"r{i}" for i in range(len(df))]
    frame = history({row.id: [1.0, row.error] for row in df.itertuples()}, key="error")
    figure = curves(frame, runs=df)
    assert len(marks(figure, Band)) == 6
    assert "Medians of 3 runs each, the band is the range" in figure.caption


def test_many_runs_are_faint_and_the_best_stands_out():
    rng = np.random.default_rng(0)
    frame = history({f"r{i}": list(rng.random(200) + i) for i in range(60)})
    runs = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(60)],
            "name": [f"amber-{i}" for i in range(60)],
            "score": np.arange(60.0),
            "censored": [i == 5 for i in range(60)],
            "state": ["failed" if i == 7 else "finished" for i in range(60)],
        }
    )
    runs.attrs.update(metric="score", goal="maximize")
    figure = curves(frame, key="loss", runs=runs)
    assert sum(line.is_faint for line in marks(figure, Line)) == 60
    assert "the best is amber-59" in figure.caption
    stopped, failed = marks(figure, Points)
    assert (stopped.label, stopped.hovers) == ("stopped early", ("amber-5",))
    assert (failed.label, failed.hovers) == ("failed", ("amber-7",))
    assert draws(figure)


def test_a_key_that_nobody_logged_is_refused():
    with pytest.raises(UsageError, match="no run logged 'los'; there is loss"):
        curves(history({"one": [1.0]}), key="los")
    with pytest.raises(UsageError, match="smoothing is 1"):
        curves(history({"one": [1.0]}), smoothing=1)
    with pytest.raises(UsageError, match="use step, epoch or time"):
        curves(history({"one": [1.0]}), x="day")


# ---- progress


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=30))
def test_best_so_far_never_gets_worse(values):
    found = best_so_far(np.array(values, dtype=float), goal="minimize")
    for at, best in enumerate(found):
        known = [v for v in values[: at + 1] if v == v]
        assert best == min(known) if known else np.isnan(best)


@given(
    st.lists(
        st.tuples(
            st.floats(-1e3, 1e3) | st.just(float("nan")),
            st.sampled_from(["finished", "failed", "killed", "running"]),
        ),
        max_size=30,
    )
)
def test_progress_has_each_ended_run_once(runs):
    df = pd.DataFrame(runs, columns=["error", "state"]).astype({"error": float})
    df["name"] = [f"r{i}" for i in range(len(runs))]
    figure = progress(df, metric="error")
    shown = [hover.split("\n")[0] for mark in marks(figure, Points) for hover in mark.hovers]
    if figure.panels[0].marks:
        assert sorted(shown) == sorted(df.name[df.state != "running"])
    else:
        assert not ((df.state == "finished") & np.isfinite(df.error)).any()


def test_progress_goes_by_the_end_of_runs_and_by_gpu_hours():
    df = pd.DataFrame(
        {
            "state": ["finished", "finished", "failed", "running", "finished"],
            "error": [0.3, 0.1, np.nan, 0.05, 0.2],
            "ended_at": pd.to_datetime([30, 40, 10, None, 20], unit="s", utc=True),
            "runtime_s": [3600.0] * 5,
            "devices": [["GPU-a"], ["GPU-a", "GPU-b"], [], ["GPU-a"], ["GPU-a"]],
        }
    )
    figure = progress(df, metric="error", target=0.15)
    by_run, by_cost = figure.panels
    best = next(mark for mark in by_run.marks if isinstance(mark, Line))
    assert best.y[1:].tolist() == [0.2, 0.2, 0.1]
    paid = next(mark for mark in by_cost.marks if isinstance(mark, Line))
    assert paid.x.tolist() == [0, 1, 2, 4]
    assert by_cost.x.label == "GPU-hours"
    failed = [mark for mark in by_run.marks if isinstance(mark, Points) and mark.marker == "cross"]
    assert [mark.x.tolist() for mark in failed] == [[1]]
    assert "Best error 0.1, by run 4 of 4." in figure.caption
    assert "Target 0.15 reached by run 4." in figure.caption
    assert "1 run still to end" in figure.caption
    assert draws(figure)


def test_runs_that_a_rule_stopped_are_never_best():
    df = pd.DataFrame(
        {"error": [0.3, 0.01], "censored": [False, True], "state": ["finished", "killed"]}
    )
    figure = progress(df, metric="error")
    assert "Best error 0.3" in figure.caption
    assert [mark.marker for mark in marks(figure, Points)] == ["dot", "ring"]


def test_progress_without_gpus_is_in_cpu_hours():
    df = pd.DataFrame(
        {"error": [0.3, 0.1], "runtime_s": [60.0, 60.0], "user_cpu_s": [3600.0, 7200.0]}
    )
    figure = progress(df.assign(devices=[[], []]), metric="error")
    assert figure.panels[1].x.label == "CPU-hours"
    figure = progress(df.drop(columns="user_cpu_s"), metric="error")
    assert figure.panels[1].x.label == "run-minutes"
    assert marks(figure, Line)[-1].x.tolist() == [1, 2]


# ---- all of them


KINDS = {
    "scatter": lambda df: scatter(df, metric="error"),
    "effect": lambda df: effect(df, metric="error"),
    "progress": lambda df: progress(df, metric="error"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_or_no_runs_are_drawn(kind, count):
    df = grid(seeds=1).iloc[::5].head(count)
    if kind == "effect" and count == 1:
        with pytest.raises(UsageError, match="nothing to compare"):
            KINDS[kind](df)
        return
    figure = KINDS[kind](df)
    assert draws(figure)
    assert count or "None of 0 runs has finished" in figure.caption


@pytest.mark.parametrize("kind", KINDS)
def test_runs_without_a_result_are_no_error(kind):
    df = grid().assign(error=np.nan)
    figure = KINDS[kind](df)
    assert figure.caption == "None of 36 runs has finished with a finite error."
    assert "nothing to show yet" in figure.to_svg()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("constant", [0.0, 0.25, -3.0])
def test_a_metric_that_never_changes_is_drawn(kind, constant):
    assert draws(KINDS[kind](grid().assign(error=constant)))


@pytest.mark.parametrize("kind", KINDS)
def test_odd_names_and_values_are_drawn(kind):
    df = grid().rename(columns={"resize": "$re_size$ <b>"})
    df["model"] = df["model"].replace({"vit_tiny": "模型_$x$", "convnext_tiny": None})
    df["name"] = "<script>"
    df.attrs["config"] = ["$re_size$ <b>", "lr", "model", "seed"]
    df.loc[3, "error"] = 1e12
    df.loc[4, "error"] = -np.inf
    figure = KINDS[kind](df)
    svg = figure.to_svg()
    assert "<script" not in svg
    assert "<b>" not in svg
    assert len(figure.to_png()) > 5000


def test_history_of_nothing_is_drawn():
    figure = curves(history({}), key="loss")
    assert figure.caption == "No points of loss yet."
    assert draws(figure)
    assert draws(curves(history({"one": [float("nan")], "two": [1.0]})))


def test_nothing_of_the_table_is_changed():
    df = grid()
    before = df.copy(deep=True)
    for draw in KINDS.values():
        draw(df)
    pd.testing.assert_frame_equal(df, before)


def test_a_metric_is_asked_for():
    with pytest.raises(UsageError, match="which metric"):
        scatter(pd.DataFrame({"lr": [1, 2]}))
    with pytest.raises(UsageError, match="use minimize or maximize"):
        effect(grid(), goal="up")
    with pytest.raises(UsageError, match="no column 'eror'; there is error"):
        progress(grid(), metric="eror")


def test_pictures_of_runs_in_a_home(home):
    for seed in range(2):
        for lr in (0.1, 0.2):
            with hr.init(project="digits", config={"lr": lr, "seed": seed}) as run:
                for step in range(3):
                    run.log({"loss": lr + seed / 100 + 1 / (step + 1)})
    df = hr.runs()
    frame = hr.history(df.id)
    figure = charts.curves(frame, key="loss", runs=df, color="lr", x="time")
    assert [line.label for line in marks(figure, Line)] == ["0.1", "0.2"]
    assert (
        charts.effect(df, "lr", metric="loss").panels[0].title
        == "0.1 better than 0.2 in 2 of 2 pairs"
    )
    assert draws(charts.scatter(df, metric="loss"))
    assert draws(charts.progress(df, metric="loss"))
