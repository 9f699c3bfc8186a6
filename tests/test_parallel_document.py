"""The document of parallel coordinates: every run in it once, every column in it or named."""

import json
import math
import time
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import homerun as hr
from homerun.charts.kinds.runs import names_of
from homerun.charts.parallel import document
from homerun.core import NotFoundError, UsageError


def grid(**more):
    """Return a table of 18 runs over arch, lr and seed."""
    rows = [
        {"arch": arch, "lr": lr, "seed": seed, "error_rate": error * (1 + lr) + seed / 1000}
        for arch, error in (("vit", 0.3), ("convnext", 0.1), ("resnet", 0.2))
        for lr in (1e-4, 1e-3, 1e-2)
        for seed in (1, 2)
    ]
    return pd.DataFrame(rows).assign(**more)


def by_name(made):
    return {column["name"]: column for column in made["columns"]}


def axes(made):
    return [column["name"] for column in made["columns"] if column["shown"]]


def why(made):
    return {one["name"]: one["why"] for one in made["dropped"]}


def values_of(column):
    """Return the values of a column as they are read from a document."""
    if column["kind"] == "number":
        odd = {int(at): float(text) for at, text in column.get("odd", {}).items()}
        return [odd.get(at, value) for at, value in enumerate(column["values"])]
    return [None if code is None else column["levels"][code] for code in column["codes"]]


NUMBERS = st.floats(allow_subnormal=False) | st.integers(-(2**53), 2**53)
CELLS = st.one_of(
    st.lists(st.none() | NUMBERS, min_size=1, max_size=12),
    st.lists(st.none() | st.sampled_from(["a", "b", "<b>", ""]), min_size=1, max_size=12),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=12),
    st.lists(
        st.none() | st.booleans() | NUMBERS | st.text(max_size=3) | st.lists(st.integers()),
        min_size=1,
        max_size=12,
    ),
)


@settings(max_examples=80, deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=5), has_metric=st.booleans())
def test_every_run_and_every_column_is_in_the_document_once(cells, has_metric):
    count = min(map(len, cells))
    df = pd.DataFrame({f"c{at}": pd.Series(c[:count], dtype=object) for at, c in enumerate(cells)})
    if has_metric:
        df["error"] = np.linspace(1, 0, count)
    made = json.loads(json.dumps(document(df, metric="error" if has_metric else None)))
    names = [c["name"] for c in made["columns"]] + [*why(made), *made["aside"]]
    assert sorted(names) == sorted(df.columns)
    assert made["count"] == len(made["names"]) == count
    for column in made["columns"]:
        assert len(values_of(column)) == count
        assert (column["name"] == "error") == (column["role"] == "metric")
    if has_metric:
        assert axes(made)[-1] == "error"
        assert by_name(made)["error"]["flip"]  # lower is better, and up


@settings(max_examples=80, deadline=None)
@given(values=st.lists(st.none() | NUMBERS, min_size=2, max_size=12))
def test_numbers_come_back_with_seven_digits(values):
    df = pd.DataFrame({"x": pd.Series(values, dtype=object), "y": range(len(values))})
    column = by_name(document(df, columns=["x"], metric="y"))["x"]
    if all(value is None or math.isnan(value) for value in values):
        assert all(code is None for code in column["codes"])
        return
    if column["kind"] == "category":  # 0 and steps by factors
        assert [float(text) for text in values_of(column) if text is not None] == pytest.approx(
            [float(value) for value in values if value is not None], rel=1e-6
        )
        return
    for old, new in zip(values, values_of(column), strict=True):
        if old is None or math.isnan(old):
            assert new is None
        else:
            assert new == float(old) or math.isclose(new, old, rel_tol=5.1e-7)


@settings(max_examples=40, deadline=None)
@given(
    levels=st.lists(st.sampled_from("abcd"), min_size=2, max_size=20),
    goal=st.sampled_from(["minimize", "maximize"]),
    data=st.data(),
)
def test_categories_rise_to_the_best_median(levels, goal, data):
    metric = data.draw(st.lists(st.integers(0, 50), min_size=len(levels), max_size=len(levels)))
    df = pd.DataFrame({"arch": levels, "metric": metric})
    column = by_name(document(df, metric="metric", goal=goal, columns=["arch"]))["arch"]
    medians = df.groupby("arch")["metric"].median()[column["levels"]]
    assert (
        medians.is_monotonic_decreasing if goal == "minimize" else medians.is_monotonic_increasing
    )
    assert [column["levels"][code] for code in column["codes"]] == levels


def test_it_chooses_what_to_show_and_says_what_it_dropped():
    made = document(grid(epochs=5, machine="b7"), metric="error_rate")
    assert axes(made) == ["lr", "arch", "error_rate"]  # arch says most
    assert why(made) == {
        "seed": "only tells repeats apart",
        "epochs": "5 in all",
        "machine": "b7 in all",
    }
    columns = by_name(made)
    assert columns["arch"]["levels"] == ["vit", "resnet", "convnext"]
    assert (columns["lr"]["log"], columns["error_rate"]["log"]) == (True, False)
    assert (made["metric"], made["goal"], made["color"]) == ("error_rate", "minimize", "error_rate")
    assert made["count"] == 18
    assert made["names"][:2] == ["run 1", "run 2"]


def test_a_table_of_a_sweep_knows_metric_goal_and_title():
    df = grid(id=[f"r{at}" for at in range(18)], name=[f"amber-fox-{at}" for at in range(18)])
    df = df.rename(columns={"error_rate": "accuracy"})
    df["state"] = ["finished"] * 17 + ["failed"]
    df["fit_time"] = np.linspace(10, 20, 18)
    df["runtime_s"] = np.linspace(11, 21, 18)
    df.attrs |= {"config": ["arch", "lr", "seed"], "summary": ["accuracy", "fit_time"]}
    df.attrs |= {"sweep": "x3k9", "title": "p > s", "metric": "accuracy", "goal": "maximize"}
    made = document(df)
    assert (made["metric"], made["goal"], made["title"], made["ref"]) == (
        "accuracy",
        "maximize",
        "p > s",
        "x3k9",
    )
    assert (made["ids"][3], made["names"][3]) == ("r3", "amber-fox-3")
    assert made["states"]["levels"][made["states"]["codes"][17]] == "failed"
    assert not by_name(made)["accuracy"]["flip"]
    assert axes(made)[-2:] == ["fit_time", "accuracy"]
    assert not by_name(made)["runtime_s"]["shown"]
    assert by_name(made)["runtime_s"]["role"] == "info"
    assert made["aside"] == ["id", "name", "state"]
    assert document(df, metric="fit_time")["goal"] == "minimize"  # the goal is of another metric


def test_what_homerun_adds_to_a_run_is_no_news():
    df = grid(id=range(18), attempt=1, program="/home/me/train.py", machine="b7")
    df.attrs |= {"config": ["arch", "lr", "seed", "machine"], "summary": ["error_rate"]}
    made = document(df.assign(when=pd.Timestamp("2026-01-01")), metric="error_rate")
    assert made["aside"] == ["id", "attempt", "program", "when"]
    assert why(made) == {"seed": "only tells repeats apart", "machine": "b7 in all"}


def test_a_name_that_many_runs_share_can_be_an_axis():
    df = grid(name=["first", "second", "third"] * 6)
    made = document(df, metric="error_rate")
    assert not by_name(made)["name"]["shown"]
    assert made["names"][0] == "run 1"


def test_runs_are_called_as_in_all_pictures():
    df = grid(run=[f"amber-fox-{at}" for at in range(18)])
    made = document(df, metric="error_rate")
    assert (made["names"], made["aside"]) == (names_of(df), ["run"])
    assert document(grid(), metric="error_rate")["names"] == names_of(grid())


def test_twins_are_named_and_dropped():
    df = grid()
    df["family"] = df["arch"].map({"vit": "T", "convnext": "C", "resnet": "R"})
    assert why(document(df, metric="error_rate"))["family"] == "goes along with arch"


def test_two_runs_are_compared_in_all_they_differ_in():
    df = grid().iloc[[0, -1]].assign(family=["R", "V"], epochs=5)
    made = document(df, metric="error_rate")
    assert {"arch", "lr", "family"} <= set(axes(made))
    assert set(why(made)) == {"epochs", "seed"}


def test_columns_may_be_called_otherwise():
    labels = {"lr": "learning rate", "error_rate": "error"}
    made = document(grid(), metric="error_rate", labels=labels)
    found = {c["name"]: c["label"] for c in made["columns"]}
    assert found == {"arch": "arch", "lr": "learning rate", "error_rate": "error"}
    assert (made["metric"], made["color"]) == ("error_rate", "error_rate")


def test_what_is_asked_for_is_shown_in_that_order():
    df = grid(epochs=5)
    made = document(df, metric="error_rate", columns=["arch", "epochs", "seed"], color="seed")
    assert axes(made) == ["arch", "epochs", "seed", "error_rate"]
    assert made["color"] == "seed"
    assert "lr" in by_name(made)  # to be added
    assert axes(document(df, metric="error_rate", columns="lr")) == ["lr", "error_rate"]
    assert "epochs" in by_name(document(df, metric="error_rate", color="epochs"))


def test_repeats_have_names_of_their_own():
    df = grid().rename(columns={"seed": "attempt_no"})
    assert "attempt_no" in axes(document(df, metric="error_rate"))
    made = document(df, metric="error_rate", repeats="attempt_no")
    assert why(made)["attempt_no"] == "only tells repeats apart"


@pytest.mark.parametrize(
    ("values", "is_log"),
    [
        ([1e-5, 1e-4, 1e-3], True),
        ([1, 50, 200], True),
        ([16, 32, 64], True),  # steps by factors
        ([1, 2, 3], False),
        ([0, 50, 200], False),
        ([-1, 50, 200], False),
        ([0.5, 0.5, None], False),
        ([math.inf, 1, 1000], True),
        ([0.001, *np.linspace(0, 1, 14)[1:]], False),  # a factor of 1000, by steps
    ],
)
def test_axes_of_settings_that_go_by_factors_are_logarithmic(values, is_log):
    df = pd.DataFrame({"x": values * 4, "error": range(4 * len(values))})
    df.attrs["config"] = ["x"]
    column = by_name(document(df, metric="error", columns=["x"]))["x"]
    assert column["log"] is is_log


def test_zero_below_steps_by_factors_is_a_category_of_its_own():
    df = pd.DataFrame({"decay": [0, 1e-4, 1e-3, 1e-2, 0.1] * 3, "error": range(15)})
    column = by_name(document(df, metric="error"))["decay"]
    assert (column["levels"], column["types"]) == (
        ["0", "0.0001", "0.001", "0.01", "0.1"],
        "number",
    )


def test_kinds_of_columns():
    days = ["2026-01-02 00:00", "2026-01-01 10:00", None, "2026-01-02 00:00"]
    size = pd.Categorical(["m", "s", "l", None], categories=["s", "m", "l", "xl"], ordered=True)
    df = pd.DataFrame(
        {
            "flag": pd.array([True, None, False, True], dtype="boolean"),
            "layers": pd.array([1, None, 3, 4], dtype="Int64"),
            "drop": pd.Series([0.1, Decimal("0.2"), np.float32(0.5), pd.NA], dtype=object),
            "numpy": pd.Series([np.int64(3), np.float64(0.5), None, np.int32(7)], dtype=object),
            "mixed": pd.Series([1, "1", True, "auto"], dtype=object),
            "list": pd.Series([[1, 2], [2], None, [1, 2]], dtype=object),
            "dict": pd.Series([{"b": 1, "a": 2}, {"a": 2, "b": 1}, {}, {}], dtype=object),
            "when": pd.to_datetime(days),
            "took": pd.to_timedelta([1, 2, None, 90], unit="s"),
            "size": size,
            "share": pd.Categorical([0.5, 0.25, 0.5, 0.25]),
            "complex": [1 + 2j, 1j, 2j, 1j],
            "error": [4.0, 3.0, 2.0, 1.0],
        }
    )
    made = json.loads(json.dumps(document(df, metric="error", columns=list(df.columns))))
    columns = by_name(made)
    assert values_of(columns["flag"]) == ["true", None, "false", "true"]
    assert columns["flag"]["types"] == "boolean"
    assert (columns["layers"]["values"], columns["layers"]["integer"]) == ([1, None, 3, 4], True)
    assert values_of(columns["drop"]) == ["0.1", "0.2", "0.5", None]
    assert columns["numpy"]["values"] == [3, 0.5, None, 7]
    assert values_of(columns["mixed"]) == ["1", '"1"', "true", "auto"]
    assert columns["mixed"]["types"] == columns["list"]["types"] == "json"
    assert values_of(columns["list"]) == ["[1, 2]", "[2]", None, "[1, 2]"]
    assert values_of(columns["dict"]) == ['{"a": 2, "b": 1}', '{"a": 2, "b": 1}', "{}", "{}"]
    assert columns["when"]["levels"] == ["2026-01-01 10:00:00", "2026-01-02"]
    assert columns["took"]["values"] == [1, 2, None, 90]
    assert columns["size"]["levels"] == ["s", "m", "l"]
    assert (columns["share"]["levels"], columns["share"]["types"]) == (["0.5", "0.25"], "number")
    assert len(columns["complex"]["levels"]) == 3


def test_odd_numbers_have_a_note():
    df = pd.DataFrame({"x": [1.5, math.inf, -math.inf, math.nan], "error": [1, 2, 3, math.inf]})
    column = by_name(document(df, metric="error"))["x"]
    assert column["values"] == [1.5, None, None, None]
    assert column["odd"] == {"1": "inf", "2": "-inf"}


def test_runs_without_a_result_stay():
    df = grid()
    df.loc[[0, 5], "error_rate"] = None
    df.loc[df["arch"] == "vit", "error_rate"] = None
    column = by_name(document(df, metric="error_rate"))["arch"]
    assert column["levels"] == ["vit", "resnet", "convnext"]  # what never came through is below
    of_nothing = document(df.assign(error_rate=np.nan), metric="error_rate")
    assert (axes(of_nothing)[-1], of_nothing["count"]) == ("error_rate", len(df))


def test_nothing_and_a_single_run():
    empty = document(grid().iloc[:0], metric="error_rate")
    assert (empty["count"], axes(empty)[-1]) == (0, "error_rate")
    assert document(pd.DataFrame())["columns"] == []
    single = document(grid(epochs=5).iloc[:1], metric="error_rate")
    assert set(axes(single)) == {"arch", "lr", "epochs", "error_rate"}  # nothing is constant yet


def test_without_a_metric_it_draws_and_says_so():
    made = document(grid())
    assert made["metric"] is None
    assert "metric=" in made["notes"][0]
    assert {"arch", "lr"} <= set(axes(made))


def test_a_strangers_table():
    count = 40
    df = pd.DataFrame(
        {
            "Unnamed: 0": range(count),
            "Name": [f"run {at}" for at in range(count)],
            "path": [f"/data/{at}.pt" for at in range(count)],
            "created_at": pd.date_range("2026-01-01", periods=count, freq="h"),
            "step_no": range(1, count + 1),
            "optim.lr": np.tile([0.1, 0.01], 20),
            "loss": np.linspace(0, 1, count),
        }
    )
    made = document(df, metric="loss")
    assert axes(made) == ["optim.lr", "loss"]
    assert made["names"][0] == "run 0"
    assert made["aside"] == ["Unnamed: 0", "Name", "path", "created_at"]
    assert why(made) == {"step_no": "numbers the rows"}


def test_few_of_many_columns_are_shown_the_telling_ones_last():
    rng = np.random.default_rng(0)
    df = pd.DataFrame(rng.uniform(size=(200, 200)), columns=[f"p{at}" for at in range(200)])
    df["error"] = df["p150"] + 0.3 * df["p20"] + 0.01 * rng.normal(size=200)
    made = document(df, metric="error")
    assert len(axes(made)) == 12
    assert axes(made)[-3:] == ["p20", "p150", "error"]
    assert len(made["columns"]) == 201


def test_the_table_stays_as_it_is():
    df = grid()
    before = df.copy(deep=True)
    document(df, metric="error_rate")
    pd.testing.assert_frame_equal(df, before)


def test_twenty_thousand_runs_take_half_a_second():
    rng, count = np.random.default_rng(0), 20_000
    df = pd.DataFrame({f"x{at}": 10 ** rng.uniform(-5, 0, count) for at in range(8)})
    df["arch"] = rng.choice([f"net-{at}" for at in range(40)], count)
    df["optimizer"] = pd.Series(rng.choice(["sgd", "adam"], count), dtype=object)
    df["augment"] = rng.choice([True, False], count)
    df["error"] = rng.gamma(2, 0.1, count)
    document(df, metric="error")
    start = time.process_time()
    document(df, metric="error")
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("df", "options", "words"),
    [
        (grid(), {"metric": "eror_rate"}, "no column 'eror_rate'; there is error_rate"),
        (grid(), {"metric": "arch"}, "metric 'arch' has no numbers; it has 'vit'"),
        (grid(), {"metric": "error_rate", "goal": "lower"}, "minimize or maximize"),
        (grid(), {"columns": ["lr", "color"]}, "no column 'color'"),
        (grid(), {"color": "lrr"}, "no column 'lrr'; there is lr"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {}, "more than one column a"),
        (pd.DataFrame([[1, 2]], columns=[1, "1"]), {}, "more than one column 1"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), {}, "2 levels"),
        ([{"a": 1}], {}, "a pandas DataFrame, one row a run; got list"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_line(df, options, words):
    with pytest.raises((UsageError, NotFoundError)) as caught:
        document(df, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dates_of_a_config_are_in_order():
    days = [datetime(2026, 1, day) for day in (3, 1, 2)]
    df = pd.DataFrame({"until": days, "error": [1.0, 2.0, 3.0]})
    column = by_name(document(df, metric="error", columns=["until"]))["until"]
    assert column["levels"] == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_the_public_face_has_it():
    assert hr.charts.parallel(grid(), metric="error_rate").document["metric"] == "error_rate"
